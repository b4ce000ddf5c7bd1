"""The dense criterion against SciPy's normal density and against integration over the coefficients."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from tests.oracle import designs
from tests.oracle.criterion import criterion, gls
from tests.oracle.dense import dense, marginal_covariance

T = (np.array([[1.0, 0.2], [0.2, 0.5]]),)


def test_ml_is_the_normal_density_at_the_gls_coefficients() -> None:
    problem = dense(designs.slopes())
    V = marginal_covariance(problem, T, 0.8)
    mean = problem.X @ gls(problem, V).beta
    expected = -2 * multivariate_normal(mean, V).logpdf(problem.y)
    assert criterion(problem, T, 0.8, "ml") == pytest.approx(expected, abs=1e-9)


def test_reml_is_the_density_with_the_coefficients_integrated_out() -> None:
    """A normal prior of sd s on each coefficient, s large: -2 log density - p log(2 pi s^2) tends to it."""
    problem = dense(designs.slopes())
    V = marginal_covariance(problem, T, 0.8)
    s = 1e3
    n, p = problem.X.shape
    wide = V + s**2 * problem.X @ problem.X.T
    density = (
        np.linalg.slogdet(wide)[1] + problem.y @ np.linalg.solve(wide, problem.y) + n * np.log(2 * np.pi)
    )
    expected = density - p * np.log(2 * np.pi * s**2)
    assert criterion(problem, T, 0.8, "reml") == pytest.approx(expected, abs=1e-4)


def test_gls_without_groups_is_least_squares() -> None:
    problem = dense(designs.least_squares())
    found = gls(problem, marginal_covariance(problem, (), 0.7))
    expected = np.linalg.lstsq(problem.X, problem.y, rcond=None)[0]
    np.testing.assert_allclose(found.beta, expected, rtol=1e-12)
