"""Columns read in batches: those of the whole table, whatever the batches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest

from multilevel.data import on_disk
from multilevel.data.on_disk import read_in_batches
from multilevel.data.reading import read_table
from multilevel.data.sources import open_source
from multilevel.errors import DataError

N = 1234


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_disk, "BATCH", 100)


def frame() -> pd.DataFrame:
    """Return columns of each kind, some with gaps."""
    rng = np.random.default_rng(1)
    data = pd.DataFrame(
        {
            "y": rng.random(N),
            "i": rng.integers(0, 9, N),
            "id": np.int64(2**60) + rng.integers(0, 50, N),
            "b": rng.random(N) < 0.3,
            "g": np.sort(rng.choice(["z", "x", "a"], N))[::-1],
        }
    )
    data.loc[3, "g"] = None
    data.loc[5, "y"] = np.nan
    return data


def of(kind: str, data: pd.DataFrame, path: Path) -> Any:
    """Return the data as a source."""
    if kind == "Parquet":
        data.to_parquet(path / "rows.parquet", row_group_size=77)
        return [path / "rows.parquet"]
    if kind == "DuckDB":
        return duckdb.connect().from_df(data)
    if kind == "polars":
        return pl.from_pandas(data).lazy()
    import dask.dataframe as dd

    return dd.from_pandas(data, npartitions=3)


@pytest.mark.filterwarnings("ignore:The inplace keyword")  # of pandas, by Dask
@pytest.mark.parametrize(
    "kind", ["Parquet", "DuckDB", "polars", pytest.param("Dask", marks=pytest.mark.engines)]
)
def test_columns_are_those_of_the_table(kind: str, tmp_path: Path) -> None:
    data = frame()
    ours = read_in_batches(open_source(of(kind, data, tmp_path)), list(data), tmp_path)
    whole = read_table(data, list(data))
    for name, column in whole.columns.items():
        found = ours.columns[name]
        np.testing.assert_array_equal(found.values, column.values)
        assert (found.levels, found.boolean, found.whole) == (column.levels, column.boolean, column.whole)
    assert ours.n_rows == N
    assert [path.name for path in tmp_path.iterdir()] == ["rows.parquet"] * (kind == "Parquet")


def test_ids_that_are_numbers_in_some_batches_only_are_refused(tmp_path: Path) -> None:
    data = pd.DataFrame({"id": [1] * 500 + [2**60] * 500})
    with pytest.raises(DataError, match="numbers in some of its batches and labels in others"):
        read_in_batches(open_source(of("Parquet", data, tmp_path)), ["id"], tmp_path)


def test_declared_categories_are_refused(tmp_path: Path) -> None:
    rows = pl.LazyFrame({"k": ["u", "t"]}, schema={"k": pl.Enum(["u", "t"])})
    with pytest.raises(DataError, match="declared categories"):
        read_in_batches(open_source(rows), ["k"], tmp_path)


def test_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no rows"):
        read_in_batches(open_source(pl.LazyFrame({"y": [1.0]}).head(0)), ["y"], tmp_path)


def test_engines_that_fail_are_named(tmp_path: Path) -> None:
    broken = pl.LazyFrame({"y": ["a"]}).select(pl.col("y").cast(pl.Int64))
    with pytest.raises(DataError, match="polars cannot write"):
        read_in_batches(open_source(broken), ["y"], tmp_path)
