"""Tests of the priors on the positive numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from multilevel.model.priors import (
    Exponential,
    Gamma,
    HalfCauchy,
    HalfNormal,
    HalfT,
    InverseGamma,
    LogNormal,
    ScalarPrior,
)
from tests.model.prior_checks import DRAWS, check_against_scipy, check_draws, check_mass, check_slope


def folded(peer: Any) -> Any:
    """Return quantiles and distribution function of the absolute value of a symmetric variable."""

    class Folded:
        def ppf(self, u: np.ndarray) -> Any:
            return peer.ppf(0.5 + 0.5 * u)

        def cdf(self, x: np.ndarray) -> Any:
            return 2 * peer.cdf(x) - 1

        def logpdf(self, x: np.ndarray) -> Any:
            return np.log(2) + peer.logpdf(x)

        def mean(self) -> float:
            return 2 * float(peer.expect(lambda x: x, lb=0, epsabs=1e-13, epsrel=1e-13, limit=500))

    return Folded()


CASES = [
    (HalfNormal(2.5), stats.halfnorm(scale=2.5)),
    (HalfCauchy(5), stats.halfcauchy(scale=5)),
    (LogNormal(-1, 0.7), stats.lognorm(0.7, scale=np.exp(-1))),
    (Exponential(4), stats.expon(scale=0.25)),
    (Gamma(2, 0.1), stats.gamma(2, scale=10)),
    (Gamma(0.6, 3), stats.gamma(0.6, scale=1 / 3)),
    (InverseGamma(3, 4), stats.invgamma(3, scale=4)),
    (InverseGamma(0.5, 0.5), stats.invgamma(0.5, scale=0.5)),
]
T_CASES = [(HalfT(3, 2.5), folded(stats.t(3, 0, 2.5))), (HalfT(7.5, 0.01), folded(stats.t(7.5, 0, 0.01)))]


@pytest.mark.parametrize(("prior", "peer"), CASES)
def test_density_and_mean_are_those_of_scipy(prior: ScalarPrior, peer: Any) -> None:
    check_against_scipy(prior, peer)


@pytest.mark.parametrize(("prior", "peer"), T_CASES)
def test_density_of_a_half_t_is_twice_that_of_the_t(prior: ScalarPrior, peer: Any) -> None:
    x = peer.ppf(np.linspace(0, 0.9999, 101))
    np.testing.assert_allclose(prior.logpdf(x), peer.logpdf(x), rtol=1e-10)
    np.testing.assert_allclose(prior.mean, peer.mean(), rtol=1e-7)


@pytest.mark.parametrize(("prior", "peer"), CASES + T_CASES)
def test_mass_slope_and_draws(prior: ScalarPrior, peer: Any) -> None:
    if not (isinstance(prior, InverseGamma) and prior.shape < 1) and not (
        isinstance(prior, Gamma) and prior.shape < 1
    ):  # an integrable pole at zero, or a tail like x^-1.5: beyond the quadrature's 1e-8
        check_mass(prior, list(peer.ppf(np.array([0.001, 0.3, 0.9, 0.999]))))
    check_slope(prior, peer.ppf(np.random.default_rng(4).uniform(0.01, 0.99, 50)))
    check_draws(prior, peer)


@pytest.mark.parametrize(
    "prior", [HalfNormal(2.5), Exponential(4), Gamma(2, 0.1), HalfT(7.5, 1), LogNormal(0, 0.5)]
)
def test_the_mean_of_the_draws_is_the_mean(prior: ScalarPrior) -> None:
    draws = prior.draw(np.random.default_rng(11), DRAWS)
    assert prior.mean is not None
    assert abs(draws.mean() - prior.mean) < 4.5 * draws.std() / np.sqrt(DRAWS)


def test_means_that_do_not_exist() -> None:
    assert [HalfCauchy(1).mean, HalfT(1, 1).mean, InverseGamma(1, 1).mean, LogNormal(0, 40).mean] == [
        None
    ] * 4


def test_half_cauchy_is_half_t_with_one_degree_of_freedom() -> None:
    x = np.array([0.0, 0.3, 1e8])
    np.testing.assert_array_equal(HalfCauchy(2).logpdf(x), HalfT(1, 2).logpdf(x))


def test_draws_of_a_vague_inverse_gamma_stay_finite() -> None:
    assert np.isfinite(InverseGamma(0.001, 0.001).draw(np.random.default_rng(1), 1000)).all()
