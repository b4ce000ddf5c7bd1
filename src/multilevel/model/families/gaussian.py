"""Gaussian responses with a link, and Student-t responses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, stdtr

from multilevel.model.families.family import Family, Floats, LinkName


@dataclass(frozen=True, slots=True)
class Gaussian(Family):
    """A normal response with variance ``sigma^2``; with the identity link it is the linear model."""

    name: ClassVar[str] = "gaussian"
    code: ClassVar[int] = 8
    links: ClassVar[tuple[LinkName, ...]] = ("identity", "log", "inverse")
    parameters: ClassVar[tuple[str, ...]] = ("sigma",)
    spread: ClassVar[str] = "variance sigma^2"

    def check(self, y: Floats, trials: Floats | None, name: str, rows: NDArray[np.int64]) -> None:
        """Any number is allowed."""

    def start(self, y: Floats, trials: Floats | None) -> Floats:
        """Return the responses, drawn towards their mean; positive where the link needs it."""
        mu = 0.5 * y + 0.5 * y.mean()
        return np.asarray(mu if self.link == "identity" else np.maximum(mu, 0.1 * np.abs(y).mean() + 1e-8))

    def start_parameters(self, y: Floats, mu: Floats, trials: Floats | None) -> Floats:
        """Return the root mean squared deviation."""
        return np.array([max(float(np.sqrt(np.mean((y - mu) ** 2))), 1e-150)])

    def variance(self, mu: Floats, parameters: Floats, trials: Floats | None) -> Floats:
        """Return ``sigma^2``."""
        return np.full_like(mu, parameters[0] ** 2)

    def draw(self, rng: np.random.Generator, mu: Floats, parameters: Floats, trials: Floats | None) -> Floats:
        """Draw normal numbers."""
        return np.asarray(mu + parameters[0] * rng.standard_normal(mu.shape))

    def cdf(self, y: Floats, mu: Floats, parameters: Floats, trials: Floats | None) -> Floats:
        """Return the normal distribution function."""
        return np.asarray(ndtr((y - mu) / parameters[0]))

    def deviance(self, y: Floats, mu: Floats, parameters: Floats, trials: Floats | None) -> Floats | None:
        """Return squared deviations in units of the variance."""
        return np.asarray(((y - mu) / parameters[0]) ** 2)


@dataclass(frozen=True, slots=True)
class Student(Gaussian):
    """A Student-t response about ``mu`` with scale ``sigma`` and ``nu`` degrees of freedom."""

    name: ClassVar[str] = "student"
    code: ClassVar[int] = 9
    parameters: ClassVar[tuple[str, ...]] = ("sigma", "nu")
    spread: ClassVar[str] = "scale sigma, nu degrees of freedom"
    special_cases: ClassVar[tuple[str, ...]] = ("gaussian",)

    def start_parameters(self, y: Floats, mu: Floats, trials: Floats | None) -> Floats:
        """Return the scaled median absolute deviation and 8 degrees of freedom."""
        return np.array([max(float(np.median(np.abs(y - mu))) / 0.6745, 1e-150), 8.0])

    def at_end(self, parameters: Floats, y: Floats, trials: Floats | None) -> bool:
        """Return whether nu is so large that the response is as good as normal."""
        return bool(parameters[1] > 1e3)

    def variance(self, mu: Floats, parameters: Floats, trials: Floats | None) -> Floats:
        """Return ``sigma^2 nu / (nu - 2)``, infinite for two degrees of freedom and fewer."""
        sigma, nu = parameters
        return np.full_like(mu, sigma**2 * nu / (nu - 2.0) if nu > 2.0 else np.inf)

    def draw(self, rng: np.random.Generator, mu: Floats, parameters: Floats, trials: Floats | None) -> Floats:
        """Draw Student-t numbers."""
        return np.asarray(mu + parameters[0] * rng.standard_t(parameters[1], mu.shape))

    def cdf(self, y: Floats, mu: Floats, parameters: Floats, trials: Floats | None) -> Floats:
        """Return Student's distribution function."""
        return np.asarray(stdtr(parameters[1], (y - mu) / parameters[0]))

    def deviance(self, y: Floats, mu: Floats, parameters: Floats, trials: Floats | None) -> Floats | None:
        """Return ``(nu + 1) log(1 + z^2 / nu)`` of ``z = (y - mu) / sigma``."""
        sigma, nu = parameters
        return np.asarray((nu + 1.0) * np.log1p(((y - mu) / sigma) ** 2 / nu))
