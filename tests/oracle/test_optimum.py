"""The dense optimiser: gradient, closed forms in balanced data, and boundaries."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from multilevel.model import Covariance
from tests.oracle import designs
from tests.oracle.criterion import criterion
from tests.oracle.dense import dense
from tests.oracle.optimum import factors_of, optimum, profiled


@pytest.mark.parametrize("method", ["reml", "ml"])
@pytest.mark.parametrize("make", designs.MIXED)
def test_profile_is_the_criterion_and_its_gradient_is_right(make: designs.Maker, method: str) -> None:
    problem = dense(make())
    theta = np.array([0.9, 0.3, 0.7])[: optimum(problem, method, scales=(1.0,)).size]
    value, slope, sigma = profiled(problem, theta, method)
    covariances = [sigma**2 * f @ f.T for f in factors_of(problem, theta)]
    assert value == pytest.approx(criterion(problem, covariances, sigma, method), abs=1e-9)
    h = 1e-5
    numeric = [
        (profiled(problem, theta + e, method)[0] - profiled(problem, theta - e, method)[0]) / (2 * h)
        for e in h * np.eye(theta.size)
    ]
    np.testing.assert_allclose(slope, numeric, rtol=1e-6, atol=1e-6)


def test_balanced_one_way_reml_is_the_anova_estimator() -> None:
    rng = np.random.default_rng(8)
    m, n = 10, 6
    g = np.repeat(np.arange(m), n)
    y = 2 + rng.normal(0, 1, m)[g] + rng.normal(0, 0.5, m * n)
    one = {"Intercept": np.ones(m * n)}
    f = designs.factor("g", [f"g{j}" for j in g])
    design = designs.bound("y ~ 1 + (1 | g)", y, one, [f], [(0, one, Covariance.UNSTRUCTURED)])
    problem = dense(design)
    theta = optimum(problem, "reml")
    means = y.reshape(m, n).mean(1)
    within = ((y.reshape(m, n) - means[:, None]) ** 2).sum() / (m * (n - 1))
    between = n * means.var(ddof=1)
    _, slope, sigma = profiled(problem, theta, "reml")
    assert sigma**2 == pytest.approx(within, rel=1e-9)
    assert (theta[0] * sigma) ** 2 == pytest.approx((between - within) / n, rel=1e-8)
    assert np.abs(slope).max() < 1e-8


def test_a_variance_at_zero_is_exactly_zero() -> None:
    assert optimum(dense(designs.zero_variance()), "ml").tolist() == [0.0]


def test_a_perfect_correlation_has_a_zero_column() -> None:
    design = designs.slopes()
    line = 1.0 + design.fixed.X[:, 1]
    f = design.factors[0]
    b = np.random.default_rng(0).normal(size=len(f.levels))
    noise = np.random.default_rng(1).normal(0, 0.05, design.n_rows)
    shared = dataclasses.replace(design, y=b[f.index] * line + noise)
    factor = factors_of(dense(shared), optimum(dense(shared), "reml"))[0]
    assert factor[0, 0] > 1
    assert abs(factor[1, 1]) < 0.1 * factor[1, 0]
