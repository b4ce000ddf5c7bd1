"""The caller's table made safe: named columns as plain arrays, and which library they came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Library = Literal["pandas", "polars", "pyarrow"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column: numbers, or codes into levels.

    Parameters
    ----------
    name
        Name in the table.
    values
        ``(n,)`` float64 for numbers and booleans (NaN where missing), or int32 codes (-1 where missing).
    levels
        ``None`` for numbers; otherwise the distinct labels in their order (sorted, or the order that a
        categorical column declares), each as text.
    boolean, ordered
        Whether the column was boolean; whether its levels were declared to be ordered.
    whole
        Whether the labels are whole numbers, too large for float64 to tell apart: as a grouping column
        they stay distinct, in an expression they are numbers.
    """

    name: str
    values: NDArray[np.float64] | NDArray[np.int32]
    levels: tuple[str, ...] | None = None
    boolean: bool = False
    ordered: bool = False
    whole: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Merged:
    """Of a table whose rows each stand for several equal ones of a source: how many, and where they were.

    Parameters
    ----------
    counts
        ``(n,)`` int64 rows of the source that each row stands for.
    column
        Name of the table's column that says how often each row counts: the same numbers, or the sums of the
        frequency weights.
    n_rows
        Rows of the source.
    engine
        What merged them, in words: "DuckDB".
    """

    counts: NDArray[np.int64]
    column: str
    n_rows: int
    engine: str


@dataclass(frozen=True, slots=True)
class Table:
    """The columns that a model needs, all of one length.

    Parameters
    ----------
    columns
        By name.
    n_rows
        Rows of the caller's table.
    library
        Library in which results are given back; "pandas" for dictionaries and files.
    row_labels
        The caller's own row labels if the table has any (a pandas index), else ``None``.
    merged
        Of rows that stand for several equal ones of a source, else ``None``.
    """

    columns: Mapping[str, Column]
    n_rows: int
    library: Library
    row_labels: NDArray[Any] | None = None
    merged: Merged | None = None

    @property
    def n_given(self) -> int:
        """Rows of the caller's table or source."""
        return self.n_rows if self.merged is None else self.merged.n_rows

    def count(self, mask: NDArray[np.bool_]) -> int:
        """Return how many rows of the caller's table or source those of a mask ``(n_rows,)`` are."""
        return int(mask.sum() if self.merged is None else self.merged.counts[mask].sum())
