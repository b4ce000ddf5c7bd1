"""Residuals of a few groups, laws of their sds, and their densities by SciPy, for the tests of Gibbs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.special
import scipy.stats
from numpy.typing import NDArray

from multilevel.design.bound_priors import ResidualPriors
from multilevel.model.priors import ScalarPrior

Floats = NDArray[np.float64]

GROUPS = 4
RESIDUALS = tuple(
    np.random.default_rng(seed).normal(0.0, sd, size)
    for seed, sd, size in ((1, 0.6, 3), (2, 1.4, 8), (3, 0.8, 5), (4, 1.0, 12))
)
COUNTS = np.array([float(r.size) for r in RESIDUALS])
SQUARES = np.array([float(r @ r) for r in RESIDUALS])


def gamma_priors(first: ScalarPrior, second: ScalarPrior) -> ResidualPriors:
    """Return an inverse-gamma law."""
    return ResidualPriors("inverse_gamma", ("shape", "scale"), first, second)


def normal_priors(first: ScalarPrior, second: ScalarPrior) -> ResidualPriors:
    """Return a log-normal law."""
    return ResidualPriors("log_normal", ("mu", "sigma"), first, second)


LOG_SDS = np.linspace(-6.0, 8.0, 1401)
"""Where densities of log sds are summed: the trapezoid rule is exact to rounding for these."""


def log_residuals(sds: Floats, j: int) -> Floats:
    """Return log densities of the residuals of group ``j`` at sds of any shape."""
    return np.asarray(scipy.stats.norm(0.0, sds[..., None]).logpdf(RESIDUALS[j]).sum(axis=-1))


def log_evidence(log_law: Floats, j: int) -> Floats:
    """Return log densities ``(...)`` of the residuals of group ``j``, its sd integrated out.

    Parameters
    ----------
    log_law
        ``(..., 1401)`` log density of the log sd at `LOG_SDS`.
    """
    each = log_law + log_residuals(np.exp(LOG_SDS), j)
    return np.asarray(scipy.special.logsumexp(each, axis=-1) + np.log(LOG_SDS[1] - LOG_SDS[0]))


def grid_moments(
    log_density: Callable[[Floats, Floats], Floats], first: Floats, second: Floats
) -> dict[str, tuple[float, float]]:
    """Return means and sds of two numbers from their log density on a grid."""
    logs = log_density(first[:, None], second[None, :])
    weights = np.exp(logs - logs.max())
    weights /= weights.sum()
    found = {}
    for name, axis, own in (
        ("first", first, weights.sum(axis=1)),
        ("second", second, weights.sum(axis=0)),
    ):
        mean = float(own @ axis)
        found[name] = (mean, float(np.sqrt(own @ (axis - mean) ** 2)))
    return found


def batch_errors(x: Floats, mean: float, sd: float, batches: int = 30) -> tuple[float, float]:
    """Return how many Monte Carlo standard errors the mean and the variance of a chain are off."""
    errors = []
    for values, expected in ((x, mean), ((x - mean) ** 2, sd**2)):
        error = values.reshape(batches, -1).mean(axis=1).std(ddof=1) / np.sqrt(batches)
        errors.append(float(abs(values.mean() - expected) / error))
    return errors[0], errors[1]
