"""Metadata of Parquet files: rows and kinds of columns."""

from __future__ import annotations

import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from multilevel.data.parquet_head import ParquetHead, parquet_head
from multilevel.errors import DataError


def test_rows_and_kinds(tmp_path: Path) -> None:
    table = pa.table(
        {
            "d": pa.array(["a", "b"]).dictionary_encode(),
            "t": pa.array([0, 1], pa.timestamp("s")),
            "h": pa.array([1, 2], pa.float32()),
            "s": pa.array(["a", "b"], pa.large_string()),
            "m": pa.array([1, 2], pa.decimal128(5, 2)),
            "b": [True, None],
            "i": pa.array([1, 2], pa.uint8()),
            "l": [[1], [2]],
            "e": pa.array([b"a", b"b"]).dictionary_encode(),
        }
    )
    pq.write_table(table, tmp_path / "x.parquet")
    kinds = {"d": "text", "t": "other", "h": "number", "s": "text", "m": "number", "b": "boolean"}
    assert parquet_head(tmp_path / "x.parquet") == ParquetHead(
        2, {**kinds, "i": "number", "l": "other", "e": "other"}
    )


def test_faults_are_data_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match="there is no file"):
        parquet_head(tmp_path / "x.parquet")
    (tmp_path / "x.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(DataError, match=r"'x\.parquet' cannot be read as Parquet"):
        parquet_head(tmp_path / "x.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(DataError, match=r"needs pyarrow[\s\S]*multilevel\[files\]"):
        parquet_head(tmp_path / "x.parquet")
