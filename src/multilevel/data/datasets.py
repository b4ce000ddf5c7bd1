"""Bundled data sets: small classics of the field, each with its source."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import as_file, files
from typing import Any

import pandas as pd

from multilevel.data.catalogue import CATALOGUE, DataSet
from multilevel.data.give_back import to_library
from multilevel.data.names import nearest_names
from multilevel.data.table import Library
from multilevel.errors import DataError


@dataclass(frozen=True, slots=True)
class Description:
    """What a bundled data set holds.

    Parameters
    ----------
    name
        Its name for `load`.
    title
        One line.
    n_rows
        Rows.
    columns
        Column names.
    labels
        Those of them that are labels (text), not numbers.
    source
        Citation.
    """

    name: str
    title: str
    n_rows: int
    columns: tuple[str, ...]
    labels: tuple[str, ...]
    source: str

    def __str__(self) -> str:
        columns = ", ".join(name + (" (label)" if name in self.labels else "") for name in self.columns)
        return f"{self.name}: {self.title}\n{self.n_rows} rows: {columns}\nSource: {self.source}"


def names() -> tuple[str, ...]:
    """Return the names of the bundled data sets.

    Examples
    --------
    >>> "sleepstudy" in names()
    True
    """
    return tuple(sorted(CATALOGUE))


def load(name: str, library: Library = "pandas") -> Any:
    """Return a bundled data set as a table.

    Parameters
    ----------
    name
        One of `names`; upper and lower case are the same.
    library
        "pandas", "polars" or "pyarrow".

    Returns
    -------
    object
        A table of that library. Ids and other labels are text, even where they look like numbers.

    Raises
    ------
    DataError
        There is no such data set.
    OptionError
        The library is unknown or not installed.

    Examples
    --------
    >>> load("sleepstudy").columns.tolist()
    ['reaction', 'days', 'subject']
    """
    frame = _read(_entry(name))
    if library == "pandas":
        return frame
    return to_library({column: frame[column].to_numpy() for column in frame.columns}, library)


def describe(name: str) -> Description:
    """Return what a bundled data set holds and where it comes from.

    Raises
    ------
    DataError
        There is no such data set.

    Examples
    --------
    >>> describe("dyestuff").n_rows
    30
    """
    entry = _entry(name)
    frame = _read(entry)
    columns = tuple(str(column) for column in frame.columns)
    return Description(entry.name, entry.title, len(frame), columns, entry.labels, entry.source)


def _entry(name: str) -> DataSet:
    """Find a data set by its name, in any case."""
    found = CATALOGUE.get(str(name).lower())
    if found is None:
        near = ", ".join(f'"{other}"' for other in nearest_names(str(name), CATALOGUE))
        raise DataError(
            f"there is no bundled data set {name!r}",
            allowed=", ".join(names()),
            remedy=f"did you mean {near}?" if near else "",
        )
    return found


def _read(entry: DataSet) -> pd.DataFrame:
    """Read a data set's file; labels stay text."""
    with as_file(files("multilevel.data").joinpath("bundled", entry.file)) as path:
        return pd.read_csv(path, dtype=dict.fromkeys(entry.labels, str), keep_default_na=False)
