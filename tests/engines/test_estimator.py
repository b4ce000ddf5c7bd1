"""The search: never above the dense optimum, certificates that dense algebra confirms, honest other ends."""

from __future__ import annotations

import dataclasses
import itertools
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize

from multilevel import api
from multilevel.design.design import Design
from multilevel.engines.likelihood import Progress, evaluate_at, solve
from multilevel.engines.likelihood.estimator import DUAL_TOLERANCE, TOLERANCE
from multilevel.engines.likelihood.problem import n_theta, native_problem
from multilevel.engines.solution import Method, Solution, Status
from multilevel.errors import BoundaryWarning, DesignError, OptionError
from multilevel.moments import summarise
from tests.engines.structures import (
    STRUCTURES,
    D,
    Floats,
    Structure,
    by_name,
    design_of,
    names_of,
)
from tests.oracle import designs
from tests.oracle.criterion import criterion, gls
from tests.oracle.dense import Dense, dense, marginal_covariance
from tests.oracle.optimum import optimum, profiled

REGULAR = [s for s in STRUCTURES if s.name != "more effects than rows"]
GROUPED = [s for s in REGULAR if s.terms]


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("method", ["reml", "ml"])
@pytest.mark.parametrize("structure", REGULAR, ids=names_of(REGULAR))
def test_the_optimum_is_not_above_that_of_a_dense_quasi_newton_search(
    structure: Structure, method: Method, seed: int
) -> None:
    """From two starts; and the criterion is the dense one at the estimates, to rounding."""
    design = design_of(structure, seed)
    solution, problem = solve(summarise(design), method=method), dense(design)
    assert solution.certificate.holds
    assert solution.status in (Status.OPTIMAL, Status.BOUNDARY)
    assert solution.certificate.evaluations <= 60
    best = profiled(problem, optimum(problem, method, scales=(1.0, 0.3)), method)[0]
    assert solution.criterion <= best + 1e-6
    at = criterion(problem, solution.covariances, solution.sigma, method)
    assert solution.criterion == pytest.approx(at, abs=1e-8)


def negative(seed: int) -> Design:
    """Return three effects with a negative correlation."""
    return designs.alike(seed)


def random_pair(seed: int) -> Design:
    """Return an intercept and a slope with one sd."""
    return design_of(by_name("k=2 symmetric"), seed)


def weighted_triple(seed: int) -> Design:
    """Return an intercept and two slopes with one sd, with weights of both kinds."""
    return design_of(by_name("k=3 symmetric"), seed)


@pytest.mark.parametrize("method", ["reml", "ml"])
@pytest.mark.parametrize("make", [negative, random_pair, weighted_triple])
@pytest.mark.parametrize("seed", [4, 6])
def test_one_correlation_against_a_search_over_sd_correlation_and_sigma(
    make: Callable[[int], Design], method: Method, seed: int
) -> None:
    """The dense criterion by Nelder and Mead's simplex, which knows no rotation."""
    design = make(seed)
    problem, k = dense(design), design.terms[0].Z.shape[1]
    low = -1.0 / (k - 1)

    def covariance(x: Floats) -> Floats:
        r = low + (1.0 - low) / (1.0 + np.exp(-x[1]))
        return np.asarray(np.exp(2.0 * x[0]) * (np.full((k, k), r) + (1.0 - r) * np.eye(k)))

    def value(x: Floats) -> float:
        return criterion(problem, [covariance(x)], float(np.exp(x[2])), method)

    options = {"xatol": 1e-9, "fatol": 1e-11, "maxfev": 4000, "maxiter": 4000}
    starts = ([-0.5, 0.0, -0.3], [0.0, 1.5, 0.0])
    runs = [minimize(value, start, method="Nelder-Mead", options=options) for start in starts]
    best = min(runs, key=lambda found: float(found.fun))
    solution = solve(summarise(design), method=method)
    assert solution.criterion == pytest.approx(float(best.fun), abs=1e-6)
    np.testing.assert_allclose(solution.covariances[0], covariance(best.x), rtol=1e-3, atol=1e-4)
    assert solution.sigma == pytest.approx(np.exp(best.x[2]), rel=1e-4)
    assert make is not negative or solution.covariances[0][0, 1] < 0.0


