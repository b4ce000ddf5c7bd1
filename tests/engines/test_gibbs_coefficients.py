"""The distribution of the coefficients given the covariances against dense algebra and quadrature."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.linalg
import scipy.stats

from multilevel.design.priors import bind_priors
from multilevel.engines.gibbs.coefficients import CoefficientBlock
from multilevel.engines.gibbs.metropolis import Walk
from multilevel.engines.likelihood.problem import native_problem
from multilevel.errors import DesignError
from multilevel.model.priors import (
    Exponential,
    Fixed,
    Flat,
    HalfNormal,
    LogNormal,
    MVNormal,
    Normal,
    StudentT,
    Uniform,
)
from multilevel.moments import Moments, summarise
from tests.engines.gibbs_cases import covariance_of, dense_model, model_of, plan_of, some_terms
from tests.engines.structures import STRUCTURES, Structure, by_name, design_of, names_of

SIGMA = 0.8


@pytest.mark.parametrize("structure", STRUCTURES, ids=names_of(STRUCTURES))
def test_moments_are_those_of_dense_algebra(structure: Structure) -> None:
    """Under the default (normal) priors; 1e-9 is rounding."""
    design = design_of(structure)
    moments, priors = summarise(design), bind_priors(design)
    plan, terms = plan_of(moments, priors), some_terms(moments)
    scaling = moments.scaling
    sigma = SIGMA / scaling.y_scale
    _, S = native_problem(moments, "ml").reductions(plan.theta(tuple(terms), sigma))
    mean, covariance = plan.coefficients.moments(S[0], sigma)
    dense = dense_model(design)
    V = np.diag(SIGMA**2 / dense.weights)
    for Z, term in zip(dense.Z, terms, strict=True):
        k = term.sds.size
        V += Z @ np.kron(np.eye(Z.shape[1] // k), covariance_of(term)) @ Z.T
    centre, Q, _ = priors.coefficient_normal()
    A = dense.X.T @ np.linalg.solve(V, dense.X) + Q
    expected = np.linalg.solve(A, dense.X.T @ np.linalg.solve(V, dense.y) + Q @ centre)
    back = scaling.y_scale * scaling.fixed.back
    np.testing.assert_allclose(back @ mean + scaling.constant, expected, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(back @ covariance @ back.T, np.linalg.inv(A), rtol=1e-8, atol=1e-10)


PRIORS = {
    "fixed": {"days": Fixed(9.0)},
    "both fixed": {"fixed": Fixed(3.0)},
    "flat": {"fixed": Flat()},
    "mixed": {"Intercept": Normal(200, 10), "days": Flat()},
    "several": {"fixed": MVNormal([250, 10], [[9, 1], [1, 4]])},
}


@pytest.mark.statistics
@pytest.mark.parametrize("name", PRIORS)
def test_draws_have_the_moments(name: str) -> None:
    """Of 4,000 draws; four standard errors. A fixed coefficient is what it was fixed at."""
    moments, priors = model_of("reaction ~ days + (1 | subject)", "sleepstudy", PRIORS[name])
    plan = plan_of(moments, priors)
    scaling, sigma = moments.scaling, 0.5
    _, S = native_problem(moments, "ml").reductions(np.array([[0.7]]))
    rng = np.random.default_rng(1)
    now = np.zeros(moments.p)
    draws = np.array([plan.coefficients.draw(S[0], sigma, rng, now, None) for _ in range(4000)])
    beta = scaling.y_scale * draws @ scaling.fixed.back.T + scaling.constant
    mean, covariance = plan.coefficients.moments(S[0], sigma)
    back = scaling.y_scale * scaling.fixed.back
    sd = np.sqrt(np.maximum(np.diagonal(back @ covariance @ back.T), 0.0))
    error = np.abs(beta.mean(axis=0) - back @ mean - scaling.constant)
    assert (error <= 4.0 * sd / np.sqrt(4000) + 1e-9).all()
    np.testing.assert_allclose(beta.std(axis=0), sd, rtol=0.05, atol=1e-9)
    if "fixed" in name:
        np.testing.assert_allclose(beta[:, 1], 9.0 if name == "fixed" else 3.0)


WALKING: dict[str, dict[str, Any]] = {
    "Student t": {"fixed": StudentT(3, 0, 0.4)},
    "one of them": {"Intercept": Normal(0.5, 2), "x1": StudentT(3, 0, 0.4)},
    "log-normal": {"x1": LogNormal(-1, 0.5)},
    "Laplace's half, held": {"Intercept": Fixed(0.3), "x1": Exponential(2)},
    "uniform": {"Intercept": Uniform(-1, 1), "x1": HalfNormal(0.5)},
}


def walking_model(name: str) -> tuple[Moments, CoefficientBlock, np.ndarray, Any]:
    """Return moments, block, ``[X y]'V^-1 [X y]`` at some covariances, and the dense log density.

    The density takes ``(n, 2)`` coefficients in the user's unit.
    """
    design = design_of(by_name("crossed k=2, 1"))
    moments, priors, dense = summarise(design), bind_priors(design, WALKING[name]), dense_model(design)
    plan, terms = plan_of(moments, priors), some_terms(moments)
    sigma = SIGMA / moments.scaling.y_scale
    _, S = native_problem(moments, "ml").reductions(plan.theta(tuple(terms), sigma))
    V = np.diag(SIGMA**2 / dense.weights)
    for Z, term in zip(dense.Z, terms, strict=True):
        V += Z @ np.kron(np.eye(Z.shape[1] // term.sds.size), covariance_of(term)) @ Z.T
    law = scipy.stats.multivariate_normal(np.zeros(dense.y.size), V)

    def log_density(beta: np.ndarray) -> np.ndarray:
        return np.asarray(law.logpdf(dense.y - beta @ dense.X.T) + priors.log_coefficients(beta))

    return moments, plan.coefficients, S[0], log_density


@pytest.mark.statistics
@pytest.mark.parametrize("name", WALKING)
def test_coefficients_that_walk_have_the_distribution_of_quadrature(name: str) -> None:
    """Means and sds of 6,000 sweeps against sums over a grid of 201 points for each coefficient.

    4.5 Monte Carlo standard errors, from means of 30 batches.
    """
    moments, block, S, log_density = walking_model(name)
    scaling = moments.scaling
    sigma, rng, walk = SIGMA / scaling.y_scale, np.random.default_rng(3), Walk(block.walk_size)
    gamma, seen = np.zeros(moments.p), []
    for i in range(7000):
        if i == 1000:
            walk.freeze()
        gamma = block.draw(S, sigma, rng, gamma, walk)
        seen.append(scaling.y_scale * scaling.fixed.back @ gamma + scaling.constant)
    draws = np.array(seen[1000:])
    axes = [
        np.linspace(x.mean() - 8 * x.std(), x.mean() + 8 * x.std(), 201)
        if x.std() > 1e-9
        else np.array([0.3])
        for x in draws.T
    ]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    logs = log_density(grid.reshape(-1, 2)).reshape(grid.shape[:2])
    weights = np.exp(logs - logs.max())
    for i, (axis, x) in enumerate(zip(axes, draws.T, strict=True)):
        own = weights.sum(axis=1 - i) / weights.sum()
        mean = float(own @ axis)
        sd = float(np.sqrt(own @ (axis - mean) ** 2))
        for found, expected in ((x, mean), ((x - mean) ** 2, sd**2)):
            error = found.reshape(30, -1).mean(axis=1).std(ddof=1) / np.sqrt(30)
            assert abs(found.mean() - expected) <= 4.5 * error + 1e-9
    assert 0.15 < walk.rate < 0.6


def test_the_density_of_a_walk_integrates_the_other_coefficients_out() -> None:
    """Differences between 50 pairs of points against the dense normal density of the response."""
    design = design_of(by_name("crossed k=2, 1"))
    priors = bind_priors(design, WALKING["one of them"])
    moments, block, S, _ = walking_model("one of them")
    dense, terms = dense_model(design), some_terms(moments)
    V = np.diag(SIGMA**2 / dense.weights) + 4.0 * np.outer(dense.X[:, 0], dense.X[:, 0])
    for Z, term in zip(dense.Z, terms, strict=True):
        V += Z @ np.kron(np.eye(Z.shape[1] // term.sds.size), covariance_of(term)) @ Z.T
    law = scipy.stats.multivariate_normal(dense.X[:, 0] * 0.5, V)
    A, h = block.precision(S, SIGMA / moments.scaling.y_scale)
    P, g = block._profile(A, h)
    unit = block._units[0]
    for x, z in np.random.default_rng(1).normal(size=(50, 2)):
        found = block.log_density(np.array([x]), P, g) - block.log_density(np.array([z]), P, g)
        direct = [
            law.logpdf(dense.y - dense.X[:, 1] * v * unit) + priors.coefficients[1].logpdf(v * unit)
            for v in (x, z)
        ]
        assert found == pytest.approx(direct[0] - direct[1], rel=1e-8, abs=1e-8)


def test_priors_that_the_data_exclude_are_refused() -> None:
    moments, priors = model_of(
        "reaction ~ days + (1 | subject)", "sleepstudy", {"days": Uniform(1e200, 2e200)}
    )
    block = CoefficientBlock(moments, priors)
    with pytest.raises(DesignError, match="no value of days that the priors allow has a density"):
        block.draw(np.eye(3), 1.0, np.random.default_rng(1), np.zeros(2), Walk(1))


def test_the_origin_holds_without_free_coefficients() -> None:
    moments, priors = model_of("reaction ~ days + (1 | subject)", "sleepstudy", {"fixed": Fixed(0.0)})
    _, covariance = CoefficientBlock(moments, priors).moments(scipy.linalg.pascal(3), 1.0)
    np.testing.assert_array_equal(covariance, np.zeros((2, 2)))
