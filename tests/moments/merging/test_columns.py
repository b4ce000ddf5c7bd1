"""Common columns made of those of one table, in the rows of that table."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import multilevel as ml
from multilevel.data import read_table
from multilevel.design import bind, columns_needed
from multilevel.design.blueprint_columns import blueprint_of
from multilevel.design.blueprint_outline import outline_of
from multilevel.moments.merging.columns import site_columns

SCHEMA: dict[str, Any] = {"y": "number", "x": "number", "g": "text", "f": "text", "h": "text"}
UNION = {"f": ("a", "b", "c", "d"), "h": ("u", "v", "w")}
N = 200


@pytest.mark.filterwarnings("ignore::multilevel.AliasedWarning")
@pytest.mark.parametrize(
    "right", ["f + x", "0 + f + x", "f * h", "f:x + h", "f / x", "C(f, contr.sum):h + x"]
)
@pytest.mark.parametrize("labels", [("b", "c"), ("a", "d"), ("c",)])
def test_common_columns_are_combinations_of_the_tables(right: str, labels: tuple[str, ...]) -> None:
    rng = np.random.default_rng(9)
    table = {
        "y": rng.normal(size=N),
        "x": rng.normal(size=N),
        "g": rng.choice(list("pqrst"), N),
        "f": rng.choice(labels, N),
        "h": rng.choice(["u", "w"], N),
    }
    model = ml.formula(f"y ~ {right} + (1 | g)")
    moments = ml.moments(model, table)
    outline = outline_of(model, SCHEMA)
    mine = {"f": tuple(sorted(labels)), "h": ("u", "w")}
    own, common = (
        blueprint_of(outline, SCHEMA, {name: levels[name] for name in outline.categorical}).blueprint
        for levels in (mine, UNION)
    )
    found = site_columns(moments.design, own, common, moments.products.scaling)
    X = bind(model, read_table(table, columns_needed(model))).fixed.X
    made = X @ found.weights + found.added
    for column, values in zip(common.fixed, made.T, strict=True):
        expected = np.ones(N)
        for number in column.numbers:
            expected = expected * table[number]
        if column.coded is not None:
            cells = dict(column.coded.cells)
            shown = zip(*(table[name].tolist() for name in column.coded.columns), strict=True)
            expected = expected * np.array([cells.get(cell, 0.0) for cell in shown])
        np.testing.assert_allclose(values, expected, atol=1e-9)
