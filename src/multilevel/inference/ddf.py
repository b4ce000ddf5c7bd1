"""Degrees of freedom of linear combinations of the coefficients, and what goes with them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from multilevel.engines.solution import KenwardRoger
from multilevel.results import Fit

Floats = NDArray[np.float64]


def degrees_of_freedom(fit: Fit, L: Floats) -> Floats:
    """Return the denominator degrees of freedom of each row of ``L beta`` by the method of the fit.

    Parameters
    ----------
    fit
        A fit; ``fit.options.ddf`` names the method.
    L
        ``(c, p)`` combinations of the coefficients.

    Returns
    -------
    ``(c,)`` degrees of freedom; infinite for ``ddf="none"``, and where the variance of the combination is
    known.

    Notes
    -----
    Both methods match the first two moments of the estimated variance of ``l'beta`` to those of a
    chi-square: ``df = 2 v^2 / Var(v)`` (Satterthwaite 1946; Giesbrecht and Burns 1985, eq. 3.1). They
    differ in the covariance of the variance parameters: observed information ("satterthwaite", as lmerTest)
    or expected restricted information ("kenward-roger", Kenward and Roger 1997, whose scale factor is one
    for a single combination).
    """
    if fit.options.ddf == "none" or L.size == 0:
        return np.full(L.shape[0], np.inf)
    if fit.options.ddf == "satterthwaite":
        return _moments_match(L, fit.solution.vcov_beta, *curvature(fit))
    found = kenward_roger(fit)
    return _moments_match(L, fit.solution.vcov_beta, found.covariance, found.gradient)


def _moments_match(L: Floats, vcov: Floats, covariance: Floats, gradient: Floats) -> Floats:
    """Return ``2 v^2 / (g' A g)`` with ``v = l'Cl`` and ``g_s = l' (dC/d eta_s) l``."""
    v = quadratic_forms(L, vcov)
    g = np.column_stack([np.empty((L.shape[0], 0)), *(quadratic_forms(L, slope) for slope in gradient)])
    spread = quadratic_forms(g, covariance)
    df = np.full(L.shape[0], np.inf)
    estimated = (v > 0) & (spread > 1e-14 * v**2)
    df[estimated] = 2 * v[estimated] ** 2 / spread[estimated]
    return df


def quadratic_forms(rows: Floats, matrix: Floats) -> Floats:
    """Return ``x' M x`` for each row ``x``."""
    return np.asarray(np.einsum("ij,ij->i", rows @ matrix, rows))


def curvature(fit: Fit) -> tuple[Floats, Floats]:
    """Return the covariance of the variance parameters and the gradient of Var(beta), kept on the fit."""
    found = fit.once("curvature", fit.solution.groups.curvature)
    return found.covariance, found.gradient


def kenward_roger(fit: Fit) -> KenwardRoger:
    """Return the ingredients of the Kenward-Roger adjustment, kept on the fit."""
    return fit.once("kenward_roger", fit.solution.groups.kenward_roger)


def adjusted_vcov(fit: Fit) -> Floats:
    """Return the covariance matrix of the coefficients, adjusted for estimated variances.

    ``Phi + 2 Phi [sum_st W_st (Q_st - P_s Phi P_t)] Phi`` (Kenward and Roger 1997, eq. 5, for ``V`` linear
    in its parameters, where the terms in second derivatives vanish).
    """
    Phi = fit.solution.vcov_beta
    if Phi.size == 0:
        return Phi
    adjusted = Phi + 2 * kenward_roger(fit).correction
    return np.asarray((adjusted + adjusted.T) / 2)


def quantile(df: Floats, level: float) -> Floats:
    """Return the two-sided quantile of Student's t, or of the normal where ``df`` is infinite."""
    tail = (1 + level) / 2
    finite = np.isfinite(df)
    found = np.full(df.shape, float(ndtri(tail)))
    found[finite] = stdtrit(df[finite], tail)
    return found


def p_value(statistic: Floats, df: Floats) -> Floats:
    """Return two-sided p-values of Student's t, or of the normal where ``df`` is infinite."""
    size = -np.abs(statistic)
    finite = np.isfinite(df)
    found = 2 * ndtr(size)
    found[finite] = 2 * stdtr(df[finite], size[finite])
    return np.asarray(found)
