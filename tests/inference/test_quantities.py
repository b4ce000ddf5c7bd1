"""What engines did with each quantity, and its value, against draws and the other tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import multilevel as ml

CAFES = """
    [a, b][cafe] ~ MVNormal([a_mean, b_mean], Sigma)
    wait ~ Normal(a[cafe] + b[cafe] * afternoon, sigma)
"""


def by_name(result):
    """Return the rows of a table of quantities by name."""
    return result.quantities.set_index("quantity")


@pytest.fixture(scope="module")
def cafes():
    return ml.datasets.load("cafes")


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {"g": np.repeat(np.arange(12), 10), "y": rng.normal(size=120), "x": rng.normal(size=120)}
    )


def test_a_mixed_effect_fit(cafes):
    fit = ml.fit(ml.graph(CAFES), cafes)
    found = by_name(fit)
    assert found["treatment"].to_dict() == {
        "a_mean": "estimated", "b_mean": "estimated", "Sigma": "estimated", "Sigma.sd(a)": "estimated",
        "Sigma.sd(b)": "estimated", "Sigma.correlation(a, b)": "estimated",
        "a, b": "integrated out and predicted", "afternoon": "given as data", "sigma": "estimated",
        "wait": "given as data",
    }  # fmt: skip
    np.testing.assert_allclose(found.loc[["a_mean", "b_mean"], "std_error"] ** 2, np.diag(fit.vcov))
    sds = fit.variance_components["sd"].tolist()
    assert found.loc[["Sigma.sd(a)", "Sigma.sd(b)", "sigma"], "estimate"].tolist() == sds
    assert found.loc["Sigma.correlation(a, b)", "estimate"] == fit.correlations["correlation"][0]
    assert found.loc[["Sigma", "a, b", "wait"], "estimate"].isna().all()
    assert fit.reading.startswith("mixed effect: parameters are estimated with method='reml'")


def test_effects_in_another_order_keep_their_names(cafes):
    text = CAFES.replace("[a, b]", "[b, a]").replace("[a_mean, b_mean]", "[b_mean, a_mean]")
    one, other = by_name(ml.fit(ml.graph(CAFES), cafes)), by_name(ml.fit(ml.graph(text), cafes))
    assert other.loc["Sigma.sd(a)", "estimate"] == pytest.approx(one.loc["Sigma.sd(a)", "estimate"], rel=1e-6)
    assert other.loc["Sigma.correlation(b, a)", "estimate"] == pytest.approx(
        one.loc["Sigma.correlation(a, b)", "estimate"], rel=1e-5
    )


def test_a_posterior_has_means_and_sds_of_its_draws(cafes):
    post = ml.sample(ml.graph(CAFES + "Sigma ~ LKJ(2)"), cafes, seed=1)
    found = by_name(post)
    names = {
        "a_mean": "Intercept", "b_mean": "afternoon", "Sigma.sd(b)": "sd(cafe, afternoon)",
        "Sigma.correlation(a, b)": "correlation(cafe, Intercept, afternoon)", "sigma": "sigma",
    }  # fmt: skip
    for name, drawn in names.items():
        draws = np.asarray(post.draws[drawn])
        assert found.loc[name, "mean"] == pytest.approx(draws.mean(), rel=1e-10)
        assert found.loc[name, "sd"] == pytest.approx(draws.std(ddof=1), rel=1e-10)
    assert found.loc["Sigma", "distribution"] == "LKJ(2)"
    assert set(found["treatment"]) == {"sampled", "given as data"}
    assert post.reading.startswith("fully Bayesian: everything unknown has a distribution")


def test_variances_that_are_parameters(cafes):
    graph = ml.graph("a[cafe] ~ Normal(m, sqrt(v)); wait ~ Normal(a[cafe], sqrt(w)); v ~ InverseGamma(2, 1)")
    fit, post = ml.fit(graph, cafes), ml.sample(graph, cafes, seed=1)
    variances = fit.variance_components["variance"]
    np.testing.assert_allclose(by_name(fit).loc[["v", "w"], "estimate"], variances, rtol=1e-12)
    for name, drawn in (("v", "sd(cafe, Intercept)"), ("w", "sigma")):
        draws = np.asarray(post.draws[drawn]) ** 2
        found = by_name(post).loc[name]
        assert (found["mean"], found["sd"]) == pytest.approx((draws.mean(), draws.std(ddof=1)), rel=1e-10)


def test_a_column_called_sigma_is_not_the_residual_sd(rows):
    graph = ml.graph("y ~ Normal(m + b * sigma, sqrt(w))")
    post = ml.sample(graph, rows.rename(columns={"x": "sigma"}), seed=1)
    draws = np.asarray(post.draws["residual sigma"]) ** 2
    assert by_name(post).loc["w", "mean"] == pytest.approx(draws.mean(), rel=1e-10)


def test_laws_of_residual_sds(rows):
    graph = """
        y ~ Normal(m + a[g], s[g]); a[g] ~ Normal(0, t); s[g] ~ LogNormal(mu, tau)
        mu ~ Normal(0, 2); tau ~ HalfNormal(1)
    """
    post = ml.sample(ml.graph(graph), rows, seed=1)
    found = by_name(post)
    assert found.loc["mu", "mean"] == pytest.approx(np.mean(post.draws["mean(log sigma)"]), rel=1e-10)
    assert found.loc["tau", "mean"] == pytest.approx(np.mean(post.draws["sd(log sigma)"]), rel=1e-10)
    assert tuple(found.loc["s", ["role", "index", "treatment"]]) == ("latent variable", "g", "sampled")


def test_known_numbers_are_fixed():
    graph = ml.graph("theta[school] ~ Normal(mu, 4)\neffect ~ Normal(theta[school], sd)\nmu ~ Fixed(3)")
    found = by_name(ml.sample(graph, ml.datasets.load("eight_schools"), seed=1))
    assert found["treatment"].to_dict() == {
        "mu": "fixed", "4": "fixed", "theta": "sampled", "sd": "given as data", "effect": "given as data",
    }  # fmt: skip
    assert found.loc[["mu", "4"], "mean"].tolist() == [3.0, 4.0]


def test_a_prior_that_holds_a_parameter_fixes_it(cafes):
    post = ml.sample("wait ~ 1 + (1 | cafe)", cafes, {"sigma": ml.Fixed(0.5)}, seed=1)
    assert tuple(by_name(post).loc["sigma", ["treatment", "mean", "sd"]]) == ("fixed", 0.5, 0.0)


@pytest.mark.parametrize(("given", "wanted"), [("se", ("given as data", None)), (0.5, ("fixed", 0.5))])
def test_residual_sds_of_the_keyword(cafes, given, wanted):
    fit = ml.fit("wait ~ 1 + (1 | cafe)", cafes.assign(se=0.5), residual_sd=given)
    row = by_name(fit).loc["sigma"]
    assert row["treatment"] == wanted[0]
    assert np.isnan(row["estimate"]) if wanted[1] is None else row["estimate"] == wanted[1]


def test_a_fixed_effect_fit(rows):
    fit = ml.fit("y ~ x", rows)
    assert fit.reading.startswith("fixed effect: only the residual is random")
    found = by_name(fit)
    slope = np.polyfit(rows["x"], rows["y"], 1)[0]
    assert found.loc["b_x", "estimate"] == pytest.approx(slope, rel=1e-10)
    assert "latent variable" not in set(found["role"])


def test_families_have_their_parameters(rows):
    rng = np.random.default_rng(3)
    means = np.exp(1.5 + np.repeat(rng.normal(0.0, 0.6, 12), 10))
    counts = rows.assign(y=rng.negative_binomial(3.0, 3.0 / (3.0 + means)) * (rng.random(120) > 0.3))
    graph = ml.graph("y ~ NegativeBinomial(exp(a[g]), k); a[g] ~ Normal(m, t)")
    fit = ml.fit(graph, counts, zero_inflation="~ 1")
    found = by_name(fit)
    assert found.loc["k", "estimate"] == fit.family_parameters["estimate"][0]
    assert found.loc["zeros(Intercept)", "std_error"] == fit.zero_inflation["std_error"][0]
    assert "sigma" not in found.index


def test_thresholds_and_categories_are_no_single_number():
    rng = np.random.default_rng(5)
    table = pd.DataFrame({"y": rng.integers(1, 4, 90), "c": np.tile(["u", "v", "w"], 30)})
    classes = by_name(ml.fit(ml.graph("y ~ Ordinal(b * x)"), table.assign(x=rng.normal(size=90))))
    categories = by_name(ml.fit(ml.graph("y ~ Normal(a + b * c, s)"), table))
    assert tuple(classes.loc["thresholds", ["role", "treatment"]]) == ("parameter", "estimated")
    assert tuple(categories.loc["b", ["role", "treatment"]]) == ("parameter", "estimated")
    assert np.isnan(classes.loc["thresholds", "estimate"])
    assert np.isnan(categories.loc["b", "estimate"])
    assert not np.isnan(categories.loc["a", "estimate"])


def test_models_without_a_graph_are_refused(cafes):
    with pytest.raises(ml.OptionError, match="has no graph in this version"):
        _ = ml.fit("wait ~ afternoon + cs(afternoon | cafe)", cafes).quantities


def test_an_sd_that_the_keyword_gives_is_a_constant():
    schools = ml.datasets.load("eight_schools")
    graph = ml.graph("theta[school] ~ Normal(mu, tau); effect ~ Normal(theta[school], sd)")
    found = by_name(ml.fit(graph, schools, known={"school": {"sd": 10.0}}))
    assert tuple(found.loc["tau", ["role", "treatment", "estimate"]]) == ("constant", "fixed", 10.0)


def test_coefficients_of_columns_that_add_nothing_are_left_out(rows):
    with pytest.warns(ml.AliasedWarning):
        fit = ml.fit(ml.graph("y ~ Normal(m + b * x + c * twice, s)"), rows.assign(twice=2 * rows["x"]))
    found = by_name(fit)["treatment"]
    assert found.loc[["b", "c"]].tolist() == ["estimated", "left out"]
