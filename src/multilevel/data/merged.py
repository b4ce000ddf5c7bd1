"""Rows of a source merged where they are: equal ones become one row with a count, and only those are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

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
BYTES_PER_ROW = 300
"""Memory that a generalised fit takes for each row, besides its columns."""
SHARE = 0.5
"""Of the memory that the rows may take."""
COUNT, SUM, LEAST, ABSENT, ZERO = (
    f"multilevel {what}" for what in ("rows", "sum", "least", "absent", "zero")
)


@dataclass(frozen=True, slots=True)
class RowCounts:
    """Rows of a source.

    Parameters
    ----------
    n_rows
        All of them.
    distinct
        Rows left if equal ones are merged.
    """

    n_rows: int
    distinct: int

    def bytes_of(self, rows: int, columns: int) -> int:
        """Return the memory that a fit of so many rows takes."""
        return rows * (8 * columns + BYTES_PER_ROW)


def read_merged(
    source: Source,
    names: Sequence[str],
    *,
    frequency_weights: str | None = None,
    few_rows: int = FEW_ROWS,
) -> Table:
    """Read the needed columns of a source, equal rows merged by its engine.

    Parameters
    ----------
    source
        Files or a lazy frame; Parquet files are merged by DuckDB.
    names
        Columns that tell rows apart: all that a model uses.
    frequency_weights
        Column that says how many times each row counts; its sums are read.
    few_rows
        Sources of no more rows than this are read as they are, in their order.

    Returns
    -------
    Table
        With ``merged`` if rows were merged; then in an order that does not depend on the engine: by the
        first column, then the second, and so on.

    Raises
    ------
    DataError
        A name is unknown, the engine fails, weights are missing or negative, or the distinct rows would not
        fit in memory; before they are read.

    Examples
    --------
    >>> import polars as pl
    >>> from multilevel.data.sources import open_source
    >>> source = open_source(pl.LazyFrame({"y": [1, 0, 1], "g": ["a", "b", "a"]}))
    >>> table = read_merged(source, ["y", "g"], few_rows=0)
    >>> table.columns["y"].values.tolist(), table.merged.counts.tolist(), table.n_given
    ([0.0, 1.0], [1, 2], 3)
    """
    source = with_engine(source)
    wanted = list(names) if frequency_weights is None else list(dict.fromkeys([*names, frequency_weights]))
    found = find_names(wanted, list(source.names))
    chosen = source.frame.select(*(nw.col(own).alias(name) for name, own in found.items()))
    n_rows = _count(source, chosen)
    if n_rows <= few_rows:
        return replace(read_table(chosen.to_native(), wanted), library=source.library)
    keys = list(dict.fromkeys(names))
    grouped = _grouped(chosen, keys, frequency_weights)
    counts = RowCounts(n_rows, _count(source, grouped))
    require_memory(counts, len(keys), source.engine)
    column = frequency_weights if frequency_weights not in (None, *keys) else _new_name("count", keys)
    numbers = [COUNT] if frequency_weights is None else [COUNT, SUM, LEAST, ABSENT]
    table = read_table(grouped.to_native(), [*keys, *numbers])
    return _finished(table, keys, column or "count", source, frequency_weights, n_rows)


def require_memory(counts: RowCounts, columns: int, engine: str) -> None:
    """Raise `DataError` if the distinct rows of a source would not fit in memory."""
    takes, there = counts.bytes_of(counts.distinct, columns), memory_bytes()
    if takes > SHARE * there:
        raise DataError(
            f"{engine} merges {counts.n_rows:,} rows to {counts.distinct:,} distinct ones, whose fit would"
            f" take {takes / 1e9:.1f} GB of memory",
            allowed=f"up to {SHARE * there / 1e9:.1f} GB, half of the memory of this machine",
            remedy="round predictors to fewer values, so that more rows are equal, or fit some of the rows",
        )


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


def _finished(
    table: Table, keys: list[str], column: str, source: Source, weights: str | None, n_rows: int
) -> Table:
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
        columns, table.n_rows, source.library, None, Merged(counts[order], column, n_rows, source.engine)
    )


def _new_name(name: str, taken: Sequence[str]) -> str:
    """Return a name that no column has, however it is written."""
    present = {one.casefold() for one in taken}
    while name in present:
        name += "_"
    return name
