"""Poisson responses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincc, xlogy

from multilevel.model.families.family import SMALL, Family, Floats, LinkName, refuse_rows

MANY = 1e15
"""Means from which counts are drawn as normal numbers."""


def check_counts(y: Floats, name: str, rows: NDArray[np.int64]) -> None:
    """Raise `DataError` unless every response is a count."""
    refuse_rows(y < 0, y, name, rows, "is negative", "counts: 0, 1, 2, ...")
    refuse_rows(
        y != np.floor(y),
        y,
        name,
        rows,
        "is no whole number",
        "counts: 0, 1, 2, ...",
        "a rate is counts with log(exposure) in offset()",
    )


def draw_counts(rng: np.random.Generator, mu: Floats) -> Floats:
    """Draw Poisson counts; beyond `MANY`, where neighbouring numbers are further apart, normal ones."""
    some = rng.poisson(np.minimum(mu, MANY)).astype(np.float64)
    large = mu > MANY
    some[large] = np.rint(mu[large] + np.sqrt(mu[large]) * rng.standard_normal(int(large.sum())))
    return some


@dataclass(frozen=True, slots=True)
class Poisson(Family):
    """Counts with variance ``mu``."""

    name: ClassVar[str] = "poisson"
    code: ClassVar[int] = 1
    links: ClassVar[tuple[LinkName, ...]] = ("log", "identity", "sqrt")
    counts: ClassVar[bool] = True
    discrete: ClassVar[bool] = True

    def check(self, y: Floats, trials: Floats | None, name: str, rows: NDArray[np.int64]) -> None:
        """Require counts."""
        check_counts(y, name, rows)

    def start(self, y: Floats, trials: Floats | None) -> Floats:
        """Return the counts, drawn a little towards their mean."""
        return np.asarray(0.9 * y + 0.1 * max(float(y.mean()), SMALL))

    def variance(self, mu: Floats, parameters: Floats, trials: Floats | None) -> Floats:
        """Return the mean."""
        return mu

    def draw(self, rng: np.random.Generator, mu: Floats, parameters: Floats, trials: Floats | None) -> Floats:
        """Draw counts."""
        return draw_counts(rng, mu)

    def cdf(self, y: Floats, mu: Floats, parameters: Floats, trials: Floats | None) -> Floats:
        """Return the Poisson distribution function."""
        count = np.floor(y)
        return np.where(count < 0, 0.0, gammaincc(np.maximum(count, 0.0) + 1.0, mu))

    def deviance(self, y: Floats, mu: Floats, parameters: Floats, trials: Floats | None) -> Floats | None:
        """Return ``2 (y log(y / mu) - (y - mu))``."""
        return np.asarray(2.0 * (xlogy(y, y / mu) - (y - mu)))
