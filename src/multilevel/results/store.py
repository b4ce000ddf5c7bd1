"""Saved fits: what is written to a file, and how it is read back; plain values and arrays, never code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from os import PathLike
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from multilevel.data.table import Column, Library, Table
from multilevel.engines.solution import Solution
from multilevel.errors import MultilevelError, StorageError
from multilevel.results.archive import Archive, damaged, read_archive, write_archive
from multilevel.results.fit import Fit
from multilevel.results.options import FitOptions
from multilevel.version import __version__

FORMAT = "multilevel fit"
VERSION = 1
TOLERANCE = 1e-6
"""Relative difference of the criterion, saved and evaluated again, that rounding can explain."""
GIVEN = ("precision_weights", "frequency_weights", "offset", "residual_sd")
"""Options that can be arrays; those are stored as columns of numbers."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Saved:
    """A fit as it lies in a file: enough to bind it again and evaluate it without optimising.

    Parameters
    ----------
    text
        Text of the model.
    options
        What the caller chose; weights and offset as they were given.
    table
        The columns that the model and the options use.
    response
        ``(n,)`` response of the used rows if it was replaced by `Fit.refit`, else ``None``.
    theta
        The optimiser's coordinates at the optimum.
    criterion
        The criterion there; `verify` compares it.
    library_version
        Version of the library that wrote the file.
    """

    text: str
    options: FitOptions
    table: Table
    response: Floats | None
    theta: Floats
    criterion: float
    library_version: str


def save(fit: Fit, path: str | Path) -> None:
    """Write a fit to a file: a zip of plain arrays and JSON with checksums, no pickle.

    Raises
    ------
    StorageError
        If the file cannot be written.
    """
    arrays: dict[str, NDArray[Any]] = {"theta": fit.solution.theta}
    if fit.response is not None:
        arrays["response"] = fit.response
    columns = []
    for i, column in enumerate(fit.table.columns.values()):
        arrays[f"columns/{i}"] = column.values
        levels = None if column.levels is None else list(column.levels)
        columns.append(
            {
                "name": column.name,
                "levels": levels,
                "boolean": column.boolean,
                "ordered": column.ordered,
                "whole": column.whole,
            }
        )
    labels = fit.table.row_labels
    header = {
        "format": FORMAT,
        "format_version": VERSION,
        "library_version": __version__,
        "text": fit.formula,
        "criterion": float(fit.solution.criterion).hex(),
        "options": _options_out(fit.options, arrays),
        "n_rows": fit.table.n_rows,
        "library": fit.table.library,
        "columns": columns,
        "row_labels": None if labels is None else [_label(label) for label in labels],
    }
    write_archive(_path(path), Archive(header, arrays))


def _path(path: object) -> Path:
    """Return a path, or raise `StorageError` if it is not one."""
    if not isinstance(path, str | PathLike):
        raise StorageError(f"{path!r} is not a path", allowed="a text or a pathlib.Path")
    return Path(path)


def _options_out(options: FitOptions, arrays: dict[str, NDArray[Any]]) -> dict[str, Any]:
    """Return the options as plain values; those that are arrays are added to ``arrays``."""
    found: dict[str, Any] = {}
    for field in fields(options):
        value = getattr(options, field.name)
        if field.name in GIVEN and value is not None and not isinstance(value, str):
            numbers = np.asarray(value, dtype=np.float64)
            value = float(numbers) if numbers.ndim == 0 else {"array": field.name}
            if numbers.ndim:
                arrays[f"options/{field.name}"] = numbers
        found[field.name] = value
    return found


def _label(label: object) -> str | int:
    """Return a row label as a whole number or a text."""
    return int(label) if isinstance(label, int | np.integer) else str(label)


def read(path: str | Path) -> Saved:
    """Read a saved fit.

    Raises
    ------
    StorageError
        If the file is absent, damaged, truncated, changed, of another version, or not a saved fit.
    """
    path = _path(path)
    archive = read_archive(path)
    header = archive.header
    if header.get("format") != FORMAT:
        raise damaged(path, f"its format is {header.get('format')!r}")
    if header.get("format_version") != VERSION:
        raise StorageError(
            f"`{path}` has format version {header.get('format_version')!r}, written by "
            f"multilevel {header.get('library_version')!r}",
            allowed=f"format version {VERSION}, which multilevel {__version__} reads",
            remedy="load it with the version that wrote it, or fit the model again",
        )
    try:
        return Saved(
            text=_text(header["text"]),
            options=_options_in(header["options"], archive),
            table=_table_in(header, archive),
            response=_numbers(archive, "response") if "response" in archive.arrays else None,
            theta=_numbers(archive, "theta"),
            criterion=float.fromhex(header["criterion"]),
            library_version=_text(header["library_version"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        reason = error.asked if isinstance(error, MultilevelError) else f"{type(error).__name__}: {error}"
        raise damaged(path, reason) from error


def _options_in(plain: Mapping[str, Any], archive: Archive) -> FitOptions:
    """Return the options from plain values and the arrays of an archive."""
    values = dict(plain)
    for name in GIVEN:
        if isinstance(values[name], dict):
            values[name] = _numbers(archive, f"options/{name}")
    return FitOptions(**values)


def _table_in(header: Mapping[str, Any], archive: Archive) -> Table:
    """Return the table of an archive, checked."""
    n_rows, library, labels = header["n_rows"], header["library"], header["row_labels"]
    if library not in get_args(Library):
        raise ValueError(f"the library {library!r} is not known")
    columns = {}
    for i, plain in enumerate(header["columns"]):
        column = _column_in(plain, archive.arrays[f"columns/{i}"])
        if column.values.shape != (n_rows,):
            raise ValueError(f"the column {column.name!r} has {column.values.shape} values for {n_rows} rows")
        columns[column.name] = column
    return Table(columns, n_rows, library, None if labels is None else np.array(labels, dtype=object))


def _column_in(plain: Mapping[str, Any], values: NDArray[Any]) -> Column:
    """Return one column, checked: numbers as float64, codes as int32 within the levels."""
    name, levels = _text(plain["name"]), plain["levels"]
    wanted = np.float64 if levels is None else np.int32
    if values.dtype != wanted or values.ndim != 1:
        raise ValueError(f"the column {name!r} holds {values.dtype}")
    if levels is not None and values.size and not -1 <= values.min() <= values.max() < len(levels):
        raise ValueError(f"the column {name!r} has codes outside its levels")
    texts = None if levels is None else tuple(_text(level) for level in levels)
    return Column(name, values, texts, *(bool(plain[flag]) for flag in ("boolean", "ordered", "whole")))


def _numbers(archive: Archive, name: str) -> Floats:
    """Return a one-dimensional float64 array of an archive."""
    values = archive.arrays[name]
    if values.dtype != np.float64 or values.ndim != 1:
        raise ValueError(f"{name} holds {values.ndim}-dimensional {values.dtype}")
    return values


def _text(value: object) -> str:
    """Return a value that must be a text."""
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a text")
    return value


def verify(saved: Saved, solution: Solution) -> None:
    """Check that a saved fit, bound and evaluated again, has the criterion that was saved.

    Raises
    ------
    StorageError
        If it has not: the file was written by code that reads the model or the data differently.
    """
    difference = abs(saved.criterion - solution.criterion)
    if not difference <= TOLERANCE * max(1.0, abs(saved.criterion)):
        raise StorageError(
            f"the saved fit of `{saved.text}` has criterion {saved.criterion!r}, but evaluates to "
            f"{solution.criterion!r} now (written by multilevel {saved.library_version})",
            allowed="the same criterion to rounding",
            remedy="fit the model again",
        )
