"""Any table that a caller may hold, read into a `Table`: the columns that a model needs and no more."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from narwhals.exceptions import NarwhalsError
from numpy.typing import NDArray

from multilevel.data.columns import from_array, from_arrow, from_pandas, from_polars
from multilevel.data.files import file_columns, read_file
from multilevel.data.names import find_names
from multilevel.data.sources import is_source, open_source
from multilevel.data.table import Column, Library, Table
from multilevel.errors import DataError

Take = Callable[[str, str], Column]
"""Reads one column: the name that the model uses, the table's own spelling."""


def read_table(data: object, names: Sequence[str]) -> Table:
    """Read the named columns of a table.

    Parameters
    ----------
    data
        A pandas, polars or pyarrow table; a polars LazyFrame or any other frame that Narwhals knows (only
        the named columns are collected); a mapping of names to arrays or lists; or the path of a CSV or
        Parquet file.
    names
        Names of the columns to read. They are looked up in the table only, never among the caller's
        variables.

    Returns
    -------
    Table
        Columns keyed by the names asked for. A contiguous float64 column is not copied.

    Raises
    ------
    DataError
        The table cannot be read; a name is unknown, occurs twice or is ambiguous; or a column is neither
        numbers nor labels.

    Examples
    --------
    >>> table = read_table({"x": [1, 2], "g": ["b", "a"]}, ["x", "g"])
    >>> table.columns["g"].levels, table.columns["g"].values.tolist()
    (('a', 'b'), [1, 0])
    """
    if isinstance(data, (str, Path)):
        return replace(_read_native(read_file(Path(data), names), names), library="pandas")
    return _read_native(data, names)


def column_names(data: object) -> tuple[str, ...]:
    """Return the names of a table's columns, without reading the columns.

    Parameters
    ----------
    data
        As for `read_table`.

    Raises
    ------
    DataError
        The table cannot be read.

    Examples
    --------
    >>> column_names({"x": [1, 2], "g": ["b", "a"]})
    ('x', 'g')
    """
    if is_source(data):
        return open_source(data).names
    if isinstance(data, (str, Path)):
        return tuple(file_columns(Path(data)))
    if isinstance(data, Mapping):
        return tuple(name for name in data if isinstance(name, str))
    return tuple(name for name in _frame(data).collect_schema().names() if isinstance(name, str))


def _read_native(data: object, names: Sequence[str]) -> Table:
    """Read a table held in memory by the route of its library."""
    if isinstance(data, pd.DataFrame):
        return _read_pandas(data, names)
    if isinstance(data, Mapping):
        return _read_mapping(data, names)
    home = type(data).__module__.partition(".")[0]
    if home == "polars" and type(data).__name__ == "DataFrame":
        return _read_polars(data, names)
    if home == "pyarrow" and type(data).__name__ == "Table":
        return _read_arrow(data, names)
    return _read_narwhals(data, names)


def _assemble(
    names: Sequence[str], present: Sequence[object], take: Take, n_rows: int, library: Library
) -> Table:
    """Find the names, read each column once, and build the table."""
    found = find_names(names, present)
    if n_rows == 0:
        raise DataError("the table has no rows", remedy="check the file or the filter that made it")
    return Table({name: take(name, own) for name, own in found.items()}, n_rows, library)


def _read_pandas(data: pd.DataFrame, names: Sequence[str]) -> Table:
    inside = [name for name in names if name in data.index.names and name not in data.columns]
    if inside:
        raise DataError(
            f"`{inside[0]}` is in the index of the table, not among its columns",
            remedy="make it a column with data.reset_index()",
        )
    table = _assemble(
        names, list(data.columns), lambda name, own: from_pandas(name, data[own]), len(data), "pandas"
    )
    index = data.index
    if isinstance(index, pd.RangeIndex) and index.start == 0 and index.step == 1:
        return table
    return Table(table.columns, table.n_rows, "pandas", index.to_numpy())


def _read_polars(data: Any, names: Sequence[str]) -> Table:
    return _assemble(
        names,
        data.columns,
        lambda name, own: from_polars(name, data.get_column(own)),
        int(data.height),
        "polars",
    )


def _read_arrow(data: Any, names: Sequence[str]) -> Table:
    return _assemble(
        names,
        data.column_names,
        lambda name, own: from_arrow(name, data.column(own)),
        int(data.num_rows),
        "pyarrow",
    )


