"""Blueprints: every column computed from its recipe equals the column of the matrix that rows give."""

from __future__ import annotations

import numpy as np
import pytest

from multilevel.data import read_table
from multilevel.design import bind, columns_needed
from multilevel.design.blueprint import LazyColumn
from multilevel.design.blueprint_columns import blueprint_of
from multilevel.design.blueprint_outline import outline_of
from multilevel.errors import DesignError
from multilevel.language import parse_formula

SCHEMA = {"y": "number", "x": "number", "z": "number", "p": "number"} | {
    "f": "text",
    "h": "text",
    "k": "boolean",
    "g": "text",
}
N = 240


def rows() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(5)
    return {
        "y": rng.normal(size=N),
        "x": rng.uniform(1.0, 3.0, N),
        "z": rng.normal(size=N),
        "p": rng.integers(1, 5, N).astype(np.float64),
        "f": np.array(["a", "b", "c"])[rng.integers(0, 3, N)],
        "h": np.array(["u", "v"])[rng.integers(0, 2, N)],
        "k": rng.random(N) < 0.5,
        "g": np.array([f"g{i}" for i in rng.integers(0, 12, N)]),
    }


def evaluated(column: LazyColumn, data: dict[str, np.ndarray]) -> np.ndarray:
    """The column by its recipe, with Python's own arithmetic."""
    value = np.ones(N)
    space = {name: data[name] for name in ("x", "z", "p", "k")}
    for number in column.numbers:
        value = value * eval(number, {"log": np.log, "I": lambda v: v, "sqrt": np.sqrt}, space)
    if column.coded is not None:
        cells = dict(column.coded.cells)
        shown = [
            [str(int(v)) if name == "p" else str(v) for v in data[name]] for name in column.coded.columns
        ]
        value = value * np.array([cells.get(key, 0.0) for key in zip(*shown, strict=True)])
    return np.asarray(value)


@pytest.mark.parametrize(
    "right",
    [
        "x",
        "f * h + x",
        "0 + f + x:z",
        "f:h:x",
        "C(p, contr.sum) * log(x) + k + z + I(x ** 2):f",
        'C(f, contr.treatment("b")) * k + I(k * x)',
        "C(p, contr.poly) + sqrt(x):k",
        "f / h",
    ],
)
def test_columns_by_recipe_are_those_of_the_rows(right: str) -> None:
    model, data = parse_formula(f"y ~ {right} + (1 + x | g) + (0 + f | h:g)"), rows()
    outline = outline_of(model, SCHEMA)
    levels = {"f": ("a", "b", "c"), "h": ("u", "v"), "k": ("False", "True"), "p": ("1", "2", "3", "4")}
    drawn = blueprint_of(outline, SCHEMA, {name: levels[name] for name in outline.categorical})
    design = bind(model, read_table(data, columns_needed(model)))
    assert tuple(column.name for column in drawn.blueprint.fixed) == design.fixed.names
    for column, values in zip(drawn.blueprint.fixed, design.fixed.X.T, strict=True):
        np.testing.assert_allclose(evaluated(column, data), values, rtol=1e-14, atol=1e-14)
    for columns, term in zip(drawn.blueprint.terms, design.terms, strict=True):
        assert tuple(column.name for column in columns) == term.names
        for column, values in zip(columns, term.Z.T, strict=True):
            np.testing.assert_allclose(evaluated(column, data), values, rtol=1e-14, atol=1e-14)


def test_a_factor_of_one_level_has_no_column_and_is_told() -> None:
    outline = outline_of(parse_formula("y ~ f + (1 | g)"), SCHEMA)
    drawn = blueprint_of(outline, SCHEMA, {"f": ("a",)})
    assert [column.name for column in drawn.blueprint.fixed] == ["Intercept"]
    assert drawn.empty == ("f",)


def test_too_many_combinations_are_refused_before_they_are_made() -> None:
    outline = outline_of(parse_formula("y ~ f:h + (1 | g)"), SCHEMA)
    many = tuple(f"l{i}" for i in range(400))
    with pytest.raises(DesignError, match="`f:h` has 160000 combinations of levels"):
        blueprint_of(outline, SCHEMA, {"f": many, "h": many})
