"""Tests of the inverse-Wishart prior and the fixed matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad

from multilevel.errors import OptionError
from multilevel.model.priors import FixedMatrix, InverseWishart
from tests.model.matrix_checks import check_gradient, check_mean_of_draws, positive_matrices

SCALE = np.array([[2.0, 0.5, 0.1], [0.5, 1.0, -0.2], [0.1, -0.2, 0.7]])


@pytest.mark.parametrize(("df", "k"), [(5, 1), (3.5, 2), (8, 3), (40, 3)])
def test_density_is_that_of_scipy(df: float, k: int) -> None:
    prior = InverseWishart(df, SCALE[:k, :k])
    points = positive_matrices(50, k)
    expected = stats.invwishart(df, SCALE[:k, :k]).logpdf(np.moveaxis(points, 0, -1))
    np.testing.assert_allclose(prior.logpdf(points), expected, rtol=1e-9, atol=1e-9)
    assert np.ndim(prior.logpdf(points[0])) == 0


def test_of_one_variance_it_is_an_inverse_gamma_with_mass_one() -> None:
    prior = InverseWishart(6, 3.0)  # type: ignore[arg-type]
    mass = quad(lambda v: float(np.exp(prior.logpdf([[v]]))), 0, np.inf, epsabs=1e-11, epsrel=1e-11)[0]
    assert abs(mass - 1) < 1e-8
    np.testing.assert_allclose(prior.logpdf([[0.7]]), stats.invgamma(3, scale=1.5).logpdf(0.7), rtol=1e-12)


def test_gradient_is_the_finite_difference() -> None:
    check_gradient(InverseWishart(7, SCALE), positive_matrices(50, 3))


def test_mean_of_draws() -> None:
    prior = InverseWishart(12, SCALE)
    assert prior.mean is not None
    np.testing.assert_allclose(prior.mean, SCALE / 8)
    check_mean_of_draws(prior.draw(np.random.default_rng(1), 200_000), prior.mean)
    assert InverseWishart(4, SCALE).mean is None


def test_variance_of_draws_is_the_closed_form() -> None:
    df, k, n = 14.0, 3, 200_000
    draws = InverseWishart(df, SCALE).draw(np.random.default_rng(2), n)
    s = np.diag(SCALE)
    expected = 2 * s**2 / ((df - k - 1) ** 2 * (df - k - 3))
    found = draws[:, range(k), range(k)].var(axis=0)
    assert (
        np.abs(found / expected - 1) < 0.05
    ).all()  # heavy tails: the sample variance is good to some per cent


def test_elicitation_by_a_guess() -> None:
    confident = InverseWishart.confident(SCALE, df=50)
    np.testing.assert_allclose(confident.scale, 46 * SCALE)
    vague = InverseWishart.vague(SCALE)
    assert vague.df == 5
    for prior in (confident, vague):
        assert prior.mean is not None
        np.testing.assert_allclose(prior.mean, SCALE)
    other = InverseWishart.from_inverse_scale(5, np.linalg.inv(SCALE))
    np.testing.assert_allclose(other.scale, SCALE, rtol=1e-12)


def test_outside_the_cone_the_density_is_zero() -> None:
    prior = InverseWishart(4, np.eye(2))
    points = [np.eye(2), np.diag([1.0, -1.0]), np.ones((2, 2)), np.full((2, 2), np.nan)]
    assert np.isneginf(prior.logpdf(points)).tolist() == [False, True, True, True]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: InverseWishart(1, np.eye(2)),
            "df is 1 for a 2 by 2 matrix\n  allowed: more than 1\n  try: df=4",
        ),
        (lambda: InverseWishart(-1, np.eye(2)), "InverseWishart: df is -1"),
        (lambda: InverseWishart(3, -1.0), "InverseWishart: scale is not positive definite"),  # type: ignore[arg-type]
        (lambda: InverseWishart.confident(np.eye(2), df=3), "df is 3 for a 2 by 2 matrix, so it has no mean"),
        (lambda: InverseWishart.vague([[1, 2]]), "guess has shape \\(1, 2\\)"),
        (lambda: FixedMatrix(np.zeros((2, 2))), "FixedMatrix: value is not positive definite"),
        (
            lambda: InverseWishart(4, np.eye(2)).logpdf(np.eye(3)),
            "shape \\(3, 3\\)\n  allowed: \\(..., 2, 2\\)",
        ),
    ],
)
def test_arguments_that_are_refused(make: Any, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        make()


def test_a_fixed_matrix_is_its_value() -> None:
    prior = FixedMatrix(SCALE)
    np.testing.assert_array_equal(prior.draw(np.random.default_rng(1), 2), [SCALE, SCALE])
    np.testing.assert_array_equal(prior.mean, SCALE)
    assert prior.on_covariance() is prior
    assert prior.dimension == 3
