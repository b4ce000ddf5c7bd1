"""Tests of priors stated for a variance, on the scale of its square root."""

from __future__ import annotations

import numpy as np
import pytest

from multilevel.errors import OptionError
from multilevel.model.priors import (
    Exponential,
    Fixed,
    Flat,
    HalfNormal,
    InverseGamma,
    Normal,
    RootOf,
    ScalarPrior,
    Uniform,
    root_of,
)
from tests.model.prior_checks import DRAWS, check_mass, check_slope


@pytest.mark.parametrize("prior", [InverseGamma(3, 4), Uniform(1, 9), Exponential(2), HalfNormal(3)])
def test_density_of_the_root(prior: ScalarPrior) -> None:
    root = RootOf(prior)
    check_mass(root, [] if isinstance(prior, Uniform) else [0.2, 1.0, 3.0, 10.0])
    s = np.random.default_rng(2).uniform(1.01, 2.99, 50)
    np.testing.assert_allclose(root.logpdf(s), prior.logpdf(s**2) + np.log(2 * s), rtol=1e-14)
    check_slope(root, s)
    low, high = root.bounds
    assert (low, high) == tuple(np.sqrt(prior.bounds))
    draws = root.draw(np.random.default_rng(5), 1000)
    np.testing.assert_allclose(draws**2, prior.draw(np.random.default_rng(5), 1000))


def test_mean_of_the_root_of_an_inverse_gamma() -> None:
    root = RootOf(InverseGamma(3, 4))
    draws = root.draw(np.random.default_rng(6), DRAWS)
    assert root.mean is not None
    assert abs(draws.mean() - root.mean) < 4.5 * draws.std() / np.sqrt(DRAWS)
    assert RootOf(InverseGamma(0.5, 1)).mean is None
    assert RootOf(Exponential(1)).mean is None


def test_texts_and_special_cases() -> None:
    assert RootOf(InverseGamma(3, 4)).text() == "sqrt(InverseGamma(3, 4))"
    assert root_of(Fixed(9)) == Fixed(3)
    np.testing.assert_allclose(root_of(Flat()).logpdf(2.0), np.log(4.0))


@pytest.mark.parametrize("prior", [Normal(0, 1), Uniform(-1, 1), Fixed(-1), "InverseGamma"])
def test_a_variance_is_not_negative(prior: ScalarPrior) -> None:
    with pytest.raises(
        OptionError, match=r"RootOf: variance is .*\n  allowed: a prior on the positive numbers"
    ):
        root_of(prior)
