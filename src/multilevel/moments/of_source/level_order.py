"""Levels as a source names them, in any order -> the labels and the order that rows in memory give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from multilevel.data.columns import label_of
from multilevel.design.recipe import GroupRecipe
from multilevel.moments.products import Keys

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class SortedLevels:
    """The levels of one grouping factor in order.

    Parameters
    ----------
    labels
        Combinations joined by a colon.
    take
        ``(m,)``: level ``i`` in order is level ``take[i]`` of the source.
    recipe
        How the levels are found again in new rows.
    """

    labels: tuple[str, ...]
    take: Numbers
    recipe: GroupRecipe

    @property
    def place(self) -> Numbers:
        """``(m,)``: level ``i`` of the source is level ``place[i]`` in order."""
        found = np.empty(self.take.size, dtype=np.int64)
        found[self.take] = np.arange(self.take.size)
        return found


def sorted_levels(keys: Sequence[Keys]) -> SortedLevels:
    """Sort levels: numbers ascending, texts ascending, combinations by their first column, then the second.

    Parameters
    ----------
    keys
        For each column of the factor the label of each level.

    Examples
    --------
    >>> found = sorted_levels([np.array([10, 2, 2]), np.array(["a", "b", "a"], dtype=object)])
    >>> found.labels, found.take.tolist()
    (('2:a', '2:b', '10:a'), [2, 1, 0])
    """
    parts = [_ordered(values) for values in keys]
    codes = [code for code, _ in parts]
    take = np.lexsort(codes[::-1]).astype(np.int64)
    members = np.column_stack([code[take] for code in codes]).astype(np.int32)
    labels = [
        np.array(names, dtype=object)[member] for (_, names), member in zip(parts, members.T, strict=True)
    ]
    joined = labels[0] if len(labels) == 1 else [":".join(pieces) for pieces in zip(*labels, strict=True)]
    return SortedLevels(tuple(joined), take, GroupRecipe(tuple(names for _, names in parts), members))


def _ordered(values: Keys) -> tuple[Numbers, tuple[str, ...]]:
    """Return the number of each value among the distinct ones in order, and their labels."""
    if values.dtype.kind not in "iuf":
        values = values.astype(object)
    codes, distinct = pd.factorize(values, sort=True)
    labels = distinct.tolist()
    if values.dtype.kind == "f":
        return codes, tuple(label_of(value) for value in labels)
    return codes, tuple(str(value) for value in labels)
