"""Functions of a symmetric matrix that is only applied: its inverse root times vectors, by Lanczos."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multilevel.errors import DesignError

Floats = NDArray[np.float64]
Apply = Callable[[Floats], Floats]
Function = Callable[[Floats], Floats]

MOST_NUMBERS = 3 * 10**7
"""Most numbers that the Lanczos vectors of the columns done together may hold."""
LIKELY_STEPS = 24
"""Steps for which that is planned; a matrix that takes more takes more memory."""


@dataclass(frozen=True, slots=True, eq=False)
class Functions:
    """Functions of a matrix times given columns.

    Parameters
    ----------
    values
        For each function ``(Q, s)``.
    steps
        Lanczos steps, the most over columns.
    residual
        Relative residual of the linear system with the same right side, the largest over columns: it bounds
        the relative error of the inverse root but for the root of the condition number.
    """

    values: tuple[Floats, ...]
    steps: int
    residual: float


def inverse_root(x: Floats) -> Floats:
    """Return ``x^-1/2``."""
    return np.asarray(1.0 / np.sqrt(x))


def remainder_root(x: Floats) -> Floats:
    """Return ``(1 - x) x^-1/2``, whose square is what ``1 / x`` has beyond ``2 - x``."""
    return np.asarray((1.0 - x) / np.sqrt(x))


def functions_times(
    apply: Apply,
    Z: Floats,
    *functions: Function,
    tolerance: float = 1e-10,
    most: int = 500,
) -> Functions:
    """Return ``f(S) Z`` for functions of a symmetric positive definite matrix.

    Parameters
    ----------
    apply
        Returns ``S X`` for ``(Q, s)``.
    Z
        ``(Q, s)`` columns; each has a Krylov space of its own.
    functions
        Of the eigenvalues.
    tolerance
        On the relative residual, see `Functions`.
    most
        Limit on the steps.

    Raises
    ------
    DesignError
        If the limit is reached.

    Notes
    -----
    ``f(S) z`` is about ``|z| V f(T) e_1`` with the Lanczos vectors ``V`` and their tridiagonal ``T``. Because
    ``x^-1/2 = (2/pi) int (t^2 + x)^-1 dt``, its error is a mean of those of shifted linear systems, whose
    residuals are smaller than that of the system itself (Higham 2008, "Functions of Matrices", section 13.2;
    Chow and Saad 2014). Columns are taken in parts that keep the vectors in memory.
    """
    Q, s = Z.shape
    width = max(1, min(s, MOST_NUMBERS // max(1, Q * LIKELY_STEPS)))
    parts = [
        _together(apply, Z[:, at : at + width], functions, tolerance, most)
        for at in range(0, max(s, 1), width)
    ]
    return Functions(
        tuple(np.concatenate([part.values[f] for part in parts], axis=1) for f in range(len(functions))),
        max(part.steps for part in parts),
        max(part.residual for part in parts),
    )


def _together(
    apply: Apply, Z: Floats, functions: tuple[Function, ...], tolerance: float, most: int
) -> Functions:
    """Return the functions for columns whose Lanczos vectors are in memory together."""
    s = Z.shape[1]
    length = np.sqrt(np.einsum("qs,qs->s", Z, Z))
    vector = np.ascontiguousarray(Z / np.where(length > 0.0, length, 1.0))
    before = np.zeros_like(vector)
    basis: list[Floats] = []
    diagonal: list[Floats] = []
    beside: list[Floats] = []
    beta, pivot, product = np.zeros(s), np.ones(s), np.ones(s)
    steps, residual = np.zeros(s, dtype=np.int64), np.where(length > 0.0, 1.0, 0.0)
    while (residual > tolerance).any():
        if len(basis) == most:
            raise DesignError(
                f"draws of the group effects did not settle in {most} steps: the relative residual is"
                f" {residual.max():.1e}",
                remedy="look for predictors of a grouped term that nearly repeat others",
            )
        open_ = residual > tolerance
        basis.append(vector)
        following = apply(vector) - beta * before
        alpha = np.einsum("qs,qs->s", vector, following)
        following -= alpha * vector
        after = np.sqrt(np.einsum("qs,qs->s", following, following))
        # The residual of conjugate gradients from the pivots of T = L D L'.
        pivot = np.where(open_, alpha - beta**2 / pivot, 1.0)
        product = product * after / pivot
        residual = np.where(open_, product, residual)
        steps[open_] += 1
        diagonal.append(alpha)
        beside.append(after)
        before, beta = vector, after
        vector = following / np.where(after > 0.0, after, 1.0)
    if not basis:
        return Functions((np.zeros_like(Z),) * len(functions), 0, 0.0)
    weights = _weights(np.array(diagonal), np.array(beside), steps, functions)
    values = []
    for weight in weights:
        total = np.zeros_like(Z, order="C")
        for w, vectors in zip(weight * length, basis, strict=True):
            total += w * vectors
        values.append(total)
    return Functions(tuple(values), len(basis), float(residual.max(initial=0.0)))


def _weights(
    diagonal: Floats, beside: Floats, steps: NDArray[np.int64], functions: tuple[Function, ...]
) -> list[Floats]:
    """Return for each function ``(steps, s)``: ``f(T) e_1`` of each column's tridiagonal matrix."""
    found = [np.zeros_like(diagonal) for _ in functions]
    for column, k in enumerate(steps):
        T = np.diag(diagonal[:k, column])
        off = beside[: k - 1, column] if k else np.zeros(0)
        T += np.diag(off, 1) + np.diag(off, -1) if k > 1 else 0.0
        values, vectors = np.linalg.eigh(T)
        for out, function in zip(found, functions, strict=True):
            out[:k, column] = vectors @ (function(values) * vectors[0]) if k else 0.0
    return found
