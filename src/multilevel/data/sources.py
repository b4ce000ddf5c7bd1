"""Sources: tables whose rows stay where they are, in Parquet files, a database, a cluster or a lazy frame."""

from __future__ import annotations

import glob
import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import narwhals as nw
import pandas as pd

from multilevel.data.engine_errors import errors_of, reason
from multilevel.data.memory import memory_limit
from multilevel.data.names import find_names
from multilevel.data.parquet_head import Kind, parquet_head
from multilevel.data.table import Library
from multilevel.errors import DataError

SHARE = 0.25
"""A single Parquet file whose needed columns take more than this share of the memory is not read whole."""

_ENGINES = {"duckdb": "DuckDB", "polars": "polars", "pyspark": "PySpark", "pyspark[connect]": "PySpark"}
_ENGINES |= {"dask": "Dask", "sqlframe": "SQLFrame", "ibis": "Ibis"}
_ALLOWED = "a folder of Parquet files, a pattern such as 'ratings/*.parquet', or a list of files"


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """A table that is asked for sums and never read whole.

    Parameters
    ----------
    kind
        "parquet": files; "frame": a lazy frame that an engine executes.
    engine
        In words: "Parquet", "DuckDB", "polars", "PySpark", "Dask", ...
    schema
        Kind of each column, by its name there.
    library
        In which tables are given back.
    files
        Of the kind "parquet", in a fixed order.
    frame
        Of the kind "frame": a LazyFrame of Narwhals.
    n_rows
        If known without a scan.
    bytes
        Size of the files, or ``None``.
    """

    kind: Literal["parquet", "frame"]
    engine: str
    schema: Mapping[str, Kind]
    library: Library
    files: tuple[Path, ...] = ()
    frame: Any = None
    n_rows: int | None = None
    bytes: int | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(self.schema)


def is_source(data: object, needed: Sequence[str] | None = None) -> bool:
    """Return whether data are summed where they are, instead of read.

    Parameters
    ----------
    data
        What the user gave: any table, path, list of paths, relation or frame.
    needed
        The columns that a model needs, which decide whether a single Parquet file is small enough to be
        read; by default all of them.

    Examples
    --------
    >>> is_source({"x": [1.0]}), is_source(["day1.parquet", "day2.parquet"]), is_source("ratings/*.parquet")
    (False, True, True)
    """
    if isinstance(data, (pd.DataFrame, Mapping)):
        return False
    if isinstance(data, (str, Path)):
        return _is_pattern(str(data)) or Path(data).is_dir() or _is_large_parquet(Path(data), needed)
    if isinstance(data, (list, tuple)):
        return bool(data) and all(isinstance(path, (str, Path)) for path in data)
    return isinstance(data, Source | nw.LazyFrame) or isinstance(
        nw.from_native(data, pass_through=True), nw.LazyFrame
    )


def open_source(data: object) -> Source:
    """Open a source: find its files or its engine, and the names and kinds of its columns.

    Parameters
    ----------
    data
        A folder of Parquet files (searched with its subfolders), a pattern, a list of paths, one path; a
        DuckDB relation, polars LazyFrame, PySpark or Dask DataFrame, or any frame that Narwhals calls lazy.

    Raises
    ------
    DataError
        There is no such file or table, files are damaged or have different columns, or the engine fails.

    Examples
    --------
    >>> import polars as pl
    >>> source = open_source(pl.LazyFrame({"y": [1.0], "g": ["a"]}))
    >>> source.kind, source.engine, dict(source.schema)
    ('frame', 'polars', {'y': 'number', 'g': 'text'})
    """
    if isinstance(data, Source):
        return data
    if isinstance(data, (str, Path)):
        return _of_files(_files_of(data))
    if isinstance(data, (list, tuple)):
        return _of_files([file for path in data for file in _files_of(path)])
    return _of_frame(data)


def with_engine(source: Source) -> Source:
    """Return a source of files as one whose sums DuckDB computes; others as they are.

    Raises
    ------
    DataError
        DuckDB is not installed, or cannot read the files.
    """
    if source.kind == "frame":
        return source
    try:
        import duckdb
    except ModuleNotFoundError as error:
        raise DataError(
            "computing inside DuckDB needs duckdb", remedy='pip install "multilevel[duckdb]"'
        ) from error
    try:
        relation = duckdb.connect().read_parquet([str(file) for file in source.files])
    except duckdb.Error as error:
        raise DataError(f"DuckDB cannot read the Parquet files: {reason(error)}") from error
    return _of_frame(relation)


