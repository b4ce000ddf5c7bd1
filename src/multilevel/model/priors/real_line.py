"""Priors of one number on the whole line, on an interval, or at a point."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from scipy.special import gammaln

from multilevel.errors import OptionError
from multilevel.model.priors.arguments import Floats
from multilevel.model.priors.scalar import ScalarPrior, Size, Support

HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)


def log_t(z: Floats, df: float) -> Floats:
    """Return the log density of Student's t with ``df`` degrees of freedom, location 0 and scale 1."""
    constant = gammaln(0.5 * (df + 1.0)) - gammaln(0.5 * df) - 0.5 * math.log(df * math.pi)
    return np.asarray(constant - 0.5 * (df + 1.0) * np.log1p(z * z / df))


def slope_t(z: Floats, df: float) -> Floats:
    """Return the derivative of `log_t`."""
    return np.asarray(-(df + 1.0) * z / (df + z * z))


@dataclass(frozen=True, slots=True)
class Normal(ScalarPrior):
    """The normal distribution.

    Parameters
    ----------
    mean
        Mean.
    sd
        Standard deviation (not the variance), positive.

    Raises
    ------
    OptionError
        An argument is not such a number.

    Examples
    --------
    >>> from multilevel.model.priors import Normal
    >>> round(float(Normal(0, 10).logpdf(0)), 3)
    -3.222
    """

    mean: float = field()  # without this the property of the parent would be its default
    sd: float = field()

    def __post_init__(self) -> None:
        self._check({"mean": "finite", "sd": "positive"})

    @property
    def support(self) -> Support:
        """The real line."""
        return "real"

    def draw(self, rng: np.random.Generator, size: Size) -> Floats:
        """Return independent draws."""
        return rng.normal(self.mean, self.sd, size)

    def _log(self, x: Floats) -> Floats:
        z = (x - self.mean) / self.sd
        return -0.5 * z * z - (HALF_LOG_2PI + math.log(self.sd))

    def _slope(self, x: Floats) -> Floats:
        return (self.mean - x) / self.sd / self.sd


@dataclass(frozen=True, slots=True)
class StudentT(ScalarPrior):
    """Student's t distribution, ``location + scale * t_df``; argument order as in brms.

    Parameters
    ----------
    df
        Degrees of freedom, positive.
    location
        Centre; the mean if ``df > 1``.
    scale
        Scale, positive; the sd is ``scale * sqrt(df / (df - 2))`` if ``df > 2``.

    Raises
    ------
    OptionError
        An argument is not such a number.

    Examples
    --------
    >>> from multilevel.model.priors import StudentT
    >>> StudentT(3, 288.7, 59.3).text()
    'StudentT(3, 288.7, 59.3)'
    """

    df: float
    location: float
    scale: float

    def __post_init__(self) -> None:
        self._check({"df": "positive", "location": "finite", "scale": "positive"})

    @property
    def support(self) -> Support:
        """The real line."""
        return "real"

    @property
    def mean(self) -> float | None:
        """The location, if ``df > 1``."""
        return self.location if self.df > 1.0 else None

    def draw(self, rng: np.random.Generator, size: Size) -> Floats:
        """Return independent draws."""
        return np.asarray(self.location + self.scale * rng.standard_t(self.df, size))

    def _log(self, x: Floats) -> Floats:
        return log_t((x - self.location) / self.scale, self.df) - math.log(self.scale)

    def _slope(self, x: Floats) -> Floats:
        return slope_t((x - self.location) / self.scale, self.df) / self.scale


@dataclass(frozen=True, slots=True)
class Uniform(ScalarPrior):
    """The uniform distribution on an interval.

    Parameters
    ----------
    low, high
        Its ends, finite, ``low < high``.

    Raises
    ------
    OptionError
        An argument is not finite, or ``low`` is not below ``high``.

    Examples
    --------
    >>> from multilevel.model.priors import Uniform
    >>> Uniform(-1, 1).mean
    0.0
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        self._check({"low": "finite", "high": "finite"})
        if not self.low < self.high:
            raise OptionError(f"Uniform: low is {self.low:g} and high is {self.high:g}", allowed="low < high")

    @property
    def support(self) -> Support:
        """The interval."""
        return "interval"

    @property
    def bounds(self) -> tuple[float, float]:
        """``low`` and ``high``."""
        return self.low, self.high

    @property
    def mean(self) -> float:
        """The middle of the interval."""
        return 0.5 * self.low + 0.5 * self.high

    def draw(self, rng: np.random.Generator, size: Size) -> Floats:
        """Return independent draws."""
        return rng.uniform(self.low, self.high, size)

    def _log(self, x: Floats) -> Floats:
        return np.full(x.shape, -math.log(self.high - self.low))

    def _slope(self, x: Floats) -> Floats:
        return np.zeros(x.shape)


@dataclass(frozen=True, slots=True)
class Flat(ScalarPrior):
    """The improper prior that is one everywhere; it adds nothing to the log density.

    On a standard deviation it is flat on the positive numbers. It has no mean and cannot be drawn from, and
    the evidence of a model that has it is not defined.

    Examples
    --------
    >>> from multilevel.model.priors import Flat
    >>> float(Flat().logpdf(1e9))
    0.0
    """

    @property
    def support(self) -> Support:
        """The real line."""
        return "real"

    @property
    def mean(self) -> None:
        """There is none."""
        return None

    def draw(self, rng: np.random.Generator, size: Size) -> Floats:
        """Refuse: the prior is improper."""
        raise OptionError(
            "a draw from Flat() was asked for, which is not a probability distribution",
            allowed="draws from proper priors",
            remedy="a wide Normal(mean, sd) in place of Flat()",
        )

    def _log(self, x: Floats) -> Floats:
        return np.zeros(x.shape)

    def _slope(self, x: Floats) -> Floats:
        return np.zeros(x.shape)


@dataclass(frozen=True, slots=True)
class Fixed(ScalarPrior):
    """A known value: the parameter is held there and not sampled.

    As a density it is with respect to the counting measure: ``logpdf`` is 0 at the value and minus infinity
    elsewhere.

    Parameters
    ----------
    value
        The value, finite.

    Raises
    ------
    OptionError
        The value is not a finite number.

    Examples
    --------
    >>> from multilevel.model.priors import Fixed
    >>> Fixed(10).mean
    10.0
    """

    value: float

    def __post_init__(self) -> None:
        self._check({"value": "finite"})

    @property
    def support(self) -> Support:
        """The value."""
        return "point"

    @property
    def bounds(self) -> tuple[float, float]:
        """The value, twice."""
        return self.value, self.value

    @property
    def mean(self) -> float:
        """The value."""
        return self.value

    def draw(self, rng: np.random.Generator, size: Size) -> Floats:
        """Return the value as often as asked."""
        return np.full(size, self.value)

    def _log(self, x: Floats) -> Floats:
        return np.zeros(x.shape)

    def _slope(self, x: Floats) -> Floats:
        return np.zeros(x.shape)
