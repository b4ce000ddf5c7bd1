"""Archives come back as they were written, or not at all."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from multilevel.errors import StorageError
from multilevel.results.archive import Archive, read_archive, write_archive

CONTENTS = Archive({"name": "grüße", "n": 3}, {"a/0": np.arange(4.0), "b": np.arange(3, dtype=np.int32)})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_archive(tmp_path / "saved", CONTENTS)
    return tmp_path / "saved"


def members_of(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


def write_members(path: Path, members: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)


def test_round_trip_and_same_bytes(path: Path, tmp_path: Path) -> None:
    found = read_archive(path)
    assert found.header == CONTENTS.header
    assert {name: array.tolist() for name, array in found.arrays.items()} == {
        "a/0": [0, 1, 2, 3],
        "b": [0, 1, 2],
    }
    write_archive(tmp_path / "again", CONTENTS)
    assert (tmp_path / "again").read_bytes() == path.read_bytes()


def test_writing_replaces_and_leaves_nothing_else(path: Path) -> None:
    write_archive(path, Archive({"n": 4}, {}))
    assert read_archive(path).header == {"n": 4}
    assert [entry.name for entry in path.parent.iterdir()] == ["saved"]


def test_a_failed_write_keeps_the_old_file(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(ValueError, match="JSON compliant"):
        write_archive(path, Archive({"n": float("nan")}, {}))
    assert path.read_bytes() == before


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot write"):
        write_archive(tmp_path / "absent" / "saved", CONTENTS)
    with pytest.raises(StorageError, match="cannot write"):
        write_archive(tmp_path, CONTENTS)


def test_an_absent_file_and_a_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "absent", tmp_path):
        with pytest.raises(StorageError, match="cannot read"):
            read_archive(path)


def test_every_truncation_is_an_error(path: Path) -> None:
    whole = path.read_bytes()
    for length in range(0, len(whole), 37):
        path.write_bytes(whole[:length])
        with pytest.raises(StorageError):
            read_archive(path)


def test_every_changed_byte_is_an_error_or_harmless(path: Path) -> None:
    """Some bytes of the zip directory mean nothing; the contents must never differ."""
    whole = path.read_bytes()
    refused = 0
    for at in range(0, len(whole), 11):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        try:
            found = read_archive(path)
        except StorageError:
            refused += 1
        else:
            assert found.header == CONTENTS.header
            assert {name: array.tolist() for name, array in found.arrays.items()} == {
                "a/0": [0, 1, 2, 3],
                "b": [0, 1, 2],
            }
    assert refused > len(whole) // 11 // 2


def test_a_member_changed_inside_a_good_zip(path: Path) -> None:
    members = members_of(path)
    members["header.json"] = members["header.json"].replace(b"3", b"4")
    write_members(path, members)
    with pytest.raises(StorageError, match=r"the checksum of header\.json differs"):
        read_archive(path)


@pytest.mark.parametrize("change", ["added", "removed"])
def test_members_added_or_removed(path: Path, change: str) -> None:
    members = members_of(path)
    if change == "added":
        members["extra.npy"] = b""
    else:
        del members["b.npy"]
    write_members(path, members)
    with pytest.raises(StorageError, match="members are missing or were added"):
        read_archive(path)


def test_a_pickle_is_never_loaded(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(StorageError, match="Object arrays cannot be loaded"):
        _read_signed(tmp_path / "saved", {"header.json": b"{}", "a.npy": buffer.getvalue()})


@pytest.mark.parametrize(
    "members",
    [
        {"header.json": b"[]"},
        {"header.json": b"{"},
        {"header.json": b"\xff"},
        {"header.json": b"{}", "a.npy": b"garbage"},
        {"a.npy": b""},
    ],
)
def test_members_that_are_not_what_they_should_be(tmp_path: Path, members: dict[str, bytes]) -> None:
    with pytest.raises(StorageError, match="is damaged or not a saved fit"):
        _read_signed(tmp_path / "saved", members)


def _read_signed(path: Path, members: dict[str, bytes]) -> None:
    """Write members with right checksums and read them."""
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in members.items()}
    write_members(path, {**members, "checksums.json": json.dumps(sums).encode()})
    read_archive(path)


def test_other_files(tmp_path: Path) -> None:
    for content in (b"", b"PK\x03\x04", b"a,b\n1,2\n", bytes(1000)):
        (tmp_path / "other").write_bytes(content)
        with pytest.raises(StorageError, match="is damaged or not a saved fit"):
            read_archive(tmp_path / "other")
