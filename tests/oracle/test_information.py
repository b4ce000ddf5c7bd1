"""Dense derivatives against finite differences; degrees of freedom against exact ones."""

from __future__ import annotations

import numpy as np
import pytest

from tests.oracle import designs
from tests.oracle.criterion import criterion, gls
from tests.oracle.dense import Dense, basis, dense, derivatives, marginal_covariance
from tests.oracle.information import (
    criterion_derivatives,
    curvature,
    kenward_roger,
    psd_cholesky,
    vcov_gradient,
)
from tests.oracle.solution import solve


def unpack(problem: Dense, eta: np.ndarray) -> tuple[list[np.ndarray], float]:
    """Return covariances and residual sd from linear parameters."""
    covariances, start = [], 0
    for (_, k), structure in zip(problem.sizes, problem.structures, strict=True):
        matrices = basis(k, structure)
        covariances.append(sum(e * B for e, B in zip(eta[start:], matrices, strict=False)))
        start += len(matrices)
    known = problem.residual_sd
    return covariances, float(np.sqrt(eta[-1])) if known is None else known


def difference(f, eta: np.ndarray, h: float = 1e-4) -> np.ndarray:
    """Return central differences of a function along each coordinate."""
    return np.array([(f(eta + e) - f(eta - e)) / (2 * h) for e in h * np.eye(eta.size)])


@pytest.mark.parametrize("method", ["reml", "ml"])
@pytest.mark.parametrize("make", designs.MIXED)
def test_derivatives_equal_differences(make: designs.Maker, method: str) -> None:
    problem = dense(make())
    eta = np.linspace(0.8, 1.4, len(derivatives(problem)))
    if make is designs.slopes:
        eta[1] = 0.3

    def value(e: np.ndarray) -> float:
        return criterion(problem, *unpack(problem, e), method)

    def slope(e: np.ndarray) -> np.ndarray:
        return criterion_derivatives(problem, *unpack(problem, e), method).gradient

    found = criterion_derivatives(problem, *unpack(problem, eta), method)
    np.testing.assert_allclose(found.gradient, difference(value, eta), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found.observed, difference(slope, eta), rtol=1e-5, atol=1e-5)

    def vcov(e: np.ndarray) -> np.ndarray:
        return gls(problem, marginal_covariance(problem, *unpack(problem, e))).vcov

    at = gls(problem, marginal_covariance(problem, *unpack(problem, eta)))
    np.testing.assert_allclose(vcov_gradient(problem, at), difference(vcov, eta), rtol=1e-5, atol=1e-8)


def test_curvature_leaves_out_a_zero_variance() -> None:
    design = designs.zero_variance()
    found = solve(design).groups.curvature()
    assert found.covariance.shape == (1, 1)
    sigma = solve(design).sigma
    assert found.covariance[0, 0] == pytest.approx(2 * sigma**4 / 48, rel=1e-9)


def test_curvature_does_not_depend_on_coordinates() -> None:
    """At an interior optimum ``2 H^-1`` in the factor coordinates maps to that in the linear ones."""
    design = designs.slopes()
    solution, problem = solve(design), dense(design)
    found = curvature(problem, solution.covariances, solution.sigma, "reml")
    linear = criterion_derivatives(problem, solution.covariances, solution.sigma, "reml").observed
    at = gls(problem, marginal_covariance(problem, solution.covariances, solution.sigma))
    g = vcov_gradient(problem, at)[:, 1, 1]
    expected = g @ np.linalg.solve(linear, g) * 2
    spread = found.gradient[:, 1, 1] @ found.covariance @ found.gradient[:, 1, 1]
    assert spread == pytest.approx(expected, rel=1e-6)


def test_kenward_roger_shapes_and_symmetry() -> None:
    design = designs.crossed()
    solution = solve(design)
    found = kenward_roger(dense(design), solution.covariances, solution.sigma)
    assert found.gradient.shape == (4, 2, 2)
    assert found.covariance.shape == (4, 4)
    np.testing.assert_allclose(found.correction, found.correction.T, atol=1e-10)
    np.testing.assert_allclose(found.covariance, found.covariance.T, atol=1e-10)


@pytest.mark.parametrize(
    "T", [np.array([[4.0, 2.0], [2.0, 1.0]]), np.array([[0.0, 0.0], [0.0, 3.0]]), np.eye(3)]
)
def test_psd_cholesky_reproduces_the_matrix(T: np.ndarray) -> None:
    L = psd_cholesky(T)
    np.testing.assert_allclose(L @ L.T, T, atol=1e-14)
    assert np.array_equal(L, np.tril(L))