def test_small_problems_take_few_evaluations() -> None:
    """Half of the searches no more than 9, nine of ten no more than 20; Newton steps from a moment start."""
    taken = []
    for s, seed, method in itertools.product(GROUPED, (0, 1), ("reml", "ml")):
        problem = native_problem(summarise(design_of(s, seed)), method)
        found = problem.optimise(problem.start(), TOLERANCE, DUAL_TOLERANCE, 200, None)
        taken.append(found["evaluations"])
    assert np.median(taken) <= 9
    assert np.quantile(taken, 0.9) <= 20


def test_another_start_finds_a_lower_optimum() -> None:
    """A likelihood with two optima: 21 rows of two crossed factors, slopes of nearly constant x."""
    data = {
        "y": "6.793 .953 -1.055 -11.014 9.719 8.814 -5.813 9.883 .854 6.003 -13.185 -9.448 9.204 -5.582"
        " 10.998 6.72 11.651 -8.852 -6.285 -2.133 -8.537",
        "x": "1.267 1.281 1.277 1.265 1.272 1.263 1.277 1.265 1.269 1.265 1.274 1.284 1.264 1.274 1.257 1.284"
        " 1.278 1.256 1.265 1.258 1.263",
        "g": "1 2 3 1 6 5 5 5 7 7 0 4 3 4 4 4 4 5 3 0 4",
        "h": "4 3 3 2 4 7 2 4 3 6 1 0 7 2 4 7 4 0 5 3 0",
    }
    columns = {name: np.array(text.split(), dtype=float) for name, text in data.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BoundaryWarning)
        fit = api.fit("y ~ 1 + (x | g) + (1 | h)", columns)
        problem = native_problem(fit.moments, "reml")
        once = api.fit("y ~ 1 + (x | g) + (1 | h)", columns, start=problem.start())
    assert fit.deviance < once.deviance - 0.1


def test_an_interrupted_search_is_not_followed_by_another() -> None:
    moments = summarise(design_of(by_name("crossed")))
    calls: list[int] = []

    def stop(step: Progress) -> bool:
        calls.append(step.evaluations)
        return False

    assert solve(moments, progress=stop).status is Status.INTERRUPTED
    assert calls == [1]


