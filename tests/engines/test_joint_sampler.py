"""NUTS on the joint density against a grid of parameters times quadrature over the effects of each group."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats
from scipy.special import logsumexp

from multilevel.design import Design
from multilevel.design.priors import bind_priors
from multilevel.engines.draws import Draws
from multilevel.engines.joint import sample_joint
from multilevel.errors import OptionError
from multilevel.inference.convergence import ess_bulk
from multilevel.model import priors as p
from tests.design.generalised_cases import generalised

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


@pytest.mark.parametrize("family", ["poisson", "bernoulli", "negative_binomial"])
def test_posterior_is_that_of_the_grid(family: str) -> None:
    response = "yes" if family == "bernoulli" else "y"
    design = generalised(f"{response} ~ 1 + (1 | g)", few(), family)
    given = RATE | ({"theta": p.Gamma(2, 1)} if family == "negative_binomial" else {})
    drawn = sample_joint(design, bind_priors(design, given), draws=4000, warmup=400, seed=3)
    found = parameters(drawn)
    mean, sd = by_grid(design, family)
    error = 1.0 / np.sqrt(ess_bulk(found))
    d = found.shape[2]
    assert np.all(np.abs(found.mean(axis=(0, 1)) - mean[:d]) < 4.0 * error * sd[:d] + 0.01 * sd[:d])
    assert found.std(axis=(0, 1)) == pytest.approx(sd[:d], rel=0.1)
    assert drawn.diagnostics["divergences"] < 10
    assert drawn.complete and drawn.sigma.min() == drawn.sigma.max() == 1.0


def test_effects_given_the_parameters() -> None:
    """Posterior means of the effects of a Poisson model, from the same grid."""
    design = generalised("y ~ 1 + (1 | g)", few(), "poisson")
    given = {"Intercept": p.Fixed(0.2), "g": {"sd": p.Fixed(0.9)}}
    drawn = sample_joint(design, bind_priors(design, given), draws=4000, warmup=400, seed=5)
    eta = 0.2 + 0.9 * NODES
    for j in range(5):
        y = design.y[design.factors[0].index == j]
        weight = WEIGHTS * np.exp(stats.poisson.logpmf(y[:, None], np.exp(eta)).sum(axis=0))
        mean = float((0.9 * NODES) @ weight / weight.sum())
        spread = float(np.sqrt((0.9 * NODES - mean) ** 2 @ weight / weight.sum()))
        own = drawn.effects[0][:, :, j, 0]
        assert own.mean() == pytest.approx(mean, abs=4.0 * spread / np.sqrt(ess_bulk(own[:, :, None])[0]))
        assert own.std() == pytest.approx(spread, rel=0.1)


def test_same_seed_same_draws() -> None:
    design = generalised("y ~ 1 + (1 | g)", few(), "poisson")
    one, two = (sample_joint(design, bind_priors(design), draws=40, warmup=50, seed=7) for _ in range(2))
    other = sample_joint(design, bind_priors(design), draws=40, warmup=50, seed=8, threads=1)
    assert np.array_equal(one.coefficients, two.coefficients)
    assert not np.array_equal(one.coefficients, other.coefficients)


def test_sds_cannot_be_held_at_zero() -> None:
    design = generalised("y ~ 1 + (1 | g)", few(), "poisson")
    with pytest.raises(OptionError, match="an sd of `g` is held at zero"):
        sample_joint(design, bind_priors(design, {"g": {"sd": p.Fixed(0)}}), seed=1)


def test_thresholds_cannot_be_held() -> None:
    design = generalised("class ~ 1 + (1 | g)", few(), "ordinal")
    with pytest.raises(OptionError, match="a threshold is held"):
        sample_joint(design, bind_priors(design, {"thresholds": {"1|2": p.Fixed(0)}}), seed=1)
    drawn = sample_joint(design, bind_priors(design), draws=40, warmup=50, seed=1)
    assert drawn.family is not None and drawn.family.names == ("1|2", "2|3")
    assert (np.diff(drawn.family.values, axis=2) > 0.0).all()
