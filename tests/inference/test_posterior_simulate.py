"""Responses of the posterior predictive have the mean and variance that the draws say."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy import stats

from multilevel.errors import OptionError
from multilevel.inference.posterior_predict import posterior_predict
from multilevel.inference.posterior_simulate import log_likelihood, posterior_simulate
from multilevel.results.posterior import Posterior
from tests.oracle import designs
from tests.oracle.posteriors import made_up_draws, posterior_of, sleep_posterior, varying_posterior


@pytest.fixture(scope="module")
def sleep() -> Posterior:
    return sleep_posterior()


@pytest.mark.parametrize("groups", ["known", "new"])
def test_moments_are_those_of_the_prediction(sleep: Posterior, groups: str) -> None:
    drawn = posterior_simulate(sleep, 4000, seed=1, groups=groups)
    assert drawn.shape == (4000, 180)
    found = posterior_predict(sleep, groups=groups, interval=0.9, observation=True)
    # 4,000 responses: standard errors are 1.6% and 1.1% of the sd; the largest of 180 stays below four
    assert np.all(np.abs(drawn.mean(axis=0) - found["prediction"]) < 0.064 * found["sd"])
    np.testing.assert_allclose(drawn.std(axis=0), found["sd"], rtol=0.05)


def test_new_groups_are_shared_by_their_rows(sleep: Posterior) -> None:
    drawn = posterior_simulate(sleep, 2000, seed=2, groups="new")
    R = np.corrcoef(drawn[:, [8, 9, 18, 19]].T)
    assert R[0, 1] > 0.6
    assert abs(R[0, 3]) < 0.15  # other subject: only the coefficients are shared


def test_the_seed_decides(sleep: Posterior) -> None:
    once = posterior_simulate(sleep, 2, seed=3)
    np.testing.assert_array_equal(once, posterior_simulate(sleep, 2, seed=np.random.default_rng(3)))
    assert not np.array_equal(once, posterior_simulate(sleep, 2, seed=4))


@pytest.mark.parametrize("groups", ["known", "new"])
def test_weights_offsets_and_rows_left_out(groups: str) -> None:
    design = designs.least_squares()
    design = dataclasses.replace(
        design,
        offset=np.full(30, 1000.0),
        precision_weights=np.linspace(1, 9, 30),
        n_input=31,
    )
    posterior = posterior_of(design, made_up_draws(design, sds=(), sigma=2.0, spread=0.0))
    drawn = posterior_simulate(posterior, 4000, seed=1, groups=groups)
    assert np.isnan(drawn[:, 30]).all()
    mean = posterior.sampled.coefficients.reshape(1000, -1) @ design.fixed.X.T
    np.testing.assert_allclose(drawn[:, :30].mean(axis=0), mean.mean(axis=0) + 1000, atol=0.2)
    expected = np.sqrt(4 / design.precision_weights + mean.var(axis=0))
    np.testing.assert_allclose(drawn[:, :30].std(axis=0), expected, rtol=0.06)


def test_refusals(sleep: Posterior) -> None:
    for keywords, message in (
        ({"n": 0}, "n=0 is not a whole number from 1"),
        ({"groups": "typical"}, "groups='typical' is not known"),
        ({"seed": -1}, "seed=-1 is not a seed"),
    ):
        with pytest.raises(OptionError, match=message):
            posterior_simulate(sleep, **{"seed": 1, **keywords})
    design = dataclasses.replace(sleep.design, frequency_weights=np.full(180, 2.0))
    with pytest.raises(OptionError, match="posterior with frequency weights"):
        posterior_simulate(dataclasses.replace(sleep, design=design, memory={}), seed=1)


def test_log_likelihood_of_rows(sleep: Posterior) -> None:
    weights, frequencies = np.linspace(1, 3, 180), np.tile([1.0, 2.0], 90)
    design = dataclasses.replace(
        sleep.design, precision_weights=weights, frequency_weights=frequencies, offset=np.full(180, 5.0)
    )
    found = log_likelihood(dataclasses.replace(sleep, design=design, memory={}))
    assert found.shape == (1000, 180)
    s, i = 260, 41  # draw 10 of chain 1, a row of the fifth subject
    b = sleep.sampled.effects[0][1, 10, design.factors[0].index[i]]
    mean = design.fixed.X[i] @ (sleep.sampled.coefficients[1, 10] + b) + 5
    sd = sleep.sampled.sigma[1, 10] / np.sqrt(weights[i])
    assert found[s, i] == pytest.approx(frequencies[i] * stats.norm.logpdf(design.y[i], mean, sd))
    part = log_likelihood(dataclasses.replace(sleep, design=design, memory={}), slice(40, 50))
    np.testing.assert_allclose(part, found[:, 40:50])


@pytest.mark.parametrize(("by", "groups"), [("subject", "known"), ("late", "known"), ("late", "new")])
def test_rows_have_the_residual_sd_of_their_group(by: str, groups: str) -> None:
    posterior = varying_posterior(by)
    drawn = posterior_simulate(posterior, 4000, seed=1, groups=groups)
    found = posterior_predict(posterior, groups=groups, interval=0.9, observation=True)
    np.testing.assert_allclose(drawn.std(axis=0), found["sd"], rtol=0.05)


def test_new_groups_have_residual_sds_from_the_law() -> None:
    posterior = varying_posterior()
    drawn = posterior_simulate(posterior, 4000, seed=1, groups="new")
    found = posterior_predict(posterior, groups="new", interval=0.8, observation=True)
    # probabilities are compared, as variances of the law have a long tail; 180 rows of 4,000
    outside = np.mean((drawn < found["lower"]) | (drawn > found["upper"]), axis=0)
    np.testing.assert_allclose(outside, 0.2, atol=0.03)


def test_log_density_of_rows_with_residual_sds_of_their_group() -> None:
    posterior = varying_posterior()
    design, sampled = posterior.design, posterior.sampled
    assert sampled.residual is not None
    found = log_likelihood(posterior, slice(5, 25))
    index = design.factors[0].index[5:25]
    mean = sampled.coefficients.reshape(1000, 2) @ design.fixed.X[5:25].T
    mean += np.einsum(
        "snk,nk->sn", sampled.effects[0].reshape(1000, 18, 2)[:, index], design.terms[0].Z[5:25]
    )
    sd = sampled.residual.sds.reshape(1000, 18)[:, index]
    np.testing.assert_allclose(found, stats.norm(mean, sd).logpdf(design.y[5:25]), rtol=1e-10)
