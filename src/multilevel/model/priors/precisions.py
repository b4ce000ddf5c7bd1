"""Laws of a covariance matrix that are stated for its inverse: Wishart, and inverse-Wishart by a guess."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import multigammaln

from multilevel.model.priors.arguments import (
    Floats,
    cholesky_or_nan,
    inverse_of_factor,
    log_det_of_factor,
)
from multilevel.model.priors.covariances import (
    CovariancePrior,
    InverseWishart,
    bartlett,
    check_df_and_scale,
    minus_inf_at_nan,
    shaped,
)

LOG_2 = math.log(2.0)


@dataclass(frozen=True, slots=True, eq=False)
class Wishart(CovariancePrior):
    """The Wishart distribution of a precision matrix ``P``, the inverse of a covariance matrix.

    Density proportional to ``det(P)^((df-k-1)/2) exp(-tr(scale^-1 P) / 2)``. If ``P`` is ``Wishart(df, V)``,
    ``P^-1`` is ``InverseWishart(df, V^-1)``. As the prior of a grouped term it is put on the precision.

    Parameters
    ----------
    df
        Degrees of freedom, more than ``k - 1``.
    scale
        ``(k, k)``, symmetric positive definite, in inverse squared units of the response; the mean is
        ``df * scale``.

    Raises
    ------
    OptionError
        An argument is not as said.

    Examples
    --------
    >>> from multilevel.model.priors import Wishart
    >>> Wishart(4, [[1, 0], [0, 2]]).mean
    array([[4., 0.],
           [0., 8.]])
    """

    df: float
    scale: Floats

    def __post_init__(self) -> None:
        check_df_and_scale(self, self.df, self.scale)

    @property
    def dimension(self) -> int:
        """Number ``k`` of rows of the matrix."""
        return int(self.scale.shape[0])

    @property
    def mean(self) -> Floats:
        """``df * scale``."""
        return np.asarray(self.df * self.scale)

    def on_covariance(self) -> InverseWishart:
        """Return the law of the inverse, ``InverseWishart(df, scale^-1)``."""
        return InverseWishart(self.df, inverse_of_factor(cholesky_or_nan(self.scale)))

    def logpdf(self, matrix: ArrayLike) -> Floats:
        """Return the normalised log density at precision matrices ``(..., k, k)``, of shape ``(...)``.

        Minus infinity where a matrix is not positive definite; the lower triangles are read.
        """
        k, P = self.dimension, shaped(matrix, self.dimension)
        own = cholesky_or_nan(self.scale)
        log_det = log_det_of_factor(cholesky_or_nan(P))
        constant = 0.5 * self.df * (float(log_det_of_factor(own)) + k * LOG_2)
        trace = np.einsum("ij,...ij->...", inverse_of_factor(own), P)
        found = 0.5 * (self.df - k - 1.0) * log_det - 0.5 * trace
        return minus_inf_at_nan(found - constant - multigammaln(0.5 * self.df, k))

    def dlogpdf(self, matrix: ArrayLike) -> Floats:
        """Return the symmetric gradient ``G``, ``d logpdf = tr(G dP)``, at matrices ``(..., k, k)``."""
        inverse = inverse_of_factor(cholesky_or_nan(shaped(matrix, self.dimension)))
        own = inverse_of_factor(cholesky_or_nan(self.scale))
        return np.asarray(0.5 * (self.df - self.dimension - 1.0) * inverse - 0.5 * own)

    def draw(self, rng: np.random.Generator, size: int) -> Floats:
        """Return ``(size, k, k)`` independent draws of the precision matrix."""
        root = cholesky_or_nan(self.scale) @ bartlett(rng, size, self.df, self.dimension)
        return np.asarray(root @ np.swapaxes(root, -1, -2))


@dataclass(frozen=True, slots=True, eq=False)
class ScaledInverseWishart(CovariancePrior):
    """The inverse-Wishart law stated by a guess ``scale`` of the covariance matrix ``D``.

    ``D^-1 ~ Wishart(df, (df * scale)^-1)``, so that the mean of ``D^-1`` is ``scale^-1``. The same as
    ``InverseWishart(df, df * scale)``.

    Parameters
    ----------
    df
        Degrees of freedom, more than ``k - 1``: the weight of the guess, in groups.
    scale
        ``(k, k)`` guess of the covariance matrix ``D``, symmetric positive definite.

    Raises
    ------
    OptionError
        An argument is not as said.

    Examples
    --------
    >>> from multilevel.model.priors import ScaledInverseWishart
    >>> ScaledInverseWishart(4, [[1, 0], [0, 2]]).on_covariance().text()
    'InverseWishart(4, [[4, 0], [0, 8]])'
    """

    df: float
    scale: Floats

    def __post_init__(self) -> None:
        check_df_and_scale(self, self.df, self.scale)

    @property
    def dimension(self) -> int:
        """Number ``k`` of rows of the matrix."""
        return int(self.scale.shape[0])

    @property
    def mean(self) -> Floats | None:
        """Mean of ``D``: ``df * scale / (df - k - 1)``, or ``None`` if ``df <= k + 1``."""
        return self.on_covariance().mean

    def on_covariance(self) -> InverseWishart:
        """Return ``InverseWishart(df, df * scale)``."""
        return InverseWishart(self.df, self.df * self.scale)

    def logpdf(self, matrix: ArrayLike) -> Floats:
        """Return the normalised log density at covariance matrices, as `InverseWishart.logpdf`."""
        return self.on_covariance().logpdf(matrix)

    def dlogpdf(self, matrix: ArrayLike) -> Floats:
        """Return the symmetric gradient of the log density, as `InverseWishart.dlogpdf`."""
        return self.on_covariance().dlogpdf(matrix)

    def draw(self, rng: np.random.Generator, size: int) -> Floats:
        """Return ``(size, k, k)`` independent draws of the covariance matrix."""
        return self.on_covariance().draw(rng, size)
