"""What a Parquet file says of itself: its rows, and the names and kinds of its columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from multilevel.errors import DataError

Kind = Literal["number", "text", "boolean", "other"]
"""What a column holds, as far as a model is concerned."""


@dataclass(frozen=True, slots=True)
class ParquetHead:
    """The metadata of one file: number of rows, and kind of each column by its name."""

    n_rows: int
    kinds: Mapping[str, Kind]


def parquet_head(path: Path) -> ParquetHead:
    """Read the metadata of a Parquet file, none of its rows.

    Raises
    ------
    DataError
        There is no such file, it is no Parquet file or damaged, or pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ModuleNotFoundError as error:
        raise DataError(
            f"summing the Parquet file {path.name!r} without reading it whole needs pyarrow",
            remedy='pip install "multilevel[files]"',
        ) from error
    if not path.is_file():
        raise DataError(f"there is no file {str(path)!r}", remedy="check the path")
    try:
        with pq.ParquetFile(path) as file:
            kinds = {field.name: _kind(field.type) for field in file.schema_arrow}
            return ParquetHead(int(file.metadata.num_rows), kinds)
    except (pa.ArrowException, OSError) as error:
        text = str(error).strip() or type(error).__name__
        raise DataError(
            f"the file {path.name!r} cannot be read as Parquet: {text.splitlines()[0]}",
            allowed="Parquet files",
        ) from error


def bytes_of(files: Sequence[Path], names: Sequence[str]) -> int:
    """Return the bytes that some columns of Parquet files take on the disk, as their metadata say."""
    import pyarrow.parquet as pq

    total = 0
    for path in files:
        with pq.ParquetFile(path) as file:
            metadata = file.metadata
            for group in range(metadata.num_row_groups):
                row_group = metadata.row_group(group)
                chunks = [row_group.column(at) for at in range(metadata.num_columns)]
                total += sum(one.total_compressed_size for one in chunks if one.path_in_schema in names)
    return total


def _kind(arrow: Any) -> Kind:
    """Return the kind of a column of an Arrow type; labels may be dictionaries of texts."""
    import pyarrow as pa

    types = pa.types
    if types.is_dictionary(arrow):
        arrow = arrow.value_type
        return "text" if types.is_string(arrow) or types.is_large_string(arrow) else "other"
    if types.is_integer(arrow) or types.is_floating(arrow) or types.is_decimal(arrow):
        return "number"
    if types.is_boolean(arrow):
        return "boolean"
    text = types.is_string(arrow) or types.is_large_string(arrow) or str(arrow) == "string_view"
    return "text" if text else "other"
