"""A checked archive: named arrays and one header in a zip file, with a SHA-256 checksum for each member."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tempfile
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from multilevel.errors import StorageError

Kind = Literal["fit", "posterior", "result", "moments"]
"""What a file should hold; a result is one of the first two."""
HEADER = "header.json"
CHECKSUMS = "checksums.json"
DATE = (1980, 1, 1, 0, 0, 0)
"""Date of every member, so that the same contents give the same bytes."""
DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    KeyError,
    MemoryError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)
"""What the zip, JSON and array readers raise when a file is not what it should be."""


@dataclass(frozen=True, slots=True)
class Archive:
    """The contents of an archive.

    Parameters
    ----------
    header
        Plain values, as JSON holds them.
    arrays
        Arrays of numbers by name.
    """

    header: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]]


def write_archive(path: Path, archive: Archive) -> None:
    """Write an archive: first to a temporary file beside it, then renamed, so that no half file remains.

    Raises
    ------
    StorageError
        If the file cannot be written.
    """
    members = {HEADER: json.dumps(archive.header, ensure_ascii=False, allow_nan=False).encode()}
    for name, array in archive.arrays.items():
        buffer = io.BytesIO()
        np.save(buffer, np.ascontiguousarray(array), allow_pickle=False)
        members[f"{name}.npy"] = buffer.getvalue()
    checksums = {name: hashlib.sha256(content).hexdigest() for name, content in members.items()}
    members[CHECKSUMS] = json.dumps(checksums, ensure_ascii=False).encode()
    try:
        _write_members(path, members)
    except OSError as error:
        raise StorageError(
            f"cannot write `{path}`: {error.strerror or error}",
            remedy="give the path of a file in a folder that exists and can be written to",
        ) from error


def _write_members(path: Path, members: Mapping[str, bytes]) -> None:
    """Write the members to a temporary file and rename it to ``path``."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as stream:
            with zipfile.ZipFile(stream, "w") as file:
                for name, content in members.items():
                    info = zipfile.ZipInfo(name, DATE)
                    info.compress_type = (
                        zipfile.ZIP_DEFLATED if name.endswith(".json") else zipfile.ZIP_STORED
                    )
                    file.writestr(info, content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def read_archive(path: Path, kind: Kind = "fit") -> Archive:
    """Read an archive and check every member.

    Parameters
    ----------
    path
        The file.
    kind
        What is expected in it, for messages.

    Raises
    ------
    StorageError
        If the file cannot be read, is damaged, or a checksum differs.
    """
    try:
        with zipfile.ZipFile(path) as file:
            members = {name: file.read(name) for name in file.namelist()}
        checksums = json.loads(members.pop(CHECKSUMS))
        _check(path, members, checksums, kind)
        header = json.loads(members.pop(HEADER))
        arrays = {
            name.removesuffix(".npy"): np.load(io.BytesIO(content), allow_pickle=False)
            for name, content in members.items()
        }
    except StorageError:
        raise
    except OSError as error:
        raise StorageError(
            f"cannot read `{path}`: {error.strerror or error}",
            remedy=f"give the path of {'' if kind == 'moments' else 'a '}saved {kind}",
        ) from error
    except DAMAGE as error:
        raise damaged(path, f"{type(error).__name__}: {error}", kind) from error
    if not isinstance(header, dict) or not all(isinstance(array, np.ndarray) for array in arrays.values()):
        raise damaged(path, "the header is not a dictionary, or a member is not an array", kind)
    return Archive(header, arrays)


def _check(path: Path, members: Mapping[str, bytes], checksums: object, kind: Kind) -> None:
    """Raise `StorageError` unless every member has the checksum that was written with it."""
    if not isinstance(checksums, dict) or set(checksums) != set(members):
        raise damaged(path, "members are missing or were added", kind)
    for name, content in members.items():
        if hashlib.sha256(content).hexdigest() != checksums[name]:
            raise damaged(path, f"the checksum of {name} differs", kind)


def damaged(path: Path, reason: str, kind: Kind = "fit") -> StorageError:
    """Return the error of a file whose contents are not as they were written."""
    return StorageError(
        f"`{path}` is damaged or not {'' if kind == 'moments' else 'a '}saved {kind} ({reason})",
        allowed=f"a file written by {kind}.save",
        remedy=f"save the {kind} again",
    )


def not_pickled(loader: str) -> StorageError:
    """Return the error for pickling a result, which ``loader`` would have to trust as code."""
    return StorageError(
        "results are not pickled: a pickle can execute anything when it is read",
        allowed="saving to a file of plain arrays, which other processes can load",
        remedy=f"result.save(path), and multilevel.{loader}(path) where it is needed",
    )
