"""Bernoulli and binomial responses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, xlogy

from multilevel.model.families.family import Family, Floats, LinkName, refuse_rows


@dataclass(frozen=True, slots=True)
class Binomial(Family):
    """``y`` successes of ``n`` trials, each with probability ``mu``; written ``prop(successes, trials)``.

    Examples
    --------
    >>> import multilevel as ml
    >>> ml.families.Binomial(link="probit").text()
    'binomial (probit link)'
    """

    name: ClassVar[str] = "binomial"
    code: ClassVar[int] = 0
    links: ClassVar[tuple[LinkName, ...]] = ("logit", "probit", "cloglog")
    trials: ClassVar[bool] = True
    discrete: ClassVar[bool] = True

    def check(self, y: Floats, trials: Floats | None, name: str, rows: NDArray[np.int64]) -> None:
        """Require whole successes between 0 and the trials."""
        n = np.ones_like(y) if trials is None else trials
        whole = "whole numbers of successes from 0 to the trials"
        refuse_rows(
            (n < 1) | (n != np.floor(n)),
            n,
            name,
            rows,
            "has impossible numbers of trials",
            "whole numbers from 1",
            "leave out rows without trials",
        )
        refuse_rows((y < 0) | (y != np.floor(y)), y, name, rows, "has impossible numbers of successes", whole)
        refuse_rows(y > n, y, name, rows, "has more successes than trials", whole, "prop(successes, trials)")

    def start(self, y: Floats, trials: Floats | None) -> Floats:
        """Return shares drawn a little towards a half."""
        n = np.ones_like(y) if trials is None else trials
        return np.asarray((y + 0.5) / (n + 1.0))

    def variance(self, mu: Floats, parameters: Floats, trials: Floats | None) -> Floats:
        """Return ``n mu (1 - mu)``."""
        return np.asarray(mu * (1.0 - mu) * (1.0 if trials is None else trials))

    def draw(self, rng: np.random.Generator, mu: Floats, parameters: Floats, trials: Floats | None) -> Floats:
        """Draw numbers of successes."""
        n = 1 if trials is None else trials.astype(np.int64)
        return rng.binomial(n, mu).astype(np.float64)

    def cdf(self, y: Floats, mu: Floats, parameters: Floats, trials: Floats | None) -> Floats:
        """Return the binomial distribution function."""
        n = 1.0 if trials is None else trials
        count = np.floor(y)
        inside = np.clip(count, 0.0, n - 1.0)
        below = betainc(n - inside, inside + 1.0, 1.0 - mu)
        return np.where(count < 0, 0.0, np.where(count >= n, 1.0, below))

    def deviance(self, y: Floats, mu: Floats, parameters: Floats, trials: Floats | None) -> Floats | None:
        """Return ``2 (y log(y / (n mu)) + (n - y) log((n - y) / (n - n mu)))``."""
        n = np.ones_like(y) if trials is None else trials
        failures = xlogy(n - y, (n - y) / (n * (1.0 - mu)))
        return np.asarray(2.0 * (xlogy(y, y / (n * mu)) + failures))


@dataclass(frozen=True, slots=True)
class Bernoulli(Binomial):
    """A response of 0 and 1 (or booleans, or two classes), 1 with probability ``mu``."""

    name: ClassVar[str] = "bernoulli"
    trials: ClassVar[bool] = False

    def check(self, y: Floats, trials: Floats | None, name: str, rows: NDArray[np.int64]) -> None:
        """Require zeros and ones."""
        refuse_rows(
            (y != 0) & (y != 1),
            y,
            name,
            rows,
            "is neither 0 nor 1 everywhere",
            "0 and 1, or a boolean column",
            'family="binomial" with prop(successes, trials), or recode the column',
        )
