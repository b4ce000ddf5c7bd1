"""Graphs through the doors: the same numbers as formulas, checks of the data, saving."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import multilevel as ml

APPS = """
    P[publisher] ~ Normal(mu + g * size, sigma_P)
    A[app]       ~ Normal(P[publisher], sigma_A)
    D[device]    ~ Normal(0, sigma_D)
    stars        ~ Normal(A[app] + D[device], sigma)
"""


@pytest.fixture(scope="module")
def apps():
    rng = np.random.default_rng(1)
    parent = rng.integers(0, 12, 80)
    publisher = rng.normal(5.0, 1.0, 12)
    app = rng.normal(publisher[parent], 0.7)
    device = rng.normal(0.0, 0.5, 15)
    a, d = rng.integers(0, 80, 900), rng.integers(0, 15, 900)
    return pd.DataFrame(
        {
            "stars": rng.normal(app[a] + device[d], 0.8),
            "app": [f"a{i}" for i in a],
            "publisher": [f"p{parent[i]}" for i in a],
            "device": [f"d{i}" for i in d],
            "size": np.log1p(parent[a]),
        }
    )


def test_likelihood_is_that_of_the_formula(apps):
    formula = "stars ~ size + (1 | publisher) + (1 | app) + (1 | device)"
    assert ml.fit(ml.graph(APPS), apps).deviance == ml.fit(formula, apps).deviance


def test_an_order_of_factors_that_only_the_data_settle(apps):
    graph = ml.graph(APPS.replace("g * size", "size * g"))
    assert ml.fit(graph, apps).deviance == ml.fit(ml.graph(APPS), apps).deviance


def test_a_node_with_two_parents_is_named(apps):
    apps = apps.assign(publisher=np.roll(apps["publisher"], 1), size=1.0)
    with pytest.raises(ml.DesignError, match=r"`P\[publisher\]` is in the mean of `A\[app\]`, but app 'a"):
        ml.fit(ml.graph(APPS.replace(" + g * size", "")), apps)


def test_a_group_level_column_that_varies_is_named(apps):
    apps = apps.assign(size=np.arange(900.0))
    with pytest.raises(
        ml.DesignError, match=r"`size` is in the mean of `P\[publisher\]`, but varies inside publisher"
    ):
        ml.fit(ml.graph(APPS), apps)


def test_known_sds_by_column_are_the_keyword():
    schools = ml.datasets.load("eight_schools")
    graph = "theta[school] ~ Normal(mu, tau); effect ~ Normal(theta[school], sd)"
    graph += "; mu ~ Flat(); tau ~ HalfCauchy(5)"
    one = ml.sample(ml.graph(graph), schools, seed=1)
    priors = {"Intercept": ml.Flat(), "school": {"sd": ml.HalfCauchy(5)}}
    other = ml.sample("effect ~ 1 + (1 | school)", schools, priors, residual_sd="sd", seed=1)
    np.testing.assert_array_equal(one.draws["Intercept"], other.draws["Intercept"])
    with pytest.raises(ml.OptionError, match="residual_sd is given"):
        ml.sample(ml.graph(graph), schools, residual_sd=1.0, seed=1)
    with pytest.raises(ml.OptionError, match="Intercept"):
        ml.sample(ml.graph(graph), schools, {"Intercept": ml.Flat()}, seed=1)


def test_a_known_sd_of_a_node_is_sampled_and_not_fitted():
    schools = ml.datasets.load("eight_schools")
    graph = ml.graph("theta[school] ~ Normal(mu, 4)\neffect ~ Normal(theta[school], sd)")
    drawn = ml.sample(graph, schools, seed=1).draws["sd(school, Intercept)"]
    assert np.all(np.asarray(drawn) == 4.0)


def test_generalised_graph_is_the_formula():
    ticks = ml.datasets.load("cbpp")
    graph = ml.graph("h[herd] ~ Normal(m, s)\nincidence ~ Binomial(size, logistic(h[herd] + b * period))")
    wanted = ml.fit("prop(incidence, size) ~ period + (1 | herd)", ticks, family="binomial")
    assert ml.fit(graph, ticks).deviance == wanted.deviance


def test_saved_and_loaded(apps, tmp_path):
    fit = ml.fit(ml.graph(APPS), apps)
    fit.save(tmp_path / "apps.fit")
    again = ml.load_fit(tmp_path / "apps.fit")
    assert again.deviance == fit.deviance
    assert again.model.dag == fit.model.dag
    post = ml.sample(ml.graph(APPS), apps, seed=1, draws=1000)
    post.save(tmp_path / "apps.draws")
    assert ml.load_posterior(tmp_path / "apps.draws").model.dag == post.model.dag


def test_columns_of_files(apps, tmp_path):
    apps.to_csv(tmp_path / "apps.csv", index=False)
    apps.to_parquet(tmp_path / "apps.parquet")
    wanted = ml.fit(ml.graph(APPS), apps).deviance
    for name in ("apps.csv", "apps.parquet"):
        assert ml.fit(ml.graph(APPS), tmp_path / name).deviance == pytest.approx(wanted, rel=1e-12)


def test_columns_are_known_at_once_if_the_data_are_given(apps):
    with pytest.raises(ml.FormulaError, match="did you mean `size`"):
        ml.graph(APPS.replace("size", "sizes"), apps)
