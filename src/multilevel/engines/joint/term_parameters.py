"""One grouped term's sds and correlations: their covariance factor, prior density and gradient."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr, ndtri_exp

from multilevel.design.bound_priors import TermPriors
from multilevel.engines.joint.scalar_slopes import at_float
from multilevel.engines.marginal.coordinates import Coordinates, TermPlace
from multilevel.engines.marginal.density import term_log_prior
from multilevel.engines.marginal.gradient import TermSlopes, prior_term_slopes, term_gradient

Floats = NDArray[np.float64]

ONE = np.ones(1)
HALF_LOG_TWO_PI = 0.5 * math.log(2.0 * math.pi)


@dataclass(frozen=True, slots=True, eq=False)
class TermPoint:
    """A term at a vector.

    Parameters
    ----------
    sds
        ``(k,)``.
    factor
        ``(k, k)`` Cholesky factor of the correlation matrix.
    root
        ``(k, k)`` ``diag(sds) factor``: that of the covariance matrix.
    log_prior, slope
        Log prior density with its volume element, and its gradient ``(d,)``.
    """

    sds: Floats
    factor: Floats
    root: Floats
    log_prior: float
    slope: Floats


class TermParameters:
    """From a vector to one term.

    Parameters
    ----------
    place
        Where its numbers stand.
    prior
        Of the term.
    shared
        Whether all effects have one sd.
    """

    __slots__ = ("_alone", "_at", "_one", "_prior", "_shared", "place")

    def __init__(self, place: TermPlace, prior: TermPriors, shared: bool) -> None:
        self.place, self._prior, self._shared = place, prior, shared
        self._alone = Coordinates((), (place,), -1, 1.0, (), 0)
        self._one = place.size == 1 and isinstance(prior.sds, tuple) and len(prior.sds) == 1
        self._one = self._one and prior.covariance is None
        self._at = at_float(prior.sds[0]) if self._one else None  # type: ignore[index]

    @property
    def is_alone(self) -> bool:
        """Whether the number of the only sd is that of `sd_of`."""
        return self._at is not None

    def at(self, x: Floats) -> TermPoint:
        """Return the term at a vector ``(d,)``."""
        if self._at is not None:
            return self._single(x)
        values = self._alone.values(x[None])
        sds, factor = values.sds[0], values.factors[0]
        D = (sds[:, :, None] * factor) @ np.swapaxes(sds[:, :, None] * factor, 1, 2)
        log = float(term_log_prior(self._prior, sds, factor, ONE)[0] + values.log_jacobian[0])
        slopes = prior_term_slopes(self._prior, sds, D, ONE, shared=self._shared)
        slope = term_gradient(self.place, x[None], (sds, factor), slopes)[0]
        return TermPoint(sds[0], factor[0], sds[0][:, None] * factor[0], log, slope)

    def add(self, x: Floats, at: TermPoint, S: Floats, found: Floats) -> None:
        """Add the gradient of a log likelihood that changes by ``tr(S dD)``, ``S`` ``(k, k)`` symmetric."""
        if self._at is not None:
            if self.place.sds[0] >= 0:
                log_rate = sd_of(float(x[self.place.sds[0]]))[1]
                found[self.place.sds[0]] += 2.0 * S[0, 0] * at.sds[0] * math.exp(log_rate)
            return
        nothing = TermSlopes(np.zeros((1, *S.shape)), np.zeros((1, S.shape[0])), 0.0, np.zeros(1))
        some = TermSlopes(S[None], np.zeros((1, S.shape[0])), 0.0, np.zeros(1))
        values = (at.sds[None], at.factor[None])
        found += (
            term_gradient(self.place, x[None], values, some)
            - term_gradient(self.place, x[None], values, nothing)
        )[0]

    def number(self, sd: float) -> float:
        """Return the number at which an effect has an sd."""
        return math.log(sd) if self._at is None else number_of_sd(sd)

    def _single(self, x: Floats) -> TermPoint:
        """Return a term of one effect."""
        slope, position = np.zeros(x.size), self.place.sds[0]
        if position < 0:
            sd, log = float(self.place.fixed[0]), 0.0
        else:
            assert self._at is not None
            sd, log_rate, bend = sd_of(float(x[position]))
            log, by_sd = self._at(sd)
            log += log_rate
            slope[position] = by_sd * math.exp(log_rate) + bend
        return TermPoint(np.array([sd]), np.ones((1, 1)), np.array([[sd]]), log, slope)


def sd_of(x: float) -> tuple[float, float, float]:
    """Return the sd of an effect that stands alone at a number, ``log ds/dx`` and the slope of that.

    ``s = -log Phi(-x)``. Where the data allow an sd of zero its density there is flat, and that of its
    logarithm has a long exponential tail, which chains explore slowly; the density of ``x`` has a normal
    tail, for ``s`` is about ``Phi(x)`` there. ``ds/dx`` is the hazard ``h``, and ``h' = h (h - x)``.
    """
    log_rest = float(log_ndtr(-x))
    log_rate = -0.5 * x * x - HALF_LOG_TWO_PI - log_rest
    return -log_rest, log_rate, math.exp(log_rate) - x


def number_of_sd(sd: float) -> float:
    """Return the number whose `sd_of` is an sd."""
    return float(-ndtri_exp(-max(sd, 1e-12)))


def symmetric_slope(root: Floats, by_root: Floats) -> Floats:
    """Return ``S`` with ``tr(S dD)`` from the derivatives by the lower triangular root of ``D``.

    Parameters
    ----------
    root
        ``(k, k)`` lower triangular, ``D = root root'``.
    by_root
        ``(k, k)``; what stands above the diagonal is not read.

    References
    ----------
    Giles (2008), "Collected matrix derivative results for forward and reverse mode algorithmic
    differentiation", section 4.2 on the Cholesky factorisation, for a symmetric ``D``.
    """
    if root.shape[0] == 1:
        return np.asarray(by_root / (2.0 * root))
    P = np.tril(root.T @ np.tril(by_root))
    P = P + P.T
    P[np.diag_indices_from(P)] *= 0.5
    inverse = np.linalg.inv(root)
    return np.asarray(0.5 * inverse.T @ P @ inverse)
