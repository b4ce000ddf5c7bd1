"""Nodes on their own scale: against Henderson's equations, quadrature-free posteriors, and new levels."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars
import pyarrow
import pytest

import multilevel as ml

APPS = """
    P[publisher] ~ Normal(mu + g * size, sigma_P)
    A[app]       ~ Normal(P[publisher], sigma_A)
    D[device]    ~ Normal(1.5, sigma_D)
    stars        ~ Normal(A[app] + D[device] + b * x, sigma)
"""


@pytest.fixture(scope="module")
def apps():
    rng = np.random.default_rng(7)
    parent = rng.permutation(np.arange(40) % 8)
    publisher = rng.normal(4.0, 1.0, 8)
    app, device = rng.normal(publisher[parent], 0.7), rng.normal(1.5, 0.6, 6)
    a = np.concatenate([np.arange(40), rng.integers(0, 40, 260)])
    d, x = rng.integers(0, 6, 300), rng.normal(size=300)
    return pd.DataFrame(
        {
            "stars": rng.normal(app[a] + device[d] + 0.3 * x, 0.8),
            "app": a,
            "publisher": parent[a],
            "device": d,
            "size": np.log1p(parent[a]),
            "x": x,
        }
    )


@pytest.fixture(scope="module")
def fit(apps):
    return ml.fit(ml.graph(APPS), apps)


def _henderson(apps, fit):
    """Return solution and prediction-error covariance of coefficients and effects, by dense algebra."""
    X = np.column_stack([np.ones(300), apps["size"], apps["x"]])
    sizes, columns = (8, 40, 6), (apps["publisher"], apps["app"], apps["device"])
    Z = np.hstack([np.eye(m)[c] for m, c in zip(sizes, columns, strict=True)])
    sd = dict(zip(fit.variance_components["group"], fit.variance_components["sd"], strict=True))
    prior = np.repeat([sd["publisher"], sd["app"], sd["device"]], sizes)
    both = np.hstack([X, Z])
    left = both.T @ both / sd["Residual"] ** 2 + np.diag(np.concatenate([np.zeros(3), prior**-2.0]))
    covariance = np.linalg.inv(left)
    return covariance @ (both.T @ (apps["stars"].to_numpy() - 1.5)) / sd["Residual"] ** 2, covariance


def test_nodes_are_those_of_hendersons_equations(apps, fit):
    solution, covariance = _henderson(apps, fit)
    size, parent = np.log1p(np.arange(8)), apps.groupby("app")["publisher"].first().to_numpy()
    combine = np.zeros((54, 57))
    combine[:8, 0], combine[:8, 1], combine[:8, 3:11] = 1.0, size, np.eye(8)
    combine[8:48] = combine[parent]
    combine[8:48, 11:51] += np.eye(40)
    combine[48:, 51:] = np.eye(6)
    table = fit.nodes
    order = np.argsort(
        [
            {"P": 0, "A": 100, "D": 200}[n] + int(level)
            for n, level in zip(table["node"], table["level"], strict=True)
        ]
    )
    constant = np.repeat([0.0, 0.0, 1.5], (8, 40, 6))
    np.testing.assert_allclose(table["estimate"].to_numpy()[order], combine @ solution + constant, atol=1e-8)
    sds = np.sqrt(np.einsum("ij,jk,ik->i", combine, covariance, combine))
    np.testing.assert_allclose(table["sd"].to_numpy()[order], sds, rtol=1e-7)


def test_new_levels_add_their_own_spread(apps, fit):
    sd = dict(zip(fit.variance_components["group"], fit.variance_components["sd"], strict=True))
    known = fit.nodes.set_index(["node", "level"])
    found = fit.node("A", {"app": [3, 99, 100], "publisher": [apps.publisher[3], 2, 77],
                           "size": [apps["size"][3], np.log1p(2), 0.4]})  # fmt: skip
    assert found["estimate"][0] == pytest.approx(known.loc[("A", "3"), "estimate"], rel=1e-12)
    assert found["estimate"][1] == pytest.approx(known.loc[("P", "2"), "estimate"], rel=1e-12)
    assert found["sd"][1] == pytest.approx(np.hypot(known.loc[("P", "2"), "sd"], sd["app"]), rel=1e-9)
    beta = fit.fixed_effects["estimate"]
    assert found["estimate"][2] == pytest.approx(beta[0] + 0.4 * beta[1], rel=1e-9)
    assert found["sd"][2] > np.hypot(sd["publisher"], sd["app"])


def test_a_known_level_keeps_its_parent(apps, fit):
    with pytest.raises(ml.DataError, match="is given another publisher"):
        fit.node("A", {"app": [3], "publisher": [(apps.publisher[3] + 1) % 8], "size": [0.0]})


def test_posterior_nodes_agree_with_the_fit(apps, fit):
    post = ml.sample(ml.graph(APPS), apps, seed=1)
    table, wanted = post.nodes, fit.nodes
    assert list(table.columns) == ["node", "level", "mean", "sd", "lower", "upper", "pooling"]
    np.testing.assert_array_less(abs(table["mean"] - wanted["estimate"]) / wanted["sd"], 0.5)
    draws = post.draws["Intercept"].ravel()
    new = post.node("P", {"publisher": ["new"], "size": [0.0]})
    assert new["mean"][0] == pytest.approx(draws.mean(), abs=1e-8)


@pytest.mark.parametrize("method", ["marginal", "gibbs", "nuts"])
def test_with_known_variances_every_engine_has_the_nodes_of_the_fit(apps, fit, method):
    """MODELS A3: flat coefficients and sds fixed at the estimates make the posterior that of the REML fit."""
    sd = dict(zip(fit.variance_components["group"], fit.variance_components["sd"], strict=True))
    fixed = {"sigma_P": "publisher", "sigma_A": "app", "sigma_D": "device", "sigma": "Residual"}
    priors = "\n".join(f"{name} ~ Fixed({sd[group]!r})" for name, group in fixed.items())
    flat = "\nmu ~ Flat()\ng ~ Flat()\nb ~ Flat()\n"
    post = ml.sample(ml.graph(APPS + priors + flat), apps, seed=2, method=method)
    table, wanted = post.nodes, fit.nodes
    assert list(table["node"] + table["level"]) == list(wanted["node"] + wanted["level"])
    effective = post.n_draws if method == "marginal" else post.n_draws / 4
    off = (table["mean"] - wanted["estimate"]) / wanted["sd"] * np.sqrt(effective)
    assert np.abs(off).max() < 4.5
    np.testing.assert_allclose(table["sd"], wanted["sd"], rtol=4.5 / np.sqrt(2 * effective))


LIBRARIES = [
    ("pandas", lambda data: data, pd.DataFrame),
    ("polars", polars.from_pandas, polars.DataFrame),
    ("pyarrow", pyarrow.Table.from_pandas, pyarrow.Table),
]


@pytest.mark.parametrize(("library", "made", "kind"), LIBRARIES)
def test_tables_come_back_in_their_library(apps, fit, library, made, kind):
    other = ml.fit(ml.graph(APPS), made(apps))
    assert isinstance(other.nodes, kind)
    np.testing.assert_allclose(np.asarray(other.nodes["estimate"]), fit.nodes["estimate"], rtol=1e-9)
    new = made(pd.DataFrame({"publisher": [2, 99], "size": [np.log1p(2), 1.0]}))
    assert isinstance(fit.node("P", new), kind)


def test_a_level_whose_rows_were_left_out_is_a_new_one(apps):
    gaps = apps.assign(x=apps["x"].where(apps["app"] != 5))
    fit = ml.fit(ml.graph(APPS), gaps, missing="drop")
    assert "5" not in list(fit.nodes.query("node == 'A'")["level"])
    parent, size = apps.loc[apps["app"] == 5, ["publisher", "size"]].iloc[0]
    found = fit.node("A", {"app": [5], "publisher": [int(parent)], "size": [size]})
    known = fit.nodes.set_index(["node", "level"]).loc[("P", str(int(parent)))]
    assert found["estimate"][0] == pytest.approx(known["estimate"], rel=1e-12)
    assert found["sd"][0] > known["sd"]


def test_an_aliased_coefficient_changes_no_node(apps, fit):
    apps = apps.assign(twice=2 * apps["size"])
    with pytest.warns(ml.AliasedWarning, match="twice"):
        other = ml.fit(ml.graph(APPS.replace("g * size", "g * size + k * twice")), apps)
    np.testing.assert_allclose(other.nodes["estimate"], fit.nodes["estimate"], rtol=1e-9)
    np.testing.assert_allclose(other.nodes["sd"], fit.nodes["sd"], rtol=1e-9)


def test_residual_groups_and_saved_posteriors(apps, tmp_path):
    graph = APPS.replace(", sigma)", ", s[device])")
    with pytest.warns(ml.ConvergenceWarning):  # few draws are enough here
        post = ml.sample(ml.graph(graph), apps, seed=3, draws=100, warmup=100)
    post.save(tmp_path / "apps.draws")
    again = ml.load_posterior(tmp_path / "apps.draws")
    new = {"app": [3, 99], "publisher": [apps.publisher[3], 2], "size": [apps["size"][3], np.log1p(2)]}
    pd.testing.assert_frame_equal(again.nodes, post.nodes)
    pd.testing.assert_frame_equal(again.node("A", new), post.node("A", new))
    known = post.nodes.set_index(["node", "level"]).loc[("A", "3")]
    assert post.node("A", new)["mean"][0] == pytest.approx(known["mean"], rel=1e-9)


def test_vectors_have_the_coefficients_of_groups():
    cafes = ml.graph("[a, b][cafe] ~ MVNormal([m, n], S); wait ~ Normal(a[cafe] + b[cafe] * afternoon, s)")
    fit = ml.fit(cafes, ml.datasets.load("cafes"))
    table, wanted = fit.nodes, fit.group_coefficients
    for node, term in (("a", "Intercept"), ("b", "afternoon")):
        np.testing.assert_allclose(
            table.loc[table["node"] == node, "estimate"],
            wanted.loc[wanted["term"] == term, "estimate"],
            rtol=1e-12,
        )


def test_generalised_nodes_are_on_the_scale_of_the_link():
    herds = ml.datasets.load("cbpp")
    graph = ml.graph("h[herd] ~ Normal(m, s)\nincidence ~ Binomial(size, logistic(h[herd] + b * period))")
    fit = ml.fit(graph, herds)
    np.testing.assert_allclose(
        fit.nodes["estimate"], fit.fixed_effects["estimate"][0] + fit.random_effects["estimate"], rtol=1e-12
    )


def test_categories_above_a_node(apps):
    apps = apps.assign(kind=np.where(apps["publisher"] % 2, "odd", "even"))
    graph = ml.graph("P[publisher] ~ Normal(mu + k * kind, t); stars ~ Normal(P[publisher], s)")
    fit = ml.fit(graph, apps)
    same = ml.fit("stars ~ kind + (1 | publisher)", apps)
    beta, effects = same.fixed_effects["estimate"], same.random_effects["estimate"]
    np.testing.assert_allclose(
        fit.nodes["estimate"], beta[0] + beta[1] * (np.arange(8) % 2) + effects, rtol=1e-9
    )


FAULTS = [
    (lambda fit: fit.node("B", {}), ml.OptionError, "no node 'B'"),
    (lambda fit: fit.node("A", {"app": ["1"]}), ml.DataError, "publisher"),
]


@pytest.mark.parametrize(("ask", "error", "words"), FAULTS)
def test_faults(fit, ask, error, words):
    with pytest.raises(error, match=words):
        ask(fit)


def test_a_formula_has_no_nodes():
    fit = ml.fit("wait ~ 1 + (1 | cafe)", ml.datasets.load("cafes"))
    with pytest.raises(ml.OptionError, match="written as a formula"):
        _ = fit.nodes


def test_a_graph_without_nodes_has_an_empty_table(apps):
    graph = ml.graph("stars ~ Normal(m + b * x, s)")
    columns = ["node", "level", "estimate", "sd", "lower", "upper", "pooling"]
    assert ml.fit(graph, apps).nodes.columns.tolist() == columns
    columns[2] = "mean"
    assert ml.sample(graph, apps, seed=1).nodes.shape == (0, len(columns))


def test_columns_in_backticks_are_the_same_model(apps):
    """A slope, its mean and its predictor by names that need backticks, against plain names."""
    text = "[a, b][app] ~ MVNormal([m, k + l * size], S); stars ~ Normal(a[app] + b[app] * x, s)"
    odd = text.replace("size", "`a size`").replace("* x", "* `x:y`")
    slopes = np.random.default_rng(3).normal(0.0, 1.0, 40)
    rows = apps.assign(stars=apps["stars"] + slopes[apps["app"]] * apps["x"])
    fit = ml.fit(ml.graph(text), rows)
    other = ml.fit(ml.graph(odd), rows.rename(columns={"size": "a size", "x": "x:y"}))
    pd.testing.assert_frame_equal(other.nodes, fit.nodes)
    value = "estimate"
    np.testing.assert_array_equal(other.quantities[value], fit.quantities[value])
    assert fit.quantities.set_index("quantity").loc[["m", "k", "l", "S.sd(b)"], value].notna().all()
