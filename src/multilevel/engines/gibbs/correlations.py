"""How the correlations of a term walk: as which numbers, and with what prior density."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_expit

from multilevel.design.bound_priors import TermPriors
from multilevel.engines.marginal.coordinates import TermPlace
from multilevel.model.priors import LKJ, factor_from_partial, partial_from_factor
from multilevel.model.priors.one_correlation import OneCorrelation

Floats = NDArray[np.float64]

LARGEST_PARTIAL = 1.0 - 1e-12


class Correlations(Protocol):
    """Numbers on the whole real line that stand for a correlation matrix."""

    @property
    def size(self) -> int:
        """How many numbers."""

    def factor(self, z: Floats) -> Floats:
        """Return the ``(k, k)`` Cholesky factor at numbers ``(size,)``."""

    def numbers(self, L: Floats) -> Floats:
        """Return the numbers of a Cholesky factor."""

    def log_density(self, z: Floats) -> float:
        """Return the log prior density of the numbers, but for a constant."""


class KnownCorrelations:
    """Correlations that do not walk, whether they are zero or known."""

    __slots__ = ("_factor",)
    size = 0

    def __init__(self, place: TermPlace) -> None:
        self._factor = place.factor

    def factor(self, z: Floats) -> Floats:
        """Return the known factor."""
        return self._factor

    def numbers(self, L: Floats) -> Floats:
        """Return nothing."""
        return np.zeros(0)

    def log_density(self, z: Floats) -> float:
        """Return zero."""
        return 0.0


class PartialCorrelations:
    """Partial correlations under an LKJ prior, as their inverse hyperbolic tangents."""

    __slots__ = ("_alpha", "size")

    def __init__(self, prior: LKJ, k: int) -> None:
        self._alpha = prior.shapes(k)
        self.size = self._alpha.size

    def factor(self, z: Floats) -> Floats:
        """Return the factor whose partial correlations are ``tanh z``."""
        return factor_from_partial(np.tanh(z))

    def numbers(self, L: Floats) -> Floats:
        """Return the inverse hyperbolic tangents, those of correlations of one cut off."""
        return np.asarray(np.arctanh(np.clip(partial_from_factor(L), -LARGEST_PARTIAL, LARGEST_PARTIAL)))

    def log_density(self, z: Floats) -> float:
        """Return ``sum alpha log(1 - tanh(z)^2)``: the prior ``(1 - r^2)^(alpha - 1)`` with its volume."""
        return float(self._alpha @ log_sech2(z))


class CommonCorrelation:
    """One correlation of all effects, as the logit of where it is between its bounds."""

    __slots__ = ("_place", "_prior", "size")

    def __init__(self, prior: OneCorrelation, place: TermPlace) -> None:
        self._prior, self._place, self.size = prior, place, 1

    def factor(self, z: Floats) -> Floats:
        """Return the factor of the matrix with this correlation everywhere."""
        return np.asarray(self._place.common_factor(z)[0][0])

    def numbers(self, L: Floats) -> Floats:
        """Return the logit."""
        return np.array([self._place.common_number(L)])

    def log_density(self, z: Floats) -> float:
        """Return ``a log u + b log(1 - u)``: ``u ~ Beta(a, b)``, with its volume ``u (1 - u)``."""
        a, b = self._prior.shapes
        return float(a * log_expit(z[0]) + b * log_expit(-z[0]))


def correlations_of(prior: TermPriors, place: TermPlace) -> Correlations:
    """Return how a term's correlations walk."""
    if isinstance(prior.correlation, LKJ) and place.n_partial:
        return PartialCorrelations(prior.correlation, place.size)
    if isinstance(prior.correlation, OneCorrelation):
        return CommonCorrelation(prior.correlation, place)
    return KnownCorrelations(place)


def log_sech2(z: Floats) -> Floats:
    """Return ``log(1 - tanh(z)^2)`` without loss of digits.

    Examples
    --------
    >>> log_sech2(np.array([1.0, 500.0])).round(3).tolist()
    [-0.868, -998.614]
    """
    size = np.abs(z)
    return np.asarray(-2.0 * (size + np.log1p(np.exp(-2.0 * size)) - np.log(2.0)))
