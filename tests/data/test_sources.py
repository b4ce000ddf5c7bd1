"""Sources: what counts as one, its files or engine, and the kinds of its columns."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from multilevel.data import sources
from multilevel.data.sources import is_source, memory_bytes, open_source, with_engine
from multilevel.errors import DataError

COLUMNS = {"y": [1.5, 2.5], "g": ["a", "b"], "n": [1, 2], "b": [True, False]}
KINDS = {"y": "number", "g": "text", "n": "number", "b": "boolean"}


def written(path: Path, columns: dict[str, Any] | None = None) -> Path:
    """Write a Parquet file and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(COLUMNS if columns is None else columns), path)
    return path


def folder_of(tmp_path: Path) -> Path:
    """Return a folder of two files, one of them in a folder below, and one left over by a writer."""
    written(tmp_path / "days" / "b.parquet")
    written(tmp_path / "days" / "more" / "a.parquet")
    written(tmp_path / "days" / "_temporary" / "c.parquet")
    return tmp_path / "days"


FILES: dict[str, Callable[[Path], Any]] = {
    "folder": folder_of,
    "folder as text": lambda path: str(folder_of(path)),
    "pattern": lambda path: str(folder_of(path).parent / "days" / "[!_]*" / "*.parquet"),
    "list": lambda path: [written(path / "1.parquet"), str(written(path / "2.pq"))],
}


@pytest.mark.parametrize("make", FILES.values(), ids=FILES)
def test_files_are_found_and_their_rows_counted(make: Callable[[Path], Any], tmp_path: Path) -> None:
    data = make(tmp_path)
    if isinstance(data, str) and "[" in data:
        written(tmp_path / "days" / "less" / "d.parquet")
    assert is_source(data)
    source = open_source(data)
    assert (source.kind, source.engine, source.library) == ("parquet", "Parquet", "pandas")
    assert len(source.files) == 2 and source.n_rows == 4
    assert source.bytes == sum(file.stat().st_size for file in source.files)
    assert source.schema == KINDS and source.names == tuple(KINDS)


FRAMES: dict[str, tuple[Callable[[], Any], str, str]] = {
    "duckdb": (lambda: duckdb.from_arrow(pa.table(COLUMNS)), "DuckDB", "pandas"),
    "polars": (lambda: pl.LazyFrame(COLUMNS), "polars", "polars"),
    "narwhals": (lambda: nw.from_native(pl.LazyFrame(COLUMNS)), "polars", "polars"),
}


@pytest.mark.parametrize(("make", "engine", "library"), FRAMES.values(), ids=FRAMES)
def test_lazy_frames_are_sources(make: Callable[[], Any], engine: str, library: str) -> None:
    data = make()
    assert is_source(data)
    source = open_source(data)
    assert (source.kind, source.engine, source.library) == ("frame", engine, library)
    assert source.schema == KINDS and source.n_rows is None
    assert open_source(source) is source and is_source(source) and with_engine(source) is source


def test_kinds_of_columns() -> None:
    frame = pl.LazyFrame(
        {
            "e": pl.Series(["a"], dtype=pl.Enum(["b", "a"])),
            "c": pl.Series(["a"], dtype=pl.Categorical()),
            "d": [pd.Timestamp("2020-01-01").date()],
            "m": pl.Series([1], dtype=pl.Decimal(5, 2)),
            "l": [[1, 2]],
        }
    )
    assert open_source(frame).schema == {"e": "text", "c": "text", "d": "other", "m": "number", "l": "other"}


TABLES: dict[str, Any] = {
    "dictionary": COLUMNS,
    "pandas": pd.DataFrame(COLUMNS),
    "polars": pl.DataFrame(COLUMNS),
    "arrow": pa.table(COLUMNS),
    "csv": "ratings.csv",
    "one file": "ratings.parquet",
    "rows": [{"y": 1.0}],
    "nothing": [],
    "array": np.zeros((2, 2)),
}


@pytest.mark.parametrize("data", TABLES.values(), ids=TABLES)
def test_tables_in_memory_and_single_files_are_no_sources(data: Any) -> None:
    assert not is_source(data)


def test_a_file_too_large_for_the_memory_is_a_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    n = 200_000
    path = written(tmp_path / "x.parquet", {"y": np.random.default_rng(1).normal(size=n), "k": np.arange(n)})
    assert path.stat().st_size > 1 << 20 and not is_source(path)
    monkeypatch.setattr(sources, "memory_bytes", lambda: 4 * 8 * n)
    assert is_source(path) and is_source(str(path)), "two columns are half of the memory"
    assert not is_source(path, ["y"]), "one column is a quarter"


def test_the_memory_of_the_machine() -> None:
    assert memory_bytes() > 1 << 26


def test_files_are_handed_to_duckdb(tmp_path: Path) -> None:
    source = with_engine(open_source(folder_of(tmp_path)))
    assert (source.kind, source.engine) == ("frame", "DuckDB")
    assert source.frame.select(nw.len()).collect().item() == 4


def broken(path: Path) -> Path:
    """Return a file that is no Parquet file."""
    path.write_bytes(b"PAR1 and no more")
    return path


FAULTS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "no file": (lambda path: [path / "x.parquet"], "there is no file"),
    "empty folder": (lambda path: path, "has no Parquet files"),
    "no match": (lambda path: str(path / "*.parquet"), r"\*.parquet' matches no file"),
    "damaged": (lambda path: [broken(path / "x.parquet")], "'x.parquet' cannot be read as Parquet"),
    "no path": (lambda path: [path / "x.parquet", 3], "there is no file|3 is no path"),
    "type": (
        lambda path: [written(path / "1.parquet"), written(path / "2.parquet", {"y": ["a"], "g": ["a"]})],
        "the column `y` is number in the file '1.parquet' and text in '2.parquet'",
    ),
    "partitions": (
        lambda path: written(path / "days" / "year=2024" / "1.parquet").parents[1],
        r"is partitioned \(by 'year=2024'\)[\s\S]*hive_partitioning=True",
    ),
    "memory": (lambda path: pd.DataFrame(COLUMNS), "DataFrame, which is no source"),
    "number": (lambda path: 3, "builtins.int, which is no source"),
    "bad query": (
        lambda path: pl.scan_parquet(broken(path / "x.parquet")),
        "polars cannot read the table",
    ),
}


@pytest.mark.parametrize(("make", "message"), FAULTS.values(), ids=FAULTS)
def test_faults_are_data_errors(make: Callable[[Path], Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        open_source(make(tmp_path))


def test_a_column_that_some_files_lack_is_not_there(tmp_path: Path) -> None:
    files = [written(tmp_path / "1.parquet"), written(tmp_path / "2.parquet", {"y": [1.0], "g": ["a"]})]
    assert open_source(files).names == ("y", "g")
