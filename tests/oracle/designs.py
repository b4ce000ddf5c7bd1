"""Small simulated designs for tests, bound by hand: every structure the oracle and the tables must know."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from multilevel.design.design import Design, EffectsTerm, FixedPart, GroupFactor
from multilevel.model import Covariance, GroupTerm, Model

Floats = NDArray[np.float64]


def factor(name: str, labels: Sequence[str]) -> GroupFactor:
    """Return a grouping factor with sorted levels from one label for each row."""
    levels, index = np.unique(np.asarray(labels), return_inverse=True)
    return GroupFactor(
        name, tuple(name.split(":")), index.astype(np.int32), tuple(str(level) for level in levels)
    )


def bound(
    text: str,
    y: Floats,
    fixed: dict[str, Floats],
    factors: Sequence[GroupFactor],
    terms: Sequence[tuple[int, dict[str, Floats], Covariance]],
    *,
    precision_weights: Floats | None = None,
    frequency_weights: Floats | None = None,
    offset: Floats | None = None,
    residual_sd: float | None = None,
) -> Design:
    """Return a design from named columns; every row of the table is used."""
    n = y.shape[0]
    groups = tuple(GroupTerm(" + ".join(z), factors[f].columns, c) for f, z, c in terms)
    model = Model(text, text.split("~")[0].strip(), " + ".join(fixed), groups)
    X = np.asfortranarray(np.column_stack(list(fixed.values())))
    one = np.array([1.0 if name == "Intercept" else 0.0 for name in fixed])
    return Design(
        model=model,
        y=y,
        offset=offset,
        fixed=FixedPart(tuple(fixed), X, (), one if one.any() else None),
        factors=tuple(factors),
        terms=tuple(
            EffectsTerm(f, tuple(z), np.asfortranarray(np.column_stack(list(z.values()))), c)
            for f, z, c in terms
        ),
        precision_weights=precision_weights,
        frequency_weights=frequency_weights,
        residual_sd=residual_sd,
        rows=np.arange(n, dtype=np.int64),
        n_input=n,
        missing={},
        library="pandas",
        row_labels=None,
        recipe=None,
    )


def slopes(seed: int = 0, m: int = 12, size: int = 6) -> Design:
    """Return ``y ~ x + (x | g)``: one factor, correlated intercept and slope, unbalanced."""
    rng = np.random.default_rng(seed)
    sizes = size + rng.integers(-2, 3, m)
    g = np.repeat(np.arange(m), sizes)
    x = rng.normal(size=g.size)
    b = rng.multivariate_normal([0, 0], [[1.0, 0.3], [0.3, 0.5]], m)
    y = 1 + 2 * x + b[g, 0] + b[g, 1] * x + rng.normal(0, 0.7, g.size)
    one = np.ones(g.size)
    columns = {"Intercept": one, "x": x}
    f = factor("g", [f"g{j:02d}" for j in g])
    return bound("y ~ x + (x | g)", y, columns, [f], [(0, columns, Covariance.UNSTRUCTURED)])


def nested(seed: int = 1) -> Design:
    """Return ``y ~ 1 + (1 | a/b)``: two nested scalar terms."""
    rng = np.random.default_rng(seed)
    a = np.repeat(np.arange(8), 9)
    b = np.tile(np.repeat(np.arange(3), 3), 8)
    y = 5 + rng.normal(0, 1.2, 8)[a] + rng.normal(0, 0.8, 24)[3 * a + b] + rng.normal(0, 0.5, a.size)
    one = {"Intercept": np.ones(a.size)}
    outer = factor("a", [f"a{i}" for i in a])
    inner = factor("a:b", [f"a{i}:b{j}" for i, j in zip(a, b, strict=True)])
    scalar = Covariance.UNSTRUCTURED
    return bound("y ~ 1 + (1 | a/b)", y, one, [outer, inner], [(0, one, scalar), (1, one, scalar)])


def crossed(seed: int = 2, *, weighted: bool = False) -> Design:
    """Return ``y ~ x + (x || g) + (1 | h)``: a diagonal term crossed with a scalar one, weights, offset."""
    rng = np.random.default_rng(seed)
    g, h = np.repeat(np.arange(9), 8), np.tile(np.arange(8), 9)
    x = rng.normal(size=g.size)
    w = rng.uniform(0.5, 2, g.size)
    offset = rng.normal(size=g.size)
    y = 1 - x + rng.normal(0, 1, 9)[g] + rng.normal(0, 0.6, 9)[g] * x + rng.normal(0, 0.8, 8)[h]
    y = y + offset + rng.normal(0, 0.6, g.size) / np.sqrt(w)
    one = np.ones(g.size)
    columns = {"Intercept": one, "x": x}
    return bound(
        "y ~ x + (x || g) + (1 | h)",
        y,
        columns,
        [factor("g", [f"g{j}" for j in g]), factor("h", [f"h{j}" for j in h])],
        [(0, columns, Covariance.DIAGONAL), (1, {"Intercept": one}, Covariance.UNSTRUCTURED)],
        precision_weights=w if weighted else None,
        offset=offset if weighted else None,
    )


def alike(seed: int = 6) -> Design:
    """Return ``y ~ x + cs(0 + a + b + c | g)``: the effects of three conditions correlate negatively."""
    rng = np.random.default_rng(seed)
    g, condition = np.repeat(np.arange(9), 6), np.tile(np.arange(6) % 3, 9)
    x = rng.normal(size=g.size)
    R = np.full((3, 3), -0.3) + 1.3 * np.eye(3)
    b = rng.normal(size=(9, 3)) @ np.linalg.cholesky(R).T
    y = 1 + 0.5 * x + b[g, condition] + rng.normal(0, 0.6, g.size)
    effects = {name: (condition == i).astype(float) for i, name in enumerate("abc")}
    return bound(
        "y ~ x + cs(0 + a + b + c | g)",
        y,
        {"Intercept": np.ones(g.size), "x": x},
        [factor("g", [f"g{j}" for j in g])],
        [(0, effects, Covariance.COMPOUND_SYMMETRIC)],
    )


def zero_variance(seed: int = 3) -> Design:
    """Return ``y ~ x + (1 | g)`` whose group means vary less than chance: the variance is zero."""
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(10), 5)
    x = rng.normal(size=g.size)
    e = rng.normal(size=g.size)
    e -= np.array([e[g == j].mean() for j in range(10)])[g]
    one = np.ones(g.size)
    f = factor("g", [f"g{j}" for j in g])
    return bound(
        "y ~ x + (1 | g)",
        1 + 2 * x + e,
        {"Intercept": one, "x": x},
        [f],
        [(0, {"Intercept": one}, Covariance.UNSTRUCTURED)],
    )


def least_squares(seed: int = 4) -> Design:
    """Return ``y ~ x`` without any group."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=30)
    y = 1 + 2 * x + rng.normal(size=30)
    return bound("y ~ x", y, {"Intercept": np.ones(30), "x": x}, [], [])


def friends(seed: int = 5) -> Design:
    """Return ``rating ~ 1 + (1 | friend)`` with a known residual sd of 0.5."""
    rng = np.random.default_rng(seed)
    j = np.repeat(np.arange(15), rng.integers(2, 9, 15))
    y = 3 + rng.normal(0, 0.7, 15)[j] + rng.normal(0, 0.5, j.size)
    one = {"Intercept": np.ones(j.size)}
    f = factor("friend", [f"f{i:02d}" for i in j])
    return bound(
        "rating ~ 1 + (1 | friend)", y, one, [f], [(0, one, Covariance.UNSTRUCTURED)], residual_sd=0.5
    )


Maker = Callable[[], Design]
MIXED: tuple[Maker, ...] = (slopes, nested, crossed, alike, friends)
"""Designs with group terms whose optimum is not at a boundary."""
ALL: tuple[Maker, ...] = (*MIXED, zero_variance, least_squares)
