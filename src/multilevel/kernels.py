"""The native kernels with SciPy's LAPACK handed over; import `core` from here, never `_core` directly."""

from __future__ import annotations

import ctypes
import os

from scipy.linalg import cython_blas, cython_lapack

from multilevel import _core as core

__all__ = ["core", "threads"]


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
