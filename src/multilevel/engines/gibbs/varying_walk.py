"""Many independent random walks of one number each, every one with a step of its own."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

TARGET = 0.44
"""Acceptance rate that is best for one number (Gelman, Roberts and Gilks 1996)."""


class Walks:
    """State of adaptive random-walk Metropolis steps of ``m`` numbers that are independent given the rest.

    Robbins-Monro steps drive every number's step towards the acceptance rate `TARGET`; all steps stay as they
    are once `freeze` was called.

    Parameters
    ----------
    steps
        ``(m,)`` sds of the first proposals.

    References
    ----------
    Andrieu and Thoms (2008), section 4.1.
    """

    __slots__ = ("_log_steps", "_seen", "accepted", "frozen", "impossible", "tried")

    def __init__(self, steps: Floats) -> None:
        self._log_steps = np.log(steps)
        self._seen = 0
        self.accepted = 0
        self.tried = 0
        self.impossible = 0
        self.frozen = False

    @property
    def rate(self) -> float:
        """Share of the steps since `freeze` that were accepted, all numbers together; NaN before."""
        return self.accepted / self.tried if self.tried else math.nan

    def freeze(self) -> None:
        """End the warm-up."""
        self.frozen = True
        self.accepted = self.tried = self.impossible = 0

    def snapshot(self) -> dict[str, NDArray[Any]]:
        """Return everything that the walks remember, as arrays by name."""
        counts = [self._seen, self.accepted, self.tried, self.impossible, self.frozen]
        return {"steps": self._log_steps, "counts": np.array(counts, dtype=np.int64)}

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Go back to what `snapshot` gave, bit for bit."""
        self._log_steps = arrays["steps"]
        self._seen, self.accepted, self.tried, self.impossible = (int(n) for n in arrays["counts"][:4])
        self.frozen = bool(arrays["counts"][4])

    def move(
        self, x: Floats, log_density: Callable[[Floats], Floats], rng: np.random.Generator, steps: int
    ) -> Floats:
        """Return the points after some steps from ``x``.

        Parameters
        ----------
        x
            ``(m,)``.
        log_density
            Log density of each number at ``(m,)`` points; NaN and minus infinity are never accepted.
        rng
            Source of randomness.
        steps
            How many.
        """
        value = log_density(x)
        for _ in range(steps):
            tried = x + np.exp(self._log_steps) * rng.standard_normal(x.size)
            other = log_density(tried)
            possible = (other > -np.inf) & (other < np.inf)
            ratio = np.where(possible, np.where(possible, other, 0.0) - value, -np.inf)
            chance = np.exp(np.minimum(0.0, ratio))
            yes = rng.random(x.size) < chance
            x, value = np.where(yes, tried, x), np.where(yes, other, value)
            self._count(chance, yes, int((~possible).sum()))
        return x

    def _count(self, chance: Floats, yes: NDArray[np.bool_], impossible: int) -> None:
        """Count one step of every number, and learn from it in warm-up."""
        self.impossible += impossible
        if self.frozen:
            self.tried += yes.size
            self.accepted += int(yes.sum())
        else:
            self._seen += 1
            self._log_steps = self._log_steps + (self._seen + 5.0) ** -0.6 * (chance - TARGET)
