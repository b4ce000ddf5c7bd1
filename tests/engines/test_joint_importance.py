"""Importance sampling on the Laplace marginal against a grid, and its correction against exact integrals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from multilevel.design.priors import bind_priors
from multilevel.engines.joint import sample_laplace_marginal
from multilevel.engines.laplace.problem import LaplaceProblem
from multilevel.engines.pace import Pace
from multilevel.errors import OptionError
from multilevel.model import priors as p
from multilevel.moments import layout_of
from tests.design.generalised_cases import generalised
from tests.engines.joint_cases import CASES, design_of
from tests.engines.joint_grid import NODES, RATE, WEIGHTS, by_grid, few, log_marginal, parameters


@pytest.mark.parametrize("family", ["poisson", "bernoulli", "negative_binomial"])
def test_posterior_is_that_of_the_grid(family: str) -> None:
    response = "yes" if family == "bernoulli" else "y"
    design = generalised(f"{response} ~ 1 + (1 | g)", few(), family)
    given = RATE | ({"theta": p.Gamma(2, 1)} if family == "negative_binomial" else {})
    drawn = sample_laplace_marginal(design, bind_priors(design, given), draws=4000, seed=3)
    found = parameters(drawn)
    mean, sd = by_grid(design, family)
    assert drawn.efficiency is not None and drawn.efficiency > 0.3
    error = 4.0 / np.sqrt(4000 * drawn.efficiency)
    d = found.shape[2]
    assert np.all(np.abs(found.mean(axis=(0, 1)) - mean[:d]) < (error + 0.01) * sd[:d])
    assert found.std(axis=(0, 1)) == pytest.approx(sd[:d], rel=0.1)
    assert drawn.diagnostics["pareto_k"] < 0.7
    assert "the draws can be trusted" in drawn.sentence


def test_evidence_and_effects() -> None:
    """With everything else known the evidence is the likelihood, and effects are those of quadrature."""
    design = generalised("y ~ 1 + (1 | g)", few(), "poisson")
    given = {"Intercept": p.Normal(0.2, 1e-3), "g": {"sd": p.Fixed(0.9)}}
    drawn = sample_laplace_marginal(design, bind_priors(design, given), draws=4000, seed=5)
    assert drawn.log_evidence == pytest.approx(log_marginal(design, "poisson", 0.2, 0.9, 0.0), abs=0.02)
    eta = 0.2 + 0.9 * NODES
    for j in range(5):
        y = design.y[design.factors[0].index == j]
        weight = WEIGHTS * np.exp(stats.poisson.logpmf(y[:, None], np.exp(eta)).sum(axis=0))
        mean = float((0.9 * NODES) @ weight / weight.sum())
        spread = float(np.sqrt((0.9 * NODES - mean) ** 2 @ weight / weight.sum()))
        own = drawn.effects[0][:, :, j, 0]
        assert own.mean() == pytest.approx(mean, abs=5.0 * spread / np.sqrt(4000 * (drawn.efficiency or 0.0)))
        assert own.std() == pytest.approx(spread, rel=0.1)


@pytest.mark.parametrize("name", list(CASES))
def test_correction_is_the_integral_over_the_approximation(name: str) -> None:
    """The mean weight against that of many independent draws with dense algebra (40,000 of them)."""
    design = design_of(name)
    layout = layout_of(design)
    problem = LaplaceProblem(design, layout)
    rng = np.random.default_rng(1)
    x = 0.3 * rng.normal(size=problem.places.size)
    x[problem.places.theta] = 0.4
    few_value = problem.at(x, gradient=False).value
    assert np.isfinite(few_value)
    few_draws = [problem.draw(x, 200, seed=1, stream=s)[0] for s in range(20)]
    spread = np.std(np.exp(few_draws)) / np.mean(np.exp(few_draws))
    assert spread < 0.3
    long = problem.draw(x, 20_000, seed=2, stream=0)[0]
    assert np.log(np.mean(np.exp(few_draws))) == pytest.approx(long, abs=5.0 * spread / np.sqrt(20) + 0.01)
    again, effects = problem.draw(x, 200, seed=1, stream=0)
    assert again == few_draws[0]
    assert [e.shape for e in effects] == [(len(design.factors[t.factor].levels), len(t.names)) for t in design.terms]


def test_same_seed_same_draws_and_a_limit_of_time() -> None:
    design = generalised("y ~ 1 + (1 | g)", few(), "poisson")
    priors = bind_priors(design, RATE)
    one, two, other = (sample_laplace_marginal(design, priors, draws=100, seed=s) for s in (7, 7, 8))
    assert np.array_equal(one.coefficients, two.coefficients)
    assert not np.array_equal(one.coefficients, other.coefficients)
    with pytest.raises(OptionError, match="max_time"):
        sample_laplace_marginal(design, priors, draws=100, seed=1, pace=Pace(max_time=0.0))
