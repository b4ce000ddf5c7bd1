"""Simulated responses: their moments, alignment, reproducibility and refusals."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

import multilevel as ml
from multilevel.errors import OptionError
from multilevel.inference import fitted, simulate
from tests.oracle import designs
from tests.oracle.dense import dense, marginal_covariance
from tests.oracle.fits import fit_design


def test_new_groups_have_the_marginal_mean_and_covariance() -> None:
    """20,000 draws: means within 5 standard errors, covariances within 5 of theirs (sd ~ sqrt(2/n) V_ii)."""
    fit = fit_design(designs.crossed(weighted=True))
    n = 20_000
    draws = simulate(fit, n, seed=1)
    V = marginal_covariance(dense(fit.design), fit.solution.covariances, fit.sigma)
    mean = fit.design.fixed.X @ fit.solution.beta + fit.design.offset
    assert np.all(np.abs(draws.mean(0) - mean) < 5 * np.sqrt(np.diag(V) / n))
    error = np.abs(np.cov(draws.T) - V) / np.sqrt(np.outer(np.diag(V), np.diag(V)))
    assert error.max() < 6 * np.sqrt(2 / n)


def test_known_groups_vary_about_the_fitted_values() -> None:
    fit = fit_design(designs.slopes())
    draws = simulate(fit, 4000, seed=2, groups="known")
    assert np.all(np.abs(draws.mean(0) - fitted(fit)) < 5 * fit.sigma / np.sqrt(4000))
    np.testing.assert_allclose(draws.std(0), fit.sigma, rtol=0.1)


def test_draws_line_up_with_the_callers_rows_and_repeat_with_the_seed() -> None:
    design = designs.slopes()
    fit = fit_design(
        dataclasses.replace(design, rows=np.arange(design.n_rows) + 2, n_input=design.n_rows + 2)
    )
    draws = simulate(fit, 2, seed=3)
    assert draws.shape == (2, design.n_rows + 2)
    assert np.isnan(draws[:, :2]).all()
    assert np.isfinite(draws[:, 2:]).all()
    np.testing.assert_array_equal(draws, simulate(fit, 2, seed=np.random.default_rng(3)))


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"n": 0, "seed": 1}, "n=0 is not a number of responses"),
        ({"n": 1.5, "seed": 1}, "n=1.5 is not a number of responses"),
        ({"seed": "a"}, "seed='a' is not a seed"),
        ({"seed": -1}, "seed=-1 is not a seed"),
        ({"seed": 1, "groups": "typical"}, "groups='typical' is not known"),
    ],
)
def test_refusals(keywords: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError) as caught:
        simulate(fit_design(designs.least_squares()), **keywords)
    assert message in str(caught.value)


def test_frequency_weights_are_refused() -> None:
    design = dataclasses.replace(designs.least_squares(), frequency_weights=np.ones(30))
    with pytest.raises(OptionError, match="simulate was asked of a fit with frequency weights"):
        simulate(fit_design(design), seed=1)


GROUPS = np.arange(60) % 6
TRIALS = np.tile([2.0, 10.0, 30.0], 20)


def data_of(name: str) -> dict[str, Any]:
    """Return 60 rows in six groups with a response that a family can have."""
    rng = np.random.default_rng(11)
    x = rng.normal(size=60)
    eta = 0.3 + 0.4 * x + 0.6 * rng.normal(size=6)[GROUPS]
    p = 1 / (1 + np.exp(-eta))
    y = {
        "binomial": lambda: rng.binomial(TRIALS.astype(int), p),
        "beta_binomial": lambda: rng.binomial(TRIALS.astype(int), rng.beta(4 * p, 4 * (1 - p))),
        "bernoulli": lambda: rng.binomial(1, p),
        "poisson": lambda: rng.poisson(np.exp(eta)),
        "negative_binomial": lambda: rng.poisson(rng.gamma(2, np.exp(eta) / 2)),
        "negative_binomial_linear": lambda: rng.poisson(rng.gamma(np.exp(eta), 1)),
        "zero_inflated": lambda: rng.poisson(np.exp(eta + 1)) * (rng.random(60) > 0.3),
        "gamma": lambda: rng.gamma(5, np.exp(eta) / 5),
        "inverse_gaussian": lambda: rng.wald(np.exp(eta), 4),
        "beta": lambda: rng.beta(6 * p, 6 * (1 - p)),
        "student": lambda: eta + 0.5 * rng.standard_t(8, size=60),
        "ordinal": lambda: 1 + ((eta + rng.logistic(size=60))[:, None] > [-0.5, 1]).sum(axis=1),
    }[name]()
    return {"y": y.astype(float), "x": x, "g": GROUPS.astype(str), "n": TRIALS}


FAMILIES = [
    "binomial", "beta_binomial", "bernoulli", "poisson", "negative_binomial", "negative_binomial_linear",
    "zero_inflated", "gamma", "inverse_gaussian", "beta", "student", "ordinal",
]  # fmt: skip


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.filterwarnings("ignore::multilevel.BoundaryWarning", "ignore::multilevel.ConvergenceWarning")
def test_responses_of_every_family_have_its_mean_and_variance(name: str) -> None:
    """4,000 draws given the groups: means within five standard errors, sds within 15 percent."""
    response = "prop(y, n)" if name in ("binomial", "beta_binomial") else "y"
    keywords: dict[str, Any] = {"family": name}
    if name == "zero_inflated":
        keywords = {"family": "poisson", "zero_inflation": "~ 1"}
    fit = ml.fit(f"{response} ~ x + (1 | g)", data_of(name), **keywords)
    draws = fit.simulate(4000, seed=1, groups="known")
    design, scale = fit.design, TRIALS if fit.design.trials is not None else np.ones(60)
    raw = design.y / scale - fit.fitted
    sd = np.abs(raw / np.where(raw == 0, np.nan, fit.residuals_of("pearson"))) * scale
    assert np.all(np.abs(draws.mean(axis=0) - fit.fitted * scale) < 5 * draws.std(axis=0) / np.sqrt(4000))
    some = np.isfinite(sd)
    if name not in ("inverse_gaussian", "student"):  # heavy tails: their sds converge slowly
        np.testing.assert_allclose(draws.std(axis=0)[some], sd[some], rtol=0.15)
    assert fit.simulate(2, seed=3).shape == (2, 60)
    if design.family.discrete:
        np.testing.assert_array_equal(draws, np.floor(draws))
    if design.trials is not None:
        assert np.all(draws <= TRIALS)


def test_new_groups_of_counts_have_the_marginal_mean_and_variance() -> None:
    """``exp(eta + v/2)`` and ``m + m^2 (exp(v) - 1)``; one group's rows correlate, others' do not."""
    fit = ml.fit("y ~ x + (1 | g)", data_of("poisson"), family="poisson")
    draws = fit.simulate(20_000, seed=1)
    v = fit.solution.covariances[0][0, 0]
    m = np.exp(fit.design.fixed.X @ fit.solution.beta + v / 2)
    variance = m + m**2 * np.expm1(v)
    assert np.all(np.abs(draws.mean(axis=0) - m) < 5 * np.sqrt(variance / 20_000))
    np.testing.assert_allclose(draws.var(axis=0), variance, rtol=0.3)
    correlation = np.corrcoef(draws[:, [0, 6, 1]].T)
    known = m[0] * m[6] * np.expm1(v) / np.sqrt(variance[0] * variance[6])
    assert correlation[0, 1] == pytest.approx(known, abs=0.05)
    assert abs(correlation[0, 2]) < 0.05


def test_simulated_responses_can_be_fitted_again() -> None:
    fit = ml.fit("prop(y, n) ~ x + (1 | g)", data_of("binomial"), family="binomial")
    again = fit.refit(fit.simulate(1, seed=4)[0])
    assert np.all(np.abs(again.solution.beta - fit.solution.beta) < 5 * np.sqrt(np.diag(fit.vcov)))


def test_a_mean_that_the_family_does_not_have_is_refused() -> None:
    data = data_of("gamma")
    data["y"] = data["y"] + 0.05
    fit = ml.fit("y ~ x + (1 | g)", data, family=ml.families.Gamma(link="identity"))
    with pytest.raises(
        OptionError, match=r"simulate drew a mean of -.*: gamma \(identity link\) has none below 0"
    ):
        for seed in range(200):
            fit.simulate(5, seed=seed)
