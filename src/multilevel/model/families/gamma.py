"""Gamma and inverse Gaussian responses: positive numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammainc, log_ndtr, ndtr

from multilevel.model.families.family import Family, Floats, LinkName, refuse_rows


@dataclass(frozen=True, slots=True)
class Gamma(Family):
    """Positive numbers with variance ``phi mu^2`` (shape ``1 / phi``)."""

    name: ClassVar[str] = "gamma"
    code: ClassVar[int] = 4
    links: ClassVar[tuple[LinkName, ...]] = ("log", "inverse", "identity")
    parameters: ClassVar[tuple[str, ...]] = ("phi",)
    spread: ClassVar[str] = "variance phi mu^2"

    def check(self, y: Floats, trials: Floats | None, name: str, rows: NDArray[np.int64]) -> None:
        """Require positive numbers."""
        refuse_rows(y <= 0, y, name, rows, "is not positive", "numbers above 0")

    def start(self, y: Floats, trials: Floats | None) -> Floats:
        """Return the responses, drawn towards their mean."""
        return np.asarray(0.5 * y + 0.5 * y.mean())

    def start_parameters(self, y: Floats, mu: Floats, trials: Floats | None) -> Floats:
        """Return phi from squared relative deviations."""
        return np.array([max(float(np.mean((y - mu) ** 2 / self.variance(mu, np.ones(1), None))), 1e-6)])

    def variance(self, mu: Floats, parameters: Floats, trials: Floats | None) -> Floats:
        """Return ``phi mu^2``."""
        return np.asarray(parameters[0] * mu * mu)

    def draw(self, rng: np.random.Generator, mu: Floats, parameters: Floats, trials: Floats | None) -> Floats:
        """Draw positive numbers."""
        return np.asarray(rng.gamma(1.0 / parameters[0], mu * parameters[0]))

    def cdf(self, y: Floats, mu: Floats, parameters: Floats, trials: Floats | None) -> Floats:
        """Return the gamma distribution function."""
        phi = parameters[0]
        return np.asarray(gammainc(1.0 / phi, np.maximum(y, 0.0) / (phi * mu)))

    def deviance(self, y: Floats, mu: Floats, parameters: Floats, trials: Floats | None) -> Floats | None:
        """Return ``2 ((y - mu) / mu - log(y / mu)) / phi``."""
        return np.asarray(2.0 * ((y - mu) / mu - np.log(y / mu)) / parameters[0])


@dataclass(frozen=True, slots=True)
class InverseGaussian(Gamma):
    """Positive numbers with variance ``phi mu^3``."""

    name: ClassVar[str] = "inverse_gaussian"
    code: ClassVar[int] = 5
    spread: ClassVar[str] = "variance phi mu^3"

    def variance(self, mu: Floats, parameters: Floats, trials: Floats | None) -> Floats:
        """Return ``phi mu^3``."""
        return np.asarray(parameters[0] * mu**3)

    def draw(self, rng: np.random.Generator, mu: Floats, parameters: Floats, trials: Floats | None) -> Floats:
        """Draw positive numbers."""
        return np.asarray(rng.wald(mu, 1.0 / parameters[0]))

    def cdf(self, y: Floats, mu: Floats, parameters: Floats, trials: Floats | None) -> Floats:
        """Return the inverse Gaussian distribution function (Shuster 1968)."""
        root = 1.0 / np.sqrt(parameters[0] * y)
        mirrored = 2.0 / (parameters[0] * mu) + log_ndtr(-root * (y / mu + 1.0))
        return np.asarray(ndtr(root * (y / mu - 1.0)) + np.exp(mirrored))

    def deviance(self, y: Floats, mu: Floats, parameters: Floats, trials: Floats | None) -> Floats | None:
        """Return ``(y - mu)^2 / (phi mu^2 y)``."""
        return np.asarray((y - mu) ** 2 / (parameters[0] * mu * mu * y))
