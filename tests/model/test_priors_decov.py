"""Tests of the joint prior of sds that splits a total variance."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import dblquad

from multilevel.errors import OptionError
from multilevel.model.priors import Decov


def test_one_sd_is_gamma() -> None:
    s = np.array([[0.1], [1.0], [7.0]])
    np.testing.assert_allclose(
        Decov(1, 2.5, 3).logpdf(s), stats.gamma(2.5, scale=3).logpdf(s[:, 0]), rtol=1e-12
    )


@pytest.mark.parametrize("prior", [Decov(1, 1, 1), Decov(2, 3, 0.5)])
def test_two_sds_have_mass_one(prior: Decov) -> None:
    def polar(angle: float, radius: float) -> float:
        return radius * float(np.exp(prior.logpdf([radius * np.cos(angle), radius * np.sin(angle)])))

    mass = dblquad(polar, 0, 60, 0, np.pi / 2, epsabs=1e-9, epsrel=1e-9)[0]
    assert abs(mass - 1) < 1e-6


@pytest.mark.parametrize("prior", [Decov(1, 1, 1), Decov(2.5, 3, 0.5), Decov(0.7, 1.5, 4)])
def test_gradient_is_the_finite_difference(prior: Decov) -> None:
    s = np.random.default_rng(1).uniform(0.3, 3, (50, 3))
    h = 1e-6
    difference = [(prior.logpdf(s + h * e) - prior.logpdf(s - h * e)) / (2 * h) for e in np.eye(3)]
    np.testing.assert_allclose(prior.dlogpdf(s), np.stack(difference, axis=-1), rtol=1e-6, atol=1e-7)


def test_draws_split_the_variance_evenly_on_average() -> None:
    n = 200_000
    draws = Decov(1.5, 2, 3).draw(np.random.default_rng(2), n, 3)
    total = (draws**2).sum(axis=1)
    root = np.sqrt(total / 3)
    assert abs(root.mean() - 6) < 4.5 * root.std() / np.sqrt(n)
    share = draws[:, 0] ** 2 / total
    assert abs(share.mean() - 1 / 3) < 4.5 * share.std() / np.sqrt(n)
    assert abs(share.var() - stats.beta(1.5, 3).var()) < 0.02 * share.var()


def test_density_and_draws_are_one_law() -> None:
    """The mean over draws of q/p is one for a density q inside the support: here independent gammas."""
    prior, n = Decov(1, 1.5, 1), 200_000
    draws = prior.draw(np.random.default_rng(3), n, 2)
    ratio = np.exp(stats.gamma(3, scale=0.3).logpdf(draws).sum(axis=1) - prior.logpdf(draws))
    assert abs(ratio.mean() - 1) < 4.5 * ratio.std() / np.sqrt(n)


def test_support_text_and_arguments() -> None:
    assert np.isneginf(Decov(1, 1, 1).logpdf([[1.0, 0.0], [-1.0, 1.0]])).all()
    assert (Decov(1, 1, 1).dlogpdf([0.0, 1.0]) == 0).all()
    assert Decov(1, 1, 2.5).text() == "Decov(1, 1, 2.5)"
    with pytest.raises(OptionError, match="Decov: scale is -1"):
        Decov(1, 1, -1)
