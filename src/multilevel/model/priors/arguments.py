"""Checks of the numbers and matrices that priors are given, and how they are written in texts."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from multilevel.errors import OptionError

Floats = NDArray[np.float64]
Kind = Literal["finite", "positive"]
MAX_SHOWN = 3
"""Matrices with more rows than this are written by their size."""


def checked_number(value: object, *, where: str, kind: Kind) -> float:
    """Return an argument as a float.

    Parameters
    ----------
    value
        What the user gave.
    where
        Prior and argument for the message, ``"Normal: sd"``.
    kind
        "finite", or "positive" for a finite number above zero.

    Raises
    ------
    OptionError
        It is not one real number, not finite, or not positive where it must be.
    """
    allowed = "a positive finite number" if kind == "positive" else "a finite number"
    plain = isinstance(value, int | float | np.number | np.ndarray) and not isinstance(value, bool)
    array = np.asarray(value if plain else math.nan)
    number = float(array) if array.shape == () and array.dtype.kind in "iuf" else math.nan
    if not math.isfinite(number):
        raise OptionError(f"{where} is {value!r}", allowed=allowed)
    if kind == "positive" and number <= 0.0:
        remedy = "Fixed(value) holds a parameter at a known value" if number == 0.0 else ""
        raise OptionError(f"{where} is {number:g}", allowed=allowed, remedy=remedy)
    return number


def checked_vector(value: object, *, where: str) -> Floats:
    """Return an argument as a read-only vector of finite numbers; see `checked_number` for the errors."""
    vector = _as_array(value, where=where, allowed="a vector of finite numbers")
    if vector.ndim != 1 or vector.size == 0:
        raise OptionError(f"{where} has shape {vector.shape}", allowed="a vector of finite numbers")
    return vector


def checked_matrix(value: object, *, where: str) -> Floats:
    """Return an argument as a read-only, symmetric, positive definite matrix.

    One number is read as a 1 by 1 matrix.

    Raises
    ------
    OptionError
        It is not a square matrix of finite numbers, not symmetric, or not positive definite.
    """
    allowed = "a symmetric positive definite matrix"
    matrix = _as_array(value, where=where, allowed=allowed)
    if matrix.ndim == 0:
        matrix = matrix.reshape(1, 1)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or matrix.size == 0:
        raise OptionError(f"{where} has shape {matrix.shape}", allowed=allowed)
    size = np.sqrt(np.abs(np.outer(matrix.diagonal(), matrix.diagonal())))
    if (np.abs(matrix - matrix.T) > 1e-10 * size).any():
        raise OptionError(f"{where} is not symmetric: {matrix.tolist()}", allowed=allowed)
    matrix = 0.5 * (matrix + matrix.T)
    if np.isnan(cholesky_or_nan(matrix)).any():
        raise OptionError(
            f"{where} is not positive definite: {matrix.tolist()}",
            allowed=allowed,
            remedy="variances on the diagonal, and each covariance smaller than the product of the two sds",
        )
    matrix.setflags(write=False)
    return matrix


def _as_array(value: object, *, where: str, allowed: str) -> Floats:
    """Return nested numbers as a new read-only float array."""
    try:
        array = np.array(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise OptionError(f"{where} is {value!r}", allowed=allowed) from error
    if not np.isfinite(array).all():
        raise OptionError(f"{where} has values that are not finite: {value!r}", allowed=allowed)
    array.setflags(write=False)
    return array


def cholesky_or_nan(matrices: ArrayLike) -> Floats:
    """Return lower Cholesky factors, with NaN where a matrix is not positive definite.

    Parameters
    ----------
    matrices
        ``(..., k, k)`` symmetric matrices; the lower triangle is read.

    Returns
    -------
    Floats
        ``(..., k, k)`` lower triangular.
    """
    A = np.asarray(matrices, dtype=np.float64)
    L = np.zeros_like(A)
    for j in range(A.shape[-1]):
        head = L[..., j, :j]
        pivot = A[..., j, j] - (head * head).sum(axis=-1)
        L[..., j, j] = np.sqrt(np.where(pivot > 0.0, pivot, np.nan))
        below = A[..., j + 1 :, j] - np.einsum("...ij,...j->...i", L[..., j + 1 :, :j], head)
        L[..., j + 1 :, j] = below / L[..., j, j, None]
    return L


def inverse_of_factor(L: Floats) -> Floats:
    """Return ``(L L')^-1`` for lower Cholesky factors ``(..., k, k)``; NaN where the factor has NaN."""
    bad = np.isnan(L).any(axis=(-2, -1), keepdims=True)
    inverse = np.linalg.inv(np.where(bad, np.eye(L.shape[-1]), L))
    return np.asarray(np.where(bad, np.nan, np.swapaxes(inverse, -1, -2) @ inverse))


def log_det_of_factor(L: Floats) -> Floats:
    """Return ``log det(L L')`` of lower Cholesky factors ``(..., k, k)``; NaN where the factor has NaN."""
    return np.asarray(2.0 * np.log(np.diagonal(L, axis1=-2, axis2=-1)).sum(axis=-1))


def shown(value: object) -> str:
    """Return a number, vector or matrix as short text: four digits; large arrays by their size.

    Examples
    --------
    >>> shown(51.23456), shown(np.eye(2)), shown(np.zeros(9))
    ('51.23', '[[1, 0], [0, 1]]', '<9 numbers>')
    """
    array = np.asarray(value, dtype=np.float64)
    if array.ndim == 0:
        return f"{float(array):.4g}"
    if array.shape[0] > MAX_SHOWN:
        size = " by ".join(str(length) for length in array.shape)
        return f"<{size} {'numbers' if array.ndim == 1 else 'matrix'}>"
    return f"[{', '.join(shown(part) for part in array)}]"
