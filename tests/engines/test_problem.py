"""The native criterion and its derivatives against dense algebra, at inner points and on the boundary."""

from __future__ import annotations

import numpy as np
import pytest

from multilevel.engines.likelihood.problem import (
    entries,
    n_theta,
    native_problem,
    relative_covariances,
    theta_of,
)
from multilevel.engines.solution import Method
from multilevel.moments import summarise
from tests.engines.structures import (
    STRUCTURES,
    Structure,
    by_name,
    design_of,
    names_of,
    random_theta,
    scaled_dense,
    singular_thetas,
)
from tests.engines.twin import average_information, twin_of
from tests.oracle.dense import dense
from tests.oracle.optimum import factors_of, profiled

ONE_FACTOR = [s for s in STRUCTURES if len({name for name, _, _ in s.terms}) == 1]
GROUPED = [s for s in STRUCTURES if s.terms]


@pytest.mark.parametrize("method", ["reml", "ml"])
@pytest.mark.parametrize("structure", STRUCTURES, ids=names_of(STRUCTURES))
def test_value_and_gradient_are_those_of_dense_algebra(structure: Structure, method: Method) -> None:
    """Also at singular and nearly singular points, and by both native paths; 1e-9 is rounding."""
    design = design_of(structure)
    moments = summarise(design)
    problem, twin = native_problem(moments, method), scaled_dense(design, moments)
    rng = np.random.default_rng(1)
    points = {"random": random_theta(twin, rng), "large": 30 * random_theta(twin, rng)}
    for name, theta in {**points, **singular_thetas(twin, rng)}.items():
        value, gradient, _ = profiled(twin, theta, method)
        value += moments.log_weights
        scale = max(1.0, np.abs(gradient).max(initial=0.0))
        for general in (False, True):
            found = problem.evaluate(theta, general)
            assert found["value"] == pytest.approx(value, rel=1e-11, abs=1e-9), name
            np.testing.assert_allclose(found["gradient"] / scale, gradient / scale, atol=1e-9, err_msg=name)
        assert problem.value(theta) == pytest.approx(value, rel=1e-11, abs=1e-9), name


