"""Tests of the LKJ prior and canonical partial correlations."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad

from multilevel.errors import OptionError
from multilevel.model.priors import LKJ, factor_from_partial, partial_from_factor

ETAS = [0.5, 1.0, 2.0, 7.0]


def partials(n: int, count: int) -> np.ndarray:
    return np.random.default_rng(count).uniform(-0.95, 0.95, (n, count))


def correlations(n: int, count: int) -> np.ndarray:
    L = factor_from_partial(partials(n, count))
    return np.asarray(L @ np.swapaxes(L, 1, 2))


@pytest.mark.parametrize("eta", [1.0, 2.0, 7.0])
def test_two_variables_have_mass_one(eta: float) -> None:
    mass = quad(lambda r: float(np.exp(LKJ(eta).logpdf([[1, r], [r, 1]]))), -1, 1, epsabs=1e-11)[0]
    assert abs(mass - 1) < 1e-8


def test_three_variables_have_mass_one() -> None:
    def density(c: float, b: float, a: float) -> float:
        return float(np.exp(LKJ(3.0).logpdf([[1, a, b], [a, 1, c], [b, c, 1]])))

    total = 0.0
    for a in np.polynomial.legendre.leggauss(12)[0]:
        half = np.sqrt(1 - a * a)
        inner = quad(
            lambda b, a=a, half=half: quad(
                lambda c: density(c, b, a),
                a * b - half * np.sqrt(1 - b * b),
                a * b + half * np.sqrt(1 - b * b),
            )[0],
            -1,
            1,
        )[0]
        np.testing.assert_allclose(np.log(inner), LKJ(3.0).logpdf_entry(a, 3), atol=1e-7)
        total += 1
    assert total == 12


@pytest.mark.parametrize("eta", ETAS)
@pytest.mark.parametrize("k", [2, 3, 5])
def test_uniform_volume_and_marginals(eta: float, k: int) -> None:
    r = np.linspace(-0.99, 0.99, 21)
    a = eta - 1 + k / 2
    np.testing.assert_allclose(
        LKJ(eta).logpdf_entry(r, k), stats.beta(a, a, loc=-1, scale=2).logpdf(r), rtol=1e-9, atol=1e-9
    )
    draws = LKJ(eta).draw(np.random.default_rng(1), 200_000, k)
    for row, column in [(1, 0), (k - 1, 0), (k - 1, k - 2)]:
        u = stats.beta(a, a, loc=-1, scale=2).cdf(draws[:, row, column])
        assert abs(u.mean() - 0.5) < 4.5 / np.sqrt(12 * u.size)
        assert abs((u**2).mean() - 1 / 3) < 4.5 * np.sqrt(4 / 45 / u.size)


@pytest.mark.parametrize("eta", ETAS)
@pytest.mark.parametrize("count", [1, 3, 6])
def test_density_of_partial_correlations_is_that_of_the_matrix_times_the_jacobian(
    eta: float, count: int
) -> None:
    r = partials(5, count)
    h = 1e-6

    def entries(x: np.ndarray) -> np.ndarray:
        L = factor_from_partial(x)
        R = L @ np.swapaxes(L, -1, -2)
        return np.asarray(R[..., *np.tril_indices(R.shape[-1], -1)])

    jacobian = np.stack([(entries(r + h * e) - entries(r - h * e)) / (2 * h) for e in np.eye(count)], axis=-1)
    L = factor_from_partial(r)
    R = L @ np.swapaxes(L, -1, -2)
    expected = LKJ(eta).logpdf(R) + np.linalg.slogdet(jacobian)[1]
    np.testing.assert_allclose(LKJ(eta).logpdf_partial(r), expected, atol=1e-6)


def test_gradients_are_finite_differences() -> None:
    points = correlations(50, 6)
    rng = np.random.default_rng(8)
    direction = rng.normal(size=points.shape)
    direction = (direction + np.swapaxes(direction, 1, 2)) * (1 - np.eye(4))
    smallest = np.linalg.eigvalsh(points)[:, :1, None]
    h = 1e-6 * smallest
    prior = LKJ(2.5)
    found = (prior.dlogpdf(points) * direction).sum(axis=(1, 2))
    change = prior.logpdf(points + h * direction) - prior.logpdf(points - h * direction)
    np.testing.assert_allclose(found, change / (2 * h[:, 0, 0]), rtol=1e-4, atol=1e-4)

    r = partials(50, 6)
    step = 1e-6
    difference = np.stack(
        [
            (prior.logpdf_partial(r + step * e) - prior.logpdf_partial(r - step * e)) / (2 * step)
            for e in np.eye(6)
        ],
        axis=-1,
    )
    np.testing.assert_allclose(prior.dlogpdf_partial(r), difference, rtol=1e-6, atol=1e-6)


def test_partial_correlations_and_back() -> None:
    r = partials(20, 10)
    L = factor_from_partial(r)
    np.testing.assert_allclose((L**2).sum(axis=-1), 1.0, rtol=1e-13)
    np.testing.assert_allclose(partial_from_factor(L), r, atol=1e-12)
    np.testing.assert_array_equal(factor_from_partial([0.6]), [[1.0, 0.0], [0.6, 0.8]])


def test_uniform_means_the_volume_of_correlation_matrices() -> None:
    np.testing.assert_allclose(LKJ(1).log_constant(3), np.log(np.pi**2 / 2), rtol=1e-12)
    assert LKJ(1).logpdf(np.eye(3)) == LKJ(1).logpdf(correlations(1, 3)[0])


def test_outside_the_support_the_density_is_zero() -> None:
    wrong = [np.eye(2) * 2, np.ones((2, 2)), np.array([[1, 1.2], [1.2, 1]])]
    assert np.isneginf(LKJ(2).logpdf(wrong)).all()
    assert np.isneginf(LKJ(2).logpdf_partial([[1.0], [-1.5]])).all()
    assert LKJ(2).dlogpdf_partial([1.5]) == 0.0
    assert np.isneginf(LKJ(2).logpdf_entry(-1.0, 2))


def test_one_variable_and_bad_arguments() -> None:
    np.testing.assert_array_equal(LKJ(2).draw(np.random.default_rng(1), 2, 1), np.ones((2, 1, 1)))
    assert LKJ(2).logpdf([[1.0]]) == 0.0
    np.testing.assert_array_equal(LKJ(2).mean(3), np.eye(3))
    assert LKJ(2).text() == "LKJ(2)"
    with pytest.raises(OptionError, match="LKJ: eta is 0"):
        LKJ(0)
    with pytest.raises(OptionError, match="2 partial correlations"):
        factor_from_partial([0.1, 0.2])
