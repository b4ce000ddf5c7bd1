"""Predictions of posteriors of generalised models against their definition, draw by draw."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.special import expit

from multilevel.errors import DataError, OptionError, OverflowWarning
from multilevel.inference.new_data import read_new_data
from multilevel.inference.posterior_predict_generalised import predict_generalised
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


@pytest.mark.parametrize("asked", [{}, {"interval": 0.9}, {"interval": 0.9, "observation": True}])
def test_rows_whose_means_overflow_are_named(asked: dict[str, Any]) -> None:
    new = {"x": [0.5, 1e5], "g": [0, 0], "i": [1, 2]}
    with pytest.warns(OverflowWarning, match=r"in row 1 \(counted from 0\)"):
        found = case("negative binomial").predict(new, groups="typical", **asked)
    assert found["prediction"].to_numpy()[1] == np.inf
    assert np.isfinite(found["prediction"].to_numpy()[0])


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


def test_intervals_of_classes() -> None:
    post = case("ordinal")
    found = post.predict(interval=0.8)
    p = expit(values(post)[:, None, :] - etas(post)[:, :, None])
    second = p[:, :, 1] - p[:, :, 0]
    assert found["sd(2)"].to_numpy() == pytest.approx(second.std(axis=0))
    assert found["lower(2)"].to_numpy() == pytest.approx(np.quantile(second, 0.1, axis=0))
    assert found["upper(3)"].to_numpy() == pytest.approx(np.quantile(1 - p[:, :, 1], 0.9, axis=0))
    assert list(found)[:5] == ["p(1)", "sd(1)", "lower(1)", "upper(1)", "p(2)"]
    assert found["varies"][0] == "coefficients + estimated group effects"
    average = post.predict(groups="average", interval=0.8)
    assert ((average["lower(1)"] < average["p(1)"]) & (average["p(1)"] < average["upper(1)"])).all()


def drawn_groups(post: Any, rounds: int = 400) -> np.ndarray:
    """Return linear predictors of groups drawn by every draw of a posterior with one effect."""
    rng = np.random.default_rng(2)
    sds = post.sampled.sds[0].reshape(-1, 1)
    return np.stack([fixed(post) + sds * rng.standard_normal(sds.shape) for _ in range(rounds)])


def test_classes_of_new_groups() -> None:
    post = case("ordinal")
    found = post.predict(groups="new", interval=0.8)
    many = expit(values(post)[:, :1] - drawn_groups(post)).reshape(-1, post.n_rows)
    assert found["p(1)"].to_numpy() == pytest.approx(expit(values(post)[:, :1] - fixed(post)).mean(axis=0))
    # 300 draws: the standard errors of sds and limits are below 0.02
    assert found["sd(1)"].to_numpy() == pytest.approx(many.std(axis=0), abs=0.04)
    for name, q in (("lower(1)", 0.1), ("upper(1)", 0.9)):
        assert found[name].to_numpy() == pytest.approx(np.quantile(many, q, axis=0), abs=0.1)
        assert abs((found[name].to_numpy() - np.quantile(many, q, axis=0)).mean()) < 0.02
    assert found.equals(post.predict(groups="new", interval=0.8))


def test_new_groups_with_extra_zeros() -> None:
    post = case("zero inflation")
    found = post.predict(groups="new", interval=0.8)
    many = ((1 - zeros(post)) * np.exp(drawn_groups(post))).reshape(-1, post.n_rows)
    for name, q in (("lower", 0.1), ("upper", 0.9)):
        ratio = found[name].to_numpy() / np.quantile(many, q, axis=0)
        assert abs(np.log(ratio).mean()) < 0.05


def test_new_groups_beside_an_average() -> None:
    post = case("binomial")
    found = post.predict(groups={"g": "average", "i": "new"}, interval=0.8)
    swapped = post.predict(groups={"g": "average", "i": "typical"}, interval=0.8)
    assert found["prediction"].to_numpy() == pytest.approx(swapped["prediction"].to_numpy())
    assert ((found["upper"] - found["lower"]) > (swapped["upper"] - swapped["lower"])).all()
    assert found["varies"][0] == "coefficients + new group effects"


def test_linear_predictors() -> None:
    post = case("zero inflation")
    known = post.predict(interval=0.8, scale="link")
    assert known["prediction"].to_numpy() == pytest.approx(etas(post).mean(axis=0))
    assert known["sd"].to_numpy() == pytest.approx(etas(post).std(axis=0))
    assert known["lower"].to_numpy() == pytest.approx(np.quantile(etas(post), 0.1, axis=0))
    for groups in ("typical", "average"):
        found = post.predict(groups=groups, interval=0.8, scale="link")
        assert found["upper"].to_numpy() == pytest.approx(np.quantile(fixed(post), 0.9, axis=0))
    new = post.predict(groups="new", interval=0.8, scale="link")
    many = drawn_groups(post).reshape(-1, post.n_rows)
    assert new["sd"].to_numpy() == pytest.approx(many.std(axis=0), rel=0.02)
    assert new["upper"].to_numpy() == pytest.approx(np.quantile(many, 0.9, axis=0), abs=0.03)
    assert list(case("ordinal").predict(scale="link")) == ["prediction"]


def test_the_remedy_of_an_unknown_level_names_the_average() -> None:
    new = {"x": [0.5], "g": ["new"]}
    with pytest.raises(DataError, match=r"groups='average' \(the mean over groups\), or groups='typical'"):
        case("bernoulli").predict(new)
    post = case("bernoulli")
    rows = read_new_data(post, new, groups="new", observation=False).rows
    with pytest.raises(DataError, match=r"use groups='new', groups='average' or groups='typical'"):
        predict_generalised(post, replace(rows, unknown={"g": ()}))


@pytest.mark.parametrize(
    ("name", "keywords", "message"),
    [
        ("bernoulli", {"observation": True}, "without an interval"),
        ("ordinal", {"interval": 0.9, "observation": True}, "observation=True was asked of an ordinal"),
        ("binomial", {"interval": 0.9, "observation": True, "scale": "link"}, "has no linear predictor"),
        ("binomial", {"scale": "logit"}, "scale='logit'"),
    ],
)
def test_refusals(name: str, keywords: Any, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        case(name).predict(**keywords)
