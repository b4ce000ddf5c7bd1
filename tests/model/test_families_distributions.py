"""Distribution functions and deviances of the families against SciPy's distributions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import optimize, stats

from multilevel import families
from multilevel.model.families import Family

MU = np.array([0.3, 1.0, 4.0, 20.0])
SHARE = np.array([0.05, 0.3, 0.5, 0.9])
COUNT = np.array([0.0, 1.0, 6.0, 15.0])
TRIALS = np.array([1.0, 4.0, 6.0, 25.0])
CASES: list[tuple[Family, tuple[float, ...], Any, Any, Any, Any]] = [
    (families.Gaussian(), (1.5,), MU, COUNT, None, stats.norm(MU, 1.5)),
    (families.Student(), (1.5, 4.0), MU, COUNT, None, stats.t(4, MU, 1.5)),
    (families.Poisson(), (), MU, COUNT, None, stats.poisson(MU)),
    (families.NegativeBinomial(), (2.5,), MU, COUNT, None, stats.nbinom(2.5, 2.5 / (2.5 + MU))),
    (families.NegativeBinomialLinear(), (0.7,), MU, COUNT, None, stats.nbinom(MU / 0.7, 1 / 1.7)),
    (families.Binomial(), (), SHARE, np.minimum(COUNT, TRIALS), TRIALS, stats.binom(TRIALS, SHARE)),
    (families.Bernoulli(), (), SHARE, np.array([0.0, 1, 0, 1]), None, stats.bernoulli(SHARE)),
    (
        families.BetaBinomial(),
        (3.0,),
        SHARE,
        np.minimum(COUNT, TRIALS),
        TRIALS,
        stats.betabinom(TRIALS, 3 * SHARE, 3 * (1 - SHARE)),
    ),
    (families.Beta(), (7.0,), SHARE, SHARE[::-1], None, stats.beta(7 * SHARE, 7 * (1 - SHARE))),
    (families.Gamma(), (0.4,), MU, MU[::-1], None, stats.gamma(1 / 0.4, scale=0.4 * MU)),
    (
        families.InverseGaussian(),
        (0.4,),
        MU,
        MU[::-1],
        None,
        stats.invgauss(0.4 * MU, scale=1 / 0.4),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0].name)
def test_distribution_functions_are_those_of_scipy(case: Any) -> None:
    family, parameters, mu, y, trials, known = case
    found = family.cdf(y, mu, np.array(parameters), trials)
    np.testing.assert_allclose(found, known.cdf(y), rtol=1e-9, atol=1e-14)
    assert family.discrete == (known.dist.name in DISCRETE)
    if family.discrete:
        np.testing.assert_array_equal(family.cdf(np.full(4, -1.0), mu, np.array(parameters), trials), 0.0)


def log_density(known: Any, y: Any) -> Any:
    """Return the log density or log probability."""
    return known.logpmf(y) if known.dist.name in DISCRETE else known.logpdf(y)


DISCRETE = ("poisson", "nbinom", "binom", "bernoulli", "betabinom")
SATURATED = {
    "gaussian": lambda y: stats.norm(y, 1.5),
    "student": lambda y: stats.t(4, y, 1.5),
    "poisson": lambda y: stats.poisson(y),
    "negative_binomial": lambda y: stats.nbinom(2.5, 2.5 / (2.5 + y)),
    "binomial": lambda y: stats.binom(TRIALS, y / TRIALS),
    "bernoulli": lambda y: stats.bernoulli(y),
    "gamma": lambda y: stats.gamma(1 / 0.4, scale=0.4 * y),
    "inverse_gaussian": lambda y: stats.invgauss(0.4 * y, scale=1 / 0.4),
}

LAWS: dict[str, Callable[..., Any]] = {
    "negative_binomial_linear": lambda m, phi, n: stats.nbinom(m / phi, 1 / (1 + phi)),
    "beta": lambda m, phi, n: stats.beta(m * phi, (1 - m) * phi),
    "beta_binomial": lambda m, phi, n: stats.betabinom(n, m * phi, (1 - m) * phi),
}
"""Distributions whose best mean is not the response, by mean, dispersion and trials."""


def deviances(law: Callable[..., Any], y: Any, mu: Any, phi: float, trials: Any = TRIALS) -> Any:
    """Return twice the gain of the best mean of each row, which is sought by SciPy among all means."""
    found = []
    for one, mean, n in zip(y, mu, trials, strict=True):

        def loss(eta: float, one: float = one, n: float = n) -> float:
            m = np.exp(eta) if law is LAWS["negative_binomial_linear"] else 1 / (1 + np.exp(-eta))
            return -float(log_density(law(m, phi, n), one))

        best = optimize.minimize_scalar(loss, bounds=(-30.0, 30.0), method="bounded", options={"xatol": 1e-9})
        found.append(2 * (log_density(law(mean, phi, n), one) + best.fun) * -1)
    return np.array(found)


@pytest.mark.parametrize("phi", [0.01, 0.4, 5.0, 300.0])
@pytest.mark.parametrize("name", LAWS)
def test_deviances_of_best_means_that_are_not_the_response(name: str, phi: float) -> None:
    """At the best mean the deviance is zero, nowhere is it less; dispersions from small to large."""
    family = families.family_of(name)
    y = {"beta": SHARE[::-1], "beta_binomial": np.minimum(COUNT, TRIALS)}.get(name, COUNT)
    mu = MU if name == "negative_binomial_linear" else SHARE
    found = family.deviance(y, mu, np.array([phi]), TRIALS if family.trials else None)
    assert found is not None
    assert (found >= 0.0).all()
    np.testing.assert_allclose(found, deviances(LAWS[name], y, mu, phi), rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0].name)
def test_deviances_are_twice_the_gain_of_the_best_mean(case: Any) -> None:
    family, parameters, mu, y, trials, known = case
    found = family.deviance(y, mu, np.array(parameters), trials)
    if family.name not in SATURATED:
        np.testing.assert_allclose(found, deviances(LAWS[family.name], y, mu, *parameters), atol=1e-9)
        return
    gain = log_density(SATURATED[family.name](y), y) - log_density(known, y)
    np.testing.assert_allclose(found, 2 * gain, rtol=1e-9, atol=1e-12)


def test_classes_add_up() -> None:
    """``P(y <= c)`` is the sum of the probabilities of the classes up to c."""
    family, cuts, eta = families.Ordinal(), np.array([-1.0, 0.3, 2.0]), np.array([-0.5, 0.0, 1.5])
    p = family.probabilities(eta, cuts)
    for c in range(5):
        found = family.cdf(np.full(3, float(c)), eta, cuts, None)
        np.testing.assert_allclose(found, p[:, :c].sum(axis=1), atol=1e-15)
