"""Grouping factors: for each row the number of its level, for one column or a combination of several."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from multilevel.data.columns import EXACT, label_of
from multilevel.data.table import Column
from multilevel.design.design import GroupFactor
from multilevel.design.scope import Factor, Floats, Ints, used_rows


def group_levels(column: Column, rows: NDArray[np.int64] | None) -> Factor:
    """Return the levels of one grouping column in the used rows; numbers are levels in increasing order."""
    if column.levels is not None or column.boolean:
        factor = used_rows(column, rows)
        assert isinstance(factor, Factor)
        return factor
    values = column.values if rows is None else column.values[rows]
    return _levels_of_numbers(values.astype(np.float64, copy=False))


def _levels_of_numbers(values: Floats) -> Factor:
    """Number the distinct values; a small range of whole numbers is counted instead of hashed."""
    low, high = float(values.min()), float(values.max())
    if high - low <= 4.0 * values.size + 1000.0 and max(abs(low), abs(high)) < EXACT:
        whole = values.astype(np.int64)
        if (whole == values).all():
            whole -= int(low)
            used = np.bincount(whole) > 0
            renumber = (np.cumsum(used) - 1).astype(np.int32)
            levels = (np.flatnonzero(used) + int(low)).tolist()
            return Factor(renumber[whole], tuple(map(str, levels)))
    codes, distinct = pd.factorize(values, sort=True)
    return Factor(codes.astype(np.int32), tuple(label_of(float(value)) for value in distinct))


def group_factor(columns: Sequence[str], parts: Sequence[Factor]) -> tuple[GroupFactor, Ints]:
    """Return the factor whose levels are the combinations of several that occur.

    Parameters
    ----------
    columns
        Names of the columns, the outer one first.
    parts
        Their levels.

    Returns
    -------
    GroupFactor
        Levels in the order of the first column, then of the second, and so on.
    numpy.ndarray
        ``(m, c)`` int32: for each level the number of its level in each column.
    """
    codes, members = parts[0].codes, np.arange(len(parts[0].levels), dtype=np.int32)[:, None]
    for part in parts[1:]:
        codes, pairs = _combined(codes, len(members), part)
        members = np.column_stack([members[pairs[:, 0]], pairs[:, 1]]).astype(np.int32)
    if len(parts) == 1:
        return GroupFactor(columns[0], tuple(columns), codes, parts[0].levels), members
    labels = [[part.levels[code] for code in members[:, at]] for at, part in enumerate(parts)]
    levels = tuple(":".join(pieces) for pieces in zip(*labels, strict=True))
    return GroupFactor(":".join(columns), tuple(columns), codes, levels), members


def _combined(codes: Ints, count: int, part: Factor) -> tuple[Ints, Ints]:
    """Number the pairs that occur of levels numbered before and those of one more column."""
    width = len(part.levels)
    keys = codes.astype(np.int64) * width + part.codes
    if count * width <= 4 * keys.size + 1000:
        used = np.bincount(keys, minlength=count * width) > 0
        distinct = np.flatnonzero(used)
        index = (np.cumsum(used) - 1).astype(np.int32)[keys]
    else:
        numbered, distinct = pd.factorize(keys, sort=True)
        index = numbered.astype(np.int32)
    pairs = np.column_stack([distinct // width, distinct % width]).astype(np.int32)
    return index, pairs
