"""Priors of a covariance matrix: the inverse-Wishart law in its parametrisations, and a known matrix."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import multigammaln

from multilevel.errors import OptionError
from multilevel.model.priors.arguments import (
    Floats,
    checked_matrix,
    checked_number,
    cholesky_or_nan,
    inverse_of_factor,
    log_det_of_factor,
)
from multilevel.model.priors.several import SeveralPrior

LOG_2 = math.log(2.0)


class CovariancePrior(SeveralPrior, ABC):
    """A prior that can be put on the covariance matrix of a grouped term."""

    __slots__ = ()

    @property
    @abstractmethod
    def dimension(self) -> int:
        """Number ``k`` of rows of the matrix."""

    @abstractmethod
    def on_covariance(self) -> InverseWishart | FixedMatrix:
        """Return the same law as a prior of the covariance matrix itself."""


@dataclass(frozen=True, slots=True, eq=False)
class InverseWishart(CovariancePrior):
    """The inverse-Wishart distribution of a covariance matrix ``D``, ``k`` by ``k``.

    Density proportional to ``det(D)^(-(df+k+1)/2) exp(-tr(scale D^-1) / 2)``. Some books write the inverse of
    ``scale`` in its place for the same law: see `from_inverse_scale`. ``D^-1`` is ``Wishart(df, scale^-1)``.

    Parameters
    ----------
    df
        Degrees of freedom, more than ``k - 1``; the mean exists if more than ``k + 1``.
    scale
        ``(k, k)``, symmetric positive definite, in squared units of the response; the mean is
        ``scale / (df - k - 1)``. One number is read as a 1 by 1 matrix.

    Raises
    ------
    OptionError
        An argument is not as said.

    Examples
    --------
    >>> from multilevel.model.priors import InverseWishart
    >>> InverseWishart(5, [[2, 0], [0, 4]]).mean
    array([[1., 0.],
           [0., 2.]])
    """

    df: float
    scale: Floats

    def __post_init__(self) -> None:
        check_df_and_scale(self, self.df, self.scale)

    @classmethod
    def confident(cls, guess: ArrayLike, df: float) -> InverseWishart:
        """Return the prior with mean ``guess``, the more concentrated the larger ``df``.

        Parameters
        ----------
        guess
            ``(k, k)`` guess of the covariance matrix.
        df
            More than ``k + 1``.

        Raises
        ------
        OptionError
            An argument is not as said.

        Examples
        --------
        >>> InverseWishart.confident([[1, 0], [0, 2]], df=50).mean
        array([[1., 0.],
               [0., 2.]])
        """
        matrix = checked_matrix(guess, where="InverseWishart.confident: guess")
        number = checked_number(df, where="InverseWishart.confident: df", kind="positive")
        k = matrix.shape[0]
        if number <= k + 1:
            raise OptionError(
                f"InverseWishart.confident: df is {number:g} for a {k} by {k} matrix, so it has no mean",
                allowed=f"more than {k + 1}",
                remedy="InverseWishart.vague(guess)",
            )
        return cls(number, (number - k - 1.0) * matrix)

    @classmethod
    def vague(cls, guess: ArrayLike) -> InverseWishart:
        """Return the prior with mean ``guess`` and ``df = k + 2``, the least whole number that has a mean.

        Examples
        --------
        >>> InverseWishart.vague([[1, 0], [0, 2]]).df
        4.0
        """
        matrix = checked_matrix(guess, where="InverseWishart.vague: guess")
        return cls(matrix.shape[0] + 2.0, matrix)

    @classmethod
    def from_inverse_scale(cls, df: float, inverse_scale: ArrayLike) -> InverseWishart:
        """Return the law that some books write as ``IW(df, S^-1)``, given that inverse.

        Examples
        --------
        >>> InverseWishart.from_inverse_scale(5, [[0.5]]).scale
        array([[2.]])
        """
        matrix = checked_matrix(inverse_scale, where="InverseWishart.from_inverse_scale: inverse_scale")
        return cls(df, inverse_of_factor(cholesky_or_nan(matrix)))

    @property
    def dimension(self) -> int:
        """Number ``k`` of rows of the matrix."""
        return int(self.scale.shape[0])

    @property
    def mean(self) -> Floats | None:
        """``scale / (df - k - 1)``, or ``None`` if ``df <= k + 1``."""
        spare = self.df - self.dimension - 1.0
        return np.asarray(self.scale / spare) if spare > 0.0 else None

    def on_covariance(self) -> InverseWishart:
        """Return the prior itself."""
        return self

    def logpdf(self, matrix: ArrayLike) -> Floats:
        """Return the normalised log density at matrices ``(..., k, k)``, of shape ``(...)``.

        Minus infinity where a matrix is not positive definite; the lower triangles are read.
        """
        k, L = self.dimension, cholesky_or_nan(shaped(matrix, self.dimension))
        constant = 0.5 * self.df * (float(log_det_of_factor(cholesky_or_nan(self.scale))) - k * LOG_2)
        trace = np.einsum("ij,...ij->...", self.scale, inverse_of_factor(L))
        found = (
            constant
            - multigammaln(0.5 * self.df, k)
            - 0.5 * (self.df + k + 1.0) * log_det_of_factor(L)
            - 0.5 * trace
        )
        return minus_inf_at_nan(found)

    def dlogpdf(self, matrix: ArrayLike) -> Floats:
        """Return the symmetric gradient ``G``, ``d logpdf = tr(G dD)``, at matrices ``(..., k, k)``."""
        inverse = inverse_of_factor(cholesky_or_nan(shaped(matrix, self.dimension)))
        return np.asarray(
            0.5 * inverse @ self.scale @ inverse - 0.5 * (self.df + self.dimension + 1.0) * inverse
        )

    def draw(self, rng: np.random.Generator, size: int) -> Floats:
        """Return ``(size, k, k)`` independent draws."""
        L = cholesky_or_nan(self.scale)
        A = bartlett(rng, size, self.df, self.dimension)
        root = L @ np.swapaxes(np.linalg.inv(A), -1, -2)
        return np.asarray(root @ np.swapaxes(root, -1, -2))


@dataclass(frozen=True, slots=True, eq=False)
class FixedMatrix(CovariancePrior):
    """A known covariance matrix: it is held there and not sampled.

    Parameters
    ----------
    value
        ``(k, k)``, symmetric positive definite: variances on the diagonal.

    Raises
    ------
    OptionError
        The value is not such a matrix.

    Examples
    --------
    >>> from multilevel.model.priors import FixedMatrix
    >>> FixedMatrix([[1, 0], [0, 2]]).text()
    'FixedMatrix([[1, 0], [0, 2]])'
    """

    value: Floats

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", checked_matrix(self.value, where="FixedMatrix: value"))

    @property
    def dimension(self) -> int:
        """Number ``k`` of rows of the matrix."""
        return int(self.value.shape[0])

    @property
    def mean(self) -> Floats:
        """The value."""
        return self.value

    def on_covariance(self) -> FixedMatrix:
        """Return the prior itself."""
        return self

    def draw(self, rng: np.random.Generator, size: int) -> Floats:
        """Return the value ``size`` times, ``(size, k, k)``."""
        return np.repeat(self.value[None], size, axis=0)


def check_df_and_scale(prior: CovariancePrior, df: object, scale: object) -> None:
    """Replace the two fields of a Wishart law by checked values."""
    name = type(prior).__name__
    matrix = checked_matrix(scale, where=f"{name}: scale")
    number = checked_number(df, where=f"{name}: df", kind="positive")
    k = matrix.shape[0]
    if number <= k - 1:
        raise OptionError(
            f"{name}: df is {number:g} for a {k} by {k} matrix",
            allowed=f"more than {k - 1}",
            remedy=f"df={k + 2}",
        )
    object.__setattr__(prior, "df", number)
    object.__setattr__(prior, "scale", matrix)


def shaped(matrix: ArrayLike, k: int) -> Floats:
    """Return ``(..., k, k)`` matrices as an array.

    Raises
    ------
    OptionError
        They have other dimensions.
    """
    found = np.asarray(matrix, dtype=np.float64)
    if found.ndim < 2 or found.shape[-2:] != (k, k):
        raise OptionError(f"the density at an array of shape {found.shape}", allowed=f"(..., {k}, {k})")
    return found


def bartlett(rng: np.random.Generator, size: int, df: float, k: int) -> Floats:
    """Return lower factors ``A`` with ``A A' ~ Wishart(df, I)`` (Bartlett 1933), ``(size, k, k)``."""
    A = np.zeros((size, k, k))
    rows, columns = np.tril_indices(k, -1)
    A[:, rows, columns] = rng.standard_normal((size, rows.size))
    at = np.arange(k)
    A[:, at, at] = np.sqrt(rng.chisquare(df - at, (size, k)))
    return A


def minus_inf_at_nan(values: Floats) -> Floats:
    """Return log densities with minus infinity where a matrix was not positive definite."""
    return np.asarray(np.where(np.isnan(values), -np.inf, values))[()]
