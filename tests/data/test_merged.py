"""Merging in the engine: counts, order, gaps and refusals, each engine alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest

from multilevel.data import merged
from multilevel.data.merged import Rows, read_merged, read_rows, require_room, rows_of
from multilevel.data.sources import Source, open_source
from multilevel.errors import DataError

N = 900


def frame() -> pd.DataFrame:
    """Return rows of which many are equal, some with gaps."""
    rng = np.random.default_rng(6)
    data = pd.DataFrame(
        {
            "y": rng.binomial(1, 0.4, N),
            "x": rng.integers(0, 3, N).astype(float),
            "g": rng.choice(["b", "a", "c"], N),
            "w": rng.integers(0, 4, N),
        }
    )
    data.loc[[3, 40], "x"] = np.nan
    return data


def in_duckdb(data: pd.DataFrame, path: Path) -> object:
    """Return a relation."""
    return duckdb.connect().from_df(data)


def in_parquet(data: pd.DataFrame, path: Path) -> object:
    """Return a folder of two files."""
    for part, rows in enumerate((data[:400], data[400:])):
        rows.to_parquet(path / f"part{part}.parquet")
    return path


def in_polars(data: pd.DataFrame, path: Path) -> object:
    """Return a lazy frame."""
    return pl.from_pandas(data, nan_to_null=True).lazy()


ENGINES = {"DuckDB": in_duckdb, "Parquet": in_parquet, "polars": in_polars}


@pytest.fixture(params=ENGINES.values(), ids=ENGINES.keys())
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Source:
    """Return the frame in an engine."""
    make: Callable[[pd.DataFrame, Path], Any] = request.param
    return open_source(make(frame(), tmp_path))


def test_counts_are_those_of_the_rows_in_one_order(source: Source) -> None:
    table = read_merged(source, ["y", "x", "g"])
    data = frame()
    wanted = Counter(zip(data["y"], data["x"].fillna(-1.0), data["g"], strict=True))
    y, x, g = (table.columns[name] for name in ("y", "x", "g"))
    assert g.levels is not None and table.merged is not None
    labels = [g.levels[code] for code in g.values.astype(int)]
    seen = list(zip(y.values, np.nan_to_num(x.values, nan=-1.0), labels, strict=True))
    assert dict(zip(seen, table.merged.counts.tolist(), strict=True)) == dict(wanted)
    order = np.lexsort([g.values, x.values, y.values])
    assert (order == np.arange(table.n_rows)).all()
    assert table.n_given == N == table.count(np.ones(table.n_rows, dtype=bool))
    assert table.merged.column == "count"
    assert (table.columns["count"].values == table.merged.counts).all()


def test_frequency_weights_are_summed_and_rows_of_weight_zero_kept_apart(source: Source) -> None:
    table = read_merged(source, ["y", "x", "g"], frequency_weights="w")
    data = frame()
    assert table.merged is not None and table.merged.column == "w"
    weights = table.columns["w"].values
    assert weights.sum() == data["w"].sum()
    assert table.merged.counts[weights == 0.0].sum() == (data["w"] == 0).sum()
    sums = data.assign(x=data["x"].fillna(-1.0)).query("w > 0").groupby(["y", "x", "g"])["w"].sum()
    assert sorted(weights[weights > 0.0]) == sorted(sums)


def test_weights_that_are_a_predictor_too_are_counted_under_another_name(source: Source) -> None:
    table = read_merged(source, ["y", "w"], frequency_weights="w")
    assert table.merged is not None and table.merged.column == "count"
    assert table.columns["count"].values.sum() == frame()["w"].sum()
    assert set(table.columns["w"].values) == {0.0, 1.0, 2.0, 3.0}


def test_few_rows_are_read_as_they_are(source: Source) -> None:
    assert rows_of(source, ["y", "x"]).route == "rows"
    table = read_rows(source, ["y", "x"])
    assert table.merged is None and table.n_rows == N == table.n_given
    assert (table.columns["y"].values == frame()["y"]).all()


@pytest.mark.parametrize("weight", [-1.0, None, float("inf")])
def test_weights_that_cannot_be_are_refused(weight: float | None) -> None:
    rows = pl.LazyFrame({"y": [1, 0, 1], "w": [1.0, weight, 2.0]})
    with pytest.raises(DataError, match="missing, infinite or negative"):
        read_merged(open_source(rows), ["y"], frequency_weights="w")


def test_a_name_that_is_taken_gets_a_stroke() -> None:
    rows = pl.LazyFrame({"Count": [1, 0, 1]})
    table = read_merged(open_source(rows), ["Count"])
    assert table.merged is not None and table.merged.column == "count_"


def test_unknown_names_are_refused(source: Source) -> None:
    with pytest.raises(DataError, match="`z`"):
        read_merged(source, ["y", "z"])


def test_engines_that_fail_are_named() -> None:
    broken = pl.LazyFrame({"y": ["a"]}).select(pl.col("y").cast(pl.Int64))
    with pytest.raises(DataError, match="polars cannot"):
        rows_of(open_source(broken), ["y"], few_rows=0)


@pytest.mark.parametrize(
    ("memory", "columns", "route"),
    [(1 << 40, ["y", "x", "g"], "merged"), (1 << 40, ["y", "id"], "rows"), (1000, ["y", "id"], "files")],
)
def test_routes(memory: int, columns: list[str], route: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merged, "memory_bytes", lambda: memory)
    source = open_source(pl.from_pandas(frame().assign(id=range(N))).lazy())
    rows = rows_of(source, columns, few_rows=0)
    assert rows.route == route
    assert rows.n_rows == N
    distinct = frame().assign(id=range(N))[columns].drop_duplicates()
    assert rows.distinct == len(distinct)


@pytest.mark.parametrize(("column", "seldom"), [("id", True), ("x", False), ("half", False)])
def test_rows_that_are_seldom_equal_are_not_counted(
    column: str, seldom: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merged, "PROBE", 200)
    half = np.random.default_rng(3).permutation(np.repeat(np.arange(N // 2), 2))
    source = open_source(pl.from_pandas(frame().assign(id=range(N), half=half)).lazy())
    rows = rows_of(source, [column], few_rows=0)
    assert (rows.distinct is None) == seldom
    assert (rows.route == "rows") == seldom


def test_what_fits_nowhere_is_refused_with_the_number(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"1,000,000,000,000 rows of polars would take 340000\.0 GB"):
        require_room(Rows("files", 10**12, 10**12, 340 * 10**12), tmp_path, "polars")
