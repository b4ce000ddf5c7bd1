"""The oracle of residual sds that differ between groups: dense normal densities and a closed form."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from tests.oracle.varying import (
    DenseGroup,
    given_log_sd,
    group_log_likelihood,
    inverse_gamma_law,
    log_normal_law,
    sd_distribution,
)


def group(n: int) -> DenseGroup:
    rng = np.random.default_rng(2)
    return DenseGroup(
        rng.standard_normal((n, 2)), np.ones((n, 1)), rng.standard_normal(n), rng.uniform(0.5, 2.0, n)
    )


def test_the_density_given_the_sd_is_multivariate_normal() -> None:
    g, D, t = group(5), np.array([[1.0, 0.3], [0.3, 0.5]]), np.array([-0.7, 0.4])
    for one, found in zip(t, given_log_sd(g, D, np.array([0.2]), t), strict=True):
        V = np.diag(np.exp(2.0 * one) / g.w) + g.Z @ D @ g.Z.T
        expected = scipy.stats.multivariate_normal(np.full(5, 0.2), V).logpdf(g.y)
        assert found == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("n", [1, 4])
def test_without_effects_an_inverse_gamma_law_gives_a_multivariate_t(n: int) -> None:
    g, shape, scale = group(n), 2.5, 1.7
    found = group_log_likelihood(g, np.zeros((2, 2)), np.zeros(1), inverse_gamma_law(shape, scale))
    t = scipy.stats.multivariate_t(np.zeros(n), np.diag(scale / shape / g.w), df=2.0 * shape)
    assert found == pytest.approx(float(t.logpdf(g.y)), abs=1e-10)


def test_laws_integrate_to_one() -> None:
    for law in (inverse_gamma_law(0.4, 0.1), inverse_gamma_law(300.0, 100.0), log_normal_law(0.2, 1e-3)):
        points = np.linspace(law.points[0], law.points[-1], 200_001)
        assert np.trapezoid(np.exp(law.logpdf(points)), points) == pytest.approx(1.0, abs=1e-6)


def test_the_distribution_of_an_sd_ends_at_one_and_rises() -> None:
    cdf = sd_distribution(group(4), np.eye(2), np.zeros(1), log_normal_law(0.0, 1.0))
    found = cdf(np.linspace(-8.0, 8.0, 50))
    assert found[0] == pytest.approx(0.0, abs=1e-9)
    assert found[-1] == pytest.approx(1.0, abs=1e-9)
    assert np.all(np.diff(found) >= 0.0)
