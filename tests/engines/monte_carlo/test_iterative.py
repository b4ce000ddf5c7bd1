"""The Gibbs engine's problem by conjugate gradients, against the exact elimination and dense algebra."""

from __future__ import annotations

import numpy as np
import pytest

from multilevel.engines.gibbs.residuals import Residuals
from multilevel.engines.likelihood.problem import entries, native_problem
from multilevel.engines.monte_carlo.iterative import IterativeProblem, SharedSystem
from tests.engines.monte_carlo.chain_cases import CASES, Case, problem_of
from tests.engines.monte_carlo.dense_core import DenseCore

NAMES = [case.name for case in CASES]


def theta_at(case: Case) -> np.ndarray:
    """Return the entries of the case's relative roots."""
    moments, Lambdas, _ = problem_of(case)
    return np.array([[Lambdas[f][row, column] for _, f, row, column in entries(moments.blocks)]])


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_reductions_are_those_of_the_elimination(case: Case) -> None:
    moments, theta = problem_of(case)[0], theta_at(case)
    log_det, S = IterativeProblem(SharedSystem(moments)).reductions(theta)
    _, expected = native_problem(moments, "ml").reductions(theta)
    assert log_det.tolist() == [0.0]
    np.testing.assert_allclose(S, expected, rtol=0, atol=1e-8 * np.abs(expected).max())


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_products_with_the_residuals_are_those_of_the_moments(case: Case) -> None:
    moments = problem_of(case)[0]
    rng = np.random.default_rng(1)
    gamma = rng.standard_normal(moments.p)
    effects = [rng.standard_normal((m, K)) for m, K in zip(moments.levels, moments.effects, strict=True)]
    squares, with_r = SharedSystem(moments).products(gamma, effects)
    expected, products = Residuals(moments).products(gamma, effects)
    np.testing.assert_allclose(squares, expected, rtol=1e-10)
    for found, product in zip(with_r, products, strict=True):
        np.testing.assert_allclose(found, product, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_draws_have_the_mean_of_the_effects_and_depend_on_the_stream_only(case: Case) -> None:
    """Noise of a residual sd near zero is none: what is left is the conditional mean."""
    moments, theta = problem_of(case)[0], theta_at(case)
    shared = SharedSystem(moments)
    problem, other = IterativeProblem(shared), IterativeProblem(shared)
    gamma = np.random.default_rng(2).standard_normal((1, moments.p))
    _, Lambdas, chain = problem_of(case)
    rest = np.concatenate([C @ np.append(-gamma[0], 1.0) for C in moments.C], axis=None)
    mean = DenseCore(moments, Lambdas, chain).covariance @ rest
    found = problem.draw_effects(theta, gamma, np.array([1e-12]), 7, 3)
    np.testing.assert_allclose(found[0], mean, rtol=0, atol=1e-7 * np.abs(mean).max())
    first = problem.draw_effects(theta, gamma, np.ones(1), 7, 3)
    other.reductions(2.0 * theta)  # moves the system that both use
    np.testing.assert_array_equal(problem.draw_effects(theta, gamma, np.ones(1), 7, 3), first)
    assert not np.array_equal(problem.draw_effects(theta, gamma, np.ones(1), 7, 4), first)