@pytest.mark.parametrize("structure", GROUPED, ids=names_of(GROUPED))
def test_gradient_is_the_difference_of_values(structure: Structure) -> None:
    """Central differences of the native value itself; 1e-6 of the largest entry is their own error."""
    design = design_of(structure, seed=1)
    moments = summarise(design)
    problem, twin = native_problem(moments, "reml"), scaled_dense(design, moments)
    for name, theta in singular_thetas(twin, np.random.default_rng(2)).items():
        h = 1e-4
        numeric = [
            (8 * (problem.value(theta + e) - problem.value(theta - e)) - problem.value(theta + 2 * e)
             + problem.value(theta - 2 * e)) / (12 * h)
            for e in h * np.eye(theta.size)
        ]  # fmt: skip
        found = problem.evaluate(theta)["gradient"]
        scale = max(1.0, np.abs(found).max())
        np.testing.assert_allclose(found / scale, np.array(numeric) / scale, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("method", ["reml", "ml"])
@pytest.mark.parametrize("structure", GROUPED, ids=names_of(GROUPED))
def test_average_information_is_that_of_dense_algebra(structure: Structure, method: Method) -> None:
    design = design_of(structure)
    moments = summarise(design)
    problem, scaled = native_problem(moments, method), scaled_dense(design, moments)
    rng = np.random.default_rng(3)
    points = {"random": random_theta(scaled, rng), "rank one": singular_thetas(scaled, rng)["rank one"]}
    for name, theta in points.items():
        H, q = average_information(twin_of(design, moments, theta), method)
        found = problem.evaluate(theta, general=True)
        scale = max(1.0, np.abs(H).max())
        np.testing.assert_allclose(found["hessian"] / scale, H / scale, atol=1e-9, err_msg=name)
        np.testing.assert_allclose(found["q"], q, rtol=1e-8, atol=1e-9 * max(1.0, np.abs(q).max()))
        np.testing.assert_allclose(problem.evaluate(theta)["q"], found["q"], rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("method", ["reml", "ml"])
@pytest.mark.parametrize("structure", ONE_FACTOR, ids=names_of(ONE_FACTOR))
def test_hessian_of_one_factor_is_exact(structure: Structure, method: Method) -> None:
    """Against central differences of the gradient, whose own error is 1e-7 of the largest entry."""
    design = design_of(structure)
    moments = summarise(design)
    problem, twin = native_problem(moments, method), scaled_dense(design, moments)
    rng = np.random.default_rng(4)
    for name, theta in {"random": random_theta(twin, rng), **singular_thetas(twin, rng)}.items():
        h = 1e-5
        numeric = [
            (problem.evaluate(theta + e)["gradient"] - problem.evaluate(theta - e)["gradient"]) / (2 * h)
            for e in h * np.eye(theta.size)
        ]
        found = problem.evaluate(theta)["hessian"]
        scale = max(1.0, np.abs(found).max())
        np.testing.assert_allclose(found / scale, np.array(numeric) / scale, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("structure", STRUCTURES, ids=names_of(STRUCTURES))
def test_fixed_part_is_generalised_least_squares(structure: Structure) -> None:
    design = design_of(structure)
    moments = summarise(design)
    theta = random_theta(scaled_dense(design, moments), np.random.default_rng(5))
    at = twin_of(design, moments, theta).at
    for general in (False, True):
        found = native_problem(moments, "ml").evaluate(theta, general)
        np.testing.assert_allclose(found["beta"], at.beta, rtol=1e-9, atol=1e-10)
        np.testing.assert_allclose(found["R"], at.vcov, rtol=1e-9, atol=1e-10)
        assert not found["saturated"]


@pytest.mark.parametrize("structure", STRUCTURES, ids=names_of(STRUCTURES))
def test_theta_is_laid_out_term_by_term_and_column_by_column(structure: Structure) -> None:
    design = design_of(structure)
    moments = summarise(design)
    twin = scaled_dense(design, moments)
    theta = random_theta(twin, np.random.default_rng(6))
    assert theta.size == sum(n_theta(block) for block in moments.blocks)
    assert {number for number, *_ in entries(moments.blocks)} == set(range(theta.size))
    found = relative_covariances(moments, theta)
    for T, L in zip(found, factors_of(twin, theta), strict=True):
        np.testing.assert_allclose(T, L @ L.T, atol=1e-15)
    np.testing.assert_allclose(theta_of(moments, found), theta, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("method", ["reml", "ml"])
@pytest.mark.parametrize("r", [-0.45, -0.2, 0.0, 0.3, 0.95])
def test_one_correlation_in_the_columns_of_the_user(r: float, method: Method) -> None:
    """The rotation and the common scale against the dense criterion that knows neither."""
    design = design_of(by_name("k=3 symmetric"))
    moments, problem = summarise(design), dense(design)
    front = np.linalg.inv(moments.scaling.terms[0].back)
    for sd in (0.3, 1.0, 4.0):
        T = sd**2 * (np.full((3, 3), r) + (1.0 - r) * np.eye(3))
        theta = theta_of(moments, [front @ T @ front.T])
        assert theta.size == 2
        offset = 2.0 * (moments.n - (moments.p if method == "reml" else 0)) * np.log(moments.scaling.y_scale)
        offset -= moments.log_weights + (2.0 * moments.scaling.fixed.log_det if method == "reml" else 0.0)
        roots = np.array([sd * np.sqrt(1.0 + 2.0 * r), sd * np.sqrt(1.0 - r)])
        expected = profiled(problem, roots, method)[0]
        found = native_problem(moments, method).value(theta) + offset
        assert found == pytest.approx(expected, rel=1e-11, abs=1e-8)


@pytest.mark.parametrize("name", ["k=3 diagonal", "three kinds on one factor", "k=3 symmetric"])
def test_theta_of_uncorrelated_effects_reproduces_them_also_with_zeros(name: str) -> None:
    moments = summarise(design_of(next(s for s in STRUCTURES if s.name == name)))
    size = theta_of(moments, [np.eye(b.size) for b in moments.blocks]).size
    theta = np.arange(float(size), 0.0, -1.0)
    for zero in range(theta.size):
        some = np.where(np.arange(theta.size) == zero, 0.0, theta)
        again = theta_of(moments, relative_covariances(moments, some))
        np.testing.assert_allclose(
            np.concatenate(relative_covariances(moments, again), axis=None),
            np.concatenate(relative_covariances(moments, some), axis=None),
            atol=1e-12,
        )


def test_theta_of_a_singular_covariance_reproduces_it() -> None:
    moments = summarise(design_of(next(s for s in STRUCTURES if s.name == "k=3")))
    loading = np.array([[1.0, 0.0], [2.0, 1.0], [-1.0, 3.0]])
    for T in (loading @ loading.T, np.zeros((3, 3)), np.diag([0.0, 2.0, 0.0])):
        (found,) = relative_covariances(moments, theta_of(moments, [T]))
        np.testing.assert_allclose(found, T, atol=1e-12)
