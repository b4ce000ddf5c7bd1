"""Tests of reading tables of every library."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from multilevel.data import read_table
from multilevel.errors import DataError

COLUMNS: dict[str, list[Any]] = {
    "y": [1.5, 2.5, None, 4.0],
    "k": [3, 1, 2, 1],
    "b": [True, False, True, True],
    "g": ["u", "t", None, "u"],
    "wait time": [1.0, 2.0, 3.0, 4.0],
    "unused": [None, None, None, None],
}
NAMES = ["y", "k", "b", "g", "wait time"]


def _csv(folder: Path) -> Path:
    path = folder / "rows.csv"
    pd.DataFrame(COLUMNS).to_csv(path, index=False)
    return path


def _parquet(folder: Path) -> str:
    path = folder / "rows.parquet"
    pq.write_table(pa.table(COLUMNS), path)
    return str(path)


SOURCES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "pandas": (lambda _: pd.DataFrame(COLUMNS), "pandas"),
    "polars": (lambda _: pl.DataFrame(COLUMNS), "polars"),
    "lazy polars": (lambda _: pl.LazyFrame(COLUMNS), "polars"),
    "pyarrow": (lambda _: pa.table(COLUMNS), "pyarrow"),
    "lists": (lambda _: COLUMNS, "pandas"),
    "arrays": (lambda _: {name: pd.DataFrame(COLUMNS)[name].to_numpy() for name in COLUMNS}, "pandas"),
    "series": (lambda _: {name: pl.Series(values) for name, values in COLUMNS.items()}, "pandas"),
    "arrow arrays": (lambda _: {name: pa.array(values) for name, values in COLUMNS.items()}, "pandas"),
    "duckdb": (lambda _: duckdb.from_arrow(pa.table(COLUMNS)), "pyarrow"),
    "csv": (_csv, "pandas"),
    "parquet": (_parquet, "pandas"),
}


@pytest.mark.parametrize("source", SOURCES)
def test_every_source_gives_the_same_table(source: str, tmp_path: Path) -> None:
    make, library = SOURCES[source]
    table = read_table(make(tmp_path), NAMES)
    assert table.n_rows == 4
    assert table.library == library
    assert list(table.columns) == NAMES
    np.testing.assert_array_equal(table.columns["y"].values, [1.5, 2.5, np.nan, 4.0])
    np.testing.assert_array_equal(table.columns["k"].values, [3, 1, 2, 1])
    assert table.columns["b"].boolean
    np.testing.assert_array_equal(table.columns["b"].values, [1, 0, 1, 1])
    assert table.columns["g"].levels == ("t", "u")
    np.testing.assert_array_equal(table.columns["g"].values, [1, 0, -1, 1])
    assert table.row_labels is None


@pytest.mark.parametrize(
    ("index", "labels"),
    [
        (pd.RangeIndex(3), None),
        (pd.Index(["a", "b", "c"]), ["a", "b", "c"]),
        (pd.Index([5, 7, 9]), [5, 7, 9]),
        (pd.RangeIndex(1, 4), [1, 2, 3]),
    ],
)
def test_row_labels_are_those_of_a_pandas_index(index: pd.Index, labels: list[Any] | None) -> None:
    table = read_table(pd.DataFrame({"x": [1.0, 2.0, 3.0]}, index=index), ["x"])
    if labels is None:
        assert table.row_labels is None
    else:
        assert table.row_labels is not None
        assert table.row_labels.tolist() == labels


def test_names_come_from_the_data_only() -> None:
    x = np.ones(3)
    assert x.size == 3
    with pytest.raises(DataError, match="no column `x`"):
        read_table({"y": [1.0, 2.0, 3.0]}, ["y", "x"])


@pytest.mark.parametrize(
    ("data", "piece"),
    [
        ({"x": []}, "no rows"),
        (pd.DataFrame({"x": np.zeros(0)}), "no rows"),
        (pl.DataFrame({"x": []}), "no rows"),
        (pa.table({"x": pa.array([], pa.float64())}), "no rows"),
        (pl.LazyFrame({"x": []}), "no rows"),
        ({}, "no columns at all"),
        (pd.DataFrame(), "no columns at all"),
        ({"x": [1.0], "y": [1.0, 2.0]}, "differ in length: `x` 1, `y` 2"),
        ({"x": 1.0}, "a single value"),
        ({"x": "abc"}, "a single value"),
        ({"x": [[1, 2], [3, 4]]}, "a list in each row"),
        ({"x": np.ones((2, 2))}, "matrix-valued"),
        ({"x": [1, "a"]}, "of type mixed"),
        (pd.DataFrame([[1, 2]], columns=["x", "x"]), "2 columns named `x`"),
        (None, "which is no table"),
        (3, "which is no table"),
        (3, "a lazy frame or relation"),
        ([1, 2], "which is no table"),
        (np.ones(3), "which is no table"),
    ],
)
def test_what_is_no_table_is_refused(data: object, piece: str) -> None:
    names = ["x", "y"] if isinstance(data, dict) and "y" in data else ["x"]
    with pytest.raises(DataError) as caught:
        read_table(data, names)
    assert piece in str(caught.value)


def test_masked_values_are_missing() -> None:
    table = read_table({"x": np.ma.masked_array([1, 2], mask=[False, True])}, ["x"])
    np.testing.assert_array_equal(table.columns["x"].values, [1.0, np.nan])


def test_a_column_that_is_not_needed_may_be_anything() -> None:
    data = pd.DataFrame({"x": [1.0], "when": pd.to_datetime(["2020-01-01"])})
    assert list(read_table(data, ["x"]).columns) == ["x"]
    assert list(read_table({"x": [1.0], "z": [[1]], "w": [1, 2]}, ["x"]).columns) == ["x"]


@pytest.mark.parametrize(
    "make",
    [
        lambda folder: pl.scan_parquet(folder / "absent.parquet"),
        lambda folder: pl.scan_csv(folder / "absent.csv"),
        lambda folder: pl.LazyFrame({"x": ["a"]}).with_columns(pl.col("x").cast(pl.Int64)),
        lambda folder: duckdb.sql("select cast(x as integer) as x from (values ('a')) t(x)"),
    ],
)
def test_a_lazy_frame_that_fails_is_a_data_error(make: Callable[[Path], Any], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be collected"):
        read_table(make(tmp_path), ["x"])


def test_a_name_in_the_index_of_a_pandas_table_says_so() -> None:
    data = pd.DataFrame({"x": [1.0, 2.0], "g": ["a", "b"]}).set_index("g")
    with pytest.raises(DataError, match=r"`g` is in the index .*\n  try: .* data\.reset_index\(\)"):
        read_table(data, ["x", "g"])
