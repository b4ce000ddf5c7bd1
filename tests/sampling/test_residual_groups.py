"""Residual sds of groups from formula to prediction, against closed forms of the conjugate law."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import gammaln

import multilevel as ml

SHAPE, SCALE = 3.0, 4.0
PRIORS = {"Intercept": ml.Fixed(0), "sigma2": ml.InverseGamma(SHAPE, SCALE)}
METHODS = ("marginal", "gibbs")


def rows(*, frequency: bool = True) -> pd.DataFrame:
    """Return rows with mean zero in five groups of unequal size and sd, with weights."""
    rng = np.random.default_rng(3)
    g = np.repeat(np.arange(5), [2, 4, 8, 16, 32])
    w = rng.uniform(0.5, 2, g.size)
    f = rng.integers(1, 3, g.size).astype(float) if frequency else np.ones(g.size)
    y = rng.normal(size=g.size) * np.array([0.5, 1, 2, 0.7, 3])[g] / np.sqrt(w)
    return pd.DataFrame({"y": y, "g": g, "w": w, "f": f})


def sampled(data: pd.DataFrame, method: str, **options: Any) -> ml.Posterior:
    """Return the posterior of the residual sds of the groups, which is known: inverse gamma."""
    return ml.sample(
        "y ~ 1", data, PRIORS, residual_groups="g", precision_weights="w", method=method, seed=1, **options
    )


def law(data: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return shape and scale of the posterior law of each group's variance."""
    square = np.bincount(data["g"], data["f"] * data["w"] * data["y"] ** 2)
    return SHAPE + np.bincount(data["g"], data["f"]) / 2, SCALE + square / 2


@pytest.mark.statistics
@pytest.mark.parametrize("method", METHODS)
def test_variances_of_groups_are_inverse_gamma(method: str) -> None:
    data = rows()
    posterior = sampled(data, method, frequency_weights="f")
    found, (a, b) = posterior.residual_sds, law(data)
    mean = np.sqrt(b) * np.exp(gammaln(a - 0.5) - gammaln(a))
    # four Monte Carlo standard errors of the mean; the sd of some 4,000 draws is known to a few percent
    assert np.all(np.abs(found["mean"] - mean) < 4 * found["mcse"])
    np.testing.assert_allclose(found["sd"], np.sqrt(b / (a - 1) - mean**2), rtol=0.08)
    pooled = np.sqrt(posterior.draws["sigma[g]"] ** 2 @ np.bincount(data["g"], data["f"]) / data["f"].sum())
    np.testing.assert_allclose(posterior.draws["sigma"], pooled, rtol=1e-12)


@pytest.mark.statistics
@pytest.mark.parametrize("method", METHODS)
def test_a_row_left_out_and_a_new_group_are_student_t(method: str) -> None:
    data = rows(frequency=False)
    posterior = sampled(data, method)
    a, b = (values[data["g"]] for values in law(data))
    root, square = np.sqrt(data["w"]), data["w"] * data["y"] ** 2
    a, b = a - 0.5, b - square / 2
    exact = stats.t.logpdf(data["y"] * root, 2 * a, scale=np.sqrt(b / a)) + np.log(root)
    found = posterior.loo()
    good = found.pareto_k < 0.7
    assert good.sum() > 55
    # rows of small groups have few effective weights: 4,000 draws know their terms to a few percent
    np.testing.assert_allclose(found.pointwise[good], exact[good], atol=0.06)
    new = {"g": ["other"], "w": [1.0]}
    limits = posterior.predict(new, interval=0.9, observation=True)
    upper = stats.t.ppf(0.95, 2 * SHAPE) * np.sqrt(SCALE / SHAPE)
    # sds of the new group are quantiles of their law at 4,000 probabilities
    np.testing.assert_allclose(limits[["lower", "upper"]].to_numpy()[0], [-upper, upper], rtol=2e-3)
    own = posterior.predict({"g": [4], "w": [2.0]}, interval=0.9, observation=True)
    a_own, b_own = (values[4] for values in law(data))
    upper = stats.t.ppf(0.95, 2 * a_own) * np.sqrt(b_own / a_own / 2)
    np.testing.assert_allclose(own["upper"], upper, rtol=0.02)


@pytest.mark.statistics
def test_both_engines_agree_where_group_effects_and_the_law_are_unknown() -> None:
    rng = np.random.default_rng(5)
    g = np.repeat(np.arange(12), 8)
    x = rng.normal(size=g.size)
    sds = np.exp(rng.normal(0.3, 0.6, 12))
    data = {"x": x, "g": g, "y": 1 + x + rng.normal(size=12)[g] + sds[g] * rng.normal(size=g.size)}
    one, other = (
        ml.sample("y ~ x + (1 | g)", data, residual_groups="g", method=method, seed=2, warmup=500)
        for method in METHODS
    )
    for table in ("fixed_effects", "variance_components", "residual_law", "residual_sds"):
        ours, theirs = getattr(one, table), getattr(other, table)
        error = np.hypot(ours["mcse"], theirs["mcse"])
        assert np.all(np.abs(ours["mean"] - theirs["mean"]) < 4 * error), table
        np.testing.assert_allclose(ours["sd"], theirs["sd"], rtol=0.15)


def test_auto_is_gibbs_where_the_residual_groups_are_not_the_groups_of_the_effects() -> None:
    data = rows().assign(h=lambda frame: np.arange(len(frame)) % 2)
    priors = {"g": {"sd": ml.Fixed(1)}, "sigma": ml.LogNormal(0.5, 1)}
    posterior = ml.sample("y ~ 1 + (1 | g)", data, priors, residual_groups="h", seed=1, warmup=300)
    assert posterior.method == "gibbs"
    assert list(posterior.residual_sds["level"]) == ["0", "1"]
    with pytest.raises(ml.DesignError, match='try: method="gibbs"'):
        ml.sample("y ~ 1 + (1 | g)", data, residual_groups="h", method="marginal", seed=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"residual_groups": "gg"}, "no column `gg`\n.*\n  try: did you mean `gg` -> `g`"),
        ({"residual_groups": "g", "residual_sd": 1.0}, "`residual_groups` and `residual_sd` were both given"),
        ({"residual_groups": "g", "priors": "rstanarm"}, '"rstanarm" were asked for beside residual_groups'),
        ({"residual_groups": "g", "priors": {"sigma": ml.HalfNormal(1)}}, "gives each group a residual sd"),
        ({"priors": {"sigma2": ml.Hierarchical(ml.InverseGamma, shape=1, scale=1)}}, "try: residual_groups="),
    ],
)
def test_what_cannot_be(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ml.MultilevelError, match=message):
        ml.sample("y ~ 1", rows(), seed=1, **options)
