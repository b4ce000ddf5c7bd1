"""Tests of the multivariate normal prior."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from multilevel.errors import OptionError
from multilevel.model.priors import MVNormal

MEAN = [1.0, -2.0, 0.5]
COVARIANCE = [[4.0, 1.0, 0.2], [1.0, 2.0, -0.3], [0.2, -0.3, 0.5]]
PRIOR = MVNormal(MEAN, COVARIANCE)  # type: ignore[arg-type]


def test_density_is_that_of_scipy() -> None:
    x = np.random.default_rng(1).normal(size=(50, 3)) * 3
    expected = stats.multivariate_normal(MEAN, COVARIANCE).logpdf(x)
    np.testing.assert_allclose(PRIOR.logpdf(x), expected, rtol=1e-12)
    assert np.ndim(PRIOR.logpdf(x[0])) == 0


def test_gradient_is_the_finite_difference() -> None:
    x = np.random.default_rng(2).normal(size=(50, 3)) * 3
    h = 1e-5
    difference = np.stack(
        [(PRIOR.logpdf(x + h * e) - PRIOR.logpdf(x - h * e)) / (2 * h) for e in np.eye(3)], axis=-1
    )
    np.testing.assert_allclose(PRIOR.dlogpdf(x), difference, atol=1e-7)
    np.testing.assert_allclose(PRIOR.precision @ COVARIANCE, np.eye(3), atol=1e-12)


def test_moments_of_draws() -> None:
    n = 200_000
    draws = PRIOR.draw(np.random.default_rng(3), n)
    sd = np.sqrt(np.diag(COVARIANCE))
    assert (np.abs(draws.mean(axis=0) - MEAN) < 4.5 * sd / np.sqrt(n)).all()
    assert (np.abs(np.cov(draws.T) - COVARIANCE) < 4.5 * np.sqrt(2 / n) * np.outer(sd, sd)).all()


@pytest.mark.parametrize(
    ("mean", "covariance", "message"),
    [
        ([0, 0], np.eye(3), "mean has 2 numbers and covariance has shape \\(3, 3\\)"),
        ([], np.eye(1), "mean has shape \\(0,\\)"),
        (["a"], np.eye(1), "mean is \\['a'\\]"),
        ([np.nan], np.eye(1), "not finite"),
        ([0, 0], [[1, 2], [2, 1]], "not positive definite"),
        ([0, 0], [[1, 0.2], [0.3, 1]], "not symmetric"),
        ([0, 0], [1, 2], "covariance has shape \\(2,\\)"),
    ],
)
def test_arguments_that_are_refused(mean: object, covariance: object, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        MVNormal(mean, covariance)  # type: ignore[arg-type]


def test_equality_hash_text_and_read_only_arrays() -> None:
    again = MVNormal(np.array(MEAN), np.array(COVARIANCE))
    assert again == PRIOR
    assert len({again, PRIOR}) == 1
    assert again != MVNormal(np.array(MEAN) + 1, np.array(COVARIANCE))
    assert MVNormal(np.zeros(2), np.eye(2)).text() == "MVNormal([0, 0], [[1, 0], [0, 1]])"
    assert MVNormal(np.zeros(9), np.eye(9)).text() == "MVNormal(<9 numbers>, <9 by 9 matrix>)"
    with pytest.raises(ValueError, match="read-only"):
        again.mean[0] = 3
