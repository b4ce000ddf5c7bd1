"""The posterior of small generalised models by a grid of parameters times quadrature over the effects."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats
from scipy.special import logsumexp

from multilevel.design import Design
from multilevel.engines.draws import Draws
from multilevel.model import priors as p

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(60)
RATE = {"Intercept": p.Normal(0, 1.5), "g": {"sd": p.HalfNormal(1)}}


def few() -> dict[str, Any]:
    """Return 5 groups of 4 counts: little information, so that the posterior of the sd is skew."""
    rng = np.random.default_rng(11)
    g = np.repeat(np.arange(5), 4)
    y = rng.poisson(np.exp(0.3 + 0.8 * rng.normal(size=5)[g])).astype(float)
    return {"y": y, "yes": (y > 0).astype(float), "class": np.minimum(y, 2) + 1, "g": g}


def log_marginal(design: Design, family: str, b0: float, sd: float, extra: float) -> float:
    """Return the log likelihood by Gauss-Hermite quadrature over the effect of each group."""
    eta = b0 + sd * NODES
    total = 0.0
    for j in range(5):
        y = design.y[design.factors[0].index == j]
        if family == "poisson":
            log = stats.poisson.logpmf(y[:, None], np.exp(eta)).sum(axis=0)
        elif family == "bernoulli":
            log = stats.bernoulli.logpmf(y[:, None].astype(int), 1 / (1 + np.exp(-eta))).sum(axis=0)
        else:
            size = extra
            log = stats.nbinom.logpmf(y[:, None], size, size / (size + np.exp(eta))).sum(axis=0)
        total += float(logsumexp(log + np.log(WEIGHTS / np.sqrt(2 * np.pi))))
    return total


def by_grid(design: Design, family: str) -> tuple[np.ndarray, np.ndarray]:
    """Return means and sds of intercept, sd (and log theta) by summing over a grid."""
    b = np.linspace(-3.0, 3.0, 41)
    s = np.linspace(-6.0, 1.8, 41)
    t = np.linspace(-2.0, 5.0, 21) if family == "negative_binomial" else np.zeros(1)
    grid = np.array(np.meshgrid(b, s, t, indexing="ij")).reshape(3, -1)
    log = np.array(
        [log_marginal(design, family, b0, float(np.exp(ls)), float(np.exp(lt))) for b0, ls, lt in grid.T]
    )
    log += stats.norm(0, 1.5).logpdf(grid[0]) + stats.halfnorm.logpdf(np.exp(grid[1])) + grid[1]
    if family == "negative_binomial":
        log += stats.gamma(2.0, scale=1.0).logpdf(np.exp(grid[2])) + grid[2]
    weight = np.exp(log - logsumexp(log))
    grid[1] = np.exp(grid[1])
    mean = grid @ weight
    return mean, np.sqrt(((grid - mean[:, None]) ** 2) @ weight)


def parameters(drawn: Draws) -> np.ndarray:
    """Return intercept, sd and log parameters, ``(chains, draws, d)``."""
    assert drawn.family is not None
    return np.concatenate([drawn.coefficients, drawn.sds[0], np.log(drawn.family.values)], axis=2)
