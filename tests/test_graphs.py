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


def _many_kinds():
    rng = np.random.default_rng(4)
    n, g, d = 240, np.arange(240) % 16, rng.integers(0, 7, 240)
    x, size = rng.normal(size=n), (g % 4 + 1.0) ** 2
    mean = (
        1.0
        + 0.4 * x
        + rng.normal(0, 0.5, 16)[g]
        + rng.normal(0, 0.4, 7)[d]
        + np.array([-1.5, 0.2, 1.3, 0.1])[g % 4]
    )
    return pd.DataFrame(
        {
            "y": mean + rng.normal(0, 0.6, n),
            "count": rng.poisson(np.exp(mean / 2)),
            "wins": rng.binomial(9, 1 / (1 + np.exp(1 - mean / 2))),
            "n": 9 + g % 3,
            "x": x,
            "size": size,
            "kind": np.where(g % 2 == 1, "odd", "even"),
            "colour": rng.choice(["r", "s", "t"], n),
            "time": rng.uniform(1, 3, n),
            "g": [f"g{i:02d}" for i in g],
            "h": [f"h{i % 4}" for i in g],
            "d": d,
        }
    )


A = "a[g] ~ Normal(m, t); "
PAIRS = [
    ("H[h] ~ Normal(m, u); a[g] ~ Normal(H[h], t); y ~ Normal(a[g], s)", "y ~ 1 + (1 | h) + (1 | g)", None),
    (A + "D[d] ~ Normal(0, u); y ~ Normal(a[g] + D[d] + b * x, s)", "y ~ x + (1 | g) + (1 | d)", None),
    ("b[g] ~ MVNormal([m, k], S); y ~ Normal(b[g][0] + b[g][1] * x, s)", "y ~ x + (x | g)", None),
    ("b[g] ~ MVNormal([m, k], [t, u], R); y ~ Normal(b[g][0] + b[g][1] * x, s)", "y ~ x + (x | g)", None),
    (
        "[a, b][g] ~ MVNormal([m + c * size, k + l * size], S); y ~ Normal(a[g] + b[g] * x, s)",
        "y ~ size * x + (x | g)",
        None,
    ),
    (
        "a[g] ~ Normal(m + c * kind, t); y ~ Normal(a[g] + b * colour * x + e * x, s)",
        "y ~ kind + x + colour:x + (1 | g)",
        None,
    ),
    (
        A + "y ~ Normal(a[g] + b * x + c * x * x + data(time) + 2, s)",
        "y ~ x + I(x ** 2) + offset(time) + offset(I(0 * x + 2)) + (1 | g)",
        None,
    ),
    (
        A + "exp(y) ~ Normal(a[g] + b * poly(x, 2) + c * C(d), s)",
        "exp(y) ~ poly(x, 2) + C(d) + (1 | g)",
        None,
    ),
    (
        A + "count ~ Poisson(exp(a[g] + b * x + log(time)))",
        "count ~ x + offset(log(time)) + (1 | g)",
        "poisson",
    ),
    (A + "wins ~ Binomial(n, logistic(a[g] + b * colour))", "prop(wins, n) ~ colour + (1 | g)", "binomial"),
    (
        A + "wins ~ BetaBinomial(11, logistic(a[g] + b * x), phi)",
        "prop(wins, 11) ~ x + (1 | g)",
        "beta_binomial",
    ),
    (A + "count ~ NegativeBinomial(exp(a[g]), theta)", "count ~ 1 + (1 | g)", "negative_binomial"),
]


@pytest.mark.parametrize(("graph", "formula", "family"), PAIRS)
def test_a_graph_and_a_formula_of_one_model_have_one_likelihood(graph, formula, family):
    data = _many_kinds()
    one, other = ml.fit(ml.graph(graph), data), ml.fit(formula, data, family=family or "gaussian")
    assert one.deviance == pytest.approx(other.deviance, rel=1e-12)
    assert one.design.fixed.names == other.design.fixed.names


def test_a_graph_and_a_formula_of_one_model_have_one_evidence(apps):
    graph = "a[app] ~ Normal(m, t); stars ~ Normal(a[app] + b * size, s); m ~ Normal(5, 3); b ~ Normal(0, 1)"
    graph += "; t ~ HalfNormal(1); s ~ HalfNormal(2)"
    priors = {
        "Intercept": ml.Normal(5, 3),
        "size": ml.Normal(0, 1),
        "app": {"sd": ml.HalfNormal(1)},
        "sigma": ml.HalfNormal(2),
    }
    one = ml.sample(ml.graph(graph), apps, seed=1)
    other = ml.sample("stars ~ size + (1 | app)", apps, priors, seed=1)
    assert one.log_evidence == pytest.approx(other.log_evidence, abs=1e-9)


