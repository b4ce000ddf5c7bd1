"""Many points at once: reductions and draws of effects against dense algebra, and against thread counts."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from multilevel.engines.likelihood.problem import native_problem
from multilevel.moments import Moments, summarise
from tests.engines.structures import STRUCTURES, Structure, design_of, names_of, random_theta, scaled_dense
from tests.engines.twin import Twin, twin_of

Floats = NDArray[np.float64]

WITH_GROUPS = tuple(s for s in STRUCTURES if s.terms)


def points(structure: Structure, n: int) -> tuple[Moments, Floats, list[Twin]]:
    """Return the moments of a structure, random thetas and their dense twins."""
    design = design_of(structure, seed=5)
    moments = summarise(design)
    rng = np.random.default_rng(3)
    thetas = np.array([random_theta(scaled_dense(design, moments), rng) for _ in range(n)])
    return moments, thetas, [twin_of(design, moments, theta) for theta in thetas]


@pytest.mark.parametrize("structure", WITH_GROUPS, ids=names_of(WITH_GROUPS))
def test_reductions_are_those_of_the_dense_covariance(structure: Structure) -> None:
    moments, thetas, twins = points(structure, 11)
    log_det, S = native_problem(moments, "ml").reductions(thetas)
    for i, twin in enumerate(twins):
        rows = np.column_stack([twin.problem.X, twin.problem.y])
        dense = rows.T @ twin.at.inverse @ rows
        np.testing.assert_allclose(S[i], dense, rtol=1e-9, atol=1e-9 * np.abs(dense).max())
        _, log_V = np.linalg.slogdet(twin.at.inverse)
        weights = np.log(twin.problem.inverse_weights).sum()
        np.testing.assert_allclose(log_det[i], -log_V - weights, rtol=1e-10, atol=1e-9)


@pytest.mark.parametrize("structure", WITH_GROUPS, ids=names_of(WITH_GROUPS))
def test_results_do_not_depend_on_threads_or_neighbours(structure: Structure) -> None:
    moments, thetas, _ = points(structure, 3)
    problem = native_problem(moments, "ml")
    many = np.tile(thetas, (70, 1))
    log_det, S = problem.reductions(many, 1)
    for threads in (2, 3):
        other_det, other = problem.reductions(many, threads)
        assert np.array_equal(log_det, other_det) and np.array_equal(S, other)
    assert np.array_equal(S[:3], S[-3:])
    beta = np.zeros((210, moments.p))
    drawn = [problem.draw_effects(many, beta, np.ones(210), 9, 5, threads) for threads in (1, 3)]
    assert np.array_equal(*drawn)
    alone = problem.draw_effects(many[7:8], beta[:1], np.ones(1), 9, 12)
    assert np.array_equal(alone[0], drawn[0][7])


@pytest.mark.parametrize("name", ["k=1, weights", "k=2", "k=3", "k=5", "crossed k=2, 1", "nested vectors"])
def test_draws_have_the_moments_of_the_conditional_distribution(name: str) -> None:
    moments, thetas, twins = points(next(s for s in STRUCTURES if s.name == name), 1)
    n, twin = 40_000, twins[0]
    beta = np.linspace(-0.5, 0.5, moments.p)
    drawn = native_problem(moments, "ml").draw_effects(
        np.tile(thetas, (n, 1)), np.tile(beta, (n, 1)), np.full(n, 0.6), 4, 0
    )
    mean = twin.T @ twin.H @ np.append(-beta, 1.0)
    covariance = 0.36 * twin.covariance
    noise = np.sqrt(np.diagonal(covariance) / n)
    assert np.abs((drawn.mean(axis=0) - mean) / np.maximum(noise, 1e-12)).max() < 5.0
    sd = np.sqrt(np.outer(np.diagonal(covariance), np.diagonal(covariance)) + covariance**2)
    assert np.abs((np.cov(drawn.T) - covariance) / sd).max() < 5.0 / np.sqrt(n)


def test_a_point_that_is_not_defined_is_infinite() -> None:
    moments, thetas, _ = points(next(s for s in STRUCTURES if s.name == "k=2"), 3)
    thetas[1, 0] = np.nan
    log_det, S = native_problem(moments, "ml").reductions(thetas)
    assert np.isinf(log_det).tolist() == [False, True, False]
    assert np.isfinite(S).all()


def test_determinants_of_many_single_groups_do_not_overflow() -> None:
    structure = Structure(
        "many", next(s for s in STRUCTURES if s.name == "k=1").factors, WITH_GROUPS[0].terms
    )
    design = design_of(structure)
    moments = summarise(design)
    thetas = np.array([[1e60], [1.0]])
    log_det, _ = native_problem(moments, "ml").reductions(thetas)
    expected = np.log1p(np.outer(thetas[:, 0] ** 2, moments.A[0][:, 0, 0])).sum(axis=1)
    np.testing.assert_allclose(log_det, expected, rtol=1e-12)
