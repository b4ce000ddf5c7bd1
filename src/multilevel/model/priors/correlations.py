"""The LKJ prior of a correlation matrix, and canonical partial correlations."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaln

from multilevel.errors import OptionError
from multilevel.model.priors.arguments import (
    Floats,
    checked_number,
    cholesky_or_nan,
    inverse_of_factor,
    log_det_of_factor,
    shown,
)

LOG_2 = math.log(2.0)


def partial_count(k: int) -> int:
    """Return the number of correlations of ``k`` variables."""
    return k * (k - 1) // 2


def dimension_of(count: int) -> int:
    """Return ``k`` from the number ``k (k - 1) / 2`` of correlations.

    Raises
    ------
    OptionError
        There is no such ``k``.
    """
    k = (1 + math.isqrt(1 + 8 * count)) // 2
    if partial_count(k) != count:
        raise OptionError(f"{count} partial correlations", allowed="1, 3, 6, 10, ...: k (k - 1) / 2 of them")
    return k


def factor_from_partial(partial: ArrayLike) -> Floats:
    """Return Cholesky factors of correlation matrices from their canonical partial correlations.

    Parameters
    ----------
    partial
        ``(..., k (k - 1) / 2)`` numbers in ``[-1, 1]``, by rows of the strict lower triangle: (1, 0), (2, 0),
        (2, 1), (3, 0), ... ; number (i, j) is the correlation of variables i and j given 0, ..., j - 1.

    Returns
    -------
    Floats
        ``(..., k, k)`` lower triangular, with rows of length one.

    References
    ----------
    Lewandowski, Kurowicka and Joe (2009); Stan Reference Manual, "Cholesky factors of correlation matrices".
    """
    r = np.asarray(partial, dtype=np.float64)
    k = dimension_of(r.shape[-1])
    L = np.zeros((*r.shape[:-1], k, k))
    L[..., 0, 0] = 1.0
    at = 0
    for i in range(1, k):
        left = np.ones(r.shape[:-1])
        for j in range(i):
            L[..., i, j] = r[..., at] * left
            left = left * np.sqrt((1.0 - r[..., at]) * (1.0 + r[..., at]))
            at += 1
        L[..., i, i] = left
    return L


def partial_from_factor(L: ArrayLike) -> Floats:
    """Return the canonical partial correlations of Cholesky factors; the inverse of `factor_from_partial`."""
    factor = np.asarray(L, dtype=np.float64)
    found = []
    for i in range(1, factor.shape[-1]):
        row = factor[..., i, : i + 1]
        left = np.sqrt(np.cumsum(row[..., ::-1] ** 2, axis=-1)[..., ::-1])
        found += [row[..., j] / left[..., j] for j in range(i)]
    return np.stack(found, axis=-1)


@dataclass(frozen=True, slots=True)
class LKJ:
    """The prior of a correlation matrix with density proportional to ``det(R)^(eta - 1)``.

    The number of variables ``k`` is that of the term it is used for. Each single correlation ``r`` has
    ``(r + 1) / 2 ~ Beta(a, a)`` with ``a = eta - 1 + k / 2``.

    Parameters
    ----------
    eta
        Positive: 1 is uniform over correlation matrices, more leans to no correlation, less to the extremes.

    Raises
    ------
    OptionError
        ``eta`` is not a positive number.

    References
    ----------
    Lewandowski, Kurowicka and Joe (2009), "Generating random correlation matrices based on vines and extended
    onion method", equation 16 (normalising constant) and section 2.4 (partial correlations).

    Examples
    --------
    >>> from multilevel.model.priors import LKJ
    >>> round(float(LKJ(1).logpdf([[1, 0.3], [0.3, 1]])), 4)
    -0.6931
    """

    eta: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "eta", checked_number(self.eta, where="LKJ: eta", kind="positive"))

    def text(self) -> str:
        """Return the prior as it may be printed, ``LKJ(2)``."""
        return f"LKJ({shown(self.eta)})"

    def mean(self, k: int) -> Floats:
        """Return the mean correlation matrix of ``k`` variables: no correlation."""
        return np.eye(k)

    def logpdf(self, matrix: ArrayLike) -> Floats:
        """Return the normalised log density at correlation matrices ``(..., k, k)``, of shape ``(...)``.

        The density is with respect to the entries below the diagonal. Minus infinity where a matrix is not a
        correlation matrix.
        """
        R = np.asarray(matrix, dtype=np.float64)
        log_det = log_det_of_factor(cholesky_or_nan(R))
        unit = (np.abs(np.diagonal(R, axis1=-2, axis2=-1) - 1.0) <= 1e-8).all(axis=-1)
        found = (self.eta - 1.0) * log_det - self.log_constant(R.shape[-1])
        return np.asarray(np.where(unit & ~np.isnan(found), found, -np.inf))[()]

    def dlogpdf(self, matrix: ArrayLike) -> Floats:
        """Return the symmetric gradient ``G``, ``d logpdf = tr(G dR)``, at ``(..., k, k)``.

        The diagonal of ``R`` cannot move, so that of ``G`` is given as zero.
        """
        R = np.asarray(matrix, dtype=np.float64)
        inverse = inverse_of_factor(cholesky_or_nan(R))
        return np.asarray((self.eta - 1.0) * inverse * (1.0 - np.eye(R.shape[-1])))

    def log_constant(self, k: int) -> float:
        """Return the log of the integral of ``det(R)^(eta - 1)`` over ``k`` by ``k`` correlation matrices."""
        left = np.arange(k - 1, 0, -1)
        half = self.eta + 0.5 * (left - 1)
        return float((left * ((2.0 * half - 1.0) * LOG_2 + betaln(half, half))).sum())

    def shapes(self, k: int) -> Floats:
        """Return ``alpha`` of each partial correlation, ``(r + 1) / 2 ~ Beta(alpha, alpha)``, independently.

        In the order of `factor_from_partial`; ``alpha = eta + (k - 2 - j) / 2`` for number (i, j).
        """
        columns = np.array([j for i in range(1, k) for j in range(i)], dtype=np.float64)
        return np.asarray(self.eta + 0.5 * (k - 2 - columns))

    def logpdf_partial(self, partial: ArrayLike) -> Floats:
        """Return the normalised log density of canonical partial correlations ``(..., k (k - 1) / 2)``.

        It is with respect to the partial correlations themselves; with ``r = tanh(z)`` add
        ``sum log(1 - r^2)`` for the density of ``z``.
        """
        r = np.asarray(partial, dtype=np.float64)
        alpha = self.shapes(dimension_of(r.shape[-1]))
        inside = (np.abs(r) < 1.0).all(axis=-1)
        r = np.where(np.abs(r) < 1.0, r, 0.0)
        constant = ((2.0 * alpha - 1.0) * LOG_2 + betaln(alpha, alpha)).sum()
        found = ((alpha - 1.0) * np.log((1.0 - r) * (1.0 + r))).sum(axis=-1) - constant
        return np.asarray(np.where(inside, found, -np.inf))[()]

    def dlogpdf_partial(self, partial: ArrayLike) -> Floats:
        """Return the gradient of `logpdf_partial`, of the shape of ``partial``; zero outside the support."""
        r = np.asarray(partial, dtype=np.float64)
        inside = np.abs(r) < 1.0
        square = np.where(inside, (1.0 - r) * (1.0 + r), 1.0)
        slope = -2.0 * (self.shapes(dimension_of(r.shape[-1])) - 1.0) * r / square
        return np.asarray(np.where(inside, slope, 0.0))

    def logpdf_entry(self, r: ArrayLike, k: int) -> Floats:
        """Return the normalised log density of one correlation of ``k`` variables, at any shape."""
        values = np.asarray(r, dtype=np.float64)
        a = self.eta - 1.0 + 0.5 * k
        inside = np.abs(values) < 1.0
        square = np.where(inside, (1.0 - values) * (1.0 + values), 1.0)
        found = (a - 1.0) * np.log(square) - ((2.0 * a - 1.0) * LOG_2 + betaln(a, a))
        return np.asarray(np.where(inside, found, -np.inf))[()]

    def draw(self, rng: np.random.Generator, size: int, k: int) -> Floats:
        """Return ``(size, k, k)`` exact independent draws, through partial correlations."""
        if k == 1:
            return np.ones((size, 1, 1))
        alpha = self.shapes(k)
        L = factor_from_partial(2.0 * rng.beta(alpha, alpha, (size, alpha.size)) - 1.0)
        R = L @ np.swapaxes(L, -1, -2)
        at = np.arange(k)
        R[:, at, at] = 1.0
        return np.asarray(R)
