"""Which rows of the table are used: missing and infinite values, rows of weight zero."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from multilevel.data.table import Column, Table
from multilevel.design.known import Known, row_label
from multilevel.design.scope import Floats
from multilevel.design.sizes import is_usable, require_size
from multilevel.errors import DataError, MissingValuesWarning, warn

Missing = Literal["report", "drop", "error"]
"""What to do with rows that lack a value: leave out and warn, leave out silently, refuse."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows that are used.

    Parameters
    ----------
    positions
        ``(n,)`` int64 positions in the caller's table.
    chosen
        The same, or ``None`` if all rows are used, so that nothing need be copied.
    missing
        Column name to its number of missing values; only columns with some.
    """

    positions: NDArray[np.int64]
    chosen: NDArray[np.int64] | None
    missing: Mapping[str, int]


def choose_rows(
    table: Table, known: Known, *, used: Sequence[str], grouping: Collection[str], missing: Missing
) -> Rows:
    """Choose the rows without missing values and with positive weights.

    Parameters
    ----------
    table, known
        The caller's rows.
    used
        Columns that the model uses.
    grouping
        Those of them that are grouping factors.
    missing
        Under "report" and "error" a missing value in a grouping column is refused.

    Raises
    ------
    DataError
        A value is infinite, or of a size that cannot be used; a column is missing throughout; a value is
        missing where it may not be; or no row is left.

    Warns
    -----
    MissingValuesWarning
        Under "report", once, with a count for each column.
    """
    columns = {name: table.columns[name] for name in used}
    columns |= {column.name: column for column in _offset_column(known)}
    gaps = {}
    for name, column in columns.items():
        gap = _gaps(table, column, label=name in grouping)
        if gap is not None:
            gaps[name] = gap
    counts = {name: table.count(gap) for name, gap in gaps.items()}
    _refuse(table, gaps, counts, grouping, missing)
    if not gaps and not _has_zero_weight(known):
        return Rows(np.arange(table.n_rows), None, {})
    lost = np.zeros(table.n_rows, dtype=np.bool_)
    for gap in gaps.values():
        lost |= gap
    if gaps and missing == "report":
        _report(table, lost, counts)
    for weights in (known.precision_weights, known.frequency_weights):
        if weights is not None:
            lost |= weights == 0.0
    positions = np.flatnonzero(~lost)
    if positions.size == 0:
        listed = ", ".join(f"`{name}` {count}" for name, count in counts.items()) or "weights of zero"
        raise DataError(
            f"no rows are left: all {table.n_given} have a missing value or weight zero (missing: {listed})",
            remedy="leave a column out of the formula, or fill its missing values",
        )
    return Rows(positions, positions if positions.size < table.n_rows else None, counts)


def require_complete(table: Table, known: Known, used: Sequence[str]) -> None:
    """Refuse missing and infinite values in rows that are to be predicted.

    Raises
    ------
    DataError
        Naming the column and the rows.
    """
    for column in (*(table.columns[name] for name in used), *_offset_column(known)):
        gap = _gaps(table, column)
        if gap is not None:
            raise DataError(
                f"the column `{column.name}` is missing in {int(gap.sum())} of {table.n_rows} new rows "
                f"(rows {_labels(table, gap)})",
                remedy="fill them, or leave those rows out",
            )


def _offset_column(known: Known) -> tuple[Column, ...]:
    return () if known.offset is None else (Column(known.offset_name, known.offset),)


def _has_zero_weight(known: Known) -> bool:
    """Whether some row has weight zero."""
    every = (known.precision_weights, known.frequency_weights)
    return any(weights is not None and not weights.all() for weights in every)


def _gaps(table: Table, column: Column, *, label: bool = False) -> Mask | None:
    """Return where a column is missing, or ``None`` if nowhere; refuse infinite values and, but for labels,
    values of unusable size."""
    values = column.values
    if values.dtype == np.int32:
        return values < 0 if values.size and values.min() < 0 else None
    numbers = values.astype(np.float64, copy=False)
    if is_usable(numbers):
        return None
    infinite = np.isinf(values)
    if infinite.any():
        where = int(np.flatnonzero(infinite)[0])
        more = int(infinite.sum()) - 1
        raise DataError(
            f"the column `{column.name}` is {values[where]} in row {row_label(table, where)}"
            + (f" (and infinite in {more} more rows)" if more else ""),
            allowed="finite numbers, or missing values",
            remedy="replace it by a number or a missing value",
        )
    if not label:
        require_size(f"the column `{column.name}`", numbers)
    gap = np.isnan(values)
    return gap if gap.any() else None


def _refuse(
    table: Table,
    gaps: Mapping[str, Mask],
    counts: Mapping[str, int],
    grouping: Collection[str],
    missing: Missing,
) -> None:
    """Raise for missing values that may not be."""
    empty = [name for name, count in counts.items() if count == table.n_given]
    if empty:
        raise DataError(
            "every value is missing in " + ", ".join(f"the column `{name}`" for name in empty),
            remedy="leave it out of the formula, or check how the table was read",
        )
    if missing == "drop":
        return
    for name in counts:
        if missing == "error" or name in grouping:
            where = _where(table, gaps[name])
            kind = "grouping column" if name in grouping else "column"
            raise DataError(
                f"the {kind} `{name}` is missing in {counts[name]} of {table.n_given} rows{where}",
                remedy='fill them, or leave those rows out with missing="drop"',
            )


def _where(table: Table, mask: Mask) -> str:
    """Return the labels of the rows of a mask in brackets; of merged rows, which have none, nothing."""
    return "" if table.merged is not None else f" (rows {_labels(table, mask)})"


def _labels(table: Table, mask: Mask, most: int = 5) -> str:
    """Return the labels of the rows of a mask, cut after a few."""
    positions = np.flatnonzero(mask)
    shown = ", ".join(row_label(table, int(position)) for position in positions[:most])
    return shown + (", ..." if positions.size > most else "")


def _report(table: Table, lost: Mask, counts: Mapping[str, int]) -> None:
    """Warn once of the rows left out."""
    listed = ", ".join(f"{name} {count}" for name, count in counts.items())
    warn(
        f"{table.count(lost)} of {table.n_given} rows left out because of missing values: {listed}"
        f'{_where(table, lost)}; missing="drop" leaves them out silently, missing="error" refuses',
        MissingValuesWarning,
    )


def taken(values: Floats | None, rows: Rows) -> Floats | None:
    """Return the used rows of an array of the table's length."""
    return values if values is None or rows.chosen is None else values[rows.chosen]