def _read_mapping(data: Mapping[Any, Any], names: Sequence[str]) -> Table:
    """Read a mapping of names to arrays; all must have one length."""
    found = find_names(names, list(data))
    if not data:
        raise DataError("the table has no columns")
    if not names:  # a model without predictors needs only the number of rows
        first = next(iter(data))
        return Table({}, len(_from_any(str(first), data[first]).values), "pandas")
    columns = {name: _from_any(name, data[own]) for name, own in found.items()}
    lengths = {name: len(column.values) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"`{name}` {length}" for name, length in lengths.items())
        raise DataError(f"the columns differ in length: {listed}", allowed="columns of one length")
    n_rows = next(iter(lengths.values()))
    if n_rows == 0:
        raise DataError("the table has no rows", remedy="check the file or the filter that made it")
    return Table(columns, n_rows, "pandas")


def _from_any(name: str, values: Any) -> Column:
    """Return a column from an array, a list, or a column of any library."""
    if isinstance(values, np.ndarray):
        return from_array(name, _unmasked(values))
    if isinstance(values, pd.Series):
        return from_pandas(name, values)
    if isinstance(values, (pd.Categorical, pd.api.extensions.ExtensionArray, pd.Index)):
        return from_pandas(name, pd.Series(values))
    home = type(values).__module__.partition(".")[0]
    if home == "polars" and type(values).__name__ == "Series":
        return from_polars(name, values)
    if home == "pyarrow" and hasattr(values, "null_count"):
        return from_arrow(name, values)
    if isinstance(values, (str, bytes)) or not hasattr(values, "__len__"):
        raise DataError(
            f"the column `{name}` is a single value ({values!r:.40}), not a column",
            allowed="an array or list with one value for each row",
        )
    return from_array(name, _listed(name, values))


def _unmasked(values: NDArray[Any]) -> NDArray[Any]:
    """Return a masked array as floats with NaN where masked; others as they are."""
    if isinstance(values, np.ma.MaskedArray):
        return np.where(np.ma.getmaskarray(values), np.nan, np.ma.getdata(values).astype(np.float64))
    return values


def _listed(name: str, values: Any) -> NDArray[Any]:
    """Return a list as an array that keeps the values' own types: no number becomes a text."""
    items = list(values)
    if any(isinstance(item, (list, tuple, np.ndarray, dict, set)) for item in items):
        raise DataError(
            f"the column `{name}` holds a list in each row",
            allowed="one number or label in each row",
            remedy="give each of its values a column of its own",
        )
    if all(type(item) is float for item in items):
        return np.array(items, dtype=np.float64)
    out = np.empty(len(items), dtype=object)
    out[:] = items
    return out


def _read_narwhals(data: object, names: Sequence[str]) -> Table:
    """Read a lazy frame or a frame of a further library through Narwhals, the needed columns only."""
    frame = _frame(data)
    try:
        present = frame.collect_schema().names()
        chosen = frame.select(*dict.fromkeys(find_names(names, present).values()))
        eager = chosen.collect() if isinstance(chosen, nw.LazyFrame) else chosen
    except _errors_of(data) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise DataError(f"the {type(data).__name__} cannot be collected: {reason}") from error
    native: Any = eager.to_native()
    home = type(native).__module__.partition(".")[0]
    return _read_native(native if home in ("polars", "pyarrow", "pandas") else eager.to_pandas(), names)


def _frame(data: object) -> Any:
    """Return a table of any library as a frame of Narwhals."""
    frame: Any = nw.from_native(data, pass_through=True)
    if not isinstance(frame, (nw.DataFrame, nw.LazyFrame)):
        raise DataError(
            f"the data are of type {type(data).__module__}.{type(data).__qualname__}, which is no table",
            allowed="a pandas, polars or pyarrow table, a lazy frame or relation, a mapping of names to"
            " arrays, or the path of a file",
        )
    return frame


def _errors_of(data: object) -> tuple[type[Exception], ...]:
    """Return the errors that the library of a lazy frame raises when it is collected."""
    home = type(data).__module__.partition(".")[0]
    if home == "polars":
        import polars as pl

        return (OSError, NarwhalsError, pl.exceptions.PolarsError)
    if home in ("duckdb", "_duckdb"):
        import duckdb

        return (OSError, NarwhalsError, duckdb.Error)
    return (OSError, NarwhalsError)
