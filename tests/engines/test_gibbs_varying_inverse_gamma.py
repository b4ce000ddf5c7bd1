"""Inverse-gamma residual variances and their law against SciPy's densities and quadrature."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from multilevel.engines.gibbs.varying_inverse_gamma import InverseGammaLaw, as_gamma
from multilevel.engines.gibbs.varying_law import SdState
from multilevel.model.priors import Exponential, Fixed, Gamma, HalfNormal, ScalarPrior, Uniform
from tests.engines.gibbs_varying_cases import (
    COUNTS,
    GROUPS,
    LOG_SDS,
    SQUARES,
    batch_errors,
    gamma_priors,
    grid_moments,
    log_evidence,
)

HYPER: dict[str, tuple[ScalarPrior, ScalarPrior]] = {
    "conjugate scale": (Gamma(2, 0.5), Exponential(0.5)),
    "no conjugate part": (HalfNormal(4), HalfNormal(5)),
    "known shape": (Fixed(3), Gamma(2, 0.5)),
    "known scale": (Uniform(0.5, 9), Fixed(3)),
}


def law_of(name: str) -> InverseGammaLaw:
    """Return the law of a case."""
    return InverseGammaLaw(gamma_priors(*HYPER[name]), COUNTS)


def log_groups(shape: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Return log densities of all residuals, their variances integrated out by quadrature."""
    variances = np.exp(2.0 * LOG_SDS)
    law = scipy.stats.invgamma(np.expand_dims(shape, -1), scale=np.expand_dims(scale, -1))
    log_law = law.logpdf(variances) + np.log(2.0 * variances)
    return np.asarray(sum(log_evidence(log_law, j) for j in range(GROUPS)))


@pytest.mark.parametrize("name", HYPER)
def test_the_density_of_shape_and_scale_is_that_of_quadrature(name: str) -> None:
    """Differences between 20 pairs of points; with the volume of the logarithms."""
    law, rng = law_of(name), np.random.default_rng(1)
    for _ in range(20):
        found, direct = [], []
        for _ in range(2):
            x = rng.normal(0.5, 0.5, 2)
            shape, scale = (
                prior.value if isinstance(prior, Fixed) else float(np.exp(at))
                for prior, at in zip(HYPER[name], x, strict=True)
            )
            found.append(law.log_collapsed(x[law.free], SQUARES))
            log_prior = sum(
                float(prior.logpdf(value)) + np.log(value)
                for prior, value in zip(HYPER[name], (shape, scale), strict=True)
                if not isinstance(prior, Fixed)
            )
            direct.append(log_groups(np.array(shape), np.array(scale)) + log_prior)
        assert found[0] - found[1] == pytest.approx(direct[0] - direct[1], abs=1e-8)


@pytest.mark.parametrize("name", ["conjugate scale", "known shape"])
def test_the_scale_given_the_sds_is_gamma(name: str) -> None:
    """``Gamma(a + m shape, b + sum 1 / s^2)``: differences of the joint density at pairs of scales."""
    law, sds, shape = law_of(name), np.array([0.5, 1.2, 0.9, 1.1]), 2.7
    a, b = law.scale_law(shape, sds)
    at = np.linspace(0.2, 6.0, 9)
    joint = scipy.stats.invgamma(shape, scale=at[:, None]).logpdf(sds**2).sum(axis=1)
    joint += law.second.logpdf(at)
    found = scipy.stats.gamma(a, scale=1.0 / b).logpdf(at)
    np.testing.assert_allclose(np.diff(found), np.diff(joint), atol=1e-8)


@pytest.mark.statistics
def test_variances_follow_the_full_conditional() -> None:
    """``IG(shape + n / 2, scale + SSR / 2)``, by Kolmogorov and Smirnov; what is known stays."""
    law = InverseGammaLaw(gamma_priors(Fixed(3), Fixed(2)), COUNTS)
    rng, walks, state = np.random.default_rng(1), law.walks(), SdState(np.ones(GROUPS), 3.0, 2.0)
    assert walks.named(("shape", "scale")) == {}
    draws = []
    for _ in range(3000):
        state = law.draw(state, SQUARES, rng, walks)
        draws.append(state.sds**2)
    assert (state.first, state.second) == (3.0, 2.0)
    for j, x in enumerate(np.array(draws).T):
        expected = scipy.stats.invgamma(3 + COUNTS[j] / 2, scale=2 + SQUARES[j] / 2)
        assert scipy.stats.kstest(x, expected.cdf).pvalue > 0.01


@pytest.mark.statistics
@pytest.mark.parametrize("name", HYPER)
def test_draws_have_the_distribution_of_quadrature(name: str) -> None:
    """Means and variances of log shape and log scale from a grid and quadrature; 4.5 standard errors."""
    law, rng = law_of(name), np.random.default_rng(2)
    walks, state = law.walks(), SdState(np.ones(GROUPS), 2.0, 2.0)
    state = SdState(state.sds, *(getattr(prior, "value", 2.0) for prior in HYPER[name]))
    seen = []
    for i in range(7_000):
        if i == 1000:
            for walk in walks.named(("shape", "scale")).values():
                walk.freeze()
        state = law.draw(state, SQUARES, rng, walks)
        seen.append([np.log(state.first), np.log(state.second)])
    draws = np.array(seen[1000:])

    def log_density(log_shape: np.ndarray, log_scale: np.ndarray) -> np.ndarray:
        found = log_groups(*np.broadcast_arrays(np.exp(log_shape), np.exp(log_scale)))
        for prior, value in zip(HYPER[name], (log_shape, log_scale), strict=True):
            if not isinstance(prior, Fixed):
                found = found + prior.logpdf(np.exp(value)) + value
        return found

    axes = [
        np.array([np.log(prior.value)])
        if isinstance(prior, Fixed)
        else np.linspace(x.min() - 1.0, x.max() + 1.0, 31)
        for prior, x in zip(HYPER[name], draws.T, strict=True)
    ]
    for (mean, sd), x, prior in zip(
        grid_moments(log_density, *axes).values(), draws.T, HYPER[name], strict=True
    ):
        if isinstance(prior, Fixed):
            np.testing.assert_allclose(x, mean)
        else:
            assert max(batch_errors(x, mean, sd)) < 4.5
    assert all(0.1 < walk.rate < 0.6 for walk in walks.named(("shape", "scale")).values())


def test_a_start_has_sds_about_the_given_one() -> None:
    law = law_of("conjugate scale")
    guesses = np.array([law.guess(2.0, np.random.default_rng(seed)) for seed in range(200)])
    np.testing.assert_allclose(np.median(guesses[:, 1] / guesses[:, 0]), 4.0, rtol=0.2)
    shape, _ = law_of("known shape").guess(2.0, np.random.default_rng(1))
    assert shape == 3.0


def test_a_parameter_out_of_range_has_no_density() -> None:
    assert law_of("conjugate scale").log_collapsed(np.array([0.0, 400.0]), SQUARES) == -np.inf


def test_gamma_priors_are_recognised() -> None:
    assert as_gamma(Gamma(2, 3)) == (2.0, 3.0)
    assert as_gamma(Exponential(3)) == (1.0, 3.0)
    assert as_gamma(HalfNormal(3)) is None
