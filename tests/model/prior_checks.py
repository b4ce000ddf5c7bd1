"""Checks that every prior of one number passes: SciPy, quadrature, finite differences, moments of draws."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from scipy.integrate import quad

from multilevel.model.priors import ScalarPrior

DRAWS = 200_000


def check_against_scipy(prior: ScalarPrior, peer: Any) -> None:
    """The log density is SciPy's to 1e-10 over the middle 99.98 %, and the mean is SciPy's."""
    x = peer.ppf(np.linspace(1e-4, 1 - 1e-4, 101))
    np.testing.assert_allclose(prior.logpdf(x), peer.logpdf(x), rtol=1e-10, atol=1e-10)
    expected = float(peer.mean())
    if np.isfinite(expected):
        np.testing.assert_allclose(prior.mean, expected, rtol=1e-12)
    else:
        assert prior.mean is None


def check_mass(prior: ScalarPrior, cuts: list[float]) -> None:
    """The density integrates to one within 1e-8, by quadrature over the pieces between the cuts."""
    low, high = prior.bounds
    ends = [low, *cuts, high]
    mass = sum(
        quad(lambda x: float(np.exp(prior.logpdf(x))), a, b, epsabs=1e-11, epsrel=1e-11, limit=400)[0]
        for a, b in pairwise(ends)
    )
    assert abs(mass - 1.0) < 1e-8


def check_slope(prior: ScalarPrior, x: np.ndarray) -> None:
    """The derivative is the central difference of the log density within 1e-6 of its size."""
    h = 1e-5 * np.maximum(np.abs(x), 1e-3)
    difference = (prior.logpdf(x + h) - prior.logpdf(x - h)) / (2 * h)
    size = np.abs(prior.logpdf(x)) * 1e-15 / h
    assert (np.abs(prior.dlogpdf(x) - difference) < 1e-6 * (1 + np.abs(difference)) + 100 * size).all()


def check_draws(prior: ScalarPrior, peer: Any) -> None:
    """Three moments of the draws' probability transform lie within 4.5 standard errors of a uniform's."""
    draws = prior.draw(np.random.default_rng(7), DRAWS)
    assert draws.shape == (DRAWS,)
    u = peer.cdf(draws)
    for power in (1, 2, 3):
        sd = np.sqrt(1 / (2 * power + 1) - 1 / (power + 1) ** 2)
        assert abs((u**power).mean() - 1 / (power + 1)) < 4.5 * sd / np.sqrt(DRAWS)
    assert prior.draw(np.random.default_rng(7), (2, 3)).shape == (2, 3)
