"""Jobs that cannot fit in memory, refused before anything is allocated: of tables, and of sources."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Mapping
from typing import Any

from multilevel.data.memory import memory_in_use, memory_limit
from multilevel.data.sources import Source
from multilevel.data.table import Table
from multilevel.design.blueprint import Outline
from multilevel.design.blueprint_outline import outline_of
from multilevel.design.counts import job_of
from multilevel.engines.plan import predicted_memory, require_memory
from multilevel.errors import MultilevelError
from multilevel.kernels import arrays_in_files
from multilevel.model import Model
from multilevel.moments.in_files.batches import read_metadata
from multilevel.moments.of_source.counts import SourceCounts, count_source, job_of_source

QUICK, QUICK_COLUMN, QUICK_SHARE = 2000, 100, 0.1
"""Bytes of a row and of each of its columns, and the share of the memory below which nothing is counted."""
CATEGORIES = tuple(str(label) for label in range(20))
"""Labels that a categorical predictor is thought to have before they are known."""


def refuse_large_table(model: Model, table: Table, *, what: str, draws: int = 0) -> None:
    """Refuse a model and a table in memory whose matrices would not fit, before they are made.

    Levels and pairs are counted only if bounds on them do not settle it; matrices of effects that are solved
    together are refused by the engines that make them. A model that is wrong is left to `design.bind`, rows
    in files to their disk.

    Raises
    ------
    DesignError
        With the memory that is needed and that there is.
    """
    limit = memory_limit()
    if arrays_in_files() or table.n_rows * (QUICK + QUICK_COLUMN * len(table.columns)) < QUICK_SHARE * limit:
        return
    try:
        in_use = memory_in_use()
        job = job_of(model, table, exact=False)
        memory = predicted_memory(job, solver="monte_carlo", draws=draws)
        free = limit - in_use
        if memory.total > free and (memory.rows <= free or not job.linear):
            job = job_of(model, table)
            memory = predicted_memory(job, solver="monte_carlo", draws=draws)
    except MultilevelError:
        return
    require_memory(job, memory, what=what, limit=limit, in_use=in_use)


def refuse_large_source(
    model: Model, source: Source, given: Mapping[str, Any], *, what: str, draws: int = 0
) -> None:
    """Refuse a linear model of Parquet files whose sums would not fit, before a row is read.

    The least and greatest label in the metadata bound the levels of a factor; only if these bounds do not
    settle it are levels counted, by DuckDB where it is installed. A model that is wrong is left to the sums.

    Parameters
    ----------
    model, source
        What is summed. Sources of other kinds, whose rows are not known without a scan, pass.
    given
        Keywords of `outline_of`.
    what, draws
        As in `refuse_large_table`.

    Raises
    ------
    DesignError
        With the memory that is needed and that there is.
    """
    limit, rows = memory_limit(), source.n_rows
    if source.kind != "parquet" or rows is None or rows * QUICK < QUICK_SHARE * limit:
        return
    try:
        in_use = memory_in_use()
        outline = outline_of(model, source.schema, **given)
        job = job_of_source(source, outline, _bounds(source, outline, rows))
        memory = predicted_memory(job, solver="monte_carlo", draws=draws)
        if memory.total > limit - in_use:
            if importlib.util.find_spec("duckdb") is None:
                return
            job = job_of_source(source, outline, count_source(source, outline))
            memory = predicted_memory(job, solver="monte_carlo", draws=draws)
    except MultilevelError:
        return
    require_memory(job, memory, what=what, limit=limit, in_use=in_use)


def _bounds(source: Source, outline: Outline, rows: int) -> SourceCounts:
    """Return how many levels each factor can have, by the metadata of the files."""
    facts = read_metadata(source.files, outline.grouping)
    most = {
        name: facts.high[name] - facts.low[name] + 1.0
        if name in facts.low and facts.kinds[name] == "whole"
        else float(rows)
        for name in outline.grouping
    }
    levels = [math.prod(most[name] for name in columns) for columns in outline.factors]
    return SourceCounts(
        rows, tuple(int(min(m, rows)) for m in levels), dict.fromkeys(outline.categorical, CATEGORIES)
    )
