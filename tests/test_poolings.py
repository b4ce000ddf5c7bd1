"""The door of the three poolings: the caller's library, and the options of a fit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

import multilevel as ml
from multilevel.errors import OptionError
from multilevel.inference.pooling import poolings

COLUMNS = [
    "group",
    "level",
    "term",
    "n",
    "complete",
    "none",
    "partial",
    "complete_std_error",
    "none_std_error",
    "partial_std_error",
    "pooling",
    "remark",
]


def test_the_table_comes_in_the_callers_library() -> None:
    sleep = ml.datasets.load("sleepstudy")
    ours = ml.pooling("reaction ~ days + (days | subject)", sleep)
    theirs = ml.pooling("reaction ~ days + (days | subject)", pl.from_pandas(sleep))
    assert isinstance(ours, pd.DataFrame)
    assert isinstance(theirs, pl.DataFrame)
    assert list(ours) == theirs.columns == COLUMNS
    np.testing.assert_array_equal(ours["partial"], theirs["partial"].to_numpy())


def test_partial_pooling_is_the_fit_with_the_same_options() -> None:
    eight = ml.datasets.load("eight_schools")
    schools = eight.assign(effect=eight["effect"] * 3)
    table = ml.pooling("effect ~ 1 + (1 | school)", schools, residual_sd="sd")
    fit = ml.fit("effect ~ 1 + (1 | school)", schools, residual_sd="sd")
    np.testing.assert_array_equal(table["partial"], poolings(fit)["partial"])
    np.testing.assert_allclose(table["none"], schools["effect"])
    np.testing.assert_allclose(table["none_std_error"], schools["sd"])


def test_models_with_two_factors_are_refused() -> None:
    with pytest.raises(OptionError, match="2 grouping factors: `plate`, `sample`"):
        ml.pooling("diameter ~ 1 + (1 | plate) + (1 | sample)", ml.datasets.load("penicillin"))
