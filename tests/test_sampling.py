"""The door to posteriors: options, agreement with maximum likelihood, saving and loading."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import multilevel as ml

FORMULA = "reaction ~ days + (days | subject)"


@pytest.fixture(scope="module")
def post() -> ml.Posterior:
    return ml.sample(FORMULA, ml.datasets.load("sleepstudy"), seed=1)


def test_the_same_seed_gives_the_same_draws(post: ml.Posterior) -> None:
    again = ml.sample(ml.formula(FORMULA), ml.datasets.load("sleepstudy", library="polars"), seed=1)
    assert np.array_equal(again.draws["days"], post.draws["days"])
    other = ml.sample(FORMULA, ml.datasets.load("sleepstudy"), seed=2)
    assert not np.array_equal(other.draws["days"], post.draws["days"])


def test_flat_priors_give_the_estimates_of_least_squares() -> None:
    data = ml.datasets.load("sleepstudy")
    flat = {"fixed": ml.Flat(), "subject": {"sd": ml.Fixed(1e-6)}, "sigma": ml.Fixed(47.0)}
    posterior = ml.sample("reaction ~ days + (1 | subject)", data, flat, seed=4, draws=20_000)
    fit = ml.fit("reaction ~ days", data, residual_sd=47.0)
    table, ols = posterior.fixed_effects, fit.fixed_effects
    assert table["sd"].to_numpy() == pytest.approx(ols["std_error"].to_numpy(), rel=0.03)
    gap = np.abs(table["mean"].to_numpy() - ols["estimate"].to_numpy())
    assert np.all(gap < 4 * table["mcse"].to_numpy())


def test_named_priors_are_used_and_printed(post: ml.Posterior) -> None:
    assert "LKJ(2)" in str(post)
    held = ml.sample(FORMULA, ml.datasets.load("sleepstudy"), {"days": ml.Normal(0, 0.01)}, seed=1)
    assert abs(held.draws["days"].mean()) < 0.1
    assert "Normal(0, 0.01)" in str(held)


def test_gibbs_agrees_with_the_marginal_engine(post: ml.Posterior) -> None:
    chain = ml.sample(FORMULA, ml.datasets.load("sleepstudy"), method="gibbs", seed=3, warmup=500)
    assert (chain.method, post.method) == ("gibbs", "marginal")
    for question in ("fixed_effects", "variance_components", "correlations"):
        one, other = getattr(chain, question), getattr(post, question)
        error = np.hypot(one["mcse"], other["mcse"]).to_numpy(dtype=float)
        assert np.all(np.abs(one["mean"] - other["mean"]).to_numpy(dtype=float) < 4 * error)


def test_a_saved_posterior_answers_as_before(post: ml.Posterior, tmp_path: Path) -> None:
    path = tmp_path / "sleep.draws"
    post.save(path)
    loaded = ml.load_posterior(path)
    pd.testing.assert_frame_equal(loaded.fixed_effects, post.fixed_effects)
    pd.testing.assert_frame_equal(loaded.random_effects, post.random_effects)


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"method": "nuts"}, "method='nuts' is not known"),
        ({"draws": 0}, "draws=0"),
        ({"seed": -1}, "seed=-1"),
        ({"priors": {"dayz": ml.Normal(0, 1)}}, "'days' for 'dayz'"),
        ({"priors": {"days": ml.LKJ(2)}}, "days"),
    ],
)
def test_wrong_options_are_refused(keywords: dict[str, object], words: str) -> None:
    with pytest.raises(ml.OptionError, match=words):
        ml.sample(FORMULA, ml.datasets.load("sleepstudy"), **keywords)  # type: ignore[arg-type]
