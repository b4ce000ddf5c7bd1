"""Parts that saved fits and saved posteriors share: the format, the options and the table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from multilevel.data.table import Column, Library, Merged, Table
from multilevel.errors import StorageError
from multilevel.results.archive import Archive, Kind, damaged
from multilevel.results.moments import MomentOptions
from multilevel.results.options import FitOptions
from multilevel.results.posterior_options import SampleOptions
from multilevel.version import __version__

GIVEN = ("precision_weights", "frequency_weights", "offset", "residual_sd")
"""Options that can be arrays; those are stored as columns of numbers."""

Floats = NDArray[np.float64]


def check_format(path: Path, header: Mapping[str, Any], name: str, version: int, kind: Kind = "fit") -> None:
    """Raise `StorageError` unless a header is of the named format and of the version that is read here."""
    if header.get("format") != name:
        raise damaged(path, f"its format is {header.get('format')!r}", kind)
    if header.get("format_version") != version:
        again = {"posterior": "sample", "moments": "sum the rows"}.get(kind, "fit the model")
        raise StorageError(
            f"`{path}` has format version {header.get('format_version')!r}, written by "
            f"multilevel {header.get('library_version')!r}",
            allowed=f"format version {version}, which multilevel {__version__} reads",
            remedy=f"load it with the version that wrote it, or {again} again",
        )


def options_out(
    options: FitOptions | SampleOptions | MomentOptions, arrays: dict[str, NDArray[Any]]
) -> dict[str, Any]:
    """Return the options as plain values; those that are arrays are added to ``arrays``."""
    found: dict[str, Any] = {}
    for field in fields(options):
        value = getattr(options, field.name)
        if field.name in GIVEN and value is not None and not isinstance(value, str):
            given = np.asarray(value, dtype=np.float64)
            value = float(given) if given.ndim == 0 else {"array": field.name}
            if given.ndim:
                arrays[f"options/{field.name}"] = given
        found[field.name] = value
    return found


def table_out(table: Table, arrays: dict[str, NDArray[Any]]) -> dict[str, Any]:
    """Return a table as plain values; its columns are added to ``arrays``."""
    columns = []
    for i, column in enumerate(table.columns.values()):
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
    labels = table.row_labels
    return {
        "n_rows": table.n_rows,
        "library": table.library,
        "columns": columns,
        "row_labels": None if labels is None else [_label(label) for label in labels],
        **_merged_out(table, arrays),
    }


def _merged_out(table: Table, arrays: dict[str, NDArray[Any]]) -> dict[str, Any]:
    """Return what rows of a table stand for as plain values; nothing if they stand for themselves."""
    merged = table.merged
    if merged is None:
        return {}
    arrays["merged/counts"] = merged.counts
    return {"merged": {"column": merged.column, "n_rows": merged.n_rows, "engine": merged.engine}}


def _label(label: object) -> str | int:
    """Return a row label as a whole number or a text."""
    return int(label) if isinstance(label, int | np.integer) else str(label)


def options_in(plain: Mapping[str, Any], archive: Archive) -> dict[str, Any]:
    """Return the keywords of the options from plain values and the arrays of an archive."""
    values = dict(plain)
    for name in GIVEN:
        if isinstance(values[name], dict):
            values[name] = numbers(archive, f"options/{name}")
    return values


def table_in(header: Mapping[str, Any], archive: Archive) -> Table:
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
    labelled = None if labels is None else np.array(labels, dtype=object)
    return Table(columns, n_rows, library, labelled, _merged_in(header, archive))


def _merged_in(header: Mapping[str, Any], archive: Archive) -> Merged | None:
    """Return what rows of a saved table stand for, checked."""
    plain = header.get("merged")
    if plain is None:
        return None
    counts = archive.arrays["merged/counts"]
    if counts.dtype != np.int64 or counts.shape != (header["n_rows"],) or counts.min(initial=1) < 1:
        raise ValueError("the counts of merged rows are damaged")
    return Merged(counts, as_text(plain["column"]), int(plain["n_rows"]), as_text(plain["engine"]))


def _column_in(plain: Mapping[str, Any], values: NDArray[Any]) -> Column:
    """Return one column, checked: numbers as float64, codes as int32 within the levels."""
    name, levels = as_text(plain["name"]), plain["levels"]
    wanted = np.float64 if levels is None else np.int32
    if values.dtype != wanted or values.ndim != 1:
        raise ValueError(f"the column {name!r} holds {values.dtype}")
    if levels is not None and values.size and not -1 <= values.min() <= values.max() < len(levels):
        raise ValueError(f"the column {name!r} has codes outside its levels")
    texts = None if levels is None else tuple(as_text(level) for level in levels)
    return Column(name, values, texts, *(bool(plain[flag]) for flag in ("boolean", "ordered", "whole")))


def numbers(archive: Archive, name: str, *, ndim: int = 1) -> Floats:
    """Return a float64 array of an archive with so many axes."""
    values = archive.arrays[name]
    if values.dtype != np.float64 or values.ndim != ndim:
        raise ValueError(f"{name} holds {values.ndim}-dimensional {values.dtype}")
    return values


def as_text(value: object) -> str:
    """Return a value that must be a text."""
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a text")
    return value
