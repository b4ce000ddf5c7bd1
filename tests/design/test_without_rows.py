"""Designs without rows: what stays, and what defaults scaled to the data are then."""

from __future__ import annotations

import numpy as np
import pytest

from multilevel.data import datasets, read_table
from multilevel.design import Design, bind, columns_needed
from multilevel.design.priors import bind_priors
from multilevel.design.without_rows import without_rows
from multilevel.errors import DataError
from multilevel.language import parse_formula


def sleep(text: str, **keywords: object) -> Design:
    model = parse_formula(text)
    data = dict(datasets.load("sleepstudy"))
    data["w"] = np.linspace(0.5, 2.0, 180)
    table = read_table(data, [*columns_needed(model), "w"])
    return bind(model, table, **keywords)  # type: ignore[arg-type]


def test_arrays_are_empty_and_all_else_stays() -> None:
    whole = sleep("reaction ~ days + (days | subject)", frequency_weights="w", offset="w")
    design = without_rows(whole, "a table")
    assert design.y.shape == design.rows.shape == (0,)
    assert design.fixed.X.shape == (0, 2)
    assert [term.Z.shape for term in design.terms] == [(0, 2)]
    assert design.factors[0].index.shape == (0,)
    assert (design.n_rows, design.n_observations) == (180, whole.n_observations)
    assert design.recipe is whole.recipe
    assert without_rows(design, "elsewhere") is design


@pytest.mark.parametrize(
    "text", ["reaction ~ days + (days | subject)", "reaction ~ 0 + days + (1 | subject)"]
)
@pytest.mark.parametrize("priors", ["default", "rstanarm"])
@pytest.mark.parametrize("weights", [None, "w"])
def test_default_priors_are_those_of_the_rows(text: str, priors: str, weights: str | None) -> None:
    whole = sleep(text, precision_weights=weights, frequency_weights=weights)
    without = without_rows(whole, "a table")
    assert bind_priors(without, priors).texts() == bind_priors(whole, priors).texts()


def test_what_needs_rows_says_so() -> None:
    design = without_rows(sleep("reaction ~ days + (days | subject)"), "DuckDB")
    with pytest.raises(DataError) as caught:
        design.require_rows("residuals")
    assert str(caught.value) == (
        "residuals need the rows of the fit, and it holds moments, not rows (180 rows of DuckDB)\n"
        "  allowed: what moments tell: coefficients, variances, group effects, predictions of new rows\n"
        "  try: collect the frame and fit that, or predict(new rows)"
    )
    with pytest.raises(DataError, match='priors="brms" have medians'):
        bind_priors(design, "brms")
