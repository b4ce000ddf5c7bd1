"""The one correlation that each two of several effects have: its priors, and factors of its matrix."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaln

from multilevel.errors import OptionError
from multilevel.model.priors.arguments import Floats, shown
from multilevel.model.priors.correlations import LKJ
from multilevel.model.priors.real_line import Uniform


def lowest_correlation(k: int) -> float:
    """Return the lower limit ``-1 / (k - 1)`` of the one correlation of ``k`` effects."""
    return -1.0 / (k - 1.0)


def alike_factor(mean: ArrayLike, contrast: ArrayLike, k: int) -> Floats:
    """Return Cholesky factors of correlation matrices that have one correlation everywhere.

    Parameters
    ----------
    mean, contrast
        ``(...)`` the eigenvalues ``1 + (k - 1) r`` and ``1 - r``, both, so that neither loses its digits near
        a limit of ``r``.
    k
        Two or more effects.

    Returns
    -------
    Floats
        ``(..., k, k)``: with ``d_j = 1 + j r``, column ``j`` is ``sqrt((1 - r) d_j / d_(j-1))`` on the
        diagonal and ``r (1 - r) / d_(j-1)`` over that number below it (``d_(-1) = 1 - r``).

    Examples
    --------
    >>> L = alike_factor(2.0, 0.5, 3)
    >>> (L @ L.T).round(12).tolist()
    [[1.0, 0.5, 0.5], [0.5, 1.0, 0.5], [0.5, 0.5, 1.0]]
    """
    first, rest = np.asarray(mean, dtype=np.float64), np.asarray(contrast, dtype=np.float64)
    r = (first - rest) / k
    L = np.zeros((*r.shape, k, k))
    before = rest
    for j in range(k):
        here = first if j == k - 1 else 1.0 + j * r
        L[..., j, j] = np.sqrt(rest * here / before) if j else 1.0
        if j < k - 1:
            L[..., j + 1 :, j] = (r * rest / (before * L[..., j, j]) if j else r)[..., None]
        before = here
    return L


def eigenvalues_of(L: ArrayLike) -> tuple[Floats, Floats]:
    """Return ``1 + (k - 1) r`` and ``1 - r`` from Cholesky factors; the inverse of `alike_factor`."""
    factor = np.asarray(L, dtype=np.float64)
    k, r = factor.shape[-1], factor[..., 1, 0]
    up = r > 0.0
    contrast = np.where(up, factor[..., 1, 1] ** 2 / (1.0 + np.abs(r)), 1.0 - r)
    below = factor[..., -1, -1] ** 2 * (1.0 + (k - 2) * r) / np.where(up, 1.0, contrast)
    return np.where(up, 1.0 + (k - 1) * r, below), contrast


@dataclass(frozen=True, slots=True)
class OneCorrelation:
    """The prior of the one correlation ``r`` of ``k`` effects, ``-1 / (k - 1) < r < 1``.

    Under `LKJ` its density is proportional to ``det(R)^(eta - 1)`` along the line of ``r``. With
    ``u = (r + 1 / (k - 1)) (k - 1) / k`` between 0 and 1, ``1 + (k - 1) r = k u`` and
    ``1 - r = (1 - u) k / (k - 1)``, so that ``det(R)`` is proportional to ``u (1 - u)^(k - 1)`` and
    ``u ~ Beta(eta, (k - 1) (eta - 1) + 1)``. For two effects that is the `LKJ` prior of their matrix; for
    more it is not the distribution of one entry of such a matrix. Under `Uniform` the density is constant
    where ``R`` is positive definite.

    Parameters
    ----------
    prior
        `LKJ` or `Uniform`.
    k
        Effects, two or more.

    Raises
    ------
    OptionError
        The density has no finite integral, or is zero wherever ``R`` is positive definite.

    References
    ----------
    The density of Lewandowski, Kurowicka and Joe (2009), equation 16, restricted to a line.

    Examples
    --------
    >>> prior = OneCorrelation(LKJ(1), 3)
    >>> prior.bounds, float(prior.logpdf(0.25).round(4))
    ((-0.5, 1.0), -0.4055)
    """

    prior: LKJ | Uniform
    k: int

    def __post_init__(self) -> None:
        low, high = self.bounds
        if not low < high:
            raise OptionError(
                f"{self.prior.text()} as the prior of the correlation of {self.k} effects",
                allowed=f"an interval that overlaps the one from {shown(lowest_correlation(self.k))} to 1, in"
                " which their correlation matrix is positive definite",
            )
        if min(self.shapes) <= 0.0:
            raise OptionError(
                f"{self.prior.text()} as the prior of the one correlation of {self.k} effects has no finite"
                " integral",
                allowed=f"LKJ(eta) with eta above {shown((self.k - 2) / (self.k - 1))}",
                remedy="LKJ(1), which is uniform",
            )

    @property
    def bounds(self) -> tuple[float, float]:
        """Lower and upper end of the support."""
        lowest = lowest_correlation(self.k)
        if isinstance(self.prior, LKJ):
            return lowest, 1.0
        return max(lowest, self.prior.low), min(1.0, self.prior.high)

    @property
    def shapes(self) -> tuple[float, float]:
        """Parameters of the Beta distribution of where ``r`` is between its bounds, from 0 to 1."""
        if isinstance(self.prior, LKJ):
            return self.prior.eta, (self.k - 1) * (self.prior.eta - 1.0) + 1.0
        return 1.0, 1.0

    @property
    def mean(self) -> float:
        """The mean of the correlation."""
        (low, high), (a, b) = self.bounds, self.shapes
        return low + (high - low) * a / (a + b)

    def text(self) -> str:
        """Return the prior as it may be printed, ``LKJ(2)``."""
        return self.prior.text()

    def logpdf(self, r: ArrayLike) -> Floats:
        """Return the normalised log density at correlations ``r``, any shape; minus infinity outside."""
        low, high = self.bounds
        u = (np.asarray(r, dtype=np.float64) - low) / (high - low)
        inside = (u > 0.0) & (u < 1.0)
        u = np.where(inside, u, 0.5)
        a, b = self.shapes
        found = (a - 1.0) * np.log(u) + (b - 1.0) * np.log1p(-u) - betaln(a, b) - math.log(high - low)
        return np.asarray(np.where(inside, found, -np.inf))[()]

    def dlogpdf(self, r: ArrayLike) -> Floats:
        """Return the derivative of `logpdf`; zero outside."""
        low, high = self.bounds
        u = (np.asarray(r, dtype=np.float64) - low) / (high - low)
        inside = (u > 0.0) & (u < 1.0)
        u = np.where(inside, u, 0.5)
        a, b = self.shapes
        found = ((a - 1.0) / u - (b - 1.0) / (1.0 - u)) / (high - low)
        return np.asarray(np.where(inside, found, 0.0))[()]

    def logpdf_factor(self, L: ArrayLike) -> Floats:
        """Return `logpdf` from Cholesky factors ``(..., k, k)``, with all digits near the ends."""
        if isinstance(self.prior, Uniform):
            return self.logpdf(np.asarray(L, dtype=np.float64)[..., 1, 0])
        a, b = self.shapes
        mean, contrast = eigenvalues_of(L)
        found = (a - 1.0) * np.log(mean / self.k) + (b - 1.0) * np.log(contrast * (self.k - 1) / self.k)
        return np.asarray(found - betaln(a, b) - math.log(self.k / (self.k - 1)))[()]

    def draw(self, rng: np.random.Generator, size: int) -> Floats:
        """Return ``(size,)`` independent draws of the correlation."""
        low, high = self.bounds
        return np.asarray(low + (high - low) * rng.beta(*self.shapes, size))
