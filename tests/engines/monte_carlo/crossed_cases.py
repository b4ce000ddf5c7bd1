"""Crossed data of the patterns that are hard for iterative solvers, and differences from the exact engine."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from multilevel.design.design import Design
from multilevel.engines.solution import Solution
from multilevel.model import Covariance
from tests.oracle.designs import bound, factor

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def uniform(rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Rows at random."""
    return rng.integers(0, 300, 4000), rng.integers(0, 200, 4000)


def zipf(rng: np.random.Generator) -> tuple[Ints, Ints]:
    """A few popular levels, a long tail."""
    sizes = [1.0 / np.arange(1, m + 1) for m in (300, 200)]
    a, b = (rng.choice(s.size, 4000, p=s / s.sum()) for s in sizes)
    return a, b


def communities(rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Twenty communities, in which 95% of the rows stay."""
    a = rng.integers(0, 300, 4000)
    b = np.where(rng.random(4000) < 0.95, a % 20 + 20 * rng.integers(0, 10, 4000), rng.integers(0, 200, 4000))
    return a, b


def ring(rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Each level meets only its neighbours on a ring: what is far is connected by many links."""
    a = rng.integers(0, 300, 4000)
    return a, (a * 2 // 3 + rng.integers(0, 4, 4000)) % 200


def few_rows(rng: np.random.Generator) -> tuple[Ints, Ints]:
    """About five rows in each level."""
    return rng.integers(0, 800, 4000), rng.integers(0, 700, 4000)


PATTERNS: tuple[Callable[[np.random.Generator], tuple[Ints, Ints]], ...] = (
    uniform,
    zipf,
    communities,
    ring,
    few_rows,
)


def crossed(
    pattern: Callable[[np.random.Generator], tuple[Ints, Ints]],
    *,
    seed: int = 0,
    slopes: bool = False,
    sds: tuple[float, float, float] = (0.9, 1.2, 0.4),
) -> Design:
    """Return ``y ~ x + (1 | a) + (1 | b)`` of a pattern, or ``(1 + x | a)`` with correlated slopes."""
    rng = np.random.default_rng(seed)
    a, b = pattern(rng)
    x = rng.normal(size=a.size)
    y = 1.0 + 0.5 * x + rng.normal(0, sds[0], a.max() + 1)[a] + rng.normal(0, sds[1], b.max() + 1)[b]
    one = np.ones(a.size)
    columns = {"Intercept": one, "x": x}
    if slopes:
        y = y + (sds[2] * rng.normal(size=a.max() + 1)[a] + 0.2) * x
    y = y + rng.normal(size=a.size)
    factors = [factor("a", [f"a{i:04d}" for i in a]), factor("b", [f"b{i:04d}" for i in b])]
    terms = [
        (0, columns if slopes else {"Intercept": one}, Covariance.UNSTRUCTURED),
        (1, {"Intercept": one}, Covariance.UNSTRUCTURED),
    ]
    return bound(
        "y ~ x + (x | a) + (1 | b)" if slopes else "y ~ x + (1 | a) + (1 | b)", y, columns, factors, terms
    )


def difference(found: Solution, exact: Solution) -> float:
    """Return the largest difference of an entry of theta, in its standard error by the exact engine."""
    curvature = exact.groups.curvature()
    error = np.sqrt(np.diagonal(curvature.covariance))[: exact.theta.size]
    return float(np.max(np.abs(found.theta - exact.theta) / error))
