"""Log densities of priors of one number and their slopes at plain floats: arrays of one would be slow."""

from __future__ import annotations

import math
from collections.abc import Callable

from multilevel.model.priors import (
    Exponential,
    Flat,
    HalfNormal,
    HalfT,
    Normal,
    ScalarPrior,
    StudentT,
)

At = Callable[[float], tuple[float, float]]


def at_float(prior: ScalarPrior) -> At:
    """Return the function from a number to log density and slope.

    Parameters
    ----------
    prior
        Of one number.

    Examples
    --------
    >>> from multilevel.model.priors import Normal
    >>> at_float(Normal(1, 2))(3.0)[1]
    -0.5
    """
    if isinstance(prior, Normal):
        return _normal(prior.mean, prior.sd, float(prior.logpdf(prior.mean)))
    if isinstance(prior, HalfNormal):
        return _positive(_normal(0.0, prior.sd, float(prior.logpdf(0.0))))
    if isinstance(prior, StudentT):
        return _student(prior.df, prior.location, prior.scale, float(prior.logpdf(prior.location)))
    if isinstance(prior, HalfT):
        return _positive(_student(prior.df, 0.0, prior.scale, float(prior.logpdf(0.0))))
    if isinstance(prior, Exponential):
        return _positive(_exponential(prior.rate))
    if isinstance(prior, Flat):
        top = float(prior.logpdf(1.0))
        return lambda x: (top, 0.0)
    return lambda x: (float(prior.logpdf(x)), float(prior.dlogpdf(x)))


def _normal(mean: float, sd: float, top: float) -> At:
    """Return the function of a normal density whose log is ``top`` at its mean."""
    precision = sd**-2.0

    def at(x: float) -> tuple[float, float]:
        away = x - mean
        slope = -precision * away
        return top + 0.5 * slope * away, slope

    return at


def _student(df: float, location: float, scale: float, top: float) -> At:
    """Return the function of a Student-t density whose log is ``top`` at its location."""
    width, power = df * scale * scale, 0.5 * (df + 1.0)

    def at(x: float) -> tuple[float, float]:
        away = x - location
        return top - power * math.log1p(away * away / width), -2.0 * power * away / (width + away * away)

    return at


def _exponential(rate: float) -> At:
    """Return the function of an exponential density."""
    top = math.log(rate)
    return lambda x: (top - rate * x, -rate)


def _positive(inside: At) -> At:
    """Return the function of a density of positive numbers."""
    return lambda x: inside(x) if x >= 0.0 else (-math.inf, 0.0)
