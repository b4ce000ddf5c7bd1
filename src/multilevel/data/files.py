"""Tables in files: CSV and Parquet, the needed columns only; a broken file is a `DataError`."""

from __future__ import annotations

import csv
import gzip
import importlib.util
import warnings
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from multilevel.data.names import find_names
from multilevel.errors import DataError

_ALLOWED = "the path of a CSV file (also .csv.gz) or a Parquet file"
_PARQUET_READERS = ("pyarrow", "polars", "duckdb")


def read_file(path: Path, names: Sequence[str]) -> Any:
    """Read the named columns of a CSV or Parquet file.

    Parameters
    ----------
    path
        File whose name ends in ``.parquet`` or whose first bytes say so; any other file is read as CSV
        with commas, in UTF-8, with or without a byte order mark.
    names
        Columns to read.

    Returns
    -------
    object
        A pandas, polars or pyarrow table with the columns, under the file's own spelling of their names.

    Raises
    ------
    DataError
        The file is absent, unreadable, empty, binary or malformed, or lacks a column.
    """
    try:
        with path.open("rb") as stream:
            head = stream.read(65536)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    if not head:
        raise DataError(f"the file {path.name!r} is empty", allowed=_ALLOWED)
    if head.startswith(b"PAR1") or path.suffix.lower() in (".parquet", ".pq"):
        return _read_parquet(path, names)
    return _read_csv(path, head, names)


def file_columns(path: Path) -> list[str]:
    """Return the names of the columns of a CSV or Parquet file; only its head is read where that is enough.

    Raises
    ------
    DataError
        As `read_file`.
    """
    try:
        with path.open("rb") as stream:
            head = stream.read(65536)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    if head.startswith(b"PAR1") or path.suffix.lower() in (".parquet", ".pq"):
        return _parquet_columns(path)
    try:
        return _header(path, head, zipped=head.startswith(b"\x1f\x8b"))[0]
    except (UnicodeDecodeError, OSError, EOFError, csv.Error, zlib.error, StopIteration) as error:
        raise DataError(f"the file {path.name!r} has no header that can be read", allowed=_ALLOWED) from error


def _unreadable(path: Path, error: Exception) -> DataError:
    """Return the error for a file that cannot be opened, with the reason in plain words."""
    allowed = _ALLOWED
    if isinstance(error, FileNotFoundError):
        asked = f"there is no file {str(path)!r}"
        allowed += "; a model also takes a folder of Parquet files, or a pattern such as 'ratings/*.parquet'"
    elif isinstance(error, IsADirectoryError):
        asked = f"{str(path)!r} is a folder, not a file"
    elif isinstance(error, PermissionError):
        asked = f"the file {str(path)!r} may not be read by this user"
    else:
        asked = f"the file {str(path)!r} cannot be read: {error}"
    return DataError(
        asked, allowed=allowed, remedy="check the path; bundled data come from `datasets.load(name)`"
    )


def _read_csv(path: Path, head: bytes, names: Sequence[str]) -> pd.DataFrame:
    """Read CSV text; the header is read first so that names are checked as they are written.

    All columns are parsed, because pandas notices lines with too many fields only then.
    """
    zipped = head.startswith(b"\x1f\x8b")
    try:
        header, n_lines = _header(path, head, zipped=zipped)
        found = find_names(names, header)
        positions = sorted({header.index(own) for own in found.values()})
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = _parsed(path, len(header), n_lines, zipped=zipped)
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise DataError(
            f"the file {path.name!r} is not text in UTF-8 (byte {error.start} is {byte:#04x})",
            allowed=_ALLOWED,
            remedy="save it as UTF-8",
        ) from error
    except DataError:
        raise
    except pd.errors.ParserWarning as error:
        raise DataError(
            f"the lines of the file {path.name!r} have more fields than its header, which has {len(header)}",
            allowed="the same number of fields in every line; texts with commas in quotes",
        ) from error
    except (OSError, EOFError, ValueError, csv.Error, zlib.error) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise DataError(
            f"the file {path.name!r} cannot be read as CSV: {reason}", allowed=_ALLOWED
        ) from error
    frame = frame[positions]
    frame.columns = pd.Index([header[position] for position in positions], dtype=object)
    return frame


