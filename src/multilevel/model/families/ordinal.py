"""Ordinal responses: ordered classes, cut from a latent line by thresholds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from multilevel.model.families.family import Family, Floats, LinkName, inverse_link, refuse_rows


@dataclass(frozen=True, slots=True)
class Ordinal(Family):
    """Ordered classes 1 .. C: ``P(y <= c) = F(threshold_c - eta)``, F logistic or normal (cumulative model).

    The thresholds take the place of the intercept.
    """

    name: ClassVar[str] = "ordinal"
    code: ClassVar[int] = 10
    links: ClassVar[tuple[LinkName, ...]] = ("logit", "probit")
    discrete: ClassVar[bool] = True

    def check(self, y: Floats, trials: Floats | None, name: str, rows: NDArray[np.int64]) -> None:
        """Require classes numbered from 1, each of them seen."""
        remedy = "an ordered categorical column, or numbers from 1 without gaps"
        no_class = (y < 1) | (y != np.floor(y))
        refuse_rows(no_class, y, name, rows, "has no class number", "classes 1, 2, ...", remedy)
        seen = np.unique(y)
        refuse_rows(
            y > seen.size,
            y,
            name,
            rows,
            f"skips a class ({seen.size} are seen)",
            "classes that all occur",
            remedy,
        )

    def start(self, y: Floats, trials: Floats | None) -> Floats:
        """Return zeros: there is no mean to start from."""
        return np.zeros_like(y)

    def probabilities(self, eta: Floats, thresholds: Floats) -> Floats:
        """Return ``(..., C)`` probabilities of the classes at linear predictors ``(...)``."""
        below = inverse_link(self.link, thresholds - eta[..., None])
        ends = np.concatenate([np.zeros((*eta.shape, 1)), below, np.ones((*eta.shape, 1))], axis=-1)
        return np.asarray(np.diff(ends, axis=-1))

    def mean(self, eta: Floats) -> Floats:
        """Return the linear predictor itself: the place on the latent line."""
        return eta

    def predictor(self, mu: Floats) -> Floats:
        """Return the place on the latent line."""
        return mu

    def variance(self, mu: Floats, parameters: Floats, trials: Floats | None) -> Floats:
        """Return the variance of the class number; ``parameters`` are the thresholds."""
        p = self.probabilities(mu, parameters)
        number = np.arange(1, p.shape[-1] + 1)
        mean = p @ number
        return np.asarray(p @ (number * number) - mean * mean)

    def draw(self, rng: np.random.Generator, mu: Floats, parameters: Floats, trials: Floats | None) -> Floats:
        """Draw class numbers; ``parameters`` are the thresholds."""
        below = inverse_link(self.link, parameters - mu[..., None])
        return np.asarray(1.0 + (rng.random(mu.shape)[..., None] > below).sum(axis=-1))

    def cdf(self, y: Floats, mu: Floats, parameters: Floats, trials: Floats | None) -> Floats:
        """Return the probability of class ``y`` or a lower one; ``parameters`` are the thresholds."""
        ends = np.concatenate([[-np.inf], parameters, [np.inf]])
        at = np.clip(np.floor(y), 0, ends.size - 1).astype(np.int64)
        return inverse_link(self.link, ends[at] - mu)
