"""Tests of giving tables back in the caller's library."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from multilevel.data import Library, to_library
from multilevel.data.give_back import with_column
from multilevel.errors import OptionError

COLUMNS = {
    "term": ["Intercept", "days"],
    "estimate": np.array([1.5, np.nan]),
    "level": np.array(["a", "b"], dtype=object),
    "rows": np.array([3, 4]),
}


@pytest.mark.parametrize(
    ("library", "kind"), [("pandas", pd.DataFrame), ("polars", pl.DataFrame), ("pyarrow", pa.Table)]
)
def test_a_table_comes_back_in_the_library_asked_for(library: Library, kind: type) -> None:
    table = to_library(COLUMNS, library)
    assert isinstance(table, kind)
    names = table.column_names if isinstance(table, pa.Table) else list(table.columns)
    assert names == list(COLUMNS)
    assert np.asarray(table["rows"]).tolist() == [3, 4]
    assert np.isnan(np.asarray(table["estimate"])[1])


def test_no_rows_keep_their_columns() -> None:
    assert to_library({"term": [], "estimate": np.zeros(0)}, "pandas").shape == (0, 2)


def test_an_unknown_library_is_refused() -> None:
    with pytest.raises(OptionError, match="library='excel'"):
        to_library(COLUMNS, "excel")  # type: ignore[arg-type]


def test_a_library_that_is_not_installed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(OptionError, match="'polars' is not installed"):
        to_library(COLUMNS, "polars")


def test_a_column_is_added_or_replaced_and_others_stay():
    values = np.array([0.5, 1.5])
    frame = pd.DataFrame({"y": [1, 2], "x": ["a", "b"]}, index=[7, 3])
    assert with_column(frame, "y", values).equals(frame.assign(y=values))
    assert with_column(pl.DataFrame({"x": [1, 2]}), "y", values)["y"].to_list() == [0.5, 1.5]
    assert with_column(pa.table({"x": [1, 2]}), "y", values).column_names == ["x", "y"]
    with pytest.raises(OptionError, match="cannot be added"):
        with_column(3, "y", values)
