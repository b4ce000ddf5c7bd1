"""Residuals of each kind: against glmmTMB and lme4, against SciPy's distributions, and refusals.

Numbers of tests/golden/predictions are written by its make.R.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

import multilevel as ml
from tests.inference.test_on_response import GOLDEN, MODELS, data_of


@pytest.fixture(scope="module")
def fits() -> dict[str, ml.Fit]:
    return {name: ml.fit(text, data_of(data), **k) for name, (text, data, k) in MODELS.items()}


@pytest.mark.parametrize("name", MODELS)
def test_residuals_are_those_of_glmmtmb_and_lme4(fits: dict[str, ml.Fit], name: str) -> None:
    """R leaves the dispersion of the gamma family out of Pearson residuals."""
    fit, golden = fits[name], GOLDEN[name]
    unit = np.sqrt(fit.solution.family_numbers.values[0]) if name == "sleepstudy_gamma" else 1.0
    np.testing.assert_allclose(fit.residuals_of("pearson")[:12] * unit, golden["pearson"], atol=1e-5)
    if "deviance" in golden:
        np.testing.assert_allclose(fit.residuals_of("deviance")[:12], golden["deviance"], atol=5e-4)


def test_response_residuals_are_shares_less_probabilities(fits: dict[str, ml.Fit]) -> None:
    fit, herds = fits["cbpp"], data_of("cbpp")
    expected = herds["incidence"] / herds["size"] - fit.predict()["prediction"]
    np.testing.assert_allclose(fit.residuals, expected)
    np.testing.assert_array_equal(fit.residuals_of("response"), fit.residuals)
    np.testing.assert_allclose(fit.fitted, fit.predict()["prediction"])


def test_quantile_residuals_lie_between_the_steps_of_the_distribution(fits: dict[str, ml.Fit]) -> None:
    fit, herds = fits["cbpp"], data_of("cbpp")
    law = stats.binom(herds["size"], fit.fitted)
    found = fit.residuals_of("quantile", seed=1)
    assert np.all(stats.norm.cdf(found) <= law.cdf(herds["incidence"]) + 1e-12)
    assert np.all(stats.norm.cdf(found) >= law.cdf(herds["incidence"] - 1) - 1e-12)
    np.testing.assert_array_equal(found, fit.residuals_of("quantile", seed=np.random.default_rng(1)))
    gamma, sleep = fits["sleepstudy_gamma"], data_of("sleepstudy")
    phi = gamma.solution.family_numbers.values[0]
    expected = stats.norm.ppf(stats.gamma(1 / phi, scale=phi * gamma.fitted).cdf(sleep["reaction"]))
    np.testing.assert_allclose(gamma.residuals_of("quantile"), expected, atol=1e-9)


@pytest.mark.parametrize("name", ["zero inflation", "ordinal"])
def test_residuals_of_the_true_model_have_mean_zero_and_sd_one(name: str) -> None:
    """Of 4,000 rows; Kolmogorov's test of quantile residuals does not reject at one in a thousand."""
    rng = np.random.default_rng(5)
    g, x = np.arange(4000) % 40, rng.normal(size=4000)
    eta = 0.5 + 0.5 * x + 0.5 * rng.normal(size=40)[g]
    data: dict[str, Any] = {"x": x, "g": g.astype(str)}
    if name == "ordinal":
        data["y"] = 1.0 + ((eta + rng.logistic(size=4000))[:, None] > [-1, 0.5, 2]).sum(axis=1)
        fit = ml.fit("y ~ x + (1 | g)", data, family="ordinal")
    else:
        data["y"] = (rng.random(4000) > 0.3) * rng.poisson(np.exp(eta)).astype(float)
        fit = ml.fit("y ~ x + (1 | g)", data, family="poisson", zero_inflation="~ 1")
    assert stats.kstest(fit.residuals_of("quantile", seed=2), "norm").pvalue > 1e-3
    pearson = fit.residuals_of("pearson")
    assert abs(pearson.mean()) < 0.05
    assert pearson.std() == pytest.approx(1, abs=0.05)
    np.testing.assert_allclose(fit.residuals, data["y"] - fit.fitted)


def test_kinds_of_a_linear_model_agree() -> None:
    """Known residual weights count; all kinds but the raw one are in units of the sd."""
    data = ml.datasets.load("sleepstudy").assign(w=np.tile([1.0, 2.0], 90))
    data.loc[3, "reaction"] = np.nan
    fit = ml.fit("reaction ~ days + (days | subject)", data, precision_weights="w", missing="drop")
    expected = fit.residuals * np.sqrt(data["w"]) / fit.sigma
    for kind in ("pearson", "deviance", "quantile"):
        np.testing.assert_allclose(fit.residuals_of(kind), expected, rtol=1e-9)
    assert np.isnan(fit.residuals_of("pearson")[3])


@pytest.mark.parametrize(
    ("name", "kind", "keywords", "message"),
    [
        ("cbpp", "raw", {}, "kind='raw' is not known"),
        ("cbpp", "quantile", {}, "of the binomial family were asked without a seed"),
        ("cbpp", "quantile", {"seed": "a"}, "seed='a' is not a seed"),
        ("cbpp", "pearson", {"seed": 1}, "were asked with seed=1"),
        ("sleepstudy_gamma", "quantile", {"seed": 1}, "were asked with seed=1"),
        (
            "grouseticks_zip",
            "deviance",
            {},
            "of the poisson family with zero inflation",
        ),
    ],
)
def test_refusals(fits: dict[str, ml.Fit], name: str, kind: Any, keywords: Any, message: str) -> None:
    with pytest.raises(ml.OptionError) as caught:
        fits[name].residuals_of(kind, **keywords)
    assert message in str(caught.value)


def test_deviance_residuals_of_an_ordinal_response_are_refused() -> None:
    g = np.repeat(np.arange(10), 6)
    rng = np.random.default_rng(1)
    y = rng.integers(1, 4, 60).astype(np.float64) + (rng.normal(size=10)[g] > 0.5)
    fit = ml.fit("y ~ 1 + (1 | g)", {"y": y, "g": g}, family="ordinal")
    with pytest.raises(ml.OptionError, match="a class has no mean from which its distance"):
        fit.residuals_of("deviance")


@pytest.mark.parametrize("family", ["beta", "beta_binomial", "negative_binomial_linear"])
def test_deviance_residuals_of_the_true_model_are_about_standard_normal(family: str) -> None:
    """With small dispersion and large means; they have the sign of the raw residuals."""
    rng = np.random.default_rng(3)
    g, x = np.arange(2000) % 20, rng.normal(size=2000)
    eta = 0.3 * x + 0.3 * rng.normal(size=20)[g]
    p = 1 / (1 + np.exp(-eta))
    share = rng.beta(60 * p, 60 * (1 - p))
    data = {"x": x, "g": g, "n": np.full(2000, 50), "y": share}
    if family == "beta_binomial":
        data["y"] = rng.binomial(50, share)
    if family == "negative_binomial_linear":
        data["y"] = rng.poisson(rng.gamma(30 * np.exp(eta) / 0.8, 0.8))
    left = "prop(y, n)" if family == "beta_binomial" else "y"
    fit = ml.fit(f"{left} ~ x + (1 | g)", data, family=family)
    found = fit.residuals_of("deviance")
    assert found.std() == pytest.approx(1, abs=0.05)
    assert abs(found.mean()) < 0.05
    np.testing.assert_array_equal(np.sign(found), np.sign(fit.residuals))
