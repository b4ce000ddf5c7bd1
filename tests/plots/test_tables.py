"""The public tables of the pictures: every one in the library of the data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

import multilevel as ml
from multilevel.plots import tables

SLEEP = "reaction ~ days + (days | subject)"


@pytest.fixture(scope="module")
def fit() -> ml.Fit:
    return ml.fit(SLEEP, pl.from_pandas(ml.datasets.load("sleepstudy")))


@pytest.mark.parametrize(
    ("make", "columns"),
    [
        (tables.shrinkage, ["group", "level", "n", "x_none", "y_none", "x_partial", "y_partial"]),
        (tables.ellipses, ["coverage", "x", "y", "width", "height", "angle"]),
        (tables.caterpillar, ["group", "level", "term", "rank", "estimate", "lower", "upper"]),
        (
            tables.poolings,
            ["group", "level", "term", "n", "rank", "complete"]
            + [f"{name}{end}" for name in ("none", "partial") for end in ("", "_lower", "_upper")],
        ),
        (tables.pooling_weights, ["group", "level", "term", "n", "pooling"]),
        (tables.coefficients, ["result", "term", "estimate", "lower", "upper"]),
        (tables.residuals, ["row", "fitted", "residual", "expected", "spread"]),
        (tables.residual_trend, ["fitted", "residual", "spread"]),
        (tables.residual_groups, ["group", "level", "rank", "n", "lower", "median", "upper"]),
        (tables.predictive, ["source", "draw", "value", "density"]),
    ],
)
def test_tables_of_a_fit(fit: ml.Fit, make: Callable[[ml.Fit], Any], columns: list[str]) -> None:
    found = make(fit)
    assert isinstance(found, pl.DataFrame)
    assert found.columns == columns


def test_every_table_is_public_and_every_picture_is_there() -> None:
    assert set(tables.__all__) <= set(dir(tables))
    assert set(ml.plots.__all__) <= set(dir(ml.plots))


def test_no_results_have_no_coefficients() -> None:
    with pytest.raises(ml.OptionError, match="there are no coefficients to show"):
        tables.coefficients({})
