"""A random walk of a few numbers that learns its steps in warm-up and then keeps them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

TARGET = 0.3
"""Acceptance rate that the walk aims at (Gelman, Roberts and Gilks 1996: between 0.23 and 0.44)."""
FIRST_STEP = 0.3
REFRESH = 20


class AnyWalk(Protocol):
    """An adaptive step of a chain, as far as its warm-up is ended, it is counted, stored and read."""

    @property
    def rate(self) -> float:
        """Share of the steps since `freeze` that were accepted; NaN before."""

    @property
    def impossible(self) -> int:
        """Proposals without a density since `freeze`."""

    def freeze(self) -> None:
        """End the warm-up."""

    def snapshot(self) -> dict[str, NDArray[Any]]:
        """Return everything that the step remembers, as arrays by name."""

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Go back to what `snapshot` gave, bit for bit."""


class Walk:
    """State of an adaptive random-walk Metropolis step.

    The covariance of the proposals is that of the points seen, times a factor that Robbins-Monro steps drive
    towards the acceptance rate `TARGET`. Both stay as they are once `freeze` was called.

    Parameters
    ----------
    dimension
        How many numbers walk together.

    References
    ----------
    Haario, Saksman and Tamminen (2001); Andrieu and Thoms (2008), algorithm 4.
    """

    __slots__ = (
        "_covariance",
        "_factor",
        "_log_step",
        "_mean",
        "_seen",
        "accepted",
        "frozen",
        "impossible",
        "tried",
    )

    def __init__(self, dimension: int) -> None:
        self._mean = np.zeros(dimension)
        self._covariance = FIRST_STEP**2 * np.eye(dimension)
        self._factor = np.sqrt(self._covariance)
        self._log_step = math.log(2.38 / math.sqrt(dimension))
        self._seen = 0
        self.accepted = 0
        self.tried = 0
        self.impossible = 0
        self.frozen = False

    @property
    def rate(self) -> float:
        """Share of the steps since `freeze` that were accepted; NaN before."""
        return self.accepted / self.tried if self.tried else math.nan

    def freeze(self) -> None:
        """End the warm-up."""
        self.frozen = True
        self.accepted = self.tried = self.impossible = 0

    def snapshot(self) -> dict[str, NDArray[Any]]:
        """Return everything that the walk remembers, as arrays by name."""
        counts = [self._seen, self.accepted, self.tried, self.impossible, self.frozen]
        return {
            "mean": self._mean,
            "covariance": self._covariance,
            "factor": self._factor,
            "step": np.array([self._log_step]),
            "counts": np.array(counts, dtype=np.int64),
        }

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Go back to what `snapshot` gave, bit for bit."""
        self._mean, self._covariance = arrays["mean"], arrays["covariance"]
        self._factor, self._log_step = arrays["factor"], float(arrays["step"][0])
        self._seen, self.accepted, self.tried, self.impossible = (int(n) for n in arrays["counts"][:4])
        self.frozen = bool(arrays["counts"][4])

    def propose(self, rng: np.random.Generator) -> Floats:
        """Return a step."""
        noise = rng.standard_normal(self._mean.size)
        return np.asarray(math.exp(self._log_step) * (self._factor @ noise))

    def decide(self, log_ratio: float, rng: np.random.Generator) -> bool:
        """Return whether a step is accepted whose log density ratio is given.

        A point without a density (NaN, minus infinity) is refused and counted as ``impossible``.
        """
        chance = math.exp(min(0.0, log_ratio)) if log_ratio > -math.inf else 0.0
        accepted = bool(rng.random() < chance)
        self.impossible += not log_ratio > -math.inf
        if self.frozen:
            self.tried += 1
            self.accepted += accepted
        else:
            self._seen += 1
            self._log_step += (self._seen + 5.0) ** -0.6 * (chance - TARGET)
        return accepted

    def move(
        self, x: Floats, log_density: Callable[[Floats], float], rng: np.random.Generator, steps: int
    ) -> Floats:
        """Return the point after some steps from ``x``."""
        value = log_density(x)
        for _ in range(steps):
            tried = x + self.propose(rng)
            other = log_density(tried)
            if self.decide(other - value if other < math.inf else math.nan, rng):
                x, value = tried, other
        if not self.frozen:
            self._learn(x)
        return x

    def _learn(self, x: Floats) -> None:
        """Take a point into the proposals' covariance."""
        if self._mean.size == 1:
            return
        weight = (self._seen + 30.0) ** -0.6
        gap = x - self._mean if self._mean.any() else np.zeros(x.size)
        self._mean = self._mean + weight * gap if self._mean.any() else x.copy()
        self._covariance += weight * (np.outer(gap, gap) - self._covariance)
        if self._seen % REFRESH == 0:
            safe = self._covariance + 1e-4 * FIRST_STEP**2 * np.eye(x.size)
            self._factor = np.linalg.cholesky(safe)
