"""Cross-products computed inside engines: DuckDB and polars against dense sums over the rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pytest

from multilevel.data.sources import open_source
from tests.moments.engine_cases import CASES, Case, asked, bound, compare, rows

ENGINES: dict[str, Callable[[pd.DataFrame], Any]] = {
    "polars": lambda table: pl.from_pandas(table).lazy(),
    "duckdb": lambda table: duckdb.from_df(table),
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_sums_equal_those_of_the_rows(case: Case, engine: str) -> None:
    """Sums of 600 products of size one; an offset of 1e8 leaves eight digits of the columns themselves."""
    table = rows(case)
    design = bound(case, table)
    facts, products, _, scaling = asked(open_source(ENGINES[engine](table)), case, design)
    compare(products, facts, design, scaling, 1e-12 if case.shift == 0.0 else 1e-10)


@pytest.mark.engines
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_dask_gives_the_sums_of_the_rows(case: Case) -> None:
    import dask.dataframe as dd

    table = rows(case)
    design = bound(case, table)
    source = open_source(dd.from_pandas(table, npartitions=3))
    assert source.engine == "Dask"
    facts, products, _, scaling = asked(source, case, design)
    compare(products, facts, design, scaling, 1e-12 if case.shift == 0.0 else 1e-10)
