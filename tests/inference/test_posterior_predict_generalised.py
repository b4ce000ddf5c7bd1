"""Predictions of posteriors of generalised models against their definition, draw by draw."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import expit

from multilevel.errors import OptionError
from tests.inference.test_posterior_generalised import case, etas, values, zeros


def fixed(post: Any) -> np.ndarray:
    """Return ``(s, n)`` linear predictors without group effects."""
    return np.asarray(post.sampled.coefficients.reshape(post.n_draws, -1) @ post.design.fixed.X.T)


def test_known_and_typical_groups() -> None:
    post = case("binomial")
    known, typical = post.predict(interval=0.8), post.predict(groups="typical", interval=0.8)
    assert known["prediction"].to_numpy() == pytest.approx(expit(etas(post)).mean(axis=0))
    assert known["upper"].to_numpy() == pytest.approx(np.quantile(expit(etas(post)), 0.9, axis=0))
    assert typical["sd"].to_numpy() == pytest.approx(expit(fixed(post)).std(axis=0))
    assert known["varies"][0] == "coefficients + estimated group effects"


def test_average_over_groups_is_that_of_many_groups() -> None:
    post = case("bernoulli")
    rng = np.random.default_rng(1)
    sds = post.sampled.sds[0].reshape(-1, 1)
    many = np.mean([expit(fixed(post) + sds * rng.standard_normal(sds.shape)) for _ in range(400)], axis=0)
    found = post.predict(groups="average")["prediction"].to_numpy()
    assert found == pytest.approx(many.mean(axis=0), abs=0.005)


def test_interval_of_new_groups_is_that_of_drawn_groups() -> None:
    post = case("negative binomial")
    rng = np.random.default_rng(2)
    sds = post.sampled.sds[0].reshape(-1, 1)
    many = np.concatenate([fixed(post) + sds * rng.standard_normal(sds.shape) for _ in range(400)])
    found = post.predict(groups="new", interval=0.9)
    assert np.log(found["lower"].to_numpy()) == pytest.approx(np.quantile(many, 0.05, axis=0), abs=0.03)
    assert np.log(found["upper"].to_numpy()) == pytest.approx(np.quantile(many, 0.95, axis=0), abs=0.03)
    assert found["prediction"].to_numpy() == pytest.approx(np.exp(fixed(post)).mean(axis=0))


def test_observations_of_counts_with_extra_zeros() -> None:
    post = case("zero inflation")
    found = post.predict(interval=0.9, observation=True)
    mean = ((1 - zeros(post)) * np.exp(etas(post))).mean(axis=0)
    assert found["prediction"].to_numpy() == pytest.approx(mean)
    assert (found["lower"].to_numpy() == 0.0).all()
    second = (1 - zeros(post)) * (np.exp(etas(post)) + np.exp(2 * etas(post)))
    sd = np.sqrt(second.mean(axis=0) - mean**2)
    assert found["sd"].to_numpy() == pytest.approx(sd, rel=0.4)
    assert found.equals(post.predict(interval=0.9, observation=True))


def test_classes() -> None:
    post = case("ordinal")
    found = post.predict()
    first = expit(values(post)[:, None, 0] - etas(post)).mean(axis=0)
    assert found["p(1)"].to_numpy() == pytest.approx(first)
    assert found.sum(axis=1).to_numpy() == pytest.approx(np.ones(post.n_rows))


def test_new_data_with_trials() -> None:
    post = case("binomial")
    new = {"x": [0.5, 0.5], "g": [0, 3], "i": [1, 2], "trials": [1, 100]}
    found = post.predict(new, interval=0.9, observation=True)
    assert found["upper"].to_numpy()[0] == 1.0 and found["upper"].to_numpy()[1] < 1.0


@pytest.mark.parametrize(
    ("name", "keywords", "message"),
    [
        ("bernoulli", {"observation": True}, "without an interval"),
        ("ordinal", {"interval": 0.9}, "interval was asked of the class probabilities"),
        ("zero inflation", {"interval": 0.9, "groups": "new"}, "mean of new groups"),
        ("binomial", {"interval": 0.9, "groups": {"g": "new", "i": "average"}}, "partly 'new'"),
    ],
)
def test_refusals(name: str, keywords: Any, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        case(name).predict(**keywords)
