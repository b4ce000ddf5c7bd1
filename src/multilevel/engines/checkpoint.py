"""The checkpoint of a long run: an append-only file of checksummed records, open in one process at a time."""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import socket
import struct
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilevel.errors import CheckpointWarning, OptionError, StorageError, warn

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

MAGIC = b"multilevel checkpoint 1\n"
FRAME = struct.Struct("<Q32s")
"""Before each record: its length in bytes and its SHA-256."""
HEAD = struct.Struct("<I")
"""Before the JSON of a record: its length."""
TYPES = frozenset({"<f8", "<i8", "<u8"})
LOCKED_BYTE = 1 << 62


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """One piece of a checkpoint.

    Parameters
    ----------
    facts
        Plain values, as JSON holds them; ``kind`` says what the record is.
    arrays
        Numbers by name (float64, int64 or uint64), read back with every bit and in the same memory order.
    """

    facts: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)


def encode(record: Record) -> bytes:
    """Return a record as bytes with its length and checksum before it."""
    layout, parts = [], []
    for name, array in record.arrays.items():
        order = "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"
        layout.append([name, array.dtype.newbyteorder("<").str, list(array.shape), order])
        parts.append(array.astype(array.dtype.newbyteorder("<")).tobytes(order))  # type: ignore[arg-type]
    head = json.dumps({"facts": record.facts, "arrays": layout}, allow_nan=False).encode()
    payload = b"".join([HEAD.pack(len(head)), head, *parts])
    return FRAME.pack(len(payload), hashlib.sha256(payload).digest()) + payload


def decode(payload: bytes) -> Record:
    """Return the record that `encode` wrote, from the bytes after its checksum.

    Raises
    ------
    ValueError
        If the bytes are not those of a record.
    """
    (size,) = HEAD.unpack_from(payload)
    plain = json.loads(payload[HEAD.size : HEAD.size + size])
    arrays: dict[str, NDArray[Any]] = {}
    at = HEAD.size + size
    for name, dtype, shape, order in plain["arrays"]:
        if dtype not in TYPES:
            raise ValueError(f"the array {name!r} is of type {dtype!r}")
        count = int(np.prod(shape, dtype=np.int64))
        flat = np.frombuffer(payload, dtype=dtype, count=count, offset=at)
        arrays[name] = flat.reshape(shape, order=order).copy(order="K")
        at += flat.nbytes
    return Record(plain["facts"], arrays)


def read_records(file: io.FileIO, most: float = math.inf) -> tuple[list[Record], int]:
    """Return the good records from the place where a file stands, and the byte after the last of them.

    Reading ends at the end of the file, at the first record that is cut off or whose checksum differs, or
    after ``most`` records.
    """
    records: list[Record] = []
    good, size = file.tell(), os.fstat(file.fileno()).st_size
    while len(records) < most and len(start := file.read(FRAME.size)) == FRAME.size:
        length, digest = FRAME.unpack(start)
        if length > size - file.tell():
            break
        payload = file.read(length)
        if hashlib.sha256(payload).digest() != digest:
            break
        records.append(decode(payload))
        good = file.tell()
    return records, good


class Checkpoint:
    """An open checkpoint: the records of earlier sessions, and a place for new ones.

    Made by `open_checkpoint`; a context manager that gives the file back at the end.
    """

    __slots__ = ("_failed", "_file", "_guard", "_path", "records")

    def __init__(self, path: Path, file: io.FileIO, records: tuple[Record, ...]) -> None:
        self._path, self._file, self.records = path, file, records
        self._guard, self._failed = threading.Lock(), False

    def of_kind(self, kind: str) -> list[Record]:
        """Return the records of earlier sessions of one kind, in the order in which they were written."""
        return [record for record in self.records if record.facts.get("kind") == kind]

    def append(self, record: Record) -> None:
        """Write a record and wait until it is on the disk; threads may call this at the same time.

        Raises
        ------
        StorageError
            If it cannot be written: the records before it are whole, and no other is accepted.
        """
        with self._guard:
            if self._failed:
                raise StorageError(f"`{self._path}` could not be written before")
            try:
                write_all(self._file, encode(record))
            except OSError as error:
                self._failed = True
                raise StorageError(
                    f"cannot write `{self._path}`: {error.strerror or error}; every chunk before is whole",
                    remedy="make room on the disk, then the same call with resume=True: it goes on after the"
                    " last whole chunk",
                ) from error

    def __enter__(self) -> Checkpoint:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def write_all(file: io.FileIO, content: bytes) -> None:
    """Write bytes at the end of an unbuffered file, all of them, and wait for the disk."""
    rest = memoryview(content)
    while rest:
        rest = rest[file.write(rest) :]
    os.fsync(file.fileno())


