"""Parts of columns: what is zero, what is shared, and that combinations give the columns back."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from multilevel.data.sources import open_source
from multilevel.design.blueprint import Coded
from multilevel.moments.in_engine.basis import ONE, ROWS, Basis, Part, basis_of, is_zero
from tests.moments.engine_cases import Case, asked, bound, rows


def basis_for(formula: str, **options: str) -> Basis:
    """Return the basis of a formula."""
    case = Case(formula, options)
    table = rows(case)
    facts, _, blueprint, scaling = asked(open_source(pl.from_pandas(table).lazy()), case, bound(case, table))
    return basis_of(blueprint, scaling, facts)


def indicator(columns: str, *cells: str) -> Part:
    """Return an indicator of cells, each with a letter for each column."""
    return Part(coded=Coded(tuple(columns), tuple((tuple(cell), 1.0) for cell in cells)))


@pytest.mark.parametrize(
    ("one", "other", "zero"),
    [
        (indicator("f", "a"), indicator("f", "b"), True),
        (indicator("f", "a"), indicator("f", "a"), False),
        (indicator("f", "a", "b"), indicator("f", "b"), False),
        (indicator("f", "a"), indicator("g", "b"), False),
        (indicator("fg", "ax"), indicator("gf", "xb"), True),
        (indicator("fg", "ax"), indicator("g", "x"), False),
        (Part(("x",), Coded(("f",), ((("a",), 1.0),))), indicator("f", "b"), True),
        (ONE, indicator("f", "b"), False),
        (Part(("x",)), ONE, False),
    ],
)
def test_indicators_of_different_levels_have_no_row_in_common(one: Part, other: Part, zero: bool) -> None:
    assert is_zero((one, other)) is zero and is_zero((other, one)) is zero


@pytest.mark.parametrize(
    ("formula", "parts"),
    [
        ("y ~ x + (x | g)", 3),
        ("y ~ x + (1 | g) + (0 + x | g) + (0 + x | h)", 3),
        ("y ~ 0 + x + (0 + x | g)", 3),
        ("y ~ f + (1 | g)", 4),
        ("y ~ f * x + (1 | g)", 7),
    ],
)
def test_a_column_that_stands_in_several_places_is_one_part(formula: str, parts: int) -> None:
    assert len(basis_for(formula).order) == parts


def test_products_are_asked_for_once_and_not_if_they_are_zero() -> None:
    basis = basis_for("y ~ f + (1 | g)")
    assert len(basis.needed(basis.fixed, basis.fixed)) == 4 * 5 // 2 - 1
    pairs = basis.needed(basis.factors[0], basis.fixed)
    assert [basis.name(pair) for pair in pairs] == [ROWS, "q0_1", "q0_2", "q0_3"]
    weighted = basis_for("y ~ f + (1 | g)", precision_weights="z")
    assert weighted.name((ONE, ONE)) == "q0_0"


def test_combinations_of_parts_are_the_scaled_columns() -> None:
    """An offset of 1e4 costs four of sixteen digits."""
    case = Case("y ~ f * x + b + (x | g) + (0 + x | h)", shift=1e4)
    table = rows(case)
    design = bound(case, table)
    facts, _, blueprint, scaling = asked(open_source(pl.from_pandas(table).lazy()), case, design)
    basis = basis_of(blueprint, scaling, facts)

    def value(part: Part) -> np.ndarray:
        if part.is_response:
            return (table["y"].to_numpy() - part.centre) / part.scale
        number = np.ones(len(table))
        if part.numbers:
            number = (
                np.prod([table[name].to_numpy() for name in part.numbers], axis=0) - part.centre
            ) / part.scale
        if part.coded is None:
            return number
        cells = dict(part.coded.cells)
        labels = zip(*(table[name].astype(str) for name in part.coded.columns), strict=True)
        return number * np.array([cells.get(label, 0.0) for label in labels])

    y = (design.y - scaling.y_centre) / scaling.y_scale
    terms = [s.apply(t.Z) for s, t in zip(scaling.terms, design.terms, strict=True)]
    wanted = np.column_stack([scaling.fixed.apply(design.fixed.X), y, *terms])
    columns = [*basis.fixed, *(column for factor in basis.factors for column in factor)]
    assert wanted.shape[1] == len(columns)
    for at, column in enumerate(columns):
        found = sum(amount * value(part) for part, amount in column.items())
        np.testing.assert_allclose(found, wanted[:, at], rtol=0.0, atol=1e-10)