def test_a_prior_of_the_coefficient_of_a_category_is_that_of_each_of_its_columns():
    graph = A + "y ~ Normal(a[g] + b * colour + c * x * kind, s); b ~ Normal(0, 3); c ~ Normal(0, 2)"
    texts = dict(ml.sample(ml.graph(graph), _many_kinds(), seed=1).priors.texts())
    assert [texts[f"colour[T.{level}]"] for level in "st"] == ["Normal(0, 3)"] * 2
    assert [texts[f"x:kind[{level}]"] for level in ("even", "odd")] == ["Normal(0, 2)"] * 2


def test_known_sds_give_the_closed_form_of_partial_pooling():
    """MODELS A1: E[R_j | X] = w_j mean_j + (1 - w_j) R, Var = w_j s_j^2 / n_j, exactly, here by draws."""
    rng = np.random.default_rng(8)
    n = np.arange(1, 13)
    friend, sd = np.repeat(np.arange(12), n), np.repeat(np.linspace(0.4, 2.0, 12), n)
    films = pd.DataFrame(
        {"y": rng.normal(rng.normal(6, 1.2, 12)[friend], sd), "friend": friend + 10, "sd": sd}
    )
    graph = "R[friend] ~ Normal(mean, 1.2); y ~ Normal(R[friend], sd); mean ~ Fixed(6)"
    post = ml.sample(ml.graph(graph), films, seed=1)
    noise = np.linspace(0.4, 2.0, 12) ** 2 / n
    weight = 1.44 / (1.44 + noise)
    exact = weight * films.groupby("friend")["y"].mean().to_numpy() + (1 - weight) * 6
    spread = np.sqrt(weight * noise)
    table, draws = post.nodes, post.n_draws
    assert np.all(np.abs(table["mean"] - exact) < 4.5 * spread / np.sqrt(draws))
    np.testing.assert_allclose(table["sd"], spread, rtol=4.5 / np.sqrt(2 * draws))
    np.testing.assert_allclose(table["pooling"], weight, atol=4.5 * np.sqrt(2 / draws))


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


def test_a_family_beside_that_of_the_graph_is_refused():
    graph = ml.graph(A + "count ~ Poisson(exp(a[g] + b * x))")
    assert ml.fit(graph, _many_kinds(), family="poisson").deviance == ml.fit(graph, _many_kinds()).deviance
    for family in ("gaussian", ml.families.Poisson(link="sqrt")):
        with pytest.raises(ml.OptionError, match="the graph's response is Poisson"):
            ml.fit(graph, _many_kinds(), family=family)


HELD = {
    "t ~ Fixed(3)": "write 3 in place of `t`",
    "m ~ Fixed(2)": "write 2 in place of `m`",
    "s ~ Fixed(1)": "write 1 in place of `s`",
    "b ~ Fixed(2)": "multilevel.sample; or a known product in its place, data(I(2 * x))",
}


@pytest.mark.parametrize("held", HELD)
def test_a_parameter_that_a_prior_holds_is_not_estimated(apps, held):
    graph = f"a[app] ~ Normal(m, t); stars ~ Normal(a[app] + b * x, s); {held}"
    with pytest.raises(ml.OptionError, match="is held by a prior") as caught:
        ml.fit(ml.graph(graph), apps.assign(x=apps["size"]))
    assert caught.value.remedy == HELD[held]


def test_a_graph_as_text_is_no_formula():
    with pytest.raises(ml.FormulaError, match="`Normal` is not a function") as caught:
        ml.fit("y ~ Normal(m, s)", _many_kinds())
    assert caught.value.remedy == "statements with distributions are a graph: multilevel.graph(...)"


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


def test_categories_beside_thresholds_are_coded_as_in_formulas(apps):
    rows = apps.assign(kind=np.array(["a", "b", "c"])[np.arange(900) % 3])
    rows["rank"] = pd.Categorical(np.digitize(rows["stars"], [4.5, 6.0]).astype(str), ordered=True)
    formula = ml.fit("rank ~ kind + (1 | app)", rows, family="ordinal")
    graph = ml.fit(ml.graph("A[app] ~ Normal(0, t); rank ~ Ordinal(A[app] + b * kind)"), rows)
    assert graph.fixed_effects["term"].tolist() == ["kind[T.b]", "kind[T.c]"]
    pd.testing.assert_frame_equal(graph.fixed_effects, formula.fixed_effects)
    again = ml.fit(formula.model.graph(), rows)
    assert again.deviance == formula.deviance
    assert again.quantities["quantity"].tolist()[:2] == ["sigma_a_app", "a_app"]
