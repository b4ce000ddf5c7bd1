"""Rows of a source merged where they are: equal ones become one row with a count, and only those are read."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import narwhals as nw
import numpy as np

from multilevel.data.engine_errors import errors_of, reason
from multilevel.data.names import find_names
from multilevel.data.reading import read_table
from multilevel.data.sources import Source, memory_bytes, with_engine
from multilevel.data.table import Column, Merged, Table
from multilevel.errors import DataError

FEW_ROWS = 200_000
"""Rows up to which a source is read as it is: every answer about single rows is then there."""
WORTH_IT = 0.7
"""Rows are merged if at most this share of them is left."""
BYTES_PER_ROW = 300
"""Memory that a generalised fit takes for each row, besides its columns (245 measured for two effects)."""
PROBE = 200_000
"""First rows that are looked at before all are counted."""
SHARE = 0.5
"""Of the memory that the rows may take."""
COUNT, SUM, LEAST, ABSENT, ZERO = (
    f"multilevel {what}" for what in ("rows", "sum", "least", "absent", "zero")
)


@dataclass(frozen=True, slots=True)
class Rows:
    """How the rows of a source come to a fit.

    Parameters
    ----------
    route
        "rows": all of them, in memory; "merged": the distinct ones, in memory; "files": all, in files.
    n_rows
        Rows of the source.
    distinct
        Rows left if equal ones are merged, or ``None`` if they were not counted: few rows, or seldom equal.
    bytes
        That the fit takes, of memory or of files.
    """

    route: Literal["rows", "merged", "files"]
    n_rows: int
    distinct: int | None
    bytes: int


def rows_of(
    source: Source, names: Sequence[str], *, frequency_weights: str | None = None, few_rows: int = FEW_ROWS
) -> Rows:
    """Let the engine count rows and distinct rows, and choose how they come to a fit.

    Parameters
    ----------
    source, names, frequency_weights
        As for `read_merged`.
    few_rows
        Sources of no more rows than this are read as they are, in their order.

    Raises
    ------
    DataError
        A name is unknown, or the engine fails.

    Examples
    --------
    >>> import polars as pl
    >>> from multilevel.data.sources import open_source
    >>> source = open_source(pl.LazyFrame({"y": [1, 0, 1], "g": ["a", "b", "a"]}))
    >>> rows_of(source, ["y", "g"], few_rows=0)
    Rows(route='merged', n_rows=3, distinct=2, bytes=632)
    """
    source = with_engine(source)
    chosen = _chosen(source, names, frequency_weights)
    width = 8 * len(set(names)) + BYTES_PER_ROW
    n_rows = _count(source, chosen) if source.n_rows is None else source.n_rows
    if n_rows <= few_rows:
        return Rows("rows", n_rows, None, n_rows * width)
    keys, there = list(dict.fromkeys(names)), SHARE * memory_bytes()
    distinct: int | None = None
    if not _seldom_equal(source, chosen, keys, n_rows):
        distinct = _count(source, _grouped(chosen, keys, frequency_weights))
    if distinct is not None and distinct <= WORTH_IT * n_rows and distinct * width <= there:
        return Rows("merged", n_rows, distinct, distinct * width)
    return Rows("rows" if n_rows * width <= there else "files", n_rows, distinct, n_rows * width)


def _seldom_equal(source: Source, chosen: Any, keys: list[str], n_rows: int) -> bool:
    """Return whether the first rows show that merging is not worth it; counting them all takes memory.

    Of ``n`` rows at random from ``M`` distinct ones some ``n^2 / 2M`` repeat an earlier one; rows in order
    of groups repeat each other more often. Without repeats ``M`` is twice what is worth it, and more.
    """
    if n_rows < 4 * PROBE:
        return False
    repeats = PROBE - _count(source, _grouped(chosen.head(PROBE), keys, None))
    return bool(repeats < 0.25 * PROBE * PROBE / (WORTH_IT * n_rows))


def read_rows(source: Source, names: Sequence[str], *, frequency_weights: str | None = None) -> Table:
    """Read the needed columns of all rows of a source, in their order."""
    source = with_engine(source)
    chosen = _chosen(source, names, frequency_weights)
    return replace(read_table(chosen.to_native(), _wanted(names, frequency_weights)), library=source.library)


def read_merged(source: Source, names: Sequence[str], *, frequency_weights: str | None = None) -> Table:
    """Read the needed columns of a source, equal rows merged by its engine.

    Parameters
    ----------
    source
        Files or a lazy frame; Parquet files are merged by DuckDB.
    names
        Columns that tell rows apart: all that a model uses.
    frequency_weights
        Column that says how many times each row counts; its sums are read.

    Returns
    -------
    Table
        With ``merged``; in an order that does not depend on the engine: by the first column, then the second,
        and so on.

    Raises
    ------
    DataError
        A name is unknown, the engine fails, or weights are missing or negative.

    Examples
    --------
    >>> import polars as pl
    >>> from multilevel.data.sources import open_source
    >>> source = open_source(pl.LazyFrame({"y": [1, 0, 1], "g": ["a", "b", "a"]}))
    >>> table = read_merged(source, ["y", "g"])
    >>> table.columns["y"].values.tolist(), table.merged.counts.tolist(), table.n_given
    ([0.0, 1.0], [1, 2], 3)
    """
    source = with_engine(source)
    keys = list(dict.fromkeys(names))
    grouped = _grouped(_chosen(source, names, frequency_weights), keys, frequency_weights)
    column = frequency_weights if frequency_weights not in (None, *keys) else _new_name("count", keys)
    numbers = [COUNT] if frequency_weights is None else [COUNT, SUM, LEAST, ABSENT]
    table = read_table(grouped.to_native(), [*keys, *numbers])
    return _finished(table, keys, column or "count", source, frequency_weights)


def require_room(rows: Rows, folder: Path, engine: str) -> None:
    """Raise `DataError` if rows that memory cannot hold do not fit on the disk either."""
    free = shutil.disk_usage(folder).free
    if rows.bytes > free:
        raise DataError(
            f"a fit of the {rows.n_rows:,} rows of {engine} would take {rows.bytes / 1e9:.1f} GB, in files,"
            f" as memory is less (and {rows.distinct or rows.n_rows:,} rows are distinct)",
            allowed=f"up to {free / 1e9:.1f} GB, what is free where temporary files are",
            remedy="round predictors to fewer values, so that more rows are equal; fit some rows; or let"
            " the variable TMPDIR name a larger disk",
        )


def _wanted(names: Sequence[str], weights: str | None) -> list[str]:
    """Return the names of the columns, each once."""
    return list(dict.fromkeys(names if weights is None else [*names, weights]))


def _chosen(source: Source, names: Sequence[str], weights: str | None) -> Any:
    """Return the needed columns under the names that the model uses."""
    found = find_names(_wanted(names, weights), list(source.names))
    return source.frame.select(*(nw.col(own).alias(name) for name, own in found.items()))


def _grouped(chosen: Any, keys: list[str], weights: str | None) -> Any:
    """Return distinct rows with their counts and, of frequency weights, sums, smallest ones and gaps."""
    if weights is None:
        return chosen.group_by(*keys).agg(nw.len().alias(COUNT))
    summed = chosen.with_columns(
        nw.col(weights).cast(nw.Float64).alias(LEAST),
        nw.col(weights).is_null().cast(nw.Int64).alias(ABSENT),
        (nw.col(weights) == 0).alias(ZERO),  # such rows are left out, and not counted among those used
    )
    return summed.group_by(*keys, ZERO).agg(
        nw.len().alias(COUNT),
        nw.col(LEAST).sum().alias(SUM),
        nw.col(LEAST).min(),
        nw.col(ABSENT).sum(),
    )


def _count(source: Source, frame: Any) -> int:
    """Return the rows of a lazy frame, counted by its engine."""
    try:
        return int(frame.select(nw.len().alias(COUNT)).collect().item())
    except errors_of(str(source.frame.implementation)) as error:
        raise DataError(f"{source.engine} cannot compute the distinct rows: {reason(error)}") from error


def _finished(table: Table, keys: list[str], column: str, source: Source, weights: str | None) -> Table:
    """Return the table of distinct rows in order, with the column that says how often each counts."""
    counts = table.columns[COUNT].values.astype(np.int64)
    often = table.columns[COUNT].values.astype(np.float64)
    if weights is not None:
        often = table.columns[SUM].values.astype(np.float64)
        least, absent = table.columns[LEAST].values, table.columns[ABSENT].values
        if absent.any() or not np.isfinite(often).all() or (least < 0.0).any():
            raise DataError(
                f"`frequency_weights`, the column `{weights}`, is missing, infinite or negative in some rows",
                allowed="finite numbers that are zero or positive; a row with weight zero is left out",
            )
    order = np.lexsort([table.columns[name].values for name in reversed(keys)])
    columns = {
        name: replace(table.columns[name], values=table.columns[name].values.take(order)) for name in keys
    }
    columns[column] = Column(column, often[order])
    return Table(
        columns,
        table.n_rows,
        source.library,
        None,
        Merged(counts[order], column, int(counts.sum()), source.engine),
    )


def _new_name(name: str, taken: Sequence[str]) -> str:
    """Return a name that no column has, however it is written."""
    present = {one.casefold() for one in taken}
    while name in present:
        name += "_"
    return name
