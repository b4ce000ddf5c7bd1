"""The quadrature of small models against SciPy's on dense normal densities, and against itself."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad

import multilevel as ml
from tests.sampling.cases import (
    INTERCEPT_SD,
    SIGMA,
    SLOPE_SD,
    UNEQUAL,
    exact,
    exact_slopes,
    half_cauchy,
    inverse_wishart,
    root_of_inverse_gamma,
    sleep_arrays,
    unequal_groups,
)
from tests.sampling.quadrature import Axis


def test_the_quadrature_of_schools_is_that_of_scipy_on_dense_normal_densities() -> None:
    table = ml.datasets.load("eight_schools")
    y, s = table["effect"].to_numpy(float), table["sd"].to_numpy(float)

    def f(tau: float) -> float:
        V = np.diag(s**2 + tau**2) + 25.0  # mu ~ N(0, 5^2) integrated out
        return float(np.exp(stats.multivariate_normal.logpdf(y, np.zeros(8), V) + 31.0) / (1 + tau**2 / 25))

    total, first, second = (
        quad(lambda t, k=k: f(t) * t**k, 0.0, 400.0, points=[2.0, 10.0, 50.0], limit=400)[0] for k in range(3)
    )
    expected = first / total, np.sqrt(second / total - (first / total) ** 2)
    assert exact("eight schools")["tau"] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("name", ["intercepts, half-Cauchy", "intercepts, inverse-gamma"])
def test_the_quadrature_of_intercepts_is_that_of_dense_normal_densities(name: str) -> None:
    """A coarse product rule of another kind (Gauss-Legendre in the logs) on the dense density."""
    y = np.asarray(unequal_groups()["y"])
    Z = np.repeat(np.eye(len(UNEQUAL)), UNEQUAL, axis=0)
    log_prior = {
        "intercepts, half-Cauchy": lambda t, s: half_cauchy(t, 1.0) + half_cauchy(s, 2.0),
        "intercepts, inverse-gamma": lambda t, s: (
            root_of_inverse_gamma(t, 2.0, 1.0) + root_of_inverse_gamma(s, 3.0, 2.0)
        ),
    }[name]
    nodes, weights = np.polynomial.legendre.leggauss(60)
    log_tau, log_sigma = -1.5 + 4.5 * nodes, 0.0 + 1.2 * nodes
    density = np.empty((60, 60))
    for i, tau in enumerate(np.exp(log_tau)):
        for j, sigma in enumerate(np.exp(log_sigma)):
            V = sigma**2 * np.eye(y.size) + tau**2 * Z @ Z.T + 25.0
            log_y = stats.multivariate_normal.logpdf(y, np.zeros(y.size), V)
            density[i, j] = log_y + log_prior(tau, sigma) + log_tau[i] + log_sigma[j]
    mass = np.exp(density - density.max()) * weights[:, None] * weights
    mass /= mass.sum()
    for parameter, values in (("tau", np.exp(log_tau)[:, None]), ("sigma", np.exp(log_sigma))):
        mean = float((mass * values).sum())
        sd = float(np.sqrt((mass * (values - mean) ** 2).sum()))
        assert exact(name)[parameter] == pytest.approx((mean, sd), rel=2e-3)


def test_a_line_with_known_sigma_has_the_closed_form() -> None:
    y, X = sleep_arrays()
    precision = X.T @ X / 48.0**2 + np.diag([40.0**-2, 5.0**-2])
    mean = np.linalg.solve(precision, X.T @ y / 48.0**2 + np.array([250.0 / 40.0**2, 0.0]))
    sd = np.sqrt(np.diagonal(np.linalg.inv(precision)))
    found = exact("one level, sigma known")
    for a in range(2):
        assert found[f"beta[{a}]"] == pytest.approx((mean[a], sd[a]), rel=1e-10)


def test_the_density_of_inverse_wishart_matrices_is_that_of_scipy() -> None:
    tau0, tau1, rho = np.array([10.0, 30.0, 20.0]), np.array([5.0, 9.0, 3.0]), np.array([0.0, 0.5, -0.8])
    found = inverse_wishart(tau0, tau1, rho) - 2.0 * np.log(tau0 * tau1)
    off = rho * tau0 * tau1
    expected = stats.invwishart.logpdf(
        np.array([[tau0**2, off], [off, tau1**2]]), 5, [[600.0, 20.0], [20.0, 60.0]]
    )
    np.testing.assert_allclose(np.diff(found), np.diff(expected), rtol=1e-10)


def test_the_grid_of_slopes_is_wide_and_fine_enough() -> None:
    """Means and sds stay the same when every axis is wider, its points the same: a coarser step."""
    name = "slopes, inverse-Wishart"

    def wider(axis: Axis) -> Axis:
        return Axis(axis.low / 1.2, axis.high * 1.2, axis.points)

    again = exact_slopes(
        lambda tau0, tau1, rho, sigma: (
            inverse_wishart(tau0, tau1, rho) + root_of_inverse_gamma(sigma, 2.0, 1000.0)
        ),
        (wider(INTERCEPT_SD), wider(SLOPE_SD), Axis(-0.9995, 0.9995, 33, bounded=True), wider(SIGMA)),
    )
    for parameter, (mean, sd) in exact(name).items():
        assert again[parameter] == pytest.approx((mean, sd), rel=1e-3, abs=1e-3 * sd)
