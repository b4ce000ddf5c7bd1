"""The native kernels with SciPy's LAPACK handed over; import `core` from here, never `_core` directly.

Also where arrays by row are kept: in memory, or in files that the system pages in and out.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from scipy.linalg import cython_blas, cython_lapack

from multilevel import _core as core

__all__ = ["arrays_in", "arrays_in_files", "core", "threads"]


def _address(module: object, name: str) -> int:
    """Return the address of a LAPACK or BLAS routine that SciPy exports in a capsule."""
    capsule = module.__pyx_capi__[name]  # type: ignore[attr-defined]
    api = ctypes.pythonapi
    api.PyCapsule_GetName.restype, api.PyCapsule_GetName.argtypes = ctypes.c_char_p, [ctypes.py_object]
    api.PyCapsule_GetPointer.restype = ctypes.c_void_p
    api.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
    address: int = api.PyCapsule_GetPointer(capsule, api.PyCapsule_GetName(capsule))
    return address


core.use_lapack(
    _address(cython_lapack, "dpotrf"),
    _address(cython_lapack, "dpotri"),
    _address(cython_blas, "dtrsm"),
    _address(cython_blas, "dsymm"),
)

threads: int = max(
    1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
)
"""Threads that a pass over rows may use; results do not depend on it."""


def arrays_in_files() -> bool:
    """Return whether arrays made now are in files, see `arrays_in`.

    Examples
    --------
    >>> arrays_in_files()
    False
    """
    return bool(core.row_folder())


@contextmanager
def arrays_in(folder: Path | None) -> Iterator[None]:
    """Keep arrays of a megabyte and more, NumPy's and the kernels' by row, in files of a folder.

    They take no memory of the process, only of the system's cache, which gives it back where it is needed.
    The files have no names and vanish with the arrays, which may outlive the context. Of this thread; on
    systems without mapped files of that kind, nothing changes.

    Parameters
    ----------
    folder
        Where the files are; ``None``: arrays stay in memory.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name, arrays_in(Path(name)):
    ...     ones = np.ones(1_000_000)
    >>> float(ones.sum())
    1000000.0
    """
    if folder is None or os.name != "posix":
        yield
        return
    table = getattr(np, "_core")._multiarray_umath._ARRAY_API  # noqa: B009 - not in NumPy's type hints
    outer = core.row_folder()
    core.set_row_folder(str(folder))
    before = core.use_array_memory(table, core.row_memory())
    try:
        yield
    finally:
        core.use_array_memory(table, before)
        core.set_row_folder(outer)
