"""Which priors a parameter may have: what is refused says what may stand there."""

from __future__ import annotations

import pytest

from multilevel.errors import FormulaError
from multilevel.language.graph.prior_kinds import (
    check_correlation,
    check_matrix,
    check_positive,
    check_scalar,
)
from multilevel.language.graph.reader import read_statements
from multilevel.language.graph.scope import scope_of
from multilevel.model.priors import LKJ, Fixed, Flat, HalfNormal, InverseWishart, Normal, Uniform

SCOPE = scope_of(*read_statements("y ~ Normal(m, s); m ~ Normal(0, 1)"), None)
STATEMENT = SCOPE.priors["m"]
TWO_BY_TWO = InverseWishart(4, [[1, 0], [0, 1]])

RIGHT = [
    (check_scalar, Normal(0, 1)),
    (check_scalar, Fixed(-1)),
    (check_positive, HalfNormal(1)),
    (check_positive, Flat()),
    (check_positive, Uniform(0, 3)),
    (check_correlation, LKJ(2)),
    (lambda *a: check_matrix(*a, 2), TWO_BY_TWO),
    (lambda *a: check_matrix(*a, 2), LKJ(2)),
]


@pytest.mark.parametrize(("check", "prior"), RIGHT)
def test_right_kinds(check, prior):
    check(SCOPE, STATEMENT, prior)


WRONG = [
    (check_scalar, LKJ(2), "one number"),
    (check_positive, Normal(0, 1), "positive numbers"),
    (check_positive, Fixed(-1), "positive numbers"),
    (check_positive, Uniform(-1, 1), "positive numbers"),
    (check_correlation, HalfNormal(1), "LKJ"),
    (lambda *a: check_matrix(*a, 2), Normal(0, 1), "InverseWishart"),
    (lambda *a: check_matrix(*a, 3), TWO_BY_TWO, "3 by 3"),
]


@pytest.mark.parametrize(("check", "prior", "allowed"), WRONG)
def test_wrong_kinds(check, prior, allowed):
    with pytest.raises(FormulaError, match="where the prior of `m` must stand") as caught:
        check(SCOPE, STATEMENT, prior)
    assert allowed in caught.value.allowed
