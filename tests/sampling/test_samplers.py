"""Every sampler against exact quadrature: posterior means and variances of one- and two-level models."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

import multilevel as ml
from multilevel.inference.convergence import ess_mean
from tests.sampling.cases import CASES, exact
from tests.sampling.quadrature import Floats

METHODS: Mapping[str, Mapping[str, int]] = {
    "marginal": {"draws": 8000},
    "gibbs": {"draws": 4000, "warmup": 500},
    "nuts": {"draws": 3000, "warmup": 300},
}
"""Samplers, each with how long it runs."""


def gaps(draws: Floats, mean: float, sd: float, efficiency: float | None) -> tuple[float, float]:
    """Return how far mean and variance are from the exact ones, in Monte Carlo standard errors."""
    found = []
    for power, target in ((1, 0.0), (2, 1.0)):
        z = ((draws - mean) / sd) ** power
        size = float(ess_mean(z)) if efficiency is None else z.size * efficiency
        found.append(abs(float(z.mean()) - target) / (float(z.std()) / np.sqrt(size)))
    return found[0], found[1]


@pytest.mark.statistics
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", CASES)
def test_means_and_sds_are_those_of_quadrature(name: str, method: str) -> None:
    """Within four Monte Carlo standard errors, the variance of each parameter too."""
    case, run = CASES[name], dict(METHODS[method])
    if method == "gibbs":
        run["draws"] *= case.longer
    post = ml.sample(
        case.formula,
        case.data(),
        case.priors,
        method=method,  # type: ignore[arg-type]
        seed=20,
        **run,
        **case.options,
    )
    assert post.method == method
    for parameter, read in case.names.items():
        mean, sd = exact(name)[parameter]
        draws = read(post)
        if sd == 0.0:
            np.testing.assert_allclose(draws, mean)
        else:
            assert max(gaps(draws, mean, sd, post.sampled.efficiency)) < 4.0, parameter


@pytest.mark.statistics
def test_a_wrong_prior_is_seen() -> None:
    """The bound is narrow enough to tell a half-Cauchy prior from one twice as wide."""
    case = CASES["intercepts, half-Cauchy"]
    priors = {**case.priors, "g": {"sd": ml.HalfCauchy(2)}}
    post = ml.sample(case.formula, case.data(), priors, method="marginal", seed=20, **METHODS["marginal"])
    mean, sd = exact("intercepts, half-Cauchy")["tau"]
    assert max(gaps(post.draws["sd(g, Intercept)"], mean, sd, post.sampled.efficiency)) > 4.0
