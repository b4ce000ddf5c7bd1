"""The residual sd given the residuals: draws and densities against direct computations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.stats

from multilevel.engines.gibbs.noise import GammaNoise, HeldNoise, NoiseStep, WalkNoise, noise_step
from multilevel.errors import DesignError
from multilevel.model.priors import Fixed, Flat, HalfCauchy, HalfT, InverseGamma
from tests.engines.gibbs_cases import model_of, schools

FORMULA = "reaction ~ days + (1 | subject)"
CASES: dict[str, tuple[Any, type[NoiseStep]]] = {
    "inverse gamma": ({"sigma2": InverseGamma(2, 500)}, GammaNoise),
    "flat": ({"sigma": Flat()}, GammaNoise),
    "flat variance": ({"sigma2": Flat()}, GammaNoise),
    "half-Cauchy": ({"sigma": HalfCauchy(10)}, WalkNoise),
    "sds in units of sigma": ("rstanarm", WalkNoise),
    "fixed": ({"sigma": Fixed(30)}, HeldNoise),
}


def none(sigma: float) -> float:
    """No prior is in units of sigma."""
    return 0.0


@pytest.mark.parametrize("name", CASES)
def test_the_prior_decides_the_step(name: str) -> None:
    step = noise_step(*model_of(FORMULA, "sleepstudy", CASES[name][0]))
    assert type(step) is CASES[name][1]
    assert step.walk_size == (CASES[name][1] is WalkNoise)


def test_a_known_sigma_stays() -> None:
    step = noise_step(*schools(None))
    assert step.draw(1.0, 5.0, none, np.random.default_rng(1), None) == 1.0


@pytest.mark.parametrize(
    ("name", "shape", "scale"), [("inverse gamma", 92, 500), ("flat", 89.5, 0), ("flat variance", 89, 0)]
)
def test_draws_follow_the_full_conditional(name: str, shape: float, scale: float) -> None:
    """``IG(shape + n / 2, scale + SSR / 2)`` with 180 rows."""
    step = noise_step(*model_of(FORMULA, "sleepstudy", CASES[name][0]))
    rng = np.random.default_rng(1)
    draws = [step.draw(1.0, 1e5, none, rng, None) ** 2 for _ in range(3000)]
    law = scipy.stats.invgamma(shape, scale=scale + 5e4)
    assert scipy.stats.kstest(draws, law.cdf).pvalue > 0.01


def test_the_density_of_a_walk_is_that_of_residuals_and_prior() -> None:
    residuals, prior = np.random.default_rng(1).normal(size=20) * 3, HalfT(3, 2)
    step = WalkNoise(prior, 20.0)
    x = np.linspace(-1.0, 2.0, 9)
    found = [step.log_density(at, float(residuals @ residuals), lambda s: -s) for at in x]
    sigma = np.exp(x)
    expected = (
        scipy.stats.norm(0, sigma[:, None]).logpdf(residuals).sum(axis=1) + prior.logpdf(sigma) + x - sigma
    )
    np.testing.assert_allclose(np.diff(found), np.diff(expected), rtol=1e-10)
    assert step.log_density(1e4, 1.0, none) == -np.inf


def test_a_flat_prior_with_one_row_is_refused() -> None:
    with pytest.raises(
        DesignError, match="the posterior of sigma is improper: a flat prior and 1 observations"
    ):
        GammaNoise(-0.5, 0.0, 1.0)
