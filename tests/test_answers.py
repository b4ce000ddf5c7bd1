"""What the spine of a fit checks before the rooms are asked: new responses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import multilevel as ml


@pytest.fixture(scope="module")
def fit() -> ml.Fit:
    return ml.fit("yield ~ 1 + (1 | batch)", ml.datasets.load("dyestuff"))


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ("a", r"the new response \(str\) is not numeric"),
        (["a"] * 30, r"the new response \(list\) is not numeric"),
        (np.arange(30) * 1j, r"the new response \(ndarray\) is not numeric"),
        ([[1.0], [1.0, 2.0]], r"the new response \(list\) is not numeric"),
        (np.arange(29.0), r"the new response has shape \(29,\)"),
        (np.ones(30), r"the new response is constant \(1\)"),
        ([None, *range(29)], "missing or infinite in 1 used rows, first in row 0"),
    ],
)
def test_a_new_response_that_cannot_be_used(fit: ml.Fit, y: Any, message: str) -> None:
    with pytest.raises(ml.DataError, match=message):
        fit.refit(y)


@pytest.mark.parametrize("kind", [np.asarray, list, pd.Series, lambda y: pd.Series(y, dtype="Float64")])
def test_a_new_response_may_be_any_column(fit: ml.Fit, kind: Any) -> None:
    y = fit.simulate(1, seed=1)[0]
    assert fit.refit(kind(y)).deviance == fit.refit(y).deviance


@pytest.fixture(scope="module")
def friends():
    """Thirty friends' ratings: each friend's own residual sd is known (model A1 of the graphs)."""
    rng = np.random.default_rng(1)
    n, sds = rng.integers(1, 12, 30), rng.uniform(0.5, 2.0, 30)
    friend = np.repeat(np.arange(30), n)
    rating = rng.normal(rng.normal(3.0, 1.5, 30)[friend], sds[friend])
    return pd.DataFrame({"friend": [f"f{i:02d}" for i in friend], "rating": rating, "own": sds[friend]})


def closed_form(friends, tau):
    """Return weights and posterior means ``w_j mean_j + (1 - w_j) R`` at the GLS estimate of ``R``."""
    by = friends.groupby("friend")
    mean, noise = by["rating"].mean().to_numpy(), (by["own"].first() ** 2 / by.size()).to_numpy()
    weight = tau**2 / (tau**2 + noise)
    R = (mean / (tau**2 + noise)).sum() / (1 / (tau**2 + noise)).sum()
    return weight, weight * mean + (1 - weight) * R


@pytest.mark.parametrize("method", ["reml", "ml"])
@pytest.mark.parametrize("tau", [1.5, None])
def test_friends_have_the_closed_form(friends, method, tau):
    """To 1e-10, with the spread of the friends known, and at the spread that is estimated."""
    graph = ml.graph(f"R[friend] ~ Normal(mean, {tau or 'spread'}); rating ~ Normal(R[friend], own)")
    fit = ml.fit(graph, friends, method=method)
    spread = fit.variance_components["sd"][0]
    assert tau is None or spread == pytest.approx(tau, rel=1e-14)
    weight, mean = closed_form(friends, spread)
    np.testing.assert_allclose(fit.nodes["estimate"], mean, rtol=1e-10)
    np.testing.assert_allclose(fit.nodes["pooling"], weight, rtol=1e-10)
    np.testing.assert_allclose(fit.random_effects["pooling"], weight, rtol=1e-10)
    b = fit.random_effects["estimate"] + fit.fixed_effects["estimate"][0]
    np.testing.assert_allclose(b, mean, rtol=1e-10)


def test_known_sds_are_a_keyword_of_formulas(friends, tmp_path):
    graph = ml.graph("R[friend] ~ Normal(mean, 1.5); rating ~ Normal(R[friend], own)")
    formula, known = "rating ~ 1 + (1 | friend)", {"friend": {"sd": 1.5}}
    one = ml.fit(graph, friends)
    two = ml.fit(formula, friends, residual_sd="own", known=known)
    assert two.deviance == one.deviance
    assert (one.df, two.df) == (1, 1)
    assert "The sd of (1 | friend) was given, not estimated." in str(two)
    free = ml.fit(formula, friends, known=known)
    for fit in (one, two, free):
        fit.save(tmp_path / "friends.fit")
        again = ml.load_fit(tmp_path / "friends.fit")
        assert (again.deviance, again.status) == (fit.deviance, fit.status)
        assert again.options.known == fit.options.known
        other = again.refit(again.simulate(1, seed=1)[0])
        assert other.variance_components["sd"][0] == pytest.approx(1.5, rel=1e-12)
    with pytest.raises(ml.OptionError, match="'fiend' names no grouped term"):
        ml.fit(formula, friends, known={"fiend": {"sd": 1.5}})
    with pytest.raises(ml.OptionError, match="with method='em'"):
        ml.fit(graph, friends, method="em")
