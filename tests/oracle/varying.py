"""Groups with residual sds of their own, by dense normal densities and quadrature of each sd."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.integrate
import scipy.optimize
import scipy.stats
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class LogLaw:
    """Log density of log s, vectorised, and points that cover where it is not negligible."""

    logpdf: Callable[[Floats], Floats]
    points: Floats


@dataclass(frozen=True, slots=True, eq=False)
class DenseGroup:
    """The rows of one group: ``Z`` ``(n, k)``, ``X`` ``(n, p)``, ``y`` and weights ``w`` ``(n,)``."""

    Z: Floats
    X: Floats
    y: Floats
    w: Floats


def inverse_gamma_law(shape: float, scale: float) -> LogLaw:
    """Return the log density of log s under ``s^2 ~ InverseGamma(shape, scale)``."""
    law = scipy.stats.invgamma(shape, scale=scale)
    points = 0.5 * np.log(law.ppf(np.linspace(1e-12, 1.0 - 1e-12, 401)))
    return LogLaw(lambda t: np.asarray(law.logpdf(np.exp(2.0 * t)) + np.log(2.0) + 2.0 * t), points)


def log_normal_law(mean: float, sd: float) -> LogLaw:
    """Return the log density of log s under ``log s ~ Normal(mean, sd)``."""
    law = scipy.stats.norm(mean, sd)
    return LogLaw(lambda t: np.asarray(law.logpdf(t)), mean + sd * np.linspace(-9.0, 9.0, 401))


def given_log_sd(group: DenseGroup, covariance: Floats, beta: Floats, t: Floats) -> Floats:
    """Return the log density of a group's rows at several log sds, effects integrated out.

    The eigenvectors of the dense ``W^(1/2) Z D Z' W^(1/2)`` make the covariance matrix diagonal at every sd.
    """
    root = np.sqrt(group.w)
    e = root * (group.y - group.X @ beta)
    among, vectors = np.linalg.eigh((root[:, None] * group.Z) @ covariance @ (group.Z.T * root))
    among[: max(e.size - covariance.shape[0], 0)] = 0.0
    variances = np.exp(2.0 * t)[:, None] + among.clip(0.0)
    terms = np.square(vectors.T @ e) / variances + np.log(variances) + np.log(2.0 * np.pi)
    return np.asarray(np.log(root).sum() - 0.5 * terms.sum(axis=1))


def group_log_likelihood(group: DenseGroup, covariance: Floats, beta: Floats, law: LogLaw) -> float:
    """Return the log of the integral over the sd, by adaptive quadrature about a coarse maximum."""

    def log_joint(t: Floats) -> Floats:
        return given_log_sd(group, covariance, beta, t) + law.logpdf(t)

    grid = np.unique(np.concatenate([np.linspace(-14.0, 40.0, 2161), law.points.clip(-14.0, 40.0)]))
    values = log_joint(grid)
    top = float(values.max())
    inside = grid[values > top - 35.0]
    ends = np.quantile(inside, np.linspace(0.0, 1.0, 9))
    total = 0.0
    for a, b in itertools.pairwise(ends):
        part, _ = scipy.integrate.quad(
            lambda t: float(np.exp(log_joint(np.array([t]))[0] - top)), a, b, epsabs=1e-13, epsrel=1e-12
        )
        total += part
    return top + float(np.log(total))


def sd_distribution(
    group: DenseGroup, covariance: Floats, beta: Floats, law: LogLaw
) -> Callable[[Floats], Floats]:
    """Return the distribution function of a group's log sd given its rows, by a fine trapezoidal rule."""
    grid = np.linspace(-9.0, 20.0, 20001)
    values = given_log_sd(group, covariance, beta, grid) + law.logpdf(grid)
    weights = np.exp(values - values.max())
    area = np.concatenate([[0.0], np.cumsum(0.5 * (weights[1:] + weights[:-1]))])
    return lambda t: np.asarray(np.interp(t, grid, area / area[-1]))


@dataclass(frozen=True, slots=True, eq=False)
class TinyPosterior:
    """A model on a grid: evidence, and moments of effect sd, coefficient and one group's residual sd."""

    log_evidence: float
    means: Floats
    sds: Floats


def tiny_posterior(
    groups: list[DenseGroup], law: LogLaw, log_sd: LogLaw, log_beta: LogLaw, *, which: int
) -> TinyPosterior:
    """Sum a model of one coefficient and one effect on a grid over all that is unknown.

    Parameters
    ----------
    groups
        With one column of ``Z`` and of ``X``, which are ones.
    law
        Of each log residual sd.
    log_sd, log_beta
        Priors of the logarithm of the effects' sd, and of the coefficient; their points make the grid.
    which
        Group whose residual sd is summarised.
    """
    s, b = log_sd.points, log_beta.points
    t = np.linspace(-6.0, 7.0, 800)
    found, first = np.zeros((s.size, b.size)), np.zeros((2, s.size, b.size))
    for i, one in enumerate(s):
        for j, group in enumerate(groups):
            D = np.array([[np.exp(2.0 * one)]])
            joint = np.array([given_log_sd(group, D, np.array([beta]), t) for beta in b]) + law.logpdf(t)
            top = joint.max(axis=1, keepdims=True)
            weights = np.exp(joint - top)
            area = np.trapezoid(weights, t, axis=1)
            found[i] += np.log(area) + top[:, 0]
            if j == which:
                first[0, i] = np.trapezoid(weights * np.exp(t), t, axis=1) / area
                first[1, i] = np.trapezoid(weights * np.exp(2.0 * t), t, axis=1) / area
    found += log_sd.logpdf(s)[:, None] + log_beta.logpdf(b)
    top = found.max()
    weights = np.exp(found - top) * np.gradient(s)[:, None] * np.gradient(b)
    total = weights.sum()
    tau, beta = np.exp(s)[:, None] + 0.0 * b, b + 0.0 * s[:, None]
    parts = [(tau, tau**2), (beta, beta**2), (first[0], first[1])]
    means = np.array([(weights * m).sum() / total for m, _ in parts])
    squares = np.array([(weights * q).sum() / total for _, q in parts])
    return TinyPosterior(float(top + np.log(total)), means, np.sqrt(squares - means**2))
