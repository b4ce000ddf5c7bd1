"""The numbers that walk: there and back, what is held, names."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from multilevel.engines.gibbs_generalised.chain import GeneralisedPlan
from multilevel.model.priors import Fixed, Normal
from tests.engines.gibbs_generalised_cases import Case, bound, prior_state

CASES: dict[str, tuple[Case, tuple[str, ...]]] = {
    "two parameters": (Case("y ~ x + (1 | g)", "student", {}), ("sigma", "nu")),
    "one of them held": (Case("y ~ x + (1 | g)", "student", {"nu": Fixed(4)}), ("sigma",)),
    "thresholds": (Case("y ~ x + (1 | g)", "ordinal", {}), ("1|2", "2|3")),
    "extra zeros": (
        Case("y ~ x + (1 | g)", "negative_binomial", {}, zero_inflation="x"),
        ("theta", "zi Intercept", "zi x"),
    ),
    "extra zeros, one held": (
        Case("y ~ 1 + (1 | g)", "poisson", {"zero_inflation": {"x": Fixed(0.5)}}, zero_inflation="x"),
        ("zi Intercept",),
    ),
    "none": (Case("y ~ x + (1 | g)", "poisson", {}), ()),
}


@pytest.mark.parametrize("name", CASES)
def test_points_and_values_go_there_and_back(name: str) -> None:
    case, names = CASES[name]
    given: dict[str, Any] = {"fixed": Normal(0, 1), **case.priors}
    plan = GeneralisedPlan(*bound(Case(case.formula, case.family, given, case.zero_inflation)))
    state, step = prior_state(plan, np.random.default_rng(4)), plan.parameters
    values = np.array([-0.4, 0.9]) if plan.problem.ordinal else np.full(state.values.size, 2.5)
    assert (step.names, step.size) == (names, len(names))
    x = step.point(values, state.inflation)
    assert x.shape == (step.size,)
    back, inflation = step.values(x, values, state.inflation)
    np.testing.assert_allclose(back, values, rtol=1e-12)
    np.testing.assert_allclose(inflation, state.inflation, rtol=1e-12)