@pytest.mark.parametrize("structure", REGULAR, ids=names_of(REGULAR))
def test_fixed_part_and_counts_in_the_units_of_the_user(structure: Structure) -> None:
    design = design_of(structure)
    moments = summarise(design)
    solution = solve(moments)
    problem = dense(design)
    at = gls(problem, marginal_covariance(problem, solution.covariances, solution.sigma))
    np.testing.assert_allclose(solution.beta, at.beta, rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(solution.vcov_beta, at.vcov, rtol=1e-8, atol=1e-10)
    free = sum(n_theta(block) for block in moments.blocks)
    assert solution.n_parameters == structure.p + free + (structure.residual_sd is None)
    if structure.residual_sd is not None:
        assert solution.sigma == pytest.approx(structure.residual_sd, rel=1e-14)


def certificate(problem: Dense, solution: Solution) -> tuple[float, float]:
    """Return the least eigenvalue of ``G`` and the largest entry of ``G T``, over terms, from dense algebra.

    ``G = sum_j (Z'MZ - Z'Py y'PZ / sigma^2)_jj`` in units of ``sum_j (Z'MZ)_jj``; only the diagonal counts
    for a diagonal term.
    """
    at = gls(
        problem, marginal_covariance(problem, [T / solution.sigma**2 for T in solution.covariances], 1.0)
    )
    M = at.P if solution.method == "reml" else at.inverse
    Py = at.P @ problem.y / solution.sigma
    dual, inner = 0.0, 0.0
    for Z, (m, k), structure, T in zip(
        problem.Z, problem.sizes, problem.structures, solution.covariances, strict=True
    ):
        E, g = Z.T @ M @ Z, (Z.T @ Py).reshape(m, k)
        information = sum(E[j * k : (j + 1) * k, j * k : (j + 1) * k] for j in range(m))
        G = information - g.T @ g
        if structure is D:
            G = np.diag(np.diag(G))
        root = np.linalg.cholesky(information)
        whitened = np.linalg.solve(root, np.linalg.solve(root, G).T)
        dual = min(dual, float(np.linalg.eigvalsh(whitened)[0]))
        inner = max(inner, float(np.abs(np.sum(G * T)) / (m * solution.sigma**2)))
    return dual, inner


@pytest.mark.parametrize("method", ["reml", "ml"])
@pytest.mark.parametrize("structure", GROUPED, ids=names_of(GROUPED))
def test_certificates_hold_in_dense_algebra(structure: Structure, method: Method) -> None:
    """``G >= 0`` and ``G T = 0``: 1e-4 is a criterion that could fall by about 1e-8."""
    if any(c.one_sd for _, _, c in structure.terms):
        structure = dataclasses.replace(structure, terms=tuple((g, k, D) for g, k, _ in structure.terms))
    design = design_of(structure, seed=4)
    solution = solve(summarise(design), method=method)
    dual, inner = certificate(dense(design), solution)
    assert solution.certificate.holds
    assert dual >= -1e-4
    assert inner <= 1e-4


def test_a_certificate_fails_where_the_optimum_is_not() -> None:
    design = design_of(by_name("k=1"))
    moments = summarise(design)
    away = evaluate_at(moments, method="reml", theta=1.5 * solve(moments).theta)
    assert certificate(dense(design), away)[1] > 1e-2
    assert not away.certificate.holds
    assert away.status is Status.STALLED
    zero = evaluate_at(moments, method="reml", theta=np.zeros(1))
    assert certificate(dense(design), zero)[0] < -0.1
    assert not zero.certificate.holds


def test_zeros_are_exact() -> None:
    solution = solve(summarise(designs.zero_variance()))
    assert solution.theta.tolist() == [0.0]
    assert solution.covariances[0].tolist() == [[0.0]]
    assert solution.status is Status.BOUNDARY
    ols = np.linalg.lstsq(designs.zero_variance().fixed.X, designs.zero_variance().y, rcond=None)[0]
    np.testing.assert_allclose(solution.beta, ols, rtol=1e-12)


STARTS = {"zero": 0.0, "tiny": 1e-6, "large": 1e3, "negative": -1.0}


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("structure", GROUPED, ids=names_of(GROUPED))
def test_any_start_leads_to_the_same_optimum(structure: Structure, start: str) -> None:
    """Also zero, where the gradient in theta vanishes whatever the data: the certificate sends it on."""
    moments = summarise(design_of(structure, seed=1))
    expected = solve(moments)
    size = np.random.default_rng(1).uniform(0.5, 1.5, expected.theta.size)
    found = solve(moments, start=STARTS[start] * size)
    assert found.criterion == pytest.approx(expected.criterion, abs=1e-6)
    assert found.status is expected.status
    assert found.certificate.holds


@pytest.mark.parametrize("method", ["reml", "ml"])
@pytest.mark.parametrize("structure", REGULAR, ids=names_of(REGULAR))
def test_evaluating_at_the_estimates_gives_the_solution_again(structure: Structure, method: Method) -> None:
    moments = summarise(design_of(structure))
    expected = solve(moments, method=method)
    found = evaluate_at(moments, method=method, theta=expected.theta)
    np.testing.assert_allclose(found.theta, expected.theta, rtol=1e-12, atol=1e-7)
    assert found.criterion == pytest.approx(expected.criterion, rel=1e-14)
    np.testing.assert_allclose(found.beta, expected.beta, rtol=1e-12)
    assert (found.status, found.boundary) == (expected.status, expected.boundary)
    assert found.certificate.holds


def test_a_limit_of_evaluations_is_said() -> None:
    solution = solve(summarise(design_of(by_name("k=3"))), max_evaluations=1)
    assert solution.status is Status.EVALUATION_LIMIT
    assert solution.sentence == (
        "The search reached its limit of evaluations before the optimum could be certified; raise"
        " max_evaluations."
    )
    assert not solution.certificate.holds
    assert solution.certificate.evaluations == 1


def test_progress_is_told_and_can_stop_the_search() -> None:
    moments, seen = summarise(design_of(by_name("k=2"))), list[Progress]()
    quiet = solve(moments)
    watched = solve(moments, progress=lambda step: seen.append(step))
    assert watched.theta.tolist() == quiet.theta.tolist()
    assert [step.evaluations for step in seen] == sorted(step.evaluations for step in seen)
    assert all(a.criterion >= b.criterion - 1e-9 for a, b in itertools.pairwise(seen))
    assert seen[-1].criterion == pytest.approx(quiet.criterion, abs=1e-9)
    assert seen[-1].decrement < 1e-8 < seen[0].decrement
    stopped = solve(moments, progress=lambda step: step.evaluations < 2)
    assert stopped.status is Status.INTERRUPTED
    assert not stopped.certificate.holds
    assert stopped.criterion > quiet.criterion


@pytest.mark.parametrize("name", ["no groups", "nested", "k=1", "crossed"])
def test_a_response_without_any_residual_is_saturated(name: str) -> None:
    design = design_of(by_name(name))
    exact = dataclasses.replace(design, y=design.fixed.X @ np.array([1.0, 2.0]))
    solution = solve(summarise(exact))
    assert solution.status is Status.SATURATED
    assert not solution.certificate.holds
    np.testing.assert_allclose(solution.beta, [1.0, 2.0], rtol=1e-10)
    assert solution.sigma < 1e-6
    assert solution.boundary == ("",) * len(design.terms)


def test_coordinates_at_which_nothing_is_defined_are_an_error() -> None:
    moments = summarise(design_of(by_name("k=1")))
    with pytest.raises(DesignError, match="saved estimates"):
        evaluate_at(moments, method="ml", theta=np.array([np.nan]))
    with pytest.raises(DesignError, match="start values"):
        solve(moments, start=np.array([1e300]))


def test_a_known_sigma_leaves_the_variance_to_a_grid_search() -> None:
    """The optimum against a fine grid of the dense criterion."""
    design = design_of(by_name("k=1, known sigma"))
    solution, problem = solve(summarise(design), method="ml"), dense(design)
    sds = np.sqrt(solution.covariances[0][0, 0]) * np.linspace(0.9, 1.1, 41)
    grid = [criterion(problem, [np.array([[s * s]])], 0.7, "ml") for s in sds]
    assert np.argmin(grid) == 20
    assert grid[20] == pytest.approx(solution.criterion, abs=1e-9)


WRONG: tuple[dict[str, object], ...] = (
    {"start": np.ones(2)},
    {"start": np.ones((1, 1))},
    {"start": [np.nan]},
    {"start": "one"},
    {"max_evaluations": 0},
    {"max_evaluations": 1.5},
    {"max_evaluations": True},
    {"max_evaluations": None},
    {"progress": 3},
)


@pytest.mark.parametrize("options", WRONG, ids=str)
def test_options_of_the_search_are_checked(options: dict[str, Any]) -> None:
    (name,) = options
    with pytest.raises(OptionError, match=f"^{name}="):
        solve(summarise(designs.zero_variance()), **options)
