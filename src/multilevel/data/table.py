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
    """

    columns: Mapping[str, Column]
    n_rows: int
    library: Library
    row_labels: NDArray[Any] | None = None