def open_checkpoint(path: str | Path, identity: Mapping[str, str], *, resume: bool) -> Checkpoint:
    """Open the checkpoint of a run, or begin one.

    Parameters
    ----------
    path
        The file.
    identity
        What makes the run what it is, by name: hashes of data and priors, the model, the options.
    resume
        Whether to go on with a run that is there. Without a file a new run begins all the same, so that one
        command line can be repeated until it is done.

    Raises
    ------
    OptionError
        If there is a file and ``resume`` is false.
    StorageError
        If the file belongs to another run, is open in another process, is no checkpoint, or cannot be read
        or written.

    Warns
    -----
    CheckpointWarning
        If the end of the file was cut off or damaged; it says how much was recovered.
    """
    path = Path(path)
    try:
        file = io.FileIO(path, "r+" if resume and path.exists() else "x+")
    except FileExistsError as error:
        raise OptionError(
            f"checkpoint='{path}': there is a file of this name",
            allowed="the path of a new file, or resume=True",
            remedy="resume=True to go on with the run that is in it, or another path for a new run",
        ) from error
    except OSError as error:
        raise _unusable(path, error) from error
    try:
        return _opened(path, file, identity)
    except OSError as error:
        file.close()
        raise _unusable(path, error) from error
    except BaseException:
        file.close()
        raise


def _unusable(path: Path, error: OSError) -> StorageError:
    """Return the error of a file that the system does not give."""
    return StorageError(
        f"cannot write `{path}`: {error.strerror or error}",
        remedy="the path of a file in a folder that exists and can be written to, on a disk with room",
    )


def _opened(path: Path, file: io.FileIO, identity: Mapping[str, str]) -> Checkpoint:
    """Lock the file, read it or begin it, and write down who has it now."""
    first = MAGIC + encode(Record({"kind": "run", "identity": dict(identity)}))
    if not _locked(file):
        records, _ = _contents(path, file, first)
        raise StorageError(
            f"`{path}` is in use by {_holder(records)}",
            allowed="one process for each checkpoint",
            remedy="wait for it, or end it and run the same call again; another path for another run",
        )
    records, good = _contents(path, file, first)
    if good == 0:
        file.seek(0)
        file.truncate()
        write_all(file, first)
        _sync_folder(path)
    else:
        check_identity(path, records[0].facts.get("identity", {}), identity)
        lost = os.fstat(file.fileno()).st_size - good
        if lost:
            warn(_recovered(path, lost, records), CheckpointWarning)
        file.seek(good)
        file.truncate()
    checkpoint = Checkpoint(path, file, tuple(records[1:]))
    checkpoint.append(Record({"kind": "session", "process": os.getpid(), "host": socket.gethostname()}))
    return checkpoint


def _contents(path: Path, file: io.FileIO, first: bytes) -> tuple[list[Record], int]:
    """Return the records and the byte after the last; none and 0 if the file was cut off as it was begun."""
    file.seek(0)
    start = file.read(len(first))
    if len(start) < len(first) and first.startswith(start):
        return [], 0
    file.seek(len(MAGIC))
    records, good = read_records(file) if start.startswith(MAGIC) else ([], 0)
    if not records:
        raise StorageError(
            f"`{path}` is not a checkpoint that this version can read, or its first record is damaged",
            allowed="a file written by checkpoint=",
            remedy="another path, or delete the file to begin anew",
        )
    return records, good


def _locked(file: io.FileIO) -> bool:
    """Take the lock of a file, which ends with the process however that ends; return whether it was free."""
    try:
        if sys.platform == "win32":
            file.seek(LOCKED_BYTE)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _holder(records: list[Record]) -> str:
    """Return the last process that wrote its name into the file."""
    for record in reversed(records):
        if record.facts.get("kind") == "session":
            return f"process {record.facts['process']} on {record.facts['host']}"
    return "another process"


def _sync_folder(path: Path) -> None:
    """Wait until the name of a new file is on the disk too."""
    if sys.platform != "win32":
        folder = os.open(path.absolute().parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _recovered(path: Path, lost: int, records: list[Record]) -> str:
    """Return the warning about a damaged end."""
    draws = sum(int(record.facts.get("draws", 0)) for record in records)
    points = sum(int(record.facts.get("points", 0)) for record in records)
    held = f"{points} weighted points" if points and not draws else f"{draws} draws of all chains together"
    return (
        f"the last {lost} bytes of `{path}` are cut off or damaged; {held} were recovered from the chunks"
        " before, and the run goes on from there"
    )


def check_identity(path: Path, there: Mapping[str, str], here: Mapping[str, str]) -> None:
    """Raise `StorageError`, naming every part that differs, unless a checkpoint is of the same run."""
    names = [name for name in {**there, **here} if there.get(name) != here.get(name)]
    if not names:
        return
    parts = [
        f"{name} ({there[name]} there, {here[name]} here)"
        if name in there and name in here and not here[name].startswith("sha256:")
        else name
        for name in names
    ]
    raise StorageError(
        f"the checkpoint `{path}` is of another run; what differs: {', '.join(parts)}",
        allowed="the same data, model, priors, options and version of the library",
        remedy="the call that began it, or another path for a new run",
    )


def identity_in(path: str | Path) -> dict[str, str]:
    """Return what a checkpoint says about its run; empty if there is no such file or it is not readable."""
    path = Path(path)
    if not path.is_file():
        return {}
    with io.FileIO(path) as file:
        records = read_records(file, 1)[0] if file.read(len(MAGIC)) == MAGIC else []
    return {str(name): str(value) for name, value in records[0].facts["identity"].items()} if records else {}
