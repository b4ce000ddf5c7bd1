"""Counts of a source are those of its table in memory, whichever engine counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest

from multilevel.data import read_table
from multilevel.data.parquet_head import bytes_of
from multilevel.data.sources import open_source
from multilevel.design import columns_needed
from multilevel.design.blueprint_outline import outline_of
from multilevel.design.counts import job_of
from multilevel.errors import DataError
from multilevel.language import parse_formula, with_family
from multilevel.moments.of_source.counts import count_source, job_of_merged, job_of_source, questions

RNG = np.random.default_rng(1)
N = 2000
ROWS = pd.DataFrame(
    {
        "y": RNG.normal(size=N),
        "x": RNG.normal(size=N),
        "f": RNG.choice(list("abc"), N),
        "g": RNG.integers(0, 50, N),
        "h": RNG.choice(["u", "v", "w"], N),
        "inner": RNG.integers(0, 4, N),
    }
)


def source_of(kind: str, folder: Path, rows: pd.DataFrame = ROWS) -> Any:
    """Return the rows as a source."""
    if kind == "duckdb":
        return duckdb.from_df(rows)
    if kind == "polars":
        return pl.from_pandas(rows).lazy()
    rows[: N // 3].to_parquet(folder / "1.parquet")
    rows[N // 3 :].to_parquet(folder / "2.parquet")
    return folder


@pytest.mark.parametrize("kind", ["duckdb", "polars", "parquet"])
@pytest.mark.parametrize(
    "text", ["y ~ x + (1 | g)", "y ~ f * x + (f | g) + (1 | h)", "y ~ x + (x | g/inner)", "y ~ log(x) + f"]
)
def test_counts_are_those_of_the_table(kind: str, text: str, tmp_path: Path) -> None:
    model, source = parse_formula(text), open_source(source_of(kind, tmp_path))
    outline = outline_of(model, source.schema)
    job = job_of_source(source, outline, count_source(source, outline))
    expected = job_of(model, read_table(_positive(), columns_needed(model)))
    assert (job.rows, job.columns, job.effects) == (N, expected.columns, expected.effects)
    assert job.factors == expected.factors
    assert job.streamed
    for at, one in job.pairs.items():
        assert one.pairs == expected.pairs[at].pairs if one.counted else one.pairs >= expected.pairs[at].pairs


def _positive() -> pd.DataFrame:
    """Return the rows with predictors that have logarithms."""
    return ROWS.assign(x=ROWS["x"].abs() + 0.1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("y ~ x", 2),
        ("y ~ x + (x | g)", 2),
        ("y ~ x + (1 | g/inner)", 2),
        ("y ~ x + (1 | g) + (1 | h)", 4),
        ("y ~ x + (1 | g:h) + (1 | g) + (1 | h)", 2),
    ],
)
def test_questions(text: str, expected: int) -> None:
    schema = open_source(pl.from_pandas(ROWS).lazy()).schema
    assert questions(outline_of(parse_formula(text), schema)) == expected


@pytest.mark.parametrize("kind", ["duckdb", "polars", "parquet"])
def test_generalised_models_have_the_rows_that_merging_leaves(kind: str, tmp_path: Path) -> None:
    rows = ROWS.assign(y=(ROWS["y"] > 0).astype(int))[["y", "f", "g", "h"]]
    model = with_family(parse_formula("y ~ f + (1 | g) + (1 | h)"), "bernoulli", None)
    source = open_source(source_of(kind, tmp_path, rows))
    job, given = job_of_merged(source, model, columns_needed(model))
    assert (job.rows, given) == (len(rows.drop_duplicates()), N)
    assert (job.columns, [factor.levels for factor in job.factors], job.linear) == (3, [50, 3], False)


def test_bytes_are_those_of_the_needed_columns(tmp_path: Path) -> None:
    source_of("parquet", tmp_path)
    files = sorted(tmp_path.iterdir())
    some, every = bytes_of(files, ["y", "g"]), bytes_of(files, list(ROWS.columns))
    assert 8 * N < some < every < sum(file.stat().st_size for file in files)


def test_an_engine_that_fails_says_so() -> None:
    connection = duckdb.connect()
    connection.execute("create table t as select 1.0 as y, 'a' as g")
    source = open_source(connection.table("t"))
    outline = outline_of(parse_formula("y ~ 1 + (1 | g)"), source.schema)
    connection.execute("drop table t")
    with pytest.raises(DataError, match="DuckDB cannot count the rows"):
        count_source(source, outline)
