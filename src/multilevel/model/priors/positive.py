"""Priors of one positive number: standard deviations, variances, rates."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.special import gammaln

from multilevel.model.priors.arguments import Floats
from multilevel.model.priors.real_line import HALF_LOG_2PI, log_t, slope_t
from multilevel.model.priors.scalar import ScalarPrior, Size, Support

LOG_2 = math.log(2.0)
LARGEST = float(np.finfo(np.float64).max)


class PositivePrior(ScalarPrior):
    """A prior on the positive numbers."""

    __slots__ = ()

    @property
    def support(self) -> Support:
        """The positive numbers."""
        return "positive"

    @property
    @abstractmethod
    def mean(self) -> float | None:
        """The mean, or ``None`` where it does not exist or is infinite."""


@dataclass(frozen=True, slots=True)
class HalfNormal(PositivePrior):
    """The absolute value of a normal variable with mean zero.

    Parameters
    ----------
    sd
        Standard deviation of that normal variable, positive; the mean is ``sd * sqrt(2 / pi)``.

    Raises
    ------
    OptionError
        ``sd`` is not a positive number.

    Examples
    --------
    >>> from multilevel.model.priors import HalfNormal
    >>> round(HalfNormal(1).mean, 4)
    0.7979
    """

    sd: float

    def __post_init__(self) -> None:
        self._check({"sd": "positive"})

    @property
    def mean(self) -> float:
        """``sd * sqrt(2 / pi)``."""
        return self.sd * math.sqrt(2.0 / math.pi)

    def draw(self, rng: np.random.Generator, size: Size) -> Floats:
        """Return independent draws."""
        return np.abs(rng.normal(0.0, self.sd, size))

    def _log(self, x: Floats) -> Floats:
        z = x / self.sd
        return -0.5 * z * z + (LOG_2 - HALF_LOG_2PI - math.log(self.sd))

    def _slope(self, x: Floats) -> Floats:
        return -x / self.sd / self.sd


@dataclass(frozen=True, slots=True)
class HalfT(PositivePrior):
    """The absolute value of a Student t variable with location zero.

    Parameters
    ----------
    df
        Degrees of freedom, positive.
    scale
        Scale, positive; for large ``df`` the prior comes near ``HalfNormal(scale)``.

    Raises
    ------
    OptionError
        An argument is not a positive number.

    References
    ----------
    Gelman (2006), "Prior distributions for variance parameters in hierarchical models".

    Examples
    --------
    >>> from multilevel.model.priors import HalfT
    >>> HalfT(3, 2.5).text()
    'HalfT(3, 2.5)'
    """

    df: float
    scale: float

    def __post_init__(self) -> None:
        self._check({"df": "positive", "scale": "positive"})

    @property
    def mean(self) -> float | None:
        """``2 scale sqrt(df / pi) Gamma((df+1)/2) / (Gamma(df/2) (df-1))``, if ``df > 1``."""
        if self.df <= 1.0:
            return None
        ratio = math.exp(math.lgamma(0.5 * (self.df + 1.0)) - math.lgamma(0.5 * self.df))
        return 2.0 * self.scale * math.sqrt(self.df / math.pi) * ratio / (self.df - 1.0)

    def draw(self, rng: np.random.Generator, size: Size) -> Floats:
        """Return independent draws."""
        return np.abs(self.scale * rng.standard_t(self.df, size))

    def _log(self, x: Floats) -> Floats:
        return log_t(x / self.scale, self.df) + (LOG_2 - math.log(self.scale))

    def _slope(self, x: Floats) -> Floats:
        return slope_t(x / self.scale, self.df) / self.scale


@dataclass(frozen=True, slots=True)
class HalfCauchy(PositivePrior):
    """The absolute value of a Cauchy variable with location zero; `HalfT` with one degree of freedom.

    Parameters
    ----------
    scale
        Scale, positive; also the median. There is no mean.

    Raises
    ------
    OptionError
        ``scale`` is not a positive number.

    Examples
    --------
    >>> from multilevel.model.priors import HalfCauchy
    >>> print(HalfCauchy(1).mean)
    None
    """

    scale: float

    def __post_init__(self) -> None:
        self._check({"scale": "positive"})

    @property
    def mean(self) -> None:
        """It does not exist."""
        return None

    def draw(self, rng: np.random.Generator, size: Size) -> Floats:
        """Return independent draws."""
        return np.abs(self.scale * rng.standard_cauchy(size))

    def _log(self, x: Floats) -> Floats:
        return log_t(x / self.scale, 1.0) + (LOG_2 - math.log(self.scale))

    def _slope(self, x: Floats) -> Floats:
        return slope_t(x / self.scale, 1.0) / self.scale


@dataclass(frozen=True, slots=True)
class LogNormal(PositivePrior):
    """The exponential of a normal variable.

    Parameters
    ----------
    mu, sigma
        Mean and standard deviation of the logarithm; ``sigma`` is positive. The median is ``exp(mu)``.

    Raises
    ------
    OptionError
        An argument is not such a number.

    Examples
    --------
    >>> from multilevel.model.priors import LogNormal
    >>> round(LogNormal(0, 1).mean, 4)
    1.6487
    """

    mu: float
    sigma: float
    includes_zero: ClassVar[bool] = False

    def __post_init__(self) -> None:
        self._check({"mu": "finite", "sigma": "positive"})

    @property
    def mean(self) -> float | None:
        """``exp(mu + sigma^2 / 2)``; ``None`` if that is beyond the largest float."""
        log_mean = self.mu + 0.5 * self.sigma * self.sigma
        return math.exp(log_mean) if log_mean < math.log(LARGEST) else None

    def draw(self, rng: np.random.Generator, size: Size) -> Floats:
        """Return independent draws."""
        return rng.lognormal(self.mu, self.sigma, size)

    def _log(self, x: Floats) -> Floats:
        log_x = np.log(x)
        z = (log_x - self.mu) / self.sigma
        return np.asarray(-0.5 * z * z - log_x - (HALF_LOG_2PI + math.log(self.sigma)))

    def _slope(self, x: Floats) -> Floats:
        return np.asarray(-(1.0 + (np.log(x) - self.mu) / self.sigma / self.sigma) / x)


@dataclass(frozen=True, slots=True)
class Exponential(PositivePrior):
    """The exponential distribution with density ``rate exp(-rate x)``, as in Stan and brms.

    Parameters
    ----------
    rate
        Rate, positive; the mean is ``1 / rate``.

    Raises
    ------
    OptionError
        ``rate`` is not a positive number.

    Examples
    --------
    >>> from multilevel.model.priors import Exponential
    >>> Exponential(0.1).mean
    10.0
    """

    rate: float

    def __post_init__(self) -> None:
        self._check({"rate": "positive"})

    @property
    def mean(self) -> float:
        """``1 / rate``."""
        return 1.0 / self.rate

    def draw(self, rng: np.random.Generator, size: Size) -> Floats:
        """Return independent draws."""
        return np.asarray(rng.standard_exponential(size) / self.rate)

    def _log(self, x: Floats) -> Floats:
        return math.log(self.rate) - self.rate * x

    def _slope(self, x: Floats) -> Floats:
        return np.full(x.shape, -self.rate)


@dataclass(frozen=True, slots=True)
class Gamma(PositivePrior):
    """The gamma distribution with density proportional to ``x^(shape-1) exp(-rate x)``.

    Parameters
    ----------
    shape, rate
        Positive; the mean is ``shape / rate``.

    Raises
    ------
    OptionError
        An argument is not a positive number.

    Examples
    --------
    >>> from multilevel.model.priors import Gamma
    >>> Gamma(2, 0.1).mean
    20.0
    """

    shape: float
    rate: float
    includes_zero: ClassVar[bool] = False

    def __post_init__(self) -> None:
        self._check({"shape": "positive", "rate": "positive"})

    @property
    def mean(self) -> float:
        """``shape / rate``."""
        return self.shape / self.rate

    def draw(self, rng: np.random.Generator, size: Size) -> Floats:
        """Return independent draws."""
        return np.asarray(rng.standard_gamma(self.shape, size) / self.rate)

    def _log(self, x: Floats) -> Floats:
        constant = self.shape * math.log(self.rate) - gammaln(self.shape)
        return np.asarray(constant + (self.shape - 1.0) * np.log(x) - self.rate * x)

    def _slope(self, x: Floats) -> Floats:
        return (self.shape - 1.0) / x - self.rate


@dataclass(frozen=True, slots=True)
class InverseGamma(PositivePrior):
    """The inverse gamma distribution with density proportional to ``x^-(shape+1) exp(-scale / x)``.

    The usual prior of a variance: ``nu0`` earlier observations of variance ``s02`` are
    ``InverseGamma(nu0 / 2, nu0 * s02 / 2)``.

    Parameters
    ----------
    shape, scale
        Positive; the mean is ``scale / (shape - 1)`` if ``shape > 1``. ``1/x`` is ``Gamma(shape, scale)``.

    Raises
    ------
    OptionError
        An argument is not a positive number.

    Examples
    --------
    >>> from multilevel.model.priors import InverseGamma
    >>> InverseGamma(3, 4).mean
    2.0
    """

    shape: float
    scale: float
    includes_zero: ClassVar[bool] = False

    def __post_init__(self) -> None:
        self._check({"shape": "positive", "scale": "positive"})

    @property
    def mean(self) -> float | None:
        """``scale / (shape - 1)``, if ``shape > 1``."""
        return self.scale / (self.shape - 1.0) if self.shape > 1.0 else None

    def draw(self, rng: np.random.Generator, size: Size) -> Floats:
        """Return independent draws; those beyond the largest float are given as it."""
        with np.errstate(divide="ignore", over="ignore"):
            draws = self.scale / rng.standard_gamma(self.shape, size)
        return np.asarray(np.minimum(draws, LARGEST))

    def _log(self, x: Floats) -> Floats:
        constant = self.shape * math.log(self.scale) - gammaln(self.shape)
        return np.asarray(constant - (self.shape + 1.0) * np.log(x) - self.scale / x)

    def _slope(self, x: Floats) -> Floats:
        return (self.scale / x - (self.shape + 1.0)) / x
