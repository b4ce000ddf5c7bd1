"""Group effects, their variances and the curvature, in the user's units, against dense algebra."""

from __future__ import annotations

import numpy as np
import pytest

from multilevel.engines.likelihood import evaluate_at, solve
from multilevel.engines.solution import Curvature, Method, Solution
from multilevel.model import Covariance
from multilevel.moments import summarise
from tests.engines.structures import (
    STRUCTURES,
    Floats,
    Structure,
    by_name,
    design_of,
    names_of,
    random_theta,
    scaled_dense,
)
from tests.oracle import designs, effects, information
from tests.oracle.dense import Dense, dense

GROUPED = [s for s in STRUCTURES if s.terms]
WITH_COEFFICIENTS = [s for s in GROUPED if s.p > 0 and s.name != "more effects than rows"]


def somewhere(structure: Structure) -> tuple[Dense, Solution]:
    """Return the dense problem in the user's units, and the solution at a theta that is no optimum."""
    design = design_of(structure)
    moments = summarise(design)
    theta = random_theta(scaled_dense(design, moments), np.random.default_rng(1))
    return dense(design), evaluate_at(moments, method="reml", theta=theta)


@pytest.mark.parametrize("structure", GROUPED, ids=names_of(GROUPED))
def test_modes_and_covariances_are_those_of_dense_algebra(structure: Structure) -> None:
    problem, solution = somewhere(structure)
    modes = effects.modes(problem, solution.covariances, solution.sigma)
    covariances = effects.conditional_covariances(problem, solution.covariances, solution.sigma)
    for t in range(len(structure.terms)):
        np.testing.assert_allclose(solution.groups.modes(t), modes[t], rtol=1e-8, atol=1e-9)
        np.testing.assert_allclose(solution.groups.covariances(t), covariances[t], rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("structure", GROUPED, ids=names_of(GROUPED))
def test_prediction_variance_is_that_of_dense_algebra(structure: Structure) -> None:
    """Levels in combinations that the data have and have not; a level of -1 leaves its term out."""
    problem, solution = somewhere(structure)
    rng = np.random.default_rng(2)
    n, p = 40, problem.X.shape[1]
    levels = {name: rng.integers(0, 10**6, n) for name, _, _ in structure.terms}
    index = [
        np.where(rng.random(n) < 0.2, -1, levels[name] % m).astype(np.int32)
        for (name, _, _), (m, _) in zip(structure.terms, problem.sizes, strict=True)
    ]
    X, Z = rng.normal(size=(n, p)), [rng.normal(size=(n, k)) for _, k in problem.sizes]
    expected = effects.prediction_variance(problem, solution.covariances, solution.sigma, X, index, Z)
    for _ in range(2):
        found = solution.groups.prediction_variance(X, index, Z)
        np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-9)
        solution.groups.kenward_roger()  # leaves the native problem in another state


@pytest.mark.parametrize("structure", GROUPED, ids=names_of(GROUPED))
def test_rows_of_one_term_are_those_of_dense_algebra(structure: Structure) -> None:
    """Other terms are left out, or stand beside zeros."""
    problem, solution = somewhere(structure)
    rng = np.random.default_rng(3)
    n, p = 12, problem.X.shape[1]
    for own in range(len(structure.terms)):
        for absent in (-1, 0):
            index = [np.full(n, absent, dtype=np.int32) for _ in structure.terms]
            index[own] = (np.arange(n) % problem.sizes[own][0]).astype(np.int32)
            X = rng.normal(size=(n, p))
            Z = [(t == own) * rng.normal(size=(n, k)) for t, (_, k) in enumerate(problem.sizes)]
            expected = effects.prediction_variance(problem, solution.covariances, solution.sigma, X, index, Z)
            found = solution.groups.prediction_variance(X, index, Z)
            np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-9)


def spread(curvature: Curvature, L: Floats) -> Floats:
    """Return the variance of the estimated ``Var(l'beta)`` for each row of ``L``, by the delta method."""
    g = np.einsum("cp,hpq,cq->ch", L, curvature.gradient, L)
    return np.asarray(np.einsum("ch,hk,ck->c", g, curvature.covariance, g))


@pytest.mark.parametrize("method", ["reml", "ml"])
@pytest.mark.parametrize("structure", WITH_COEFFICIENTS, ids=names_of(WITH_COEFFICIENTS))
def test_curvature_gives_the_degrees_of_freedom_of_lmertest(structure: Structure, method: Method) -> None:
    """Coordinates differ from the oracle's; what they say of Var(beta) does not.

    1e-4: several factors take second differences, and the search stops at a small gradient.
    """
    design = design_of(structure)
    solution = solve(summarise(design), method=method)
    L = np.random.default_rng(3).normal(size=(4, structure.p))
    expected = information.curvature(dense(design), solution.covariances, solution.sigma, method)
    np.testing.assert_allclose(spread(solution.groups.curvature(), L), spread(expected, L), rtol=1e-4)


def test_curvature_of_no_groups_is_that_of_least_squares() -> None:
    """``Var(sigma^2) = 2 sigma^4 / (n - p)``, so that the degrees of freedom are ``n - p``."""
    solution = solve(summarise(design_of(by_name("no groups"))))
    v = solution.vcov_beta[1, 1]
    L = np.array([[0.0, 1.0]])
    assert 2 * v**2 / spread(solution.groups.curvature(), L)[0] == pytest.approx(46, rel=1e-9)


def test_curvature_does_not_depend_on_what_was_asked_before() -> None:
    design = design_of(by_name("crossed and nested vectors"))
    first, second = solve(summarise(design)), solve(summarise(design))
    second.groups.modes(0)
    second.groups.kenward_roger()
    a, b = first.groups.curvature(), second.groups.curvature()
    np.testing.assert_array_equal(a.covariance, b.covariance)
    np.testing.assert_array_equal(a.gradient, b.gradient)
    modes = first.groups.modes(1)
    np.testing.assert_array_equal(modes, second.groups.modes(1))


def test_modes_of_one_group_are_the_weighted_means_of_the_textbook() -> None:
    """``w_j (mean_j - R)`` with ``w_j = s2 / (s2 + 0.5^2 / n_j)`` for a known residual sd of 0.5."""
    design = designs.friends()
    solution = solve(summarise(design))
    index = design.factors[0].index
    n = np.bincount(index)
    s2 = solution.covariances[0][0, 0]
    w = s2 / (s2 + 0.25 / n)
    expected = w * (np.bincount(index, design.y) / n - solution.beta[0])
    np.testing.assert_allclose(solution.groups.modes(0)[:, 0], expected, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(solution.groups.covariances(0)[:, 0, 0], s2 * (1 - w), rtol=1e-10)


def test_a_zero_variance_has_zero_effects_without_error() -> None:
    solution = solve(summarise(designs.zero_variance()))
    assert not solution.groups.modes(0).any()
    assert not solution.groups.covariances(0).any()
    x = np.array([[1.0, 2.0]])
    alone = solution.groups.prediction_variance(x, [np.array([-1], dtype=np.int32)], [np.ones((1, 1))])
    known = solution.groups.prediction_variance(x, [np.array([3], dtype=np.int32)], [np.ones((1, 1))])
    assert known[0] == pytest.approx(alone[0], rel=1e-12)
    assert alone[0] == pytest.approx((x @ solution.vcov_beta @ x.T).item(), rel=1e-12)


def test_structures_of_tests_cover_every_covariance() -> None:
    assert {c for s in STRUCTURES for _, _, c in s.terms} == {c for c in Covariance if not c.serial}
