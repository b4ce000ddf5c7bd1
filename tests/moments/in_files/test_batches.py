"""Row groups in lanes, what metadata say, and columns of Arrow as arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from multilevel.errors import DataError
from multilevel.moments.in_files.batches import (
    RowGroup,
    batches,
    codes_of,
    lanes_of,
    numbers_of,
    read_metadata,
    whole_numbers,
)


@pytest.mark.parametrize("most", [1, 2, 3, 7, 100])
def test_lanes_hold_every_row_group_once_in_order(most: int) -> None:
    groups = tuple(RowGroup(Path("a"), i, 1 + (7 * i) % 5) for i in range(40))
    lanes = lanes_of(groups, most)
    assert sum(lanes, ()) == groups and len(lanes) <= most
    sizes = [sum(group.rows for group in lane) for lane in lanes]
    assert max(sizes) <= sum(sizes) / len(sizes) + 5


def test_metadata_of_several_files(tmp_path: Path) -> None:
    first = pa.table({"g": pa.array([3, None, 9], pa.int32()), "t": ["a", "b", "c"], "x": [1.0, 2.0, 3.0]})
    second = pa.table({"g": pa.array([-4, 5], pa.int64()), "t": ["a", None], "x": [7.5, 0.5]})
    for number, table in enumerate((first, second)):
        pq.write_table(table, tmp_path / f"{number}.parquet")
    found = read_metadata([tmp_path / "0.parquet", tmp_path / "1.parquet"], ["g", "t", "x"])
    assert found.n_rows == 5 and found.nulls == {"g": 1, "t": 1, "x": 0}
    assert found.kinds == {"g": "whole", "t": "text", "x": "number"}
    assert (found.low, found.high) == ({"g": -4, "x": 0.5}, {"g": 9, "x": 7.5})


def test_batches_come_in_the_order_of_the_files(tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": list(range(10))}), tmp_path / "a.parquet", row_group_size=4)
    groups = read_metadata([tmp_path / "a.parquet"], ["x"]).groups
    assert [group.rows for group in groups] == [4, 4, 2]
    found = [batch.column("x").to_pylist() for batch in batches(groups[1:], ["x"], [], rows=3)]
    assert [x for part in found for x in part] == [4, 5, 6, 7, 8, 9] and max(map(len, found)) <= 3


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(DataError, match=r"'a\.parquet' cannot be read as Parquet"):
        read_metadata([tmp_path / "a.parquet"], ["x"])


def test_columns_become_arrays() -> None:
    assert numbers_of(pa.array([1, 2], pa.int16())).dtype == np.int16
    assert numbers_of(pa.array([True, False])).tolist() == [1, 0]
    with_gap = numbers_of(pa.array([1, None], pa.int64()))
    assert with_gap.dtype == np.float64 and np.isnan(with_gap[1])
    values, gaps = whole_numbers(pa.array([2**60 + 1, None], pa.int64()))
    assert values[0] == 2**60 + 1 and gaps is not None and gaps.tolist() == [False, True]
    for texts in (
        pa.array(["b", None, "a", "b"]),
        pa.array(["b", None, "a", "b"], pa.dictionary(pa.int8(), pa.string())),
        pa.DictionaryArray.from_arrays([0, 1, 2, 0], ["b", None, "a"]),
        pa.array(["b", None, "a", "b"], pa.string_view()),
    ):
        codes, dictionary = codes_of(texts)
        labels = dictionary.to_pylist()
        assert [labels[code] if code >= 0 else None for code in codes] == ["b", None, "a", "b"]


def test_dates_are_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": pa.array([1], pa.date32())}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match="holds values of type date32"):
        read_metadata([tmp_path / "a.parquet"], ["x"])
