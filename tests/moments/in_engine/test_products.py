"""Cross-products computed inside engines: DuckDB and polars against dense sums over the rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import duckdb
import narwhals as nw
import pandas as pd
import polars as pl
import pytest

from multilevel.data.sources import open_source
from multilevel.errors import DataError
from multilevel.moments.in_engine import facts as engine_facts
from multilevel.moments.in_engine import queries as engine_queries
from multilevel.moments.in_engine.columns import EngineColumns, collected
from multilevel.moments.in_engine.products import products_in_engine
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


SOME = ("nested and crossed", "categories", "expressions", "both weights", "missing", "boolean group")
"""Cases that together have everything."""


@pytest.mark.engines
@pytest.mark.parametrize("name", SOME)
def test_dask_gives_the_sums_of_the_rows(name: str) -> None:
    import dask.dataframe as dd

    case = CASES[name]
    table = rows(case)
    design = bound(case, table)
    source = open_source(dd.from_pandas(table, npartitions=3))
    assert source.engine == "Dask"
    facts, products, _, scaling = asked(source, case, design)
    compare(products, facts, design, scaling, 1e-12)


PASSES: dict[str, tuple[str, list[int]]] = {
    "one factor": ("y ~ x + (x | g)", [1, 25]),
    "categories": ("y ~ x + f + (x | g)", [1, 3, 25]),
    "nested": ("y ~ x + (1 | h / g)", [1, 100]),
    "crossed": ("y ~ x + (1 | g) + (1 | h)", [1, 4, 25, 100]),
    "many products": ("y ~ x + z + u + x:z + x:u + z:u + (1 | g)", [1, 1, 25]),
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("formula", "heights"), PASSES.values(), ids=PASSES)
def test_only_sums_leave_the_engine(
    formula: str, heights: list[int], engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One query for the facts and one for their levels, then one for each factor and pair, or fewer."""
    seen: list[int] = []

    def watched(columns: EngineColumns, frame: nw.LazyFrame[Any]) -> nw.DataFrame[Any]:
        table = collected(columns, frame)
        seen.append(len(table))
        return table

    monkeypatch.setattr(engine_facts, "collected", watched)
    monkeypatch.setattr(engine_queries, "collected", watched)
    case = Case(formula)
    table = rows(case, 3000)
    asked(open_source(ENGINES[engine](table)), case, bound(case, table))
    assert sorted(seen) == heights


def test_all_that_is_executed_goes_through_one_function(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing else collects: with that function out of order, the first question ends the work."""

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("collected")

    case = CASES["crossed"]
    table = rows(case)
    monkeypatch.setattr(nw.LazyFrame, "collect", refuse)
    with pytest.raises(AssertionError, match="collected"):
        asked(open_source(pl.from_pandas(table).lazy()), case, bound(case, table))


def test_a_table_that_changes_between_the_passes_is_refused() -> None:
    case = CASES["slopes"]
    table = rows(case)
    source = open_source(pl.from_pandas(table).lazy())
    facts, _, blueprint, scaling = asked(source, case, bound(case, table))
    with pytest.raises(DataError, match="changed while it was read: 599 rows were usable at first, then 600"):
        products_in_engine(source, blueprint, scaling, facts=replace(facts, n_used=599))
