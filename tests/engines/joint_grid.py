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


def log_rows(family: str, y: np.ndarray, eta: np.ndarray, extra: float) -> np.ndarray:
    """Return log densities of responses at linear predictors, ``(len(y), *eta.shape)``."""
    y = y.reshape(-1, *(1,) * eta.ndim)
    if family == "poisson":
        return np.asarray(stats.poisson.logpmf(y, np.exp(eta)))
    if family == "bernoulli":
        return np.asarray(stats.bernoulli.logpmf(y.astype(int), 1 / (1 + np.exp(-eta))))
    return np.asarray(stats.nbinom.logpmf(y, extra, extra / (extra + np.exp(eta))))


def log_marginal(design: Design, family: str, b0: float, sd: float, extra: float) -> float:
    """Return the log likelihood by Gauss-Hermite quadrature over the effect of each group."""
    return float(log_marginals(design, family, np.array([b0]), np.array([sd]), extra)[0])


def log_marginals(design: Design, family: str, b0: np.ndarray, sd: np.ndarray, extra: float) -> np.ndarray:
    """Return the log likelihoods of several intercepts and sds; rows with one response are computed once."""
    values, which = np.unique(design.y, return_inverse=True)
    log = log_rows(family, values, b0[:, None] + sd[:, None] * NODES, extra)
    total = np.zeros(b0.size)
    for j in range(5):
        kinds, counts = np.unique(which[design.factors[0].index == j], return_counts=True)
        by_node = (counts[:, None, None] * log[kinds]).sum(axis=0)
        total += logsumexp(by_node + np.log(WEIGHTS / np.sqrt(2 * np.pi)), axis=1)
    return total


def by_grid(design: Design, family: str) -> tuple[np.ndarray, np.ndarray]:
    """Return means and sds of intercept, sd (and log theta) by summing over a grid."""
    b = np.linspace(-3.0, 3.0, 41)
    s = np.linspace(-6.0, 1.8, 41)
    t = np.linspace(-2.0, 5.0, 21) if family == "negative_binomial" else np.zeros(1)
    grid = np.array(np.meshgrid(b, s, t, indexing="ij")).reshape(3, -1)
    log = np.empty(grid.shape[1])
    for each in t:
        here = grid[2] == each
        log[here] = log_marginals(design, family, grid[0, here], np.exp(grid[1, here]), float(np.exp(each)))
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
