"""Questions to engines: how many there are, and about which keys."""

from __future__ import annotations

import pytest

from multilevel.language import parse_formula
from multilevel.moments.in_engine.queries import planned
from tests.moments.in_engine.test_basis import basis_for

QUESTIONS: dict[str, list[tuple[str, ...]]] = {
    "y ~ x + (x | g)": [("g",)],
    "y ~ x + (1 | k / g)": [("k", "g")],
    "y ~ x + (1 | g) + (1 | h)": [("g", "h"), ("g",), ("h",)],
    "y ~ x + (1 | k) + (1 | h) + (1 | k:h)": [("k", "h")],
    "y ~ x + (1 | k / g) + (1 | h)": [("k", "g", "h"), ("k", "g"), ("h",)],
    "y ~ x + z + u + f + x:z + x:u + (1 | g)": [("g",), ()],
}


@pytest.mark.parametrize(("formula", "keys"), QUESTIONS.items(), ids=QUESTIONS)
def test_there_are_as_few_questions_as_factors_and_pairs_or_fewer(
    formula: str, keys: list[tuple[str, ...]]
) -> None:
    factors = tuple(dict.fromkeys(term.factors for term in parse_formula(formula).groups))
    assert [query.keys for query in planned(factors, basis_for(formula))] == keys
