"""Tests of tables in files, whole and broken."""

from __future__ import annotations

import gzip
import importlib.util
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from multilevel.data import read_table
from multilevel.data.files import read_file
from multilevel.errors import DataError

GOOD: dict[str, bytes] = {
    "plain": b"x,g\n1,a\n2,b\n",
    "byte order mark": b"\xef\xbb\xbfx,g\n1,a\n2,b\n",
    "windows lines": b"x,g\r\n1,a\r\n2,b\r\n",
    "no last newline": b"x,g\n1,a\n2,b",
    "blank lines": b"\n\nx,g\n1,a\n\n2,b\n\n",
    "quotes": b'"x","g"\n1,"a"\n2,"b"\n',
    "further columns": b'"q,r",x,t,g\n5,1,9,a\n6,2,8,b\n',
    "gzip": gzip.compress(b"x,g\n1,a\n2,b\n"),
}


@pytest.mark.parametrize("kind", GOOD)
def test_csv_files_are_read(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(GOOD[kind])
    table = read_table(path, ["x", "g"])
    assert table.columns["x"].values.tolist() == [1.0, 2.0]
    assert table.columns["g"].levels == ("a", "b")
    assert table.library == "pandas"


BROKEN: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is empty"),
    "blank": (b"\n \n", "is empty"),
    "header only": (b"x,g\n", "no rows"),
    "binary": (random.Random(1).randbytes(3000), "NUL bytes"),
    "NUL inside": (b"x,g\n1,a\0b\n", "NUL bytes"),
    "UTF-16": ("x,g\n1,\u00e4\n".encode("utf-16"), "NUL bytes"),
    "Latin-1": ("x,g\n1,\u00e4\n".encode("latin-1"), "not text in UTF-8"),
    "open quote": (b'x,g\n1,"a\n', "cannot be read as CSV"),
    "long first row": (b"x,g\n1,a,9\n", "more fields than its header"),
    "long second row": (b"x,g\n1,a\n2,b,9\n", "Expected 2 fields"),
    "semicolons": (b"x;g\n1;a\n", "separated by something other than commas"),
    "duplicate names": (b"x,x,g\n1,2,a\n", "2 columns named `x`"),
    "broken gzip": (b"\x1f\x8bgarbage", "cannot be read as CSV"),
    "broken Parquet": (b"PAR1 and garbage after it", "cannot be read as Parquet"),
    "formula header": (b"=cmd(),g\n1,a\n", "no column `x`"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_file_is_a_data_error(kind: str, tmp_path: Path) -> None:
    content, piece = BROKEN[kind]
    path = tmp_path / "rows.csv"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_table(path, ["x", "g"])
    assert piece in str(caught.value)


@pytest.mark.parametrize(
    ("name", "piece"),
    [
        ("absent.csv", "there is no file"),
        ("absent", "a folder of Parquet files"),
        (".", "is a folder"),
        ("a\0b", "null"),
    ],
)
def test_a_path_that_leads_to_no_file_is_a_data_error(name: str, piece: str, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read_table(str(tmp_path / name), ["x"])
    assert piece in str(caught.value)


READERS = ("pyarrow", "polars", "duckdb")


def _only(monkeypatch: pytest.MonkeyPatch, *installed: str) -> None:
    """Let only some of the Parquet readers seem to be installed."""
    real = importlib.util.find_spec

    def find(name: str, package: str | None = None) -> Any:
        return None if name in READERS and name not in installed else real(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", find)


@pytest.mark.parametrize("reader", READERS)
def test_parquet_is_read_by_whichever_library_is_installed(
    reader: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"x": [1.0, None], 'a "b"': ["u", "t"], "z": [[1], [2]]}), path)
    _only(monkeypatch, reader)
    table = read_table(path, ["x", 'a "b"'])
    assert table.columns["x"].values[0] == 1.0
    assert table.columns['a "b"'].levels == ("t", "u")
    assert table.library == "pandas"
    with pytest.raises(DataError, match="no column `nope`"):
        read_table(path, ["nope"])
    path.write_bytes(b"PAR1 garbage PAR1")
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        read_table(path, ["x"])


def test_without_a_parquet_reader_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"x": [1.0]}), path)
    _only(monkeypatch)
    with pytest.raises(DataError, match="pip install"):
        read_file(path, ["x"])
