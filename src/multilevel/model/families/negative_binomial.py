"""Negative binomial responses: variance quadratic or linear in the mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.special import betainc, digamma, gammaln, xlogy

from multilevel.model.families.family import Floats, LinkName, falling_root
from multilevel.model.families.poisson import Poisson, draw_counts


@dataclass(frozen=True, slots=True)
class NegativeBinomial(Poisson):
    """Counts with variance ``mu + mu^2 / theta`` (NB2): a gamma mixture of Poisson distributions."""

    name: ClassVar[str] = "negative_binomial"
    code: ClassVar[int] = 2
    links: ClassVar[tuple[LinkName, ...]] = ("log", "identity", "sqrt")
    parameters: ClassVar[tuple[str, ...]] = ("theta",)
    spread: ClassVar[str] = "variance mu + mu^2 / theta"
    special_cases: ClassVar[tuple[str, ...]] = ("poisson",)

    def start_parameters(self, y: Floats, mu: Floats, trials: Floats | None) -> Floats:
        """Return theta from the variance beyond that of Poisson counts."""
        excess = float(np.sum((y - mu) ** 2 - mu) / max(float(np.sum(mu * mu)), 1e-8))
        return np.array([1.0 / min(max(excess, 0.02), 10.0)])

    def at_end(self, parameters: Floats, y: Floats, trials: Floats | None) -> bool:
        """Return whether theta is so large that the counts are as good as Poisson."""
        return bool(parameters[0] > 1e4 * max(float(y.mean()), 1.0))

    def variance(self, mu: Floats, parameters: Floats, trials: Floats | None) -> Floats:
        """Return ``mu + mu^2 / theta``."""
        return np.asarray(mu + mu * mu / parameters[0])

    def draw(self, rng: np.random.Generator, mu: Floats, parameters: Floats, trials: Floats | None) -> Floats:
        """Draw counts as a gamma mixture of Poisson distributions."""
        return draw_counts(rng, rng.gamma(parameters[0], mu / parameters[0]))

    def cdf(self, y: Floats, mu: Floats, parameters: Floats, trials: Floats | None) -> Floats:
        """Return the negative binomial distribution function."""
        theta, count = parameters[0], np.floor(y)
        below = betainc(theta, np.maximum(count, 0.0) + 1.0, theta / (theta + mu))
        return np.where(count < 0, 0.0, below)

    def deviance(self, y: Floats, mu: Floats, parameters: Floats, trials: Floats | None) -> Floats | None:
        """Return ``2 (y log(y / mu) - (y + theta) log((y + theta) / (mu + theta)))``."""
        theta = parameters[0]
        return np.asarray(2.0 * (xlogy(y, y / mu) - (y + theta) * np.log((y + theta) / (mu + theta))))


@dataclass(frozen=True, slots=True)
class NegativeBinomialLinear(Poisson):
    """Counts with variance ``mu (1 + phi)`` (NB1)."""

    name: ClassVar[str] = "negative_binomial_linear"
    code: ClassVar[int] = 3
    links: ClassVar[tuple[LinkName, ...]] = ("log", "identity", "sqrt")
    parameters: ClassVar[tuple[str, ...]] = ("phi",)
    spread: ClassVar[str] = "variance mu (1 + phi)"
    special_cases: ClassVar[tuple[str, ...]] = ("poisson",)

    def start_parameters(self, y: Floats, mu: Floats, trials: Floats | None) -> Floats:
        """Return phi from the variance beyond that of Poisson counts."""
        return np.array(
            [min(max(float(np.sum((y - mu) ** 2) / max(float(np.sum(mu)), 1e-8)) - 1.0, 0.05), 50.0)]
        )

    def at_end(self, parameters: Floats, y: Floats, trials: Floats | None) -> bool:
        """Return whether phi is so small that the counts are as good as Poisson."""
        return bool(parameters[0] < 1e-4)

    def variance(self, mu: Floats, parameters: Floats, trials: Floats | None) -> Floats:
        """Return ``mu (1 + phi)``."""
        return np.asarray(mu * (1.0 + parameters[0]))

    def draw(self, rng: np.random.Generator, mu: Floats, parameters: Floats, trials: Floats | None) -> Floats:
        """Draw counts as a gamma mixture of Poisson distributions."""
        return draw_counts(rng, rng.gamma(mu / parameters[0], parameters[0]))

    def cdf(self, y: Floats, mu: Floats, parameters: Floats, trials: Floats | None) -> Floats:
        """Return the negative binomial distribution function."""
        phi, count = parameters[0], np.floor(y)
        below = betainc(np.maximum(mu, 1e-300) / phi, np.maximum(count, 0.0) + 1.0, 1.0 / (1.0 + phi))
        return np.where(count < 0, 0.0, below)

    def deviance(self, y: Floats, mu: Floats, parameters: Floats, trials: Floats | None) -> Floats | None:
        """Return the deviance at the same phi; the best mean ``m`` of a count is a little larger.

        With ``r = m / phi`` it is where ``digamma(y + r) - digamma(r) = log(1 + phi)``, between ``y / phi``
        and ``y / log(1 + phi)``; a count of 0 is certain at the mean 0.
        """
        phi = parameters[0]

        def log_density(r: Floats) -> Floats:
            return np.asarray(gammaln(y + r) - gammaln(r) - r * np.log1p(phi))

        count = np.maximum(y, 1.0)
        r = falling_root(
            lambda r: digamma(count + r) - digamma(r) - np.log1p(phi), count / phi, count / np.log1p(phi)
        )
        here = mu / phi
        return np.asarray(2.0 * np.where(y > 0, log_density(r) - log_density(here), here * np.log1p(phi)))
