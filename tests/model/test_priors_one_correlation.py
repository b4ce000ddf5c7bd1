"""Tests of the prior of one correlation shared by all effects, and of the factors of its matrix."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad

from multilevel.errors import OptionError
from multilevel.model.priors import LKJ, Uniform
from multilevel.model.priors.one_correlation import (
    OneCorrelation,
    alike_factor,
    eigenvalues_of,
    lowest_correlation,
)

PRIORS = [
    OneCorrelation(LKJ(1), 2),
    OneCorrelation(LKJ(2.5), 2),
    OneCorrelation(LKJ(0.8), 3),
    OneCorrelation(LKJ(1), 3),
    OneCorrelation(LKJ(4), 6),
    OneCorrelation(Uniform(-0.9, 0.5), 4),
    OneCorrelation(Uniform(0.1, 0.6), 3),
]


def matrix(r: float, k: int) -> np.ndarray:
    """Return the correlation matrix with ``r`` everywhere."""
    return np.full((k, k), r) + (1.0 - r) * np.eye(k)


def points(prior: OneCorrelation, n: int = 50) -> np.ndarray:
    """Return correlations inside the bounds."""
    low, high = prior.bounds
    return np.random.default_rng(1).uniform(low + 0.01, high - 0.01, n)


@pytest.mark.parametrize("prior", PRIORS, ids=lambda p: f"{p.text()}, {p.k}")
def test_mass_is_one_and_the_mean_is_that_of_quadrature(prior: OneCorrelation) -> None:
    def moment(power: int) -> float:
        low, high = prior.bounds
        return quad(lambda r: r**power * float(np.exp(prior.logpdf(r))), low, high, epsabs=1e-11, limit=200)[
            0
        ]

    assert moment(0) == pytest.approx(1.0, abs=1e-7)
    assert moment(1) == pytest.approx(prior.mean, abs=1e-7)


@pytest.mark.parametrize("eta", [0.8, 1.0, 2.0, 7.0])
@pytest.mark.parametrize("k", [2, 3, 5])
def test_the_density_is_that_of_the_matrix_along_the_line(eta: float, k: int) -> None:
    """``det(R)^(eta - 1)`` from the matrix itself; for two effects with the constant too."""
    prior = OneCorrelation(LKJ(eta), k)
    r = points(prior)
    log_det = np.array([np.linalg.slogdet(matrix(x, k))[1] for x in r])
    rest = prior.logpdf(r) - (eta - 1.0) * log_det
    np.testing.assert_allclose(rest, rest[0], rtol=1e-10, atol=1e-10)
    if k == 2:
        both = [LKJ(eta).logpdf(matrix(x, 2)) for x in r]
        np.testing.assert_allclose(prior.logpdf(r), both, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("prior", PRIORS, ids=lambda p: f"{p.text()}, {p.k}")
def test_slope_and_density_of_factors(prior: OneCorrelation) -> None:
    """Differences of the density; the Cholesky factors of NumPy."""
    r, h = points(prior), 1e-6
    numeric = (prior.logpdf(r + h) - prior.logpdf(r - h)) / (2.0 * h)
    np.testing.assert_allclose(prior.dlogpdf(r), numeric, rtol=1e-5, atol=1e-6)
    L = np.array([np.linalg.cholesky(matrix(x, prior.k)) for x in r])
    np.testing.assert_allclose(prior.logpdf_factor(L), prior.logpdf(r), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("prior", PRIORS, ids=lambda p: f"{p.text()}, {p.k}")
def test_there_is_no_density_outside(prior: OneCorrelation) -> None:
    low, high = prior.bounds
    outside = np.array([low - 0.01, high + 0.01])
    assert (prior.logpdf(outside) == -np.inf).all()
    assert not prior.dlogpdf(outside).any()


@pytest.mark.parametrize("prior", PRIORS, ids=lambda p: f"{p.text()}, {p.k}")
def test_draws_follow_the_density(prior: OneCorrelation) -> None:
    """By Kolmogorov and Smirnov against the integrated density."""
    draws = prior.draw(np.random.default_rng(2), 20_000)
    grid = np.linspace(*prior.bounds, 4001)
    middle = (grid[1:] + grid[:-1]) / 2
    mass = np.concatenate([[0.0], np.cumsum(np.exp(prior.logpdf(middle)) * np.diff(grid))])
    assert stats.kstest(draws, lambda r: np.interp(r, grid, mass / mass[-1])).pvalue > 0.01


@pytest.mark.parametrize("k", [2, 3, 5])
def test_factors_are_those_of_cholesky_and_back(k: int) -> None:
    r = np.linspace(lowest_correlation(k) + 1e-3, 1.0 - 1e-3, 41)
    mean, contrast = 1.0 + (k - 1) * r, 1.0 - r
    L = alike_factor(mean, contrast, k)
    np.testing.assert_allclose(L, [np.linalg.cholesky(matrix(x, k)) for x in r], rtol=1e-10, atol=1e-12)
    found = eigenvalues_of(L)
    np.testing.assert_allclose(found[0], mean, rtol=1e-11)
    np.testing.assert_allclose(found[1], contrast, rtol=1e-11)


@pytest.mark.parametrize("k", [2, 3, 5])
@pytest.mark.parametrize("tiny", [1e-20, 1e-200])
def test_nothing_is_lost_near_the_limits(k: int, tiny: float) -> None:
    low = eigenvalues_of(alike_factor(tiny, k / (k - 1.0), k))
    assert low[0] == pytest.approx(tiny, rel=1e-9)
    high = eigenvalues_of(alike_factor(float(k), tiny, k))
    assert high[1] == pytest.approx(tiny, rel=1e-9)


@pytest.mark.parametrize(
    ("prior", "k", "said"),
    [
        (LKJ(0.5), 3, "LKJ(0.5) as the prior of the one correlation of 3 effects has no finite integral"),
        (Uniform(-0.9, -0.6), 3, "Uniform(-0.9, -0.6) as the prior of the correlation of 3 effects"),
        (Uniform(1, 2), 2, "Uniform(1, 2) as the prior of the correlation of 2 effects"),
    ],
)
def test_priors_without_mass_are_refused(prior: LKJ | Uniform, k: int, said: str) -> None:
    with pytest.raises(OptionError) as caught:
        OneCorrelation(prior, k)
    assert str(caught.value).startswith(said)
