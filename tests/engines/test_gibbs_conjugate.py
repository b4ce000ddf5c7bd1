"""Draws of conjugate distributions against their moments and SciPy; which priors lead to them."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from multilevel.engines.gibbs.conjugate import (
    as_inverse_gamma,
    draw_inverse_gamma,
    draw_inverse_wishart,
    lower_factor,
)
from multilevel.model.priors import Flat, Gamma, HalfNormal, InverseGamma, RootOf, ScalarPrior

LAWS: list[tuple[ScalarPrior, tuple[float, float] | None]] = [
    (RootOf(InverseGamma(2, 3)), (2.0, 3.0)),
    (InverseGamma(2, 3), None),
    (RootOf(Gamma(2, 3)), None),
    (HalfNormal(1), None),
    (Flat(), (-0.5, 0.0)),
    (RootOf(Flat()), (-1.0, 0.0)),
]


@pytest.mark.parametrize(("prior", "law"), LAWS)
def test_the_inverse_gamma_form_has_the_density_of_the_prior(
    prior: ScalarPrior, law: tuple[float, float] | None
) -> None:
    """Differences of log densities of the sd: ``log p(s) = log p(v) + log 2 s``."""
    assert as_inverse_gamma(prior) == law
    if law is not None:
        s = np.array([0.5, 1.0, 3.0])
        log_density = -(2.0 * law[0] + 1.0) * np.log(s) - law[1] / s**2
        np.testing.assert_allclose(np.diff(log_density), np.diff(prior.logpdf(s)), atol=1e-12)


def test_inverse_gamma_draws_are_those_of_scipy() -> None:
    rng = np.random.default_rng(1)
    draws = [draw_inverse_gamma(rng, 3.0, 2.0) for _ in range(4000)]
    assert scipy.stats.kstest(draws, scipy.stats.invgamma(3.0, scale=2.0).cdf).pvalue > 0.01


@pytest.mark.parametrize("k", [1, 2, 3])
def test_inverse_wishart_draws_have_the_moments(k: int) -> None:
    """Mean and the distribution of a variance, ``IG((df - k + 1) / 2, scale / 2)``; 5,000 draws."""
    rng = np.random.default_rng(1)
    scale, df = 0.5 * np.ones((k, k)) + np.diag(np.arange(1.0, k + 1)), k + 9.0
    found = np.zeros((5000, k, k))
    for i in range(5000):
        sds, L = draw_inverse_wishart(rng, df, scale)
        half = sds[:, None] * L
        found[i] = half @ half.T
        assert np.allclose(np.diagonal(L @ L.T), 1.0)
    np.testing.assert_allclose(found.mean(axis=0), scale / (df - k - 1), rtol=0.08, atol=0.005)
    law = scipy.stats.invgamma(0.5 * (df - k + 1), scale=0.5 * scale[-1, -1])
    assert scipy.stats.kstest(found[:, -1, -1], law.cdf).pvalue > 0.01


def test_lower_factor_is_the_cholesky_factor() -> None:
    root = np.random.default_rng(1).normal(size=(3, 3))
    np.testing.assert_allclose(lower_factor(root), np.linalg.cholesky(root @ root.T), atol=1e-12)
