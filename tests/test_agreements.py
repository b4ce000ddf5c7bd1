"""The door of agreement: labels, libraries, refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

import multilevel as ml
from multilevel.errors import ComparisonError, OptionError

FORMULA = "wait ~ afternoon + (afternoon | cafe)"


def test_methods_are_the_labels_and_equal_ones_are_numbered() -> None:
    cafes = pl.from_pandas(ml.datasets.load("cafes"))
    reml, ml_fit = ml.fit(FORMULA, cafes), ml.fit(FORMULA, cafes, method="ml")
    table = ml.agreement(reml, ml_fit, reml)
    assert isinstance(table, pl.DataFrame)
    assert table.columns[:5] == ["parameter", "reml 1", "ml", "reml 2", "sd"]
    np.testing.assert_array_equal(table["reml 1"], table["reml 2"])


def test_labels_of_the_caller() -> None:
    cafes = ml.datasets.load("cafes")
    fit = ml.fit(FORMULA, cafes)
    table = ml.agreement({"by REML": fit, "by EM": ml.fit(FORMULA, cafes, method="em_reml")})
    assert table.columns.tolist() == [
        "parameter",
        "by REML",
        "by EM",
        "sd",
        "by EM: difference",
        "by EM: error",
    ]
    np.testing.assert_allclose(table["by EM"], table["by REML"], rtol=1e-4)  # two searches, one optimum


@pytest.mark.parametrize(
    ("results", "error", "text"),
    [
        ((), ComparisonError, "0 results"),
        (({"REML": 3},), OptionError, "int as 'REML'"),
        ((3, 4), OptionError, "int as 'int 1'"),
    ],
)
def test_what_is_no_pair_of_results_is_refused(results: tuple[Any, ...], error: type, text: str) -> None:
    with pytest.raises(error, match=text):
        ml.agreement(*results)
