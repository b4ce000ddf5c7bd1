"""Cholesky factors and triangular systems of many small matrices, one for each point of a batch."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def for_kernels(values: Floats) -> Floats:
    """Return numbers as the kernels take them, large or zero where they are not finite."""
    return np.ascontiguousarray(np.nan_to_num(values))


def lower_factors(A: Floats) -> Floats:
    """Return lower Cholesky factors of ``(n, k, k)``, NaN where a matrix is not positive definite."""
    try:
        return np.asarray(np.linalg.cholesky(A))
    except np.linalg.LinAlgError:
        found = np.full_like(A, np.nan)
        for i, matrix in enumerate(A):
            with suppress(np.linalg.LinAlgError):
                found[i] = np.linalg.cholesky(matrix)
        return found


def solve_lower(L: Floats, b: Floats) -> Floats:
    """Return ``L^-1 b`` for each of ``(n, k, k)`` and ``(n, k)``."""
    x = b.copy()
    for i in range(b.shape[1]):
        x[:, i] = (x[:, i] - np.einsum("nj,nj->n", L[:, i, :i], x[:, :i])) / L[:, i, i]
    return x


def solve_transposed(L: Floats, b: Floats) -> Floats:
    """Return ``L^-T b`` for each of ``(n, k, k)`` and ``(n, k)``."""
    x = b.copy()
    for i in reversed(range(b.shape[1])):
        x[:, i] = (x[:, i] - np.einsum("nj,nj->n", L[:, i + 1 :, i], x[:, i + 1 :])) / L[:, i, i]
    return x
