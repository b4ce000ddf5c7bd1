"""Group effects by rank, pooling weights by size, coefficients of several results."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

import multilevel as ml
from multilevel.errors import OptionError
from multilevel.inference.intervals import coefficient_intervals, pooling_by_size, ranked_effects
from tests.oracle.posteriors import sleep_posterior


@pytest.fixture(scope="module")
def penicillin() -> ml.Fit:
    return ml.fit("diameter ~ 1 + (1 | plate) + (1 | sample)", ml.datasets.load("penicillin"))


@pytest.fixture(scope="module")
def sleep() -> ml.Fit:
    return ml.fit("reaction ~ days + (days | subject)", ml.datasets.load("sleepstudy"))


def test_effects_go_from_the_lowest_to_the_highest(penicillin: ml.Fit) -> None:
    found = ranked_effects(penicillin, group="sample", level=0.9)
    effects = penicillin.random_effects.query("group == 'sample'").sort_values("estimate")
    assert found["level"] == effects["level"].tolist()
    assert found["rank"].tolist() == [1, 2, 3, 4, 5, 6]
    np.testing.assert_allclose(found["estimate"], effects["estimate"])
    half = norm.ppf(0.95) * effects["sd"]
    np.testing.assert_allclose(found["lower"], effects["estimate"] - half)
    np.testing.assert_allclose(found["upper"], effects["estimate"] + half)


def test_effects_of_a_posterior_have_quantiles() -> None:
    post = sleep_posterior()
    found = ranked_effects(post, term="days", level=0.8)
    draws = post.draws["effects(subject, days)"].reshape(-1, 18)
    order = [post.design.factors[0].levels.index(level) for level in found["level"]]
    np.testing.assert_allclose(found["estimate"], draws.mean(axis=0)[order])
    np.testing.assert_allclose(found["lower"], np.quantile(draws, 0.1, axis=0)[order])
    np.testing.assert_allclose(found["upper"], np.quantile(draws, 0.9, axis=0)[order])
    assert np.all(np.diff(found["estimate"]) >= 0)


def test_pooling_beside_sizes(penicillin: ml.Fit, sleep: ml.Fit) -> None:
    for fit, group, term in ((penicillin, "sample", "Intercept"), (sleep, "subject", "days")):
        found = pooling_by_size(fit, group=group, term=term)
        effects = fit.random_effects.query("group == @group and term == @term")
        assert found["level"] == effects["level"].tolist()
        np.testing.assert_array_equal(found["pooling"], effects["pooling"])
    assert found["n"].tolist() == [10] * 18
    post = sleep_posterior()
    expected = post.random_effects.query("term == 'days'")["pooling"]
    np.testing.assert_array_equal(pooling_by_size(post, term="days")["pooling"], expected)


def test_coefficients_of_several_results(sleep: ml.Fit) -> None:
    simple = ml.fit("reaction ~ 1 + (1 | subject)", ml.datasets.load("sleepstudy"))
    post = sleep_posterior()
    found = coefficient_intervals({"a": sleep, "b": simple, "c": post}, terms=["days", "Intercept"])
    assert found["result"] == ["a", "c", "a", "b", "c"]
    assert found["term"] == ["days", "days", "Intercept", "Intercept", "Intercept"]
    fixed = sleep.fixed_effects
    assert [found[name][0] for name in ("estimate", "lower", "upper")] == pytest.approx(
        [fixed[name][1] for name in ("estimate", "lower", "upper")]
    )
    assert found["lower"][1] == pytest.approx(post.fixed_effects["lower"][1])
    assert coefficient_intervals({"a": sleep})["term"] == ["days"]


def test_refusals(sleep: ml.Fit) -> None:
    with pytest.raises(OptionError, match="the effects group='school', term=None") as caught:
        ranked_effects(sleep, group="school")
    assert "group='subject', term='Intercept'; group='subject', term='days'" in str(caught.value)
    with pytest.raises(OptionError, match="level=95 is not a coverage"):
        ranked_effects(sleep, level=95)
    flat = ml.fit("reaction ~ days", ml.datasets.load("sleepstudy"))
    with pytest.raises(OptionError, match="group effects were asked of a model that has none"):
        pooling_by_size(flat)
    with pytest.raises(OptionError, match="there is no coefficient 'day'"):
        coefficient_intervals({"a": sleep}, terms=["day"])
    with pytest.raises(OptionError, match="there are no coefficients to show"):
        coefficient_intervals({"a": ml.fit("reaction ~ 1 + (1 | subject)", ml.datasets.load("sleepstudy"))})
