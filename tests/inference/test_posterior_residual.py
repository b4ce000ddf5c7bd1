"""Residual sds of groups: whose a row has, and what a new group's may be."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy import stats

from multilevel.engines.draws import ResidualDraws
from multilevel.errors import OptionError
from multilevel.inference.posterior_residual import (
    law_parameters,
    new_group_sds,
    own_term,
    residual_draws,
    residual_index,
    row_sds,
    simulated_sds,
)
from multilevel.results.posterior import Posterior
from tests.oracle.posteriors import sleep_posterior, varying_posterior


@pytest.fixture(scope="module")
def by_subject() -> Posterior:
    return varying_posterior()


@pytest.fixture(scope="module")
def by_time() -> Posterior:
    return varying_posterior("late")


def test_without_residual_groups_every_row_has_sigma() -> None:
    sleep = sleep_posterior()
    assert own_term(sleep.design) is None
    assert law_parameters(sleep.sampled) == {}
    assert row_sds(sleep, None, slice(None)).shape == (1000, 1)
    with pytest.raises(
        OptionError, match=r"residual_sds was asked of a posterior with one residual sd\n.*\n  try: var"
    ):
        residual_draws(sleep, "residual_sds")


def test_rows_have_the_sd_of_their_group(by_subject: Posterior) -> None:
    factor, residual = residual_draws(by_subject, "here")
    used = np.array([0, 7, 9])
    found = row_sds(by_subject, factor.index[[0, 15, 179]], used)
    expected = residual.sds[:, used].reshape(12, -1)
    np.testing.assert_array_equal(found, expected[:, [0, 1, 17]])


def test_groups_that_are_not_in_the_data(by_subject: Posterior, by_time: Posterior) -> None:
    index = np.array([0, 1], dtype=np.int32)
    assert (own_term(by_subject.design), own_term(by_time.design)) == (0, None)
    assert residual_index(by_subject.design, index, ["known"]) is index
    for kind in ("new", "typical"):
        found = residual_index(by_subject.design, index, [kind])
        assert found is not None
        assert found.tolist() == [-1, -1]
        assert residual_index(by_time.design, index, [kind]) is index
    assert residual_index(by_time.design, None, ["new"]) is None
    mixed = row_sds(by_time, np.array([-1, 1, -1], dtype=np.int32), slice(None))
    new = new_group_sds(by_time).ravel()
    np.testing.assert_array_equal(mixed[:, [0, 2]], np.column_stack([new, new]))
    assert by_time.sampled.residual is not None
    np.testing.assert_array_equal(mixed[:, 1], by_time.sampled.residual.sds[:, :, 1].ravel())


def known_law(posterior: Posterior, law: str, first: float, second: float) -> Posterior:
    """Return the posterior with a law whose parameters are known."""
    assert posterior.sampled.residual is not None
    shape = posterior.sampled.sigma.shape
    parameters = (("a", np.full(shape, first)), ("b", np.full(shape, second)))
    residual = ResidualDraws(law, posterior.sampled.residual.sds, parameters)  # type: ignore[arg-type]
    return dataclasses.replace(
        posterior, sampled=dataclasses.replace(posterior.sampled, residual=residual), memory={}
    )


@pytest.mark.parametrize(
    ("law", "first", "second", "cdf"),
    [
        ("log_normal", 3.0, 0.5, stats.lognorm(0.5, scale=np.exp(3.0)).cdf),
        ("inverse_gamma", 2.5, 900.0, lambda s: stats.invgamma(2.5, scale=900.0).cdf(s**2)),
    ],
)
def test_sds_of_new_groups_follow_the_law(
    by_subject: Posterior, law: str, first: float, second: float, cdf: object
) -> None:
    posterior = known_law(by_subject, law, first, second)
    new = new_group_sds(posterior)
    # quantiles at evenly spread probabilities: the distance is that of half a step
    assert stats.kstest(new.ravel(), cdf).statistic == pytest.approx(0.5 / new.size, rel=1e-6)
    assert abs(np.corrcoef(new.ravel()[1:], new.ravel()[:-1])[0, 1]) < 0.1
    np.testing.assert_array_equal(new, new_group_sds(known_law(by_subject, law, first, second)))
    rng = np.random.default_rng(1)
    chosen = np.arange(400)
    drawn = simulated_sds(posterior, chosen, rng, used=slice(None), new=True)
    assert drawn.shape == (400, 180)
    assert (drawn[:, 0] == drawn[:, 9]).all()  # one subject
    assert stats.kstest(np.concatenate([drawn[:, 0], drawn[:, 10]]), cdf).pvalue > 0.01


def test_sds_of_simulations(by_subject: Posterior, by_time: Posterior) -> None:
    rng = np.random.default_rng(1)
    chosen = np.array([3, 999])
    for posterior, new in ((by_subject, False), (by_time, False), (by_time, True)):
        factor, residual = residual_draws(posterior, "here")
        found = simulated_sds(posterior, chosen, rng, used=slice(None), new=new)
        np.testing.assert_array_equal(found, residual.sds.reshape(1000, -1)[chosen][:, factor.index])
    plain = sleep_posterior()
    assert simulated_sds(plain, chosen, rng, used=slice(None), new=True).shape == (2, 1)
