"""Priors of one number as rows of numbers that the kernels read; ``None`` for a prior without a code."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from multilevel.model.priors import (
    Exponential,
    Fixed,
    Flat,
    Gamma,
    HalfCauchy,
    HalfNormal,
    HalfT,
    InverseGamma,
    LogNormal,
    Normal,
    RootOf,
    ScalarPrior,
    StudentT,
    Uniform,
)

Floats = NDArray[np.float64]
Shape = tuple[int, float, float, float, float]

WIDTH = 8
FLAT, NORMAL, STUDENT, GAMMA, INVERSE_GAMMA, LOG_NORMAL = range(6)
"""As in `ScalarPrior` of the kernels."""


def code_of(prior: ScalarPrior) -> Floats | None:
    """Return shape, whether it is of the square, support, three numbers of the shape, and a constant.

    A `Fixed` prior is flat: what it holds is not sampled.

    Parameters
    ----------
    prior
        Of one number.

    Examples
    --------
    >>> from multilevel.model.priors import Exponential
    >>> code_of(Exponential(1.0)).tolist()
    [3.0, 0.0, 0.0, inf, 0.0, 1.0, 0.0, 0.0]
    """
    of_square = isinstance(prior, RootOf)
    plain = prior.variance if isinstance(prior, RootOf) else prior
    if isinstance(plain, Fixed):
        return np.array([FLAT, 0.0, -math.inf, math.inf, 0.0, 0.0, 0.0, 0.0])
    found = _shape(plain)
    if found is None:
        return None
    code, a, b, c, x = found
    low, high = (-math.inf, math.inf) if isinstance(plain, Flat) else plain.bounds
    top = float(plain.logpdf(x)) - _without_constant(code, a, b, c, x)
    return np.array([code, float(of_square), low, high, a, b, c, top])


def codes_of(priors: Sequence[ScalarPrior]) -> Floats | None:
    """Return ``(k, WIDTH)`` rows of several priors, ``None`` if one of them has no code."""
    rows = np.empty((len(priors), WIDTH))
    for row, prior in zip(rows, priors, strict=True):
        code = code_of(prior)
        if code is None:
            return None
        row[:] = code
    return rows


def _shape(prior: ScalarPrior) -> Shape | None:
    """Return the code, its three numbers, and a place at which the density is known to be positive."""
    if isinstance(prior, Normal):
        return NORMAL, prior.mean, prior.sd**-2.0, 0.0, prior.mean
    if isinstance(prior, HalfNormal):
        return NORMAL, 0.0, prior.sd**-2.0, 0.0, 0.0
    if isinstance(prior, StudentT):
        return _student(prior.df, prior.location, prior.scale)
    if isinstance(prior, HalfT):
        return _student(prior.df, 0.0, prior.scale)
    if isinstance(prior, HalfCauchy):
        return _student(1.0, 0.0, prior.scale)
    if isinstance(prior, Exponential):
        return GAMMA, 0.0, prior.rate, 0.0, 0.0
    if isinstance(prior, Gamma):
        return GAMMA, prior.shape - 1.0, prior.rate, 0.0, prior.shape / prior.rate
    if isinstance(prior, InverseGamma):
        return INVERSE_GAMMA, prior.shape + 1.0, prior.scale, 0.0, prior.scale / (prior.shape + 1.0)
    if isinstance(prior, LogNormal):
        return LOG_NORMAL, prior.mu, prior.sigma**-2.0, 0.0, math.exp(prior.mu)
    if isinstance(prior, Uniform):
        return FLAT, 0.0, 0.0, 0.0, 0.5 * (prior.low + prior.high)
    if isinstance(prior, Flat):
        return FLAT, 0.0, 0.0, 0.0, 1.0
    return None


def _student(df: float, location: float, scale: float) -> Shape:
    """Return the shape of a Student-t density."""
    return STUDENT, location, df * scale * scale, 0.5 * (df + 1.0), location


def _without_constant(code: int, a: float, b: float, c: float, x: float) -> float:
    """Return the log density at a place, but for the constant, as the kernels have it."""
    if code == NORMAL:
        return -0.5 * b * (x - a) ** 2
    if code == STUDENT:
        return -c * math.log1p((x - a) ** 2 / b)
    if code == GAMMA:
        return (a * math.log(x) if a != 0.0 else 0.0) - b * x
    if code == INVERSE_GAMMA:
        return -a * math.log(x) - b / x
    if code == LOG_NORMAL:
        return -math.log(x) - 0.5 * b * (math.log(x) - a) ** 2
    return 0.0
