"""Numbers that the caller knows for each row: weights, an offset, residual standard deviations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from multilevel.data.columns import from_array
from multilevel.data.table import Table
from multilevel.design.scope import Floats
from multilevel.design.sizes import require_size
from multilevel.errors import DataError, OptionError

RowNumbers = str | ArrayLike | None
"""Numbers for each row: a column's name, or an array with one number for each row of the table."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of each row of the table, before any row is left out.

    Parameters
    ----------
    precision_weights, frequency_weights
        ``(n,)`` not negative, or ``None``.
    offset
        ``(n,)`` or ``None``; offsets of the formula are not in it.
    offset_name
        The offset's column, or "offset" if it is an array or a number.
    residual_sd
        Known residual sd, or ``None`` if it is to be estimated.
    """

    precision_weights: Floats | None
    frequency_weights: Floats | None
    offset: Floats | None
    offset_name: str
    residual_sd: float | None


def read_known(
    table: Table,
    *,
    precision_weights: RowNumbers,
    frequency_weights: RowNumbers,
    offset: RowNumbers,
    residual_sd: RowNumbers,
) -> Known:
    """Read the weights, the offset and the residual sd of each row.

    Known residual sds that differ between rows become precision weights ``1 / sd^2`` with a residual sd
    of one.

    Raises
    ------
    DataError
        A weight or sd is missing or negative, an array has the wrong length, or a column is not numeric.
    OptionError
        ``residual_sd`` differs between rows and ``precision_weights`` are given too.
    """
    precision = _weights(table, "precision_weights", precision_weights)
    frequency = _weights(table, "frequency_weights", frequency_weights)
    known_sd: float | None = None
    if residual_sd is not None:
        if precision is not None and not _is_number(residual_sd):
            raise OptionError(
                "`residual_sd` for each row and `precision_weights` were both given",
                allowed="one of them, or one number as `residual_sd` beside `precision_weights`",
            )
        sds = _numbers(table, "residual_sd", residual_sd)
        _require_positive(table, "residual_sd", sds)
        known_sd = float(sds[0]) if _is_number(residual_sd) else 1.0
        precision = precision if _is_number(residual_sd) else sds**-2.0
    shift = None if offset is None else _numbers(table, "offset", offset)
    shift_name = offset if isinstance(offset, str) else "offset"
    return Known(precision, frequency, shift, shift_name, known_sd)


def _is_number(value: object) -> bool:
    return not isinstance(value, str) and np.ndim(value) == 0  # type: ignore[arg-type]


def _numbers(table: Table, option: str, value: RowNumbers) -> Floats:
    """Return an option as one number for each row of the table."""
    if isinstance(value, str):
        column = table.columns[value]
        if column.levels is not None:
            raise DataError(f"`{option}` is the column `{value}`, which is not numeric", allowed="numbers")
        return column.values.astype(np.float64, copy=False)
    array: Any = np.asarray(value)
    if array.ndim == 0:
        array = np.full(table.n_rows, array)
    if array.shape != (table.n_rows,):
        raise DataError(
            f"`{option}` has shape {array.shape}, the table has {table.n_rows} rows",
            allowed="a column name, or an array with one number for each row of the table",
        )
    column = from_array(option, array)
    if column.levels is not None:
        raise DataError(f"`{option}` is not numeric", allowed="numbers")
    return column.values.astype(np.float64, copy=False)


def _weights(table: Table, option: str, value: RowNumbers) -> Floats | None:
    """Return weights, none of them missing, infinite or negative, not all zero."""
    if value is None:
        return None
    if _is_number(value):
        raise OptionError(
            f"`{option}` is the single value {value!r}",
            allowed="a column name, or an array with one number for each row of the table",
        )
    weights = _numbers(table, option, value)
    bad = ~(np.isfinite(weights) & (weights >= 0.0))
    if bad.any():
        where = int(np.flatnonzero(bad)[0])
        raise DataError(
            f"`{option}` is {weights[where]:g} in row {row_label(table, where)}"
            + _and_more(int(bad.sum()) - 1),
            allowed="finite numbers that are zero or positive; a row with weight zero is left out",
        )
    if not weights.any():
        raise DataError(f"`{option}` is zero in every row", allowed="a positive weight in some rows")
    require_size(f"`{option}`", weights)
    return weights


def _require_positive(table: Table, option: str, values: Floats) -> None:
    bad = ~(np.isfinite(values) & (values > 0.0))
    if bad.any():
        where = int(np.flatnonzero(bad)[0])
        raise DataError(
            f"`{option}` is {values[where]:g} in row {row_label(table, where)}"
            + _and_more(int(bad.sum()) - 1),
            allowed="finite positive numbers",
        )
    require_size(f"`{option}`", values)
    require_size(f"the inverse of `{option}`", 1.0 / values)


def _and_more(count: int) -> str:
    return f" (and in {count} more rows)" if count else ""


def row_label(table: Table, position: int) -> str:
    """Return how a row is called: the caller's label, else its position counted from zero."""
    return str(position if table.row_labels is None else table.row_labels[position])
