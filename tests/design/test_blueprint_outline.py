"""Outlines: what a source is asked for first, and what is refused before it is asked for anything."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from multilevel.design.blueprint_outline import outline_of, refuse_several_rows
from multilevel.errors import DataError, MultilevelError
from multilevel.language import parse_formula, with_family

SCHEMA: dict[str, Any] = {"y": "number", "x": "number", "w": "number", "sd": "number"} | {
    "f": "text",
    "k": "boolean",
    "g": "text",
    "h": "number",
    "day": "other",
}


def test_an_outline_names_what_to_ask_for() -> None:
    model = parse_formula("log(y) ~ f * x + C(h) + I(x * k) + offset(w) + (x | g) + (1 | g:h) + (k || h)")
    found = outline_of(model, SCHEMA, frequency_weights="w", offset=2.0, residual_sd="sd")
    assert [column.name for column in found.numeric] == ["x", "I(x * k)", "1 / (1 / (sd * abs(sd)))"]
    assert found.categorical == ("f", "h", "k")
    assert found.booleans == {"k"}
    assert found.factors == (("g",), ("g", "h"), ("h",))
    assert found.term_factor == (0, 1, 2)
    assert (found.response, found.offsets) == ("log(y)", ("w", 2.0))
    assert (found.precision_weights, found.frequency_weights) == ("1 / (sd * abs(sd))", "w")
    assert (found.weighing, found.precision_option) == (
        (("frequency_weights", "w"), ("residual_sd", "sd")),
        "residual_sd",
    )
    assert found.residual_sd == 1.0


@pytest.mark.parametrize(
    ("formula", "keywords", "message"),
    [
        ("y ~ scale(x) + (1 | g)", {}, "`scale.x.` cannot be computed where the rows are"),
        ("y ~ bs(x, 4) + (1 | g)", {}, "compute the column first"),
        ("y ~ C(x + 1) + (1 | g)", {}, "C.* of a column as it is"),
        ("y ~ I(f * x) + (1 | g)", {}, "computes with `f`, which is not numeric"),
        ("y ~ xx + (1 | g)", {}, "`xx` -> `x`"),
        ("y ~ day + (1 | g)", {}, "the column `day` holds values of type other than number"),
        ("f ~ x + (1 | g)", {}, "the response `f` is not numeric: it is a text column"),
        ("y ~ ar1(0 + h | g)", {}, "moments were asked of a serial structure"),
        ("y ~ x + (1 | g)", {"precision_weights": "f"}, "is the column `f`, which is not numeric"),
        ("y ~ x + (1 | g)", {"offset": np.ones(3)}, "`offset` is an array"),
        ("y ~ x + (1 | g)", {"frequency_weights": 2.0}, "`frequency_weights` is 2.0"),
        ("y ~ x + (1 | g)", {"residual_sd": -1.0}, "`residual_sd` is -1"),
        ("y ~ x + (1 | g)", {"residual_sd": "sd", "precision_weights": "w"}, "were both given"),
        ("y ~ x + (1 | g)", {"missing": "keep"}, "missing='keep'"),
        ("y ~ x + (1 | g)", {"offset": True}, "offset=True is no number"),
    ],
)
def test_what_sources_cannot_give_is_refused(formula: str, keywords: dict[str, Any], message: str) -> None:
    with pytest.raises(MultilevelError, match=message):
        outline_of(parse_formula(formula), SCHEMA, **keywords)


def test_generalised_models_are_refused() -> None:
    model = with_family(parse_formula("y ~ x + (1 | g)"), "poisson", None)
    with pytest.raises(MultilevelError, match="moments were asked of a poisson response"):
        outline_of(model, SCHEMA)


@pytest.mark.parametrize(
    ("right", "text"),
    [
        ("x + scale(x) + (1 | g)", "scale(x)"),
        ("x + (poly(x, 2) | g)", "poly(x, 2)"),
        ("log(1 + center(x)) + (1 | g)", "log(1 + center(x))"),
        ("C(f, Sum) * I(x ** 2) + offset(log(x)) + (1 | g)", None),
    ],
)
def test_columns_of_several_rows_are_refused_where_rows_are_merged(right: str, text: str | None) -> None:
    model = parse_formula(f"y ~ {right}")
    if text is None:
        refuse_several_rows(model)
        return
    with pytest.raises(DataError, match="cannot be computed where the rows are") as caught:
        refuse_several_rows(model)
    assert f"`{text}`" in caught.value.asked
