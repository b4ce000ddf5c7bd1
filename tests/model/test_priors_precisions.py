"""Tests of the Wishart prior of a precision matrix and the inverse-Wishart law by a guess."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from multilevel.errors import OptionError
from multilevel.model.priors import InverseWishart, ScaledInverseWishart, Wishart
from tests.model.matrix_checks import check_gradient, check_mean_of_draws, positive_matrices

SCALE = np.array([[2.0, 0.5, 0.1], [0.5, 1.0, -0.2], [0.1, -0.2, 0.7]])


@pytest.mark.parametrize(("df", "k"), [(1.5, 1), (3.5, 2), (8, 3)])
def test_density_is_that_of_scipy(df: float, k: int) -> None:
    points = positive_matrices(50, k)
    expected = stats.wishart(df, SCALE[:k, :k]).logpdf(np.moveaxis(points, 0, -1))
    np.testing.assert_allclose(Wishart(df, SCALE[:k, :k]).logpdf(points), expected, rtol=1e-9, atol=1e-9)


def test_gradients_are_finite_differences() -> None:
    points = positive_matrices(50, 3)
    check_gradient(Wishart(7, SCALE), points)
    check_gradient(ScaledInverseWishart(7, SCALE), points)


@pytest.mark.parametrize("df", [3.2, 9])
def test_moments_of_draws(df: float) -> None:
    prior = Wishart(df, SCALE)
    draws = prior.draw(np.random.default_rng(1), 200_000)
    np.testing.assert_allclose(prior.mean, df * SCALE)
    check_mean_of_draws(draws, prior.mean)
    d = np.diag(SCALE)
    variance = df * (SCALE**2 + np.outer(d, d))
    assert (
        np.abs(draws.var(axis=0) / variance - 1) < 0.03
    ).all()  # sampling error of a variance, 200,000 draws


def test_the_inverse_of_a_wishart_matrix_is_inverse_wishart() -> None:
    prior = Wishart(6, SCALE)
    points = positive_matrices(20, 3)
    covariance = prior.on_covariance()
    assert isinstance(covariance, InverseWishart)
    log_jacobian = -4 * np.linalg.slogdet(points)[1]
    np.testing.assert_allclose(
        covariance.logpdf(points), prior.logpdf(np.linalg.inv(points)) + log_jacobian, rtol=1e-9
    )


def test_the_scaled_law_has_mean_precision_at_the_inverse_of_the_guess() -> None:
    prior = ScaledInverseWishart(5, SCALE)
    law = prior.on_covariance()
    assert law == InverseWishart(5, 5 * SCALE)
    np.testing.assert_allclose(Wishart(5, np.linalg.inv(law.scale)).mean, np.linalg.inv(SCALE), rtol=1e-10)
    assert prior.mean is not None
    np.testing.assert_allclose(prior.mean, 5 * SCALE)
    np.testing.assert_array_equal(prior.logpdf(SCALE), law.logpdf(SCALE))
    np.testing.assert_array_equal(
        prior.draw(np.random.default_rng(1), 3), law.draw(np.random.default_rng(1), 3)
    )
    assert prior.dimension == law.dimension == 3


def test_arguments_that_are_refused() -> None:
    with pytest.raises(OptionError, match="Wishart: df is 2 for a 3 by 3 matrix"):
        Wishart(2, SCALE)
    with pytest.raises(OptionError, match="ScaledInverseWishart: scale is not positive definite"):
        ScaledInverseWishart(3, np.ones((2, 2)))
