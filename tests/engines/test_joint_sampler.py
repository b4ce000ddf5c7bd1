"""NUTS on the joint density against a grid of parameters times quadrature over the effects of each group."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from multilevel.design.priors import bind_priors
from multilevel.engines.joint import sample_joint
from multilevel.errors import OptionError
from multilevel.inference.convergence import ess_bulk
from multilevel.model import priors as p
from tests.design.generalised_cases import generalised
from tests.engines.joint_grid import NODES, RATE, WEIGHTS, by_grid, few, parameters


@pytest.mark.statistics
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


@pytest.mark.statistics
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
