"""Columns of a source read batch by batch, for tables that are larger than memory."""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from multilevel.data.engine_errors import errors_of, reason
from multilevel.data.names import find_names
from multilevel.data.reading import read_table
from multilevel.data.sources import Source
from multilevel.data.table import Column, Table
from multilevel.errors import DataError

BATCH = 1 << 18
"""Rows read at once."""


@dataclass(slots=True)
class _Growing:
    """A column on its way: numbers, or codes into labels in the order of their first row."""

    values: NDArray[Any]
    labels: dict[str, int] | None
    like: Column
    filled: int = 0

    def add(self, column: Column) -> None:
        """Add the values of a batch."""
        if (column.levels is None) != (self.labels is None):
            raise DataError(
                f"the column `{column.name}` holds numbers in some of its batches and labels in others",
                allowed="numbers up to 2^53, or text",
                remedy="make the column text in the source",
            )
        values: NDArray[Any] = column.values
        if self.labels is not None and column.levels is not None:
            places = [self.labels.setdefault(label, len(self.labels)) for label in column.levels]
            numbered = np.append(np.array(places, dtype=np.int32), np.int32(-1))
            values = numbered[column.values.astype(np.int64)]
        self.values[self.filled : self.filled + values.size] = values
        self.filled += values.size

    def finished(self) -> Column:
        """Return the column, its labels sorted unless they are declared in an order."""
        if self.labels is None:
            return Column(self.like.name, self.values, boolean=self.like.boolean)
        labels = list(self.labels)
        order = labels if self.like.ordered else sorted(labels)
        if self.like.whole:
            order = sorted(labels, key=int)
        place = {label: at for at, label in enumerate(order)}
        numbered = np.append(np.array([place[label] for label in labels], dtype=np.int32), np.int32(-1))
        for first in range(0, self.values.size, BATCH):
            part = self.values[first : first + BATCH]
            part[:] = numbered[part]
        return Column(
            self.like.name, self.values, tuple(order), ordered=self.like.ordered, whole=self.like.whole
        )


def read_in_batches(source: Source, names: Sequence[str], folder: Path) -> Table:
    """Read the needed columns of a source, a batch of rows at a time.

    Parameters
    ----------
    source
        Parquet files, which are read as they lie; or a lazy frame, whose needed columns its engine writes to
        a Parquet file first.
    names
        Columns to read.
    folder
        For that file, which is removed again.

    Returns
    -------
    Table
        As `read_table` reads it. Where `kernels.arrays_in` is in force, its columns are in files.

    Raises
    ------
    DataError
        A name is unknown, the engine fails, pyarrow is not installed, or a column has two kinds.

    Examples
    --------
    >>> import tempfile
    >>> import polars as pl
    >>> from multilevel.data.sources import open_source
    >>> source = open_source(pl.LazyFrame({"y": [1, 0], "g": ["b", "a"]}))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     table = read_in_batches(source, ["y", "g"], Path(folder))
    >>> table.columns["g"].levels, table.columns["g"].values.tolist()
    (('a', 'b'), [1, 0])
    """
    if importlib.util.find_spec("pyarrow") is None:
        raise DataError("reading rows in batches needs pyarrow", remedy='pip install "multilevel[files]"')
    found = find_names(names, list(source.names))
    if source.kind == "parquet":
        return _read(source.files, found, source)
    with tempfile.TemporaryDirectory(dir=folder) as own:
        files = _written(source, found, Path(own))
        return _read(files, {name: name for name in found}, source)


def _written(source: Source, found: dict[str, str], folder: Path) -> tuple[Path, ...]:
    """Let the engine write the needed columns to Parquet: one file, or a folder of several."""
    path = folder / "rows.parquet"
    chosen = source.frame.select(*(nw.col(own).alias(name) for name, own in found.items()))
    try:
        declared = [
            name for name, kind in chosen.collect_schema().items() if kind in (nw.Categorical, nw.Enum)
        ]
        if declared:
            raise DataError(
                f"the column `{declared[0]}` has declared categories, whose order files would not keep",
                allowed="text, numbers and booleans, where rows do not fit in memory",
                remedy="cast it to text",
            )
        chosen.sink_parquet(path)
    except errors_of(str(source.frame.implementation)) as error:
        raise DataError(f"{source.engine} cannot write the rows: {reason(error)}") from error
    return tuple(sorted(path.glob("*.parquet"))) if path.is_dir() else (path,)


def _read(files: Sequence[Path], found: dict[str, str], source: Source) -> Table:
    """Read columns of Parquet files into arrays of the final size."""
    import pyarrow.parquet as pq

    n_rows = sum(pq.read_metadata(file).num_rows for file in files)
    growing: dict[str, _Growing] = {}
    for table in _batches(files, found):
        for name, column in table.columns.items():
            if name not in growing:
                texts = column.levels is not None
                values = np.empty(n_rows, dtype=np.int32 if texts else np.float64)
                growing[name] = _Growing(values, {} if texts else None, column)
            growing[name].add(column)
    if not growing:
        raise DataError("the table has no rows", remedy="check the file or the filter that made it")
    return Table({name: growing[name].finished() for name in found}, n_rows, source.library)


def _batches(files: Sequence[Path], found: dict[str, str]) -> Iterator[Table]:
    """Yield tables of some rows each."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    for path in files:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(BATCH, columns=list(dict.fromkeys(found.values()))):
                if batch.num_rows:
                    yield read_table(pa.Table.from_batches([batch]), list(found))
