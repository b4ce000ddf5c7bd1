"""Predictions of generalised fits on the scale of the response against glmmTMB, lme4 and plain algebra.

Numbers of tests/golden/predictions are written by its make.R.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit

import multilevel as ml

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "predictions" / "predictions.json").read_text())
MODELS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "cbpp": ("prop(incidence, size) ~ period + (1 | herd)", "cbpp", {"family": "binomial"}),
    "contraception": (
        "use ~ age + urban + (urban | district)",
        "contraception",
        {"family": "bernoulli"},
    ),
    "grouseticks_nb2": (
        "ticks ~ year + cheight + (1 | brood) + (1 | location)",
        "grouseticks",
        {"family": "negative_binomial"},
    ),
    "grouseticks_zip": (
        "ticks ~ year + cheight + (1 | brood)",
        "grouseticks",
        {"family": "poisson", "zero_inflation": "~ cheight"},
    ),
    "sleepstudy_gamma": ("reaction ~ days + (1 | subject)", "sleepstudy", {"family": "gamma"}),
}


def data_of(name: str) -> Any:
    """Return a bundled set with labels as text."""
    data = ml.datasets.load(name)
    return data.astype({c: str for c in ("year", "period", "livch") if c in data})


@pytest.fixture(scope="module")
def fits() -> dict[str, ml.Fit]:
    return {name: ml.fit(text, data_of(data), **k) for name, (text, data, k) in MODELS.items()}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("groups", ["known", "typical"])
def test_predictions_and_standard_errors_are_those_of_glmmtmb(
    fits: dict[str, ml.Fit], name: str, groups: Any
) -> None:
    """Given the groups those of glmmTMB contain the uncertainty of the variances too: some percent."""
    fit, golden = fits[name], GOLDEN[name]
    assert fit.loglik == pytest.approx(golden["loglik"], abs=1e-4)
    scales: list[tuple[Any, str]] = [("response", groups)]
    if f"{groups}_link" in golden:
        scales.append(("link", f"{groups}_link"))
    for scale, key in scales:
        found = fit.predict(groups=groups, interval=0.9, scale=scale).iloc[:12]
        np.testing.assert_allclose(found["prediction"], golden[key]["prediction"], rtol=2e-4)
        rtol = 0.07 if groups == "known" else 1e-4
        np.testing.assert_allclose(found["std_error"], golden[key]["std_error"], rtol=rtol)


def test_a_new_group_adds_the_variance_between_groups(fits: dict[str, ml.Fit]) -> None:
    """On the link scale by algebra; on the response scale those limits taken through the link."""
    fit = fits["contraception"]
    rows = fit.table.columns
    new = {"age": rows["age"].values[:5], "urban": ["Y", "N", "Y", "N", "N"]}
    X, Z = fit.design.fixed.X[:5].copy(), np.ones((5, 2))
    X[:, 2] = Z[:, 1] = [1.0, 0.0, 1.0, 0.0, 0.0]
    sd = np.sqrt(
        np.einsum("ij,jk,ik->i", X, fit.vcov, X) + np.einsum("ij,jk,ik->i", Z, fit.solution.covariances[0], Z)
    )
    eta = X @ fit.solution.beta
    found = fit.predict(new, groups="new", interval=0.8)
    z = stats.norm.ppf(0.9)
    np.testing.assert_allclose(found["prediction"], expit(eta), rtol=1e-12)
    np.testing.assert_allclose(found["lower"], expit(eta - z * sd), rtol=1e-12)
    np.testing.assert_allclose(found["upper"], expit(eta + z * sd), rtol=1e-12)
    np.testing.assert_allclose(found["std_error"], expit(eta) * expit(-eta) * sd, rtol=1e-12)
    assert set(found["varies"]) == {"coefficients + new group effects"}


@pytest.mark.parametrize("name", ["cbpp", "contraception", "grouseticks_nb2", "grouseticks_zip"])
def test_averages_are_those_of_many_drawn_groups(fits: dict[str, ml.Fit], name: str) -> None:
    """Means over 200,000 drawn groups, within five standard errors; and a delta method by differences."""
    fit = fits[name]
    found = fit.predict(groups="average", interval=0.9).iloc[:6]
    rng = np.random.default_rng(1)
    design, beta = fit.design, fit.solution.beta

    def mean_of(eta: Any) -> Any:
        zeros = 0.0
        if design.inflation is not None:
            zeros = expit(design.inflation.X[i] @ fit.solution.family_numbers.inflation)
        return (1 - zeros) * design.family.mean(eta)

    for i in range(6):
        shift = np.zeros(200_000)
        for term, T in zip(design.terms, fit.solution.covariances, strict=True):
            shift += rng.multivariate_normal(np.zeros(T.shape[0]), T, 200_000) @ term.Z[i]
        drawn = mean_of(design.fixed.X[i] @ beta + shift)
        assert abs(drawn.mean() - found["prediction"][i]) < 5 * drawn.std() / np.sqrt(200_000)
        if design.inflation is None:
            slope = (mean_of(design.fixed.X[i] @ beta + shift + 1e-4).mean() - drawn.mean()) / 1e-4
            spread = np.sqrt(design.fixed.X[i] @ fit.vcov @ design.fixed.X[i])
            assert found["std_error"][i] == pytest.approx(slope * spread, rel=0.01)


def test_some_groups_are_averaged_over_and_others_known(fits: dict[str, ml.Fit]) -> None:
    """With the log link the average over locations multiplies by exp(variance / 2)."""
    fit = fits["grouseticks_nb2"]
    known = fit.predict(groups={"brood": "known", "location": "typical"})["prediction"]
    found = fit.predict(groups={"brood": "known", "location": "average"})["prediction"]
    np.testing.assert_allclose(found, known * np.exp(fit.solution.covariances[1][0, 0] / 2), rtol=1e-12)


def test_an_average_of_linear_models_and_linear_predictors_is_that_of_a_typical_group(
    fits: dict[str, ml.Fit],
) -> None:
    linear = ml.fit("reaction ~ days + (days | subject)", ml.datasets.load("sleepstudy"))
    for fit, scale in ((linear, "response"), (linear, "link"), (fits["cbpp"], "link")):
        average = fit.predict(groups="average", interval=0.9, scale=scale)
        assert average.equals(fit.predict(groups="typical", interval=0.9, scale=scale))


def test_offsets_of_new_rows_count() -> None:
    """Twice the exposure, twice the count."""
    rng = np.random.default_rng(2)
    g = np.repeat(np.arange(12), 8)
    data = {"t": rng.uniform(1, 5, 96), "g": g.astype(str)}
    data["y"] = rng.poisson(data["t"] * np.exp(rng.normal(size=12)[g])).astype(float)
    fit = ml.fit("y ~ 1 + offset(log(t)) + (1 | g)", data, family="poisson")
    found = fit.predict({"t": [1.0, 2.0, 4.0], "g": ["3", "3", "3"]}, interval=0.9)
    for column in ("prediction", "std_error", "lower", "upper"):
        np.testing.assert_allclose(found[column] / found[column][0], [1, 2, 4], rtol=1e-12)


def test_links_that_turn_or_have_a_pole_give_intervals_that_contain_the_mean() -> None:
    """The inverse link falls; the square root link turns at zero."""
    rng = np.random.default_rng(3)
    g = np.repeat(np.arange(15), 10)
    x = rng.uniform(0, 1, 150)
    eta = 2 + x + 0.2 * rng.normal(size=15)[g]
    data = {
        "x": x,
        "g": g.astype(str),
        "y": rng.gamma(5, 1 / eta / 5),
        "n": rng.poisson(eta**2).astype(float),
    }
    inverse = ml.fit("y ~ x + (1 | g)", data, family=ml.families.Gamma(link="inverse"))
    root = ml.fit("n ~ x + (1 | g)", data, family=ml.families.Poisson(link="sqrt"))
    for fit in (inverse, root):
        link = fit.predict({"x": [0.0, 1.0]}, groups="typical", interval=0.9, scale="link")
        found = fit.predict({"x": [0.0, 1.0]}, groups="typical", interval=0.9)
        ends = np.sort([fit.design.family.mean(link[end].to_numpy()) for end in ("lower", "upper")], axis=0)
        np.testing.assert_allclose(found[["lower", "upper"]].T, ends, rtol=1e-12)
    far = inverse.predict({"x": [-1.9]}, groups="typical", interval=0.999999)
    assert far["upper"][0] == np.inf
    assert 0 < far["lower"][0] < far["prediction"][0]
    far = root.predict({"x": [-2.0]}, groups="typical", interval=0.999999)
    assert far["lower"][0] == 0
    assert far["upper"][0] > far["prediction"][0]
    with pytest.raises(ml.OptionError, match="has no mean"):
        inverse.predict(groups="average")


def test_far_outside_the_data_means_are_infinite_and_their_rows_named(fits: dict[str, ml.Fit]) -> None:
    new = {"year": ["95", "95"], "cheight": [-1e5, 1e5]}
    for observation in (False, True):
        with pytest.warns(ml.OverflowWarning, match=r"in row 0 \(counted from 0\)"):
            found = fits["grouseticks_nb2"].predict(
                new, groups="typical", interval=0.9, observation=observation
            )
        np.testing.assert_array_equal(found["prediction"], [np.inf, 0.0])
