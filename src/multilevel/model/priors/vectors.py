"""The multivariate normal prior of several coefficients together."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from multilevel.errors import OptionError
from multilevel.model.priors.arguments import (
    Floats,
    checked_matrix,
    checked_vector,
    cholesky_or_nan,
    inverse_of_factor,
    log_det_of_factor,
)
from multilevel.model.priors.several import SeveralPrior


@dataclass(frozen=True, slots=True, eq=False)
class MVNormal(SeveralPrior):
    """The multivariate normal distribution.

    Parameters
    ----------
    mean
        ``(p,)``.
    covariance
        ``(p, p)``, symmetric and positive definite: variances on the diagonal, not sds.

    Raises
    ------
    OptionError
        The shapes do not fit, or the covariance matrix is not positive definite.

    Examples
    --------
    >>> from multilevel.model.priors import MVNormal
    >>> round(float(MVNormal([0, 0], [[1, 0], [0, 1]]).logpdf([0, 0])), 3)
    -1.838
    """

    mean: Floats
    covariance: Floats

    def __post_init__(self) -> None:
        object.__setattr__(self, "mean", checked_vector(self.mean, where="MVNormal: mean"))
        matrix = checked_matrix(self.covariance, where="MVNormal: covariance")
        object.__setattr__(self, "covariance", matrix)
        if matrix.shape[0] != self.dimension:
            raise OptionError(
                f"MVNormal: mean has {self.dimension} numbers and covariance has shape {matrix.shape}",
                allowed="a mean of p numbers and a covariance matrix of p by p",
            )

    @property
    def dimension(self) -> int:
        """Number ``p`` of coefficients."""
        return int(self.mean.shape[0])

    @property
    def precision(self) -> Floats:
        """``(p, p)`` inverse of the covariance matrix."""
        return inverse_of_factor(cholesky_or_nan(self.covariance))

    def logpdf(self, x: ArrayLike) -> Floats:
        """Return the normalised log density at vectors ``(..., p)``, of shape ``(...)``."""
        L = cholesky_or_nan(self.covariance)
        r = np.asarray(x, dtype=np.float64) - self.mean
        square = np.einsum("...i,ij,...j->...", r, inverse_of_factor(L), r)
        constant = self.dimension * math.log(2.0 * math.pi) + float(log_det_of_factor(L))
        return np.asarray(-0.5 * (square + constant))[()]

    def dlogpdf(self, x: ArrayLike) -> Floats:
        """Return the gradient of the log density at vectors ``(..., p)``, of the same shape."""
        return np.asarray((self.mean - np.asarray(x, dtype=np.float64)) @ self.precision)

    def draw(self, rng: np.random.Generator, size: int) -> Floats:
        """Return ``(size, p)`` independent draws."""
        z = rng.standard_normal((size, self.dimension))
        return np.asarray(self.mean + z @ cholesky_or_nan(self.covariance).T)