def memory_bytes() -> int:
    """Return the memory that this process may use; see `multilevel.data.memory`."""
    return memory_limit()


def _is_pattern(path: str) -> bool:
    """Whether a path is a pattern of files."""
    return glob.has_magic(path) and not Path(path).exists()


def _is_large_parquet(path: Path, needed: Sequence[str] | None) -> bool:
    """Whether a path is a Parquet file whose columns, as numbers, are too large to be read."""
    if path.suffix.lower() not in (".parquet", ".pq") or not path.is_file():
        return False
    if path.stat().st_size < 1 << 20 or importlib.util.find_spec("pyarrow") is None:
        return False
    head = parquet_head(path)
    columns = len(head.kinds) if needed is None else len(find_names(needed, list(head.kinds)))
    return 8 * head.n_rows * columns > SHARE * memory_bytes()


def _files_of(data: object) -> list[Path]:
    """Return the files that a path, a folder or a pattern stands for, sorted."""
    if not isinstance(data, (str, Path)):
        raise DataError(f"{data!r:.60} is no path", allowed=_ALLOWED)
    path = Path(data)
    if path.is_dir():
        found = sorted(file for end in ("parquet", "pq") for file in path.rglob(f"*.{end}"))
        found = [file for file in found if not _is_hidden(file.relative_to(path))]
        _refuse_partitions(path, found)
    elif _is_pattern(str(path)):
        found = [Path(file) for file in sorted(glob.glob(str(path), recursive=True))]
    else:
        found = [path]
    if not found:
        what = "has no Parquet files" if path.is_dir() else "matches no file"
        raise DataError(f"{str(path)!r} {what}", allowed=_ALLOWED, remedy="check the path")
    return found


def _is_hidden(file: Path) -> bool:
    """Whether a file inside a folder is left over from its making: a part of its path starts with . or _."""
    return any(part.startswith((".", "_")) for part in file.parts)


def _refuse_partitions(folder: Path, files: Sequence[Path]) -> None:
    """Refuse folders such as ``year=2024``, whose names are a column that no file has."""
    named = [part for file in files for part in file.relative_to(folder).parts[:-1] if "=" in part]
    if named:
        raise DataError(
            f"the folder {str(folder)!r} is partitioned (by {named[0]!r}): a column is in the names of its "
            "folders",
            allowed="files that have all columns",
            remedy="give duckdb.read_parquet('folder/**/*.parquet', hive_partitioning=True)",
        )


def _of_files(files: Sequence[Path]) -> Source:
    """Open Parquet files that have the same columns."""
    heads = [parquet_head(file) for file in files]
    kinds: dict[str, Kind] = {}
    for name, kind in heads[0].kinds.items():
        if all(name in head.kinds for head in heads):
            kinds[name] = kind
            for file, head in zip(files, heads, strict=True):
                if head.kinds[name] != kind:
                    raise DataError(
                        f"the column `{name}` is {kind} in the file {files[0].name!r} and {head.kinds[name]} "
                        f"in {file.name!r}",
                        allowed="files whose columns have one type",
                    )
    return Source(
        "parquet",
        "Parquet",
        kinds,
        "pandas",
        files=tuple(files),
        n_rows=sum(head.n_rows for head in heads),
        bytes=sum(file.stat().st_size for file in files),
    )


def _of_frame(data: object) -> Source:
    """Open a lazy frame of any library."""
    frame = nw.from_native(data, pass_through=True)
    if not isinstance(frame, nw.LazyFrame):
        raise DataError(
            f"the data are of type {type(data).__module__}.{type(data).__qualname__}, which is no source",
            allowed=f"{_ALLOWED}; a DuckDB relation, a polars LazyFrame, a PySpark or Dask DataFrame",
        )
    home = str(frame.implementation)
    engine = _ENGINES.get(home, home)
    try:
        schema = frame.collect_schema()
    except errors_of(home) as error:
        raise DataError(f"{engine} cannot read the table: {reason(error)}") from error
    kinds = {name: _kind(dtype) for name, dtype in schema.items()}
    return Source("frame", engine, kinds, "polars" if home == "polars" else "pandas", frame=frame)


def _kind(dtype: Any) -> Kind:
    """Return the kind of a column from its type in Narwhals."""
    if dtype.is_numeric():
        return "number"
    if dtype == nw.Boolean:
        return "boolean"
    return "text" if dtype in (nw.String, nw.Categorical, nw.Enum) else "other"
