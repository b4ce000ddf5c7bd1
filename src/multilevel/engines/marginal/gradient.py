"""The chain rule from covariance matrices, priors and integrated coefficients to the sampled numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from multilevel.design.bound_priors import TermPriors
from multilevel.engines.marginal.coordinates import TermPlace
from multilevel.model.priors import LKJ, FixedMatrix
from multilevel.model.priors.one_correlation import OneCorrelation

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class TermSlopes:
    """Gradient of a part of the log density by what a term's numbers stand for.

    Parameters
    ----------
    matrix
        ``(n, k, k)`` symmetric ``S``: ``tr(S dD)`` by the covariance matrix ``D`` in the user's units.
    log_sds
        ``(n, k)``: by each log sd, beside what goes through ``D``.
    log_det
        By the log determinant of the correlation matrix, beside what goes through ``D``.
    log_sigma
        ``(n,)``: by log sigma.
    """

    matrix: Floats
    log_sds: Floats
    log_det: float
    log_sigma: Floats

    def __add__(self, other: TermSlopes) -> TermSlopes:
        return TermSlopes(
            self.matrix + other.matrix,
            self.log_sds + other.log_sds,
            self.log_det + other.log_det,
            self.log_sigma + other.log_sigma,
        )


@dataclass(frozen=True, slots=True, eq=False)
class IntegralSlopes:
    """Gradient of the log likelihood without the integrated coefficients.

    Parameters
    ----------
    weights
        ``(n, p + 1, p + 1)``: minus twice the gradient by the entries of ``S = [X y]'V^-1 [X y]``.
    log_sigma
        ``(n,)``: by log sigma with the relative covariance matrices held.
    at
        ``(n, p)``: by the coefficients (scaled columns) about which the integral is taken.
    """

    weights: Floats
    log_sigma: Floats
    at: Floats


def integral_slopes(S: Floats, gamma: Floats, covariance: Floats, sigma: Floats, n: float) -> IntegralSlopes:
    """Return the gradient of the integral over the coefficients.

    With the exponent ``|y - X gamma|^2_V / s2 + |delta - m|^2_P`` at its least value, ``dS`` enters as
    ``u'dS u / s2``, ``u = (-gamma, 1)`` (envelope theorem), and the determinant of the precision as
    ``tr(Var(gamma) dS_XX) / s2``.

    Parameters
    ----------
    S
        ``(n, p + 1, p + 1)``.
    gamma, covariance
        ``(n, p)`` and ``(n, p, p)``: conditional mean and covariance matrix of the coefficients.
    sigma
        ``(n,)`` residual sd of the scaled problem.
    n
        Observations.
    """
    p = gamma.shape[1]
    u = np.ones((gamma.shape[0], p + 1))
    u[:, :p] = -gamma
    weights = u[:, :, None] * u[:, None, :]
    weights[:, :p, :p] += covariance
    weights /= (sigma * sigma)[:, None, None]
    residual = (S[:, :p] @ u[:, :, None])[:, :, 0] / (sigma * sigma)[:, None]
    return IntegralSlopes(weights, (weights * S).sum(axis=(1, 2)) - n, residual)


def likelihood_term_slopes(G: Floats, front: Floats, D: Floats, sigma: Floats) -> TermSlopes:
    """Return the gradient of the log likelihood by a term's covariance matrix.

    Parameters
    ----------
    G
        ``(n, k, k)``: minus twice the log likelihood changes by ``tr(G dT)``, ``T = F D F' / sigma^2``.
    front
        ``F`` ``(k, k)``: from the user's effects to those of the scaled columns.
    D
        ``(n, k, k)``.
    sigma
        ``(n,)`` residual sd in the user's unit.
    """
    matrix = (-0.5 * front.T) @ G @ front / (sigma * sigma)[:, None, None]
    return TermSlopes(matrix, np.zeros(D.shape[:2]), 0.0, -2.0 * (matrix * D).sum(axis=(1, 2)))


def prior_term_slopes(
    prior: TermPriors, sds: Floats, D: Floats, sigma: Floats, *, shared: bool
) -> TermSlopes:
    """Return the gradient of `density.term_log_prior`.

    Parameters
    ----------
    prior
        Of the term.
    sds
        ``(n, k)``.
    D
        ``(n, k, k)``.
    sigma
        ``(n,)``.
    shared
        Whether all effects have one sd, which then has one prior.
    """
    matrix, by_log_sds = np.zeros(D.shape), np.zeros(sds.shape)
    if isinstance(prior.covariance, FixedMatrix):
        return TermSlopes(matrix, by_log_sds, 0.0, np.zeros(sigma.shape))
    if prior.covariance is not None:
        by_log_sds += float(sds.shape[1])
        return TermSlopes(prior.covariance.dlogpdf(D), by_log_sds, 0.0, np.zeros(sigma.shape))
    own = sds[:, :1] if shared else sds
    by_sds, by_sigma = prior.dlog_sds(own, sigma)
    by_log_sds[:, : own.shape[1]] = own * by_sds
    of_matrix = (
        prior.correlation.prior if isinstance(prior.correlation, OneCorrelation) else prior.correlation
    )
    power = of_matrix.eta - 1.0 if isinstance(of_matrix, LKJ) else 0.0
    return TermSlopes(matrix, by_log_sds, power, sigma * by_sigma)


def term_gradient(place: TermPlace, x: Floats, values: tuple[Floats, Floats], slopes: TermSlopes) -> Floats:
    """Return ``(n, d)``: the gradient by the term's sampled numbers, its volume element included.

    Parameters
    ----------
    place
        Of the term in the points.
    x
        ``(n, d)`` points.
    values
        The term's sds ``(n, k)`` and factors ``(n, k, k)``.
    slopes
        Of likelihood and prior together.
    """
    sds, L = values
    found = np.zeros(x.shape)
    by_L = 2.0 * (sds[:, :, None] * slopes.matrix * sds[:, None, :]) @ L
    by_log_sds = (by_L * L).sum(axis=2) + slopes.log_sds
    for a, position in enumerate(place.sds):
        if position >= 0:
            found[:, position] += by_log_sds[:, a]
    for position in set(place.sds) - {-1}:
        found[:, position] += 1.0
    if place.n_partial:
        here = slice(place.partial, place.partial + place.n_partial)
        found[:, here] = _partial_gradient(np.tanh(x[:, here]), L, by_L, slopes.log_det)
    elif place.common >= 0:
        by_R = sds[:, :, None] * slopes.matrix * sds[:, None, :]
        by_r = by_R.sum(axis=(1, 2)) - np.trace(by_R, axis1=1, axis2=2)
        found[:, place.common] = _common_gradient(x[:, place.common], by_r, place, slopes.log_det)
    return found


def _common_gradient(z: Floats, by_r: Floats, place: TermPlace, log_det: float) -> Floats:
    """Return the gradient by the number of the one correlation of all effects, its volume element included.

    With ``u = 1 / (1 + exp(-z))``: ``dr/dz = (high - low) u (1 - u)``, whose logarithm moves by ``1 - 2 u``.
    Between the widest bounds, the only ones beside an LKJ prior, ``log det R`` is a constant and
    ``log u + (k - 1) log(1 - u)``, and moves by ``1 - k u``.
    """
    u, rest = expit(z), expit(-z)
    slope = by_r * (place.high - place.low) * u * rest
    return np.asarray(slope + log_det * (rest - (place.size - 1) * u) + rest - u)


def _partial_gradient(r: Floats, L: Floats, by_L: Floats, log_det: float) -> Floats:
    """Return the gradient by atanh partial correlations, their volume element included.

    ``L_ij = r_ij prod_{l < j} sqrt(1 - r_il^2)``: number (i, j) moves ``L_ij`` by ``1 - r_ij^2`` times the
    product and every later entry of its row by ``-r_ij`` times itself; ``log det R`` moves by ``-2 r_ij``,
    the log volume by ``-(k - j) r_ij`` (Lewandowski, Kurowicka and Joe 2009, section 2).
    """
    k = L.shape[1]
    found, at = np.empty(r.shape), 0
    moved = by_L * L
    for i in range(1, k):
        left = np.ones(r.shape[0])
        for j in range(i):
            one = r[:, at]
            rest = (1.0 - one) * (1.0 + one)
            later = moved[:, i, j + 1 : i + 1].sum(axis=1)
            found[:, at] = by_L[:, i, j] * rest * left - one * (later + 2.0 * log_det + k - j)
            left = left * np.sqrt(rest)
            at += 1
    return found
