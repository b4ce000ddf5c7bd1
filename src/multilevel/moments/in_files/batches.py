"""Parquet files in batches: their row groups in fixed lanes, what their metadata say, columns as arrays."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from multilevel.errors import DataError

BATCH = 1 << 16
"""Rows of a batch: its columns fit into the caches of a processor."""
BUFFER = 1 << 20
"""Bytes read from a file at once."""

Kind = Literal["whole", "unsigned", "number", "boolean", "text"]
"""What a column holds, where whole numbers are kept apart from others; unsigned ones are of 64 bits."""


@dataclass(frozen=True, slots=True)
class RowGroup:
    """A row group of a file, and its number of rows."""

    path: Path
    number: int
    rows: int


Lane = tuple[RowGroup, ...]


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What the metadata of several files say of their columns.

    Parameters
    ----------
    groups
        All row groups, in the order of the files.
    kinds
        By column, of those that were asked for.
    ordered
        Columns of texts whose dictionaries every file declares to be in order.
    nulls
        By column, where every row group says it.
    low, high
        By numeric column, where every row group says it.
    """

    groups: Lane
    kinds: dict[str, Kind]
    ordered: frozenset[str]
    nulls: dict[str, int]
    low: dict[str, float]
    high: dict[str, float]

    @property
    def n_rows(self) -> int:
        """Rows of all files."""
        return sum(group.rows for group in self.groups)


def read_metadata(files: Sequence[Path], names: Sequence[str]) -> FileFacts:
    """Read what the metadata of some files say of the named columns.

    Raises
    ------
    DataError
        A file cannot be read, or lacks a column.
    """
    groups: list[RowGroup] = []
    kinds: dict[str, Kind] = {}
    unordered: set[str] = set()
    nulls = {name: [0] for name in names}
    lows: dict[str, list[Any]] = {name: [] for name in names}
    highs: dict[str, list[Any]] = {name: [] for name in names}
    for path in files:
        with open_file(path) as file:
            for name in names:
                field = file.schema_arrow.field(name)
                kind = _kind(name, field.type)
                before = kinds.setdefault(name, kind)
                kinds[name] = kind if kind == before else "number"
                if not getattr(field.type, "ordered", False):
                    unordered.add(name)
            groups += _row_groups(path, file.metadata, nulls, lows, highs)
    said = {name: None not in lows[name] and bool(lows[name]) for name in names}
    numeric = [name for name in names if said[name] and kinds[name] in ("whole", "unsigned", "number")]
    return FileFacts(
        groups=tuple(groups),
        kinds=kinds,
        ordered=frozenset(names) - unordered,
        nulls={name: sum(counts) for name, counts in nulls.items() if None not in counts},
        low={name: min(lows[name]) for name in numeric},
        high={name: max(highs[name]) for name in numeric},
    )


def _row_groups(
    path: Path, metadata: Any, nulls: dict[str, Any], lows: dict[str, Any], highs: dict[str, Any]
) -> Iterator[RowGroup]:
    """Yield the row groups of one file that have rows, and note what they say of their columns."""
    at = {metadata.schema.column(c).path: c for c in range(metadata.num_columns)}
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        if not group.num_rows:
            continue
        for name in nulls:
            said = group.column(at[name]).statistics if name in at else None
            nulls[name].append(said.null_count if said is not None and said.has_null_count else None)
            if said is not None and said.has_null_count and said.null_count == group.num_rows:
                continue
            limits = (said.min, said.max) if said is not None and said.has_min_max else (None, None)
            lows[name].append(limits[0])
            highs[name].append(limits[1])
        yield RowGroup(path, number, int(group.num_rows))


