"""Adaptive quadrature: sums over fine grids, differences of the value, one node against Laplace."""

from __future__ import annotations

import numpy as np
import pytest

from multilevel.engines.laplace.problem import LaplaceProblem
from multilevel.engines.laplace.quadrature import QuadratureProblem, checked_nodes, hermite_grid
from multilevel.errors import OptionError
from multilevel.moments import layout_of
from tests.engines.quadrature_cases import CASES, Case, dense_value, point

TERMS = ("(1 | g)", "(x | g)", "(1 | g) + (0 + x | g)", "(x + z | g)")


def problem_of(case: Case, grouped: str, nodes: int) -> QuadratureProblem:
    """Return the problem of a case."""
    design = case.design(grouped)
    return QuadratureProblem(design, layout_of(design), nodes)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_one_effect_is_integrated(case: Case) -> None:
    problem = problem_of(case, "(1 | g)", 35)
    x = point(problem)
    assert problem.at(x).value == pytest.approx(dense_value(problem, x, step=0.02), abs=2e-6)


@pytest.mark.parametrize("case", [CASES[i] for i in (0, 2, 4, 6, 8, 10, 14)], ids=str)
@pytest.mark.parametrize("grouped", ["(x | g)", "(1 | g) + (0 + x | g)"])
def test_two_effects_are_integrated(case: Case, grouped: str) -> None:
    problem = problem_of(case, grouped, 35)
    x = point(problem)
    assert problem.at(x).value == pytest.approx(dense_value(problem, x, step=0.08), abs=5e-6)


def test_three_effects_are_integrated() -> None:
    problem = problem_of(CASES[0], "(x + z | g)", 15)
    x = point(problem)
    assert problem.at(x).value == pytest.approx(dense_value(problem, x, step=0.25), abs=2e-5)


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("grouped", TERMS)
@pytest.mark.parametrize("nodes", [1, 2, 5])
def test_the_gradient_is_that_of_the_value(case: Case, grouped: str, nodes: int) -> None:
    problem = problem_of(case, grouped, nodes)
    x = point(problem)
    step, found = 1e-4, np.zeros(x.size)
    for i in range(x.size):
        at = [problem.at(x + k * step * np.eye(x.size)[i], gradient=False).value for k in (-2, -1, 1, 2)]
        found[i] = (at[0] - 8.0 * at[1] + 8.0 * at[2] - at[3]) / (12.0 * step)
    exact = problem.at(x).gradient
    np.testing.assert_allclose(exact, found, atol=2e-7 * (1.0 + np.abs(exact).max()))


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("grouped", TERMS)
def test_one_node_is_the_laplace_approximation(case: Case, grouped: str) -> None:
    problem = problem_of(case, grouped, 1)
    laplace = LaplaceProblem(problem.design, problem.layout)
    x = point(problem)
    one, other = problem.at(x), laplace.at(x)
    assert one.value == pytest.approx(other.value, abs=1e-9)
    np.testing.assert_allclose(one.gradient, other.gradient, atol=1e-6 * (1.0 + np.abs(other.gradient).max()))
    assert one.found["laplace"] == pytest.approx(other.value, abs=1e-9)


@pytest.mark.parametrize("sd", [0.0, 1e-4])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_gradient_holds_near_and_at_no_variance(case: Case, sd: float) -> None:
    problem = problem_of(case, "(1 | g)", 15)
    x = point(problem)
    x[problem.places.theta] = sd
    step, exact = 1e-4, problem.at(x)
    found = np.zeros(x.size)
    for i in range(x.size):
        at = [problem.at(x + k * step * np.eye(x.size)[i], gradient=False).value for k in (-2, -1, 1, 2)]
        found[i] = (at[0] - 8.0 * at[1] + 8.0 * at[2] - at[3]) / (12.0 * step)
    np.testing.assert_allclose(exact.gradient, found, atol=3e-7 * (1.0 + np.abs(exact.gradient).max()))
    if sd == 0.0:  # the derivative by the variance at zero, from one side
        at = x.copy()
        at[problem.places.theta] = 1e-3
        rise = (problem.at(at, gradient=False).value - exact.value) / 1e-6
        assert exact.found["G"][0][0, 0] == pytest.approx(rise, rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("grouped", TERMS)
def test_the_derivative_by_the_covariance_leads_to_that_by_theta(grouped: str) -> None:
    problem = problem_of(CASES[2], grouped, 25 if "z" not in grouped else 15)
    x = point(problem)
    found = problem.at(x)
    moved = np.zeros(0)
    for i in range(problem.places.theta.start, x.size):
        e = 1e-6 * np.eye(x.size)[i]
        change = [
            (a - b) / 2e-6 for a, b in zip(problem.relative(x + e), problem.relative(x - e), strict=True)
        ]
        slope = 0.0
        for block, dT in zip(problem.layout.blocks, change, strict=True):
            at = slice(block.start, block.start + block.size)
            slope += float((found.found["G"][0][at, at] * dT).sum())
        moved = np.append(moved, slope)
    np.testing.assert_allclose(moved, found.gradient[problem.places.theta], atol=2e-4)


def test_threads_do_not_change_a_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for threads in (1, 3):
        monkeypatch.setattr("multilevel.engines.laplace.quadrature.threads", threads)
        problem = problem_of(CASES[0], "(x | g)", 81)  # enough points for the work to be shared
        at = problem.at(point(problem))
        found.append((at.value, at.gradient.tolist()))
    assert found[0] == found[1]


@pytest.mark.parametrize(("effects", "nodes"), [(1, 25), (2, 15), (3, 9)])
def test_the_grid_has_the_moments_of_the_normal_distribution(effects: int, nodes: int) -> None:
    points, log_weights = hermite_grid(effects, nodes)
    w = np.exp(log_weights - 0.5 * (points**2).sum(axis=1))
    assert w.sum() == pytest.approx(1.0, abs=1e-9)
    np.testing.assert_allclose(points.T @ w, 0.0, atol=1e-12)
    np.testing.assert_allclose((points.T * w) @ points, np.eye(effects), atol=1e-9)
    np.testing.assert_allclose((points**4).T @ w, 3.0, atol=1e-7)


@pytest.mark.parametrize(
    ("effects", "nodes", "said"),
    [
        ((), None, "no grouping factor"),
        ((1, 1), None, "2 grouping factors"),
        ((4,), None, "4 effects in each group"),
        ((3,), 51, "132,651 points"),
    ],
)
def test_models_without_quadrature_are_refused(
    effects: tuple[int, ...], nodes: int | None, said: str
) -> None:
    with pytest.raises(OptionError, match=said):
        checked_nodes(effects, nodes)


def test_defaults_depend_on_the_effects() -> None:
    assert [checked_nodes((k,), None) for k in (1, 2, 3)] == [25, 15, 9]
    assert checked_nodes((2,), 7) == 7
