"""A prior that was stated for a variance, as the prior of its square root."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from multilevel.errors import OptionError
from multilevel.model.priors.arguments import Floats
from multilevel.model.priors.positive import InverseGamma, PositivePrior
from multilevel.model.priors.real_line import Fixed
from multilevel.model.priors.scalar import ScalarPrior, Size, Support


@dataclass(frozen=True, slots=True)
class RootOf(PositivePrior):
    """The distribution of a standard deviation whose square has a given prior.

    With ``v = s^2`` the log density of ``s`` is that of ``v`` plus ``log(2 s)``.

    Parameters
    ----------
    variance
        Prior of the variance: on the positive numbers, or uniform on an interval without negative numbers.
        A `Flat` variance is flat in ``s^2``. To hold a variance, use `Fixed` on the sd (see `root_of`).

    Raises
    ------
    OptionError
        The prior allows negative variances, or is a point.

    Examples
    --------
    >>> from multilevel.model.priors import InverseGamma, RootOf
    >>> RootOf(InverseGamma(3, 4)).text()
    'sqrt(InverseGamma(3, 4))'
    """

    variance: ScalarPrior
    includes_zero: ClassVar[bool] = False

    def __post_init__(self) -> None:
        prior = self.variance
        if not isinstance(prior, ScalarPrior) or isinstance(prior, Fixed) or not _not_negative(prior):
            raise OptionError(
                f"RootOf: variance is {prior!r}",
                allowed="a prior on the positive numbers",
                remedy="InverseGamma(shape, scale), Gamma(shape, rate) or Uniform(0, high)",
            )

    @property
    def support(self) -> Support:
        """As the variance's: "positive" or "interval"."""
        return "interval" if self.variance.support == "interval" else "positive"

    @property
    def bounds(self) -> tuple[float, float]:
        """Square roots of the variance's bounds."""
        low, high = self.variance.bounds
        return math.sqrt(max(low, 0.0)), math.sqrt(high)

    @property
    def mean(self) -> float | None:
        """The mean sd under `InverseGamma` with ``shape > 1/2``; not worked out for other priors."""
        prior = self.variance
        if not isinstance(prior, InverseGamma) or prior.shape <= 0.5:
            return None
        return math.sqrt(prior.scale) * math.exp(math.lgamma(prior.shape - 0.5) - math.lgamma(prior.shape))

    def draw(self, rng: np.random.Generator, size: Size) -> Floats:
        """Return independent draws of the standard deviation."""
        return np.sqrt(self.variance.draw(rng, size))

    def text(self) -> str:
        """Return ``sqrt(InverseGamma(3, 4))``."""
        return f"sqrt({self.variance.text()})"

    def _log(self, x: Floats) -> Floats:
        return np.asarray(self.variance.logpdf(x * x) + np.log(2.0 * x))

    def _slope(self, x: Floats) -> Floats:
        return np.asarray(2.0 * x * self.variance.dlogpdf(x * x) + 1.0 / x)


def _not_negative(prior: ScalarPrior) -> bool:
    """Whether a prior gives no density to negative numbers, a flat one being taken on the positive ones."""
    return prior.bounds[0] >= 0.0 or prior.text() == "Flat()"


def root_of(variance: ScalarPrior) -> ScalarPrior:
    """Return the prior of a standard deviation from that of its square; a fixed variance gives a fixed sd.

    Raises
    ------
    OptionError
        The prior allows negative variances.

    Examples
    --------
    >>> root_of(Fixed(4))
    Fixed(value=2.0)
    """
    if isinstance(variance, Fixed) and variance.value >= 0.0:
        return Fixed(math.sqrt(variance.value))
    return RootOf(variance)