def lanes_of(groups: Lane, most: int) -> list[Lane]:
    """Return the row groups in at most so many runs of about as many rows: by the files alone.

    Examples
    --------
    >>> groups = tuple(RowGroup(Path("a.parquet"), i, 10) for i in range(5))
    >>> [len(lane) for lane in lanes_of(groups, 2)]
    [2, 3]
    """
    total = sum(group.rows for group in groups)
    lanes: list[list[RowGroup]] = [[] for _ in range(most)]
    before = 0
    for group in groups:
        lanes[min(most - 1, (2 * before + group.rows) * most // max(1, 2 * total))].append(group)
        before += group.rows
    return [tuple(lane) for lane in lanes if lane]


def batches(
    lane: Lane, names: Sequence[str], texts: Sequence[str], *, rows: int = BATCH
) -> Generator[Any, None, None]:
    """Yield the rows of some row groups as Arrow record batches.

    Parameters
    ----------
    lane
        Row groups, those of one file one after another.
    names
        Columns.
    texts
        Those of them that hold texts, which come as dictionaries.
    rows
        Most rows of a batch.

    Raises
    ------
    DataError
        A file cannot be read.
    """
    import pyarrow as pa

    by_file: dict[Path, list[int]] = {}
    for group in lane:
        by_file.setdefault(group.path, []).append(group.number)
    for path, numbers in by_file.items():
        with open_file(path, dictionaries=list(texts)) as file:
            try:
                yield from file.iter_batches(
                    batch_size=rows, row_groups=numbers, columns=list(names), use_threads=False
                )
            except (pa.ArrowException, OSError) as error:
                raise _damaged(path, error) from error


def open_file(path: Path, *, dictionaries: Sequence[str] = ()) -> Any:
    """Open a Parquet file for reading in order, little of it in memory."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(
            path, buffer_size=BUFFER, pre_buffer=False, read_dictionary=list(dictionaries) or None
        )
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> DataError:
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return DataError(f"the file {path.name!r} cannot be read as Parquet: {reason}", allowed="Parquet files")


def _kind(name: str, arrow: Any) -> Kind:
    """Return the kind of an Arrow type."""
    import pyarrow as pa

    types = pa.types
    if types.is_boolean(arrow):
        return "boolean"
    if types.is_integer(arrow):
        return "unsigned" if types.is_uint64(arrow) else "whole"
    if types.is_floating(arrow) or types.is_decimal(arrow) or types.is_null(arrow):
        return "number"
    values = arrow.value_type if types.is_dictionary(arrow) else arrow
    if types.is_string(values) or types.is_large_string(values) or str(values) == "string_view":
        return "text"
    raise DataError(
        f"the column `{name}` holds values of type {arrow}, which a model cannot use",
        allowed="numbers, booleans, texts and categories",
        remedy="turn it into numbers or texts first",
    )


def numbers_of(column: Any) -> NDArray[Any]:
    """Return an Arrow column of numbers or booleans in its own type where nothing is missing, or float64.

    Nothing is copied where the type is one that the kernels take and no value is null; null becomes NaN.
    """
    import pyarrow as pa

    kind, types = column.type, pa.types
    if types.is_boolean(kind):
        column, kind = column.cast(pa.uint8()), pa.uint8()
    taken = types.is_integer(kind) and not types.is_uint64(kind)
    taken = taken or types.is_float64(kind) or types.is_float32(kind)
    if column.null_count == 0 and taken:
        return np.asarray(column.to_numpy(zero_copy_only=False))
    values = column.cast(pa.float64(), safe=False)
    return np.asarray(values.to_numpy(zero_copy_only=False))


def whole_numbers(column: Any) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
    """Return an Arrow column of whole numbers without loss, zero where null, and where it is null."""
    gaps = np.asarray(column.is_null().to_numpy(zero_copy_only=False)) if column.null_count else None
    filled = column if gaps is None else column.fill_null(0)
    return key_numbers(filled), gaps


def key_numbers(column: Any) -> NDArray[Any]:
    """Return an Arrow column of whole numbers or booleans, none of them null, as the kernel takes keys.

    Unsigned numbers of 32 bits become int64, those of 64 bits the int64 of the same bits.
    """
    import pyarrow as pa

    column = column.cast(pa.uint8()) if pa.types.is_boolean(column.type) else column
    values = np.asarray(column.to_numpy(zero_copy_only=False))
    if values.dtype == np.uint32:
        return values.astype(np.int64)
    return values.view(np.int64) if values.dtype == np.uint64 else values


def codes_of(column: Any) -> tuple[NDArray[np.int32], Any]:
    """Return the place of each text in a column's dictionary, -1 where null, and the dictionary."""
    import pyarrow as pa

    if not pa.types.is_dictionary(column.type):
        if str(column.type) == "string_view":
            column = column.cast(pa.large_string())
        column = column.dictionary_encode()
    elif column.dictionary.null_count:
        column = column.dictionary_decode().dictionary_encode()
    indices = column.indices
    if indices.null_count:
        indices = indices.cast(pa.int32()).fill_null(-1)
    codes = indices.to_numpy(zero_copy_only=False).astype(np.int32, copy=False)
    return codes, column.dictionary
