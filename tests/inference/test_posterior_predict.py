"""Predictions of a posterior: mixtures over draws, what varies, refusals."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from scipy import stats

from multilevel.errors import DataError, OptionError
from multilevel.inference.new_data import read_new_data
from multilevel.inference.posterior_predict import mixture_quantile, posterior_predict
from multilevel.inference.posterior_tables import coefficient_draws, posterior_fitted
from multilevel.results.posterior import Posterior
from tests.oracle.posteriors import sleep_posterior, varying_posterior

NEW = {"days": [0.0, 10.0], "subject": ["308", "309"]}


@pytest.fixture(scope="module")
def sleep() -> Posterior:
    return sleep_posterior(level=0.9)


def test_without_an_interval_there_are_means_alone(sleep: Posterior) -> None:
    found = posterior_predict(sleep)
    assert list(found) == ["prediction"]
    np.testing.assert_allclose(found["prediction"], posterior_fitted(sleep))


def test_rows_are_the_same_a_few_at_a_time(sleep: Posterior, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = posterior_predict(sleep, groups="new", interval=0.9, observation=True)
    monkeypatch.setattr("multilevel.inference.posterior_predict.AT_ONCE", 7000)
    parts = posterior_predict(sleep, groups="new", interval=0.9, observation=True)
    for name in ("prediction", "sd", "lower", "upper"):
        np.testing.assert_allclose(parts[name], whole[name], rtol=1e-12)


def test_known_groups_give_the_quantiles_of_the_draws(sleep: Posterior) -> None:
    new = read_new_data(sleep, NEW, groups="known", observation=False)
    found = posterior_predict(sleep, new.rows, interval=0.8)
    beta, b = sleep.sampled.coefficients, sleep.sampled.effects[0]
    draws = np.stack([beta[..., 0] + b[:, :, 0, 0], (beta + b[:, :, 1]) @ [1, 10]], axis=-1).reshape(-1, 2)
    np.testing.assert_allclose(found["prediction"], draws.mean(axis=0))
    np.testing.assert_allclose(found["sd"], draws.std(axis=0))
    np.testing.assert_allclose([found["lower"], found["upper"]], np.quantile(draws, [0.1, 0.9], axis=0))
    assert found["varies"] == ["coefficients + estimated group effects"] * 2


def test_a_typical_group_has_the_interval_of_the_coefficients(sleep: Posterior) -> None:
    new = read_new_data(sleep, {"days": [0.0]}, groups="typical", observation=False)
    found, table = (
        posterior_predict(sleep, new.rows, groups="typical", interval=0.9),
        coefficient_draws(sleep),
    )
    for name, column in (("prediction", "mean"), ("lower", "lower"), ("upper", "upper")):
        assert found[name][0] == pytest.approx(table[column][0], rel=1e-12)
    assert found["varies"] == ["coefficients"]


@pytest.mark.parametrize("observation", [False, True])
def test_a_new_group_adds_the_variance_between_groups(sleep: Posterior, observation: bool) -> None:
    new = read_new_data(sleep, {"days": [4.0]}, groups="new", observation=observation)
    found = posterior_predict(sleep, new.rows, groups="new", interval=0.9, observation=observation)
    rng, x = np.random.default_rng(0), np.array([1.0, 4.0])
    sds, rho = sleep.sampled.sds[0], sleep.sampled.correlations[0][:, :, 0, 1]
    variance = (sds[..., 0] ** 2) + 16 * sds[..., 1] ** 2 + 8 * rho * sds[..., 0] * sds[..., 1]
    variance = variance + observation * sleep.sampled.sigma**2
    mean = sleep.sampled.coefficients @ x
    assert found["sd"][0] == pytest.approx(np.sqrt(mean.var() + variance.mean()))
    drawn = mean + np.sqrt(variance) * rng.standard_normal((400, *mean.shape))
    # 400,000 draws: the standard error of a 5% quantile is about 0.3% of the sd
    np.testing.assert_allclose(
        [found["lower"][0], found["upper"][0]], np.quantile(drawn, [0.05, 0.95]), atol=0.02 * found["sd"][0]
    )
    assert found["varies"][0] == "coefficients + new group effects" + " + residual" * observation


def test_precision_weights_of_new_rows(sleep: Posterior) -> None:
    new = read_new_data(sleep, {"days": [4.0, 4.0]}, groups="typical", observation=True)
    keywords: dict[str, Any] = {"groups": "typical", "interval": 0.9, "observation": True}
    found = posterior_predict(sleep, new.rows, precision=np.array([1.0, 4.0]), **keywords)
    variance = (sleep.sampled.coefficients @ [1.0, 4.0]).var()
    residual = (sleep.sampled.sigma**2).mean()
    np.testing.assert_allclose(found["sd"] ** 2 - variance, [residual, residual / 4])


def test_group_effects_kept_at_some_draws(sleep: Posterior) -> None:
    kept = np.arange(0, 250, 5)
    some = dataclasses.replace(sleep.sampled, kept=kept, effects=(sleep.sampled.effects[0][:, kept],))
    found = posterior_predict(
        dataclasses.replace(sleep, sampled=some, memory={}), interval=0.9, observation=True
    )
    whole = posterior_predict(sleep, interval=0.9, observation=True)
    # 200 draws against 1000 of the same: within four standard errors of the mean of 200
    assert np.all(np.abs(found["prediction"] - whole["prediction"]) < 4 * whole["sd"] / np.sqrt(200))


@pytest.mark.parametrize(
    ("data", "keywords", "error", "message"),
    [
        ({"days": [1.0], "subject": ["z"]}, {}, DataError, "has not seen these levels: `subject`: z"),
        (None, {"groups": "old"}, OptionError, "groups='old' is not known"),
        (None, {"groups": {"s": "new"}}, OptionError, "the model has no grouping factor 's'"),
        (None, {"interval": 95}, OptionError, "interval=95 is not a coverage"),
        (None, {"observation": True}, OptionError, "observation=True was asked without an interval"),
    ],
)
def test_refusals(sleep: Posterior, data: Any, keywords: Any, error: type[Exception], message: str) -> None:
    rows = None if data is None else read_new_data(sleep, data, groups="known", observation=False).rows
    with pytest.raises(error) as caught:
        posterior_predict(sleep, rows, **keywords)
    assert message in str(caught.value)


@pytest.mark.parametrize("p", [1e-6, 0.025, 0.5, 0.999])
def test_quantiles_of_mixtures(p: float) -> None:
    rng = np.random.default_rng(1)
    mean = np.column_stack([np.zeros(200), rng.standard_normal(200), np.repeat([-50.0, 50.0], 100)])
    variance = np.column_stack([np.ones(200), rng.random(200), np.full(200, 1e-6)])
    found = mixture_quantile(mean, variance, p)
    assert found[0] == pytest.approx(stats.norm.ppf(p), rel=1e-7, abs=1e-9)
    below = stats.norm.cdf(found, mean, np.sqrt(variance)).mean(axis=0)
    np.testing.assert_allclose(below, p, atol=1e-8)


def test_quantiles_without_variance_are_those_of_the_sample() -> None:
    mean = np.random.default_rng(2).standard_normal((50, 2))
    variance = np.zeros((50, 2))
    np.testing.assert_allclose(mixture_quantile(mean, variance, 0.3), np.quantile(mean, 0.3, axis=0))
    variance[:, 1] = 1.0
    found = mixture_quantile(mean, variance, 0.3)
    assert found[0] == pytest.approx(np.quantile(mean[:, 0], 0.3))
    assert stats.norm.cdf(found[1], mean[:, 1]).mean() == pytest.approx(0.3, abs=1e-8)


def test_a_single_observation_has_the_sd_of_its_own_group() -> None:
    posterior = varying_posterior()
    assert posterior.sampled.residual is not None
    sds = posterior.sampled.residual.sds.reshape(1000, -1)[:, [0, 1]]
    rows = read_new_data(posterior, NEW, groups="known", observation=True).rows
    mean = posterior_predict(posterior, rows, interval=0.9)
    found = posterior_predict(posterior, rows, interval=0.9, observation=True)
    expected = np.sqrt(np.square(mean["sd"]) + np.mean(sds**2, axis=0))
    np.testing.assert_allclose(found["sd"], expected, rtol=1e-12)
    assert found["sd"][1] > 2 * found["sd"][0]  # 40 against 10


@pytest.mark.parametrize("groups", ["new", "typical"])
def test_a_single_observation_of_a_group_that_is_not_in_the_data(groups: str) -> None:
    posterior = varying_posterior()
    rows = read_new_data(posterior, {"days": [3.0]}, groups=groups, observation=True).rows
    mean = posterior_predict(posterior, rows, groups=groups, interval=0.9)
    found = posterior_predict(posterior, rows, groups=groups, interval=0.9, observation=True)
    (_, first), (_, second) = posterior.sampled.residual.parameters  # type: ignore[union-attr]
    variance = np.mean(np.exp(2 * first + 2 * second**2))  # of a log-normal variable, given its parameters
    # one sd of the group at each of 1,000 draws: the mean of their squares, which have a long tail
    assert found["sd"][0] == pytest.approx(np.sqrt(mean["sd"][0] ** 2 + variance), rel=0.05)


def test_residual_groups_of_their_own_are_used_whatever_the_grouping_factors() -> None:
    posterior = varying_posterior("late")
    new = {"days": [3.0, 3.0, 3.0], "late": ["early", "late", "never"]}
    rows = read_new_data(posterior, new, groups="new", observation=True).rows
    found = posterior_predict(posterior, rows, groups="new", interval=0.9, observation=True)
    plain = posterior_predict(posterior, rows, groups="new", interval=0.9)
    sds = posterior.sampled.residual.sds.reshape(1000, -1)  # type: ignore[union-attr]
    extra = np.square(found["sd"]) - np.square(plain["sd"])
    np.testing.assert_allclose(extra[:2], np.mean(sds**2, axis=0), rtol=1e-10)
    assert extra[0] < extra[2]  # a level that is not in the data has an sd from the law
    with pytest.raises(DataError, match="no column `late`"):
        read_new_data(posterior, {"days": [3.0]}, groups="new", observation=True)
    assert (
        read_new_data(posterior, {"days": [3.0]}, groups="new", observation=False).rows.residual is not None
    )


def test_an_average_is_that_of_a_typical_group_and_its_observations_have_groups(sleep: Posterior) -> None:
    """Linear models: the mean over groups is that of a typical one; its observations have a group."""
    for observation, other in ((False, "typical"), (True, "new")):
        found, known = (
            sleep.predict({"days": [4.0]}, groups=kind, interval=0.9, observation=observation)
            for kind in ("average", other)
        )
        assert found.equals(known)
