"""Columns given back as a table of the caller's own library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from multilevel.data.table import Library
from multilevel.errors import OptionError


def to_library(columns: Mapping[str, Sequence[object] | NDArray[Any]], library: Library) -> Any:
    """Return columns of one length as a table.

    Parameters
    ----------
    columns
        Name to values, in the order in which they are to stand.
    library
        "pandas", "polars" or "pyarrow".

    Returns
    -------
    object
        A ``pandas.DataFrame``, ``polars.DataFrame`` or ``pyarrow.Table``.

    Raises
    ------
    OptionError
        The library is unknown or not installed.

    Examples
    --------
    >>> to_library({"term": ["days"], "estimate": [10.5]}, "pandas").shape
    (1, 2)
    """
    if library == "pandas":
        return pd.DataFrame({name: _nullable(values) for name, values in columns.items()})
    plain = {name: _plain(values) for name, values in columns.items()}
    try:
        if library == "polars":
            import polars as pl

            return pl.DataFrame(plain)
        if library == "pyarrow":
            import pyarrow as pa

            return pa.table(plain)
    except ImportError as error:
        raise OptionError(
            f"the library {library!r} is not installed", remedy=f"pip install {library}"
        ) from error
    raise OptionError(f"library={library!r}", allowed='"pandas", "polars" or "pyarrow"')


def with_column(data: object, name: str, values: NDArray[Any]) -> Any:
    """Return a table with a column of numbers added or replaced, all others as they are.

    Parameters
    ----------
    data
        A pandas, polars or pyarrow table, or another eager frame that Narwhals knows; or a mapping of names
        to arrays, which becomes a ``pandas.DataFrame``.
    name
        Name of the column.
    values
        One for each row.

    Raises
    ------
    OptionError
        It is none of these.

    Examples
    --------
    >>> with_column({"x": [1, 2]}, "y", np.array([0.5, 1.5])).shape
    (2, 2)
    """
    if isinstance(data, Mapping):
        return pd.DataFrame({**data, name: values})
    frame: Any = nw.from_native(data, eager_only=True, pass_through=True)
    if not isinstance(frame, nw.DataFrame):
        raise OptionError(
            f"a column cannot be added to {type(data).__module__}.{type(data).__qualname__}",
            allowed="tables in memory: pandas, polars, pyarrow, or a dictionary of arrays",
            remedy="read or collect the table first",
        )
    column = nw.new_series(name, values, backend=frame.implementation)
    index = nw.maybe_get_index(frame)
    if index is not None:
        column = nw.maybe_set_index(column, index=index)
    return frame.with_columns(column).to_native()


def _plain(values: Sequence[object] | NDArray[Any]) -> Any:
    """Return numbers as they are, and everything else as a list of Python objects."""
    if isinstance(values, np.ndarray):
        return values if values.dtype.kind in "biuf" else values.tolist()
    return list(values)


def _nullable(values: Sequence[object] | NDArray[Any]) -> Any:
    """Return numbers with blanks as a nullable pandas array, so that no blank becomes NaN."""
    if isinstance(values, np.ndarray) or None not in values:
        return values
    numbers = [value for value in values if value is not None]
    if not all(isinstance(value, int | float) for value in numbers):
        return values
    whole = bool(numbers) and all(isinstance(value, int) for value in numbers)
    return pd.array(list(values), dtype="Int64" if whole else "Float64")
