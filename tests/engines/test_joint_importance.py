"""Importance sampling on the Laplace marginal against a grid, and its correction against exact integrals."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from multilevel.design.priors import bind_priors
from multilevel.engines.joint import sample_laplace_marginal
from multilevel.engines.laplace.integrated import QuadratureProblem
from multilevel.engines.laplace.problem import LaplaceProblem
from multilevel.engines.pace import Pace
from multilevel.errors import OptionError
from multilevel.kernels import core
from multilevel.model import priors as p
from multilevel.moments import layout_of
from tests.design.generalised_cases import generalised
from tests.engines.joint_cases import CASES, design_of
from tests.engines.joint_grid import NODES, RATE, WEIGHTS, by_grid, few, log_marginal, parameters

Floats = NDArray[np.float64]


@pytest.mark.statistics
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


@pytest.mark.statistics
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


ONE_FACTOR = [name for name in CASES if len(design_of(name).factors) == 1]


def drawn_at(
    problem: LaplaceProblem, x: Floats, pairs: int, *, seed: int, streams: int
) -> tuple[Floats, list[list[Floats]]]:
    """Return log weights, and effects by term, of the same point in streams 0, 1, ..."""
    problem.forget()
    problem.at(x, gradient=False)
    beta, theta, aux, zeros = (
        None if one is None else np.tile(one, (streams, 1)) for one in problem.kernel_input(x)
    )
    starts, numbers = np.tile(problem.kernel.place(), (streams, 1)), np.arange(streams)
    _, log_weights, effects = core.laplace_points(
        [problem.kernel], beta, theta, aux, zeros, starts, numbers, pairs, seed, True
    )
    return log_weights, [problem.in_units(one) for one in effects]


@pytest.mark.parametrize("name", ONE_FACTOR)
def test_correction_is_quadrature_over_the_approximation(name: str) -> None:
    """The mean weight of 4,000 pairs against adaptive quadrature, which is another kernel."""
    design = design_of(name)
    layout = layout_of(design)
    problem, exact = LaplaceProblem(design, layout), QuadratureProblem(design, layout, 15)
    rng = np.random.default_rng(1)
    x = 0.2 * rng.normal(size=problem.places.size)
    x[problem.places.theta] = 0.4
    value = problem.at(x, gradient=False).value
    log_weights = drawn_at(problem, x, 200, seed=1, streams=20)[0]
    spread = float(np.std(np.exp(log_weights)) / np.mean(np.exp(log_weights)))
    found = float(np.log(np.mean(np.exp(log_weights))))
    wanted = 0.5 * (value - exact.at(x, gradient=False).value)
    assert spread < 0.2
    assert found == pytest.approx(wanted, abs=5.0 * spread / np.sqrt(20) + 1e-4)


@pytest.mark.parametrize("name", ["crossed, a slope", "nested, offset"])
def test_draws_of_several_factors(name: str) -> None:
    """Draws of the effects have the modes and covariances of the approximation, but for the weights."""
    design = design_of(name)
    problem = LaplaceProblem(design, layout_of(design))
    x = np.zeros(problem.places.size)
    x[problem.places.theta] = 0.4
    problem.at(x)
    back, found = problem.layout.scaling.terms, problem.effects()
    problem.at(x, gradient=False)
    drawn = drawn_at(problem, x, 1, seed=3, streams=4000)[1]
    for t, block in enumerate(problem.layout.blocks):
        here = slice(block.start, block.start + block.size)
        mode = found[block.factor][0][:, here] @ back[t].back.T
        covariances = back[t].back @ found[block.factor][1][:, here, here] @ back[t].back.T
        sds = np.sqrt(np.diagonal(covariances, axis1=1, axis2=2))
        own = np.array([one[t] for one in drawn])
        assert np.abs(own.mean(axis=0) - mode).max() < 0.25 * sds.max()
        assert own.std(axis=0) == pytest.approx(sds, rel=0.15)
    again = drawn_at(problem, x, 1, seed=3, streams=1)[1][0]
    assert all(np.array_equal(a, b) for a, b in zip(again, drawn[0], strict=True))


def test_same_seed_same_draws_and_a_limit_of_time() -> None:
    design = generalised("y ~ 1 + (1 | g)", few(), "poisson")
    priors = bind_priors(design, RATE)
    one, two, other = (sample_laplace_marginal(design, priors, draws=100, seed=s) for s in (7, 7, 8))
    assert np.array_equal(one.coefficients, two.coefficients)
    assert not np.array_equal(one.coefficients, other.coefficients)
    with pytest.raises(OptionError, match="max_time"):
        sample_laplace_marginal(design, priors, draws=100, seed=1, pace=Pace(max_time=0.0))
