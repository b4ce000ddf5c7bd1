"""What facts forbid is told before the rows are summed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from multilevel.design.blueprint import Outline
from multilevel.design.blueprint_outline import outline_of
from multilevel.errors import MultilevelError
from multilevel.language import parse_formula
from multilevel.moments.of_source.fact_checks import check_facts
from multilevel.moments.products import Facts


def outline(missing: Any = "report") -> Outline:
    schema: dict[str, Any] = {"y": "number", "x": "number", "g": "text", "w": "number"}
    model = parse_formula("y ~ log(x) + (1 | g)")
    return outline_of(model, schema, precision_weights="w", missing=missing)


GOOD = Facts(
    n_input=10,
    missing={},
    n_used=10,
    infinite={},
    levels={},
    mean={"log(x)": 0.0, "response": 1.0},
    deviation={"log(x)": 1.0, "response": 1.0},
    low={"log(x)": -1.0, "response": 0.0, "precision_weights": 0.5},
    high={"log(x)": 1.0, "response": 2.0, "precision_weights": 1.0},
    sampled=False,
)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_input": 0}, "the table has no rows"),
        ({"infinite": {"x": 2}}, "the column `x` is infinite in 2 of 10 rows"),
        ({"infinite": {"log(x)": 3}}, "`log.x.` is not a finite number in 3 of 10 rows"),
        ({"missing": {"x": 10}}, "every value is missing in the column `x`"),
        ({"missing": {"g": 1}}, "the grouping column `g` is missing in 1 of 10 rows"),
        ({"n_used": 0, "missing": {"x": 6}}, "no rows are left"),
        ({"low": GOOD.low | {"precision_weights": -1.0}}, "`precision_weights` is -1"),
        ({"high": GOOD.high | {"precision_weights": 0.0}}, "`precision_weights` is zero in every row"),
        ({"high": GOOD.high | {"response": 1e60}}, "the response `y` has values of size 1e.60"),
        ({"high": GOOD.high | {"response": 0.0}}, "the response `y` is constant"),
    ],
)
def test_facts_that_forbid_a_fit(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(MultilevelError, match=message):
        check_facts(outline(), replace(GOOD, **changes))


def test_good_facts_pass() -> None:
    check_facts(outline(), GOOD)
    check_facts(outline(), replace(GOOD, missing={"x": 2}))
    check_facts(outline("drop"), replace(GOOD, missing={"g": 2}))
    with pytest.raises(MultilevelError, match="the column `x` is missing"):
        check_facts(outline("error"), replace(GOOD, missing={"x": 2}))
