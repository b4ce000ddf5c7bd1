"""Draws from inverse-gamma and inverse-Wishart distributions, and the priors that lead to them."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from multilevel.model.priors import Flat, InverseGamma, RootOf, ScalarPrior
from multilevel.model.priors.covariances import bartlett

Floats = NDArray[np.float64]


def as_inverse_gamma(prior: ScalarPrior) -> tuple[float, float] | None:
    """Return shape and scale of the inverse-gamma form of an sd's prior in its variance.

    The density of the variance ``v`` is proportional to ``v^-(shape + 1) exp(-scale / v)``; for a flat prior
    of the sd the shape is -1/2, for one of the variance -1. ``None`` if the prior has no such form.
    """
    if isinstance(prior, Flat):
        return -0.5, 0.0
    if isinstance(prior, RootOf) and isinstance(prior.variance, Flat):
        return -1.0, 0.0
    if isinstance(prior, RootOf) and isinstance(prior.variance, InverseGamma):
        return prior.variance.shape, prior.variance.scale
    return None


def draw_inverse_gamma(rng: np.random.Generator, shape: float, scale: float) -> float:
    """Return a draw whose density is proportional to ``v^-(shape + 1) exp(-scale / v)``."""
    return scale / max(float(rng.standard_gamma(shape)), 1e-300)


def draw_inverse_wishart(rng: np.random.Generator, df: float, scale: Floats) -> tuple[Floats, Floats]:
    """Return sds ``(k,)`` and the lower Cholesky factor of the correlations of an inverse-Wishart draw."""
    if scale.shape[0] == 1:
        variance = draw_inverse_gamma(rng, 0.5 * df, 0.5 * float(scale[0, 0]))
        return np.array([math.sqrt(variance)]), np.ones((1, 1))
    A = bartlett(rng, 1, df, scale.shape[0])[0]
    root = np.linalg.solve(A, np.linalg.cholesky(scale).T).T
    sds = np.sqrt((root * root).sum(axis=1))
    return sds, lower_factor(root / sds[:, None])


def lower_factor(root: Floats) -> Floats:
    """Return the lower triangle ``L`` with positive diagonal and ``L L' = root root'``."""
    L = np.asarray(np.linalg.qr(root.T, mode="r")).T
    return np.asarray(L * np.where(np.diagonal(L) < 0.0, -1.0, 1.0))