def _parsed(path: Path, n_columns: int, n_lines: int, *, zipped: bool) -> pd.DataFrame:
    """Parse the lines after the header; columns are numbered."""
    return pd.read_csv(
        path,
        encoding="utf-8-sig",
        compression="gzip" if zipped else None,
        header=None,
        skiprows=n_lines,
        names=range(n_columns),
        index_col=False,
        low_memory=False,
        skip_blank_lines=True,
    )


def _header(path: Path, head: bytes, *, zipped: bool) -> tuple[list[str], int]:
    """Return the names in the first line of a CSV file that is not blank, and the lines up to it."""
    if zipped:
        with gzip.open(path, "rb") as stream:
            head = stream.read(65536)
    if b"\0" in head:
        raise DataError(f"the file {path.name!r} holds NUL bytes: it is binary, not CSV", allowed=_ALLOWED)
    text = head.decode("utf-8-sig", errors="ignore" if len(head) == 65536 else "strict")
    if not text.strip():
        raise DataError(f"the file {path.name!r} is empty", allowed=_ALLOWED)
    reader = csv.reader(text.splitlines(keepends=True))
    names = next(fields for fields in reader if any(field.strip() for field in fields))
    return names, reader.line_num


def _parquet_reader(path: Path) -> str:
    """Return which of pyarrow, polars and duckdb is installed, the first of them."""
    reader = next((name for name in _PARQUET_READERS if importlib.util.find_spec(name)), None)
    if reader is None:
        raise DataError(
            f"reading the Parquet file {path.name!r} needs another library",
            allowed=", ".join(_PARQUET_READERS),
            remedy='pip install "multilevel[files]"',
        )
    return reader


def _read_parquet(path: Path, names: Sequence[str]) -> Any:
    """Read the named columns of a Parquet file."""
    read = {"pyarrow": _parquet_by_pyarrow, "polars": _parquet_by_polars, "duckdb": _parquet_by_duckdb}
    return read[_parquet_reader(path)](path, names)


def _parquet_columns(path: Path) -> list[str]:
    """Return the names of the columns of a Parquet file: those of no row of it."""
    reader = _parquet_reader(path)
    if reader == "pyarrow":
        return _parquet_schema_by_pyarrow(path)
    return _parquet_schema_by_polars(path) if reader == "polars" else _parquet_schema_by_duckdb(path)


def _parquet_schema_by_pyarrow(path: Path) -> list[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            return list(file.schema_arrow.names)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from error


def _parquet_schema_by_polars(path: Path) -> list[str]:
    import polars as pl

    try:
        return list(pl.scan_parquet(path).collect_schema().names())
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _damaged(path, error) from error


def _parquet_schema_by_duckdb(path: Path) -> list[str]:
    import duckdb

    try:
        with duckdb.connect() as connection:
            return list(connection.read_parquet(str(path)).columns)
    except duckdb.Error as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> DataError:
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return DataError(f"the file {path.name!r} cannot be read as Parquet: {reason}", allowed=_ALLOWED)


def _parquet_by_pyarrow(path: Path, names: Sequence[str]) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            found = find_names(names, file.schema_arrow.names)
            table = file.read(columns=list(dict.fromkeys(found.values())))
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from error
    return table


def _parquet_by_polars(path: Path, names: Sequence[str]) -> Any:
    import polars as pl

    try:
        scan = pl.scan_parquet(path)
        found = find_names(names, scan.collect_schema().names())
        return scan.select(list(dict.fromkeys(found.values()))).collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _damaged(path, error) from error


def _parquet_by_duckdb(path: Path, names: Sequence[str]) -> Any:
    import duckdb

    try:
        with duckdb.connect() as connection:
            relation = connection.read_parquet(str(path))
            found = find_names(names, relation.columns)
            wanted = ", ".join('"' + own.replace('"', '""') + '"' for own in dict.fromkeys(found.values()))
            return relation.project(wanted or "1").df()
    except duckdb.Error as error:
        raise _damaged(path, error) from error
