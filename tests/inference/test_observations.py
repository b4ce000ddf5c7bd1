"""Quantiles and sds of single observations against SciPy's distributions on a dense grid."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit

from multilevel import families
from multilevel.inference.observations import Observations, observed
from multilevel.model.families import Family

ETA = np.array([-1.0, 0.3, 1.2])
SD = np.array([0.2, 0.7, 1.2])
ZEROS = np.array([0.0, 0.0, 0.0])
TRIALS = np.array([1.0, 8.0, 40.0])
Known = Callable[[Any, float], Any]
CASES: dict[str, tuple[Family, tuple[float, ...], Known]] = {
    "gaussian, log": (families.Gaussian(link="log"), (0.8,), lambda mu, n: stats.norm(mu, 0.8)),
    "student": (families.Student(), (0.8, 5.0), lambda mu, n: stats.t(5, mu, 0.8)),
    "gamma": (families.Gamma(), (0.3,), lambda mu, n: stats.gamma(1 / 0.3, scale=0.3 * mu)),
    "inverse gaussian": (
        families.InverseGaussian(),
        (0.3,),
        lambda mu, n: stats.invgauss(0.3 * mu, scale=1 / 0.3),
    ),
    "beta": (families.Beta(), (6.0,), lambda mu, n: stats.beta(6 * mu, 6 * (1 - mu))),
    "poisson": (families.Poisson(), (), lambda mu, n: stats.poisson(mu)),
    "nb2": (families.NegativeBinomial(), (1.5,), lambda mu, n: stats.nbinom(1.5, 1.5 / (1.5 + mu))),
    "nb1": (families.NegativeBinomialLinear(), (1.5,), lambda mu, n: stats.nbinom(mu / 1.5, 1 / 2.5)),
    "binomial": (families.Binomial(), (), lambda mu, n: stats.binom(n, mu)),
    "bernoulli": (families.Bernoulli(link="probit"), (), lambda mu, n: stats.bernoulli(mu)),
    "beta-binomial": (
        families.BetaBinomial(),
        (6.0,),
        lambda mu, n: stats.betabinom(n, 6 * mu, 6 * (1 - mu)),
    ),
}


GRID = np.linspace(-9, 9, 20_001)
WEIGHTS = stats.norm.pdf(GRID) / stats.norm.pdf(GRID).sum()


@pytest.mark.parametrize("name", CASES)
def test_limits_and_sds_are_those_of_the_mixture(name: str) -> None:
    family, parameters, known = CASES[name]
    trials = TRIALS if family.trials else None
    n = np.ones(3) if trials is None else trials
    rows = Observations(family, np.array(parameters), ETA, SD, ZEROS, trials)
    sd, lower, upper = observed(rows, 0.8)
    for i in range(3):
        at = known(family.mean(ETA[i] + SD[i] * GRID), n[i])
        for limit, p in ((lower[i], 0.1), (upper[i], 0.9)):
            if family.discrete:
                assert at.cdf(limit) @ WEIGHTS >= p - 1e-8
                assert at.cdf(limit - 1) @ WEIGHTS < p
            else:
                assert at.cdf(limit) @ WEIGHTS == pytest.approx(p, abs=1e-8)
        variance = (at.var() + at.mean() ** 2) @ WEIGHTS - (at.mean() @ WEIGHTS) ** 2
        assert sd[i] == pytest.approx(np.sqrt(variance), rel=1e-6)


def test_extra_zeros_count() -> None:
    """A mixture with 30 percent zeros: 400,000 draws, quantiles of which are exact but for their steps."""
    rng = np.random.default_rng(4)
    eta, sd, zeros = np.array([2.0]), np.array([0.3]), np.array([0.3])
    found = observed(Observations(families.Poisson(), np.zeros(0), eta, sd, zeros, None), 0.9)
    y = rng.poisson(np.exp(2 + 0.3 * rng.standard_normal(400_000))) * (rng.random(400_000) > 0.3)
    np.testing.assert_array_equal([found[1][0], found[2][0]], np.quantile(y, [0.05, 0.95]))
    assert found[0][0] == pytest.approx(y.std(), rel=0.01)


def test_a_sharp_response_needs_more_nodes_and_gets_them() -> None:
    """A mean of 60,000 counts on a wide linear predictor: the limits of the normal one, almost."""
    eta, sd = np.array([11.0]), np.array([0.5])
    rows = Observations(families.Poisson(), np.zeros(0), eta, sd, np.zeros(1), None)
    _, lower, upper = observed(rows, 0.8)
    z = stats.norm.ppf(0.9)
    np.testing.assert_allclose([lower[0], upper[0]], np.exp([11 - 0.5 * z, 11 + 0.5 * z]), rtol=2e-4)


def test_a_known_mean_gives_the_quantiles_of_the_family() -> None:
    eta = np.array([-2.0, 0.0, 2.0])
    rows = Observations(families.Binomial(), np.zeros(0), eta, np.zeros(3), np.zeros(3), np.full(3, 20.0))
    _, lower, upper = observed(rows, 0.9)
    np.testing.assert_array_equal(lower, stats.binom.ppf(0.05, 20, expit(eta)))
    np.testing.assert_array_equal(upper, stats.binom.ppf(0.95, 20, expit(eta)))
