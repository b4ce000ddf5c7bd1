"""Probabilities of classes: by algebra, by drawn groups, and their standard errors by differences."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import expit, logit

import multilevel as ml

NEW = {"x": [-1.0, 0.2, 1.5], "g": ["3", "0", "7"]}


@pytest.fixture(scope="module", params=["logit", "probit"])
def fit(request: pytest.FixtureRequest) -> ml.Fit:
    rng = np.random.default_rng(9)
    g, x = np.arange(300) % 10, rng.normal(size=300)
    latent = x + rng.normal(size=10)[g] + rng.logistic(size=300)
    y = pd.Categorical.from_codes(
        np.digitize(latent, [-1, 1]), categories=["low", "middle", "high"], ordered=True
    )
    data = pd.DataFrame({"y": y, "x": x, "g": g.astype(str)})
    return ml.fit("y ~ x + (1 | g)", data, family=ml.families.Ordinal(link=request.param))


def law(fit: ml.Fit):
    """Return the distribution function of the latent line."""
    return expit if fit.design.family.link == "logit" else stats.norm.cdf


def test_probabilities_are_differences_of_the_latent_distribution(fit: ml.Fit) -> None:
    found = fit.predict(NEW)
    assert list(found) == ["p(low)", "p(middle)", "p(high)"]
    low, high = fit.solution.family_numbers.values
    eta = np.array(NEW["x"]) * fit.solution.beta[0] + fit.solution.groups.modes(0)[[3, 0, 7], 0]
    F = law(fit)
    np.testing.assert_allclose(found["p(low)"], F(low - eta), rtol=1e-12)
    np.testing.assert_allclose(found["p(middle)"], F(high - eta) - F(low - eta), rtol=1e-12)
    np.testing.assert_allclose(found["p(high)"], 1 - F(high - eta), rtol=1e-10)


def test_averages_are_those_of_many_drawn_groups(fit: ml.Fit) -> None:
    """200,000 groups, within five standard errors."""
    found = fit.predict(NEW, groups="average").to_numpy()
    sd = np.sqrt(fit.solution.covariances[0][0, 0])
    eta = np.array(NEW["x"]) * fit.solution.beta[0] + sd * np.random.default_rng(1).normal(size=(200_000, 1))
    p = fit.design.family.probabilities(eta, fit.solution.family_numbers.values)
    assert np.all(np.abs(p.mean(axis=0) - found) < 5 * p.std(axis=0) / np.sqrt(200_000))
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-12)


def test_standard_errors_are_those_of_the_delta_method(fit: ml.Fit) -> None:
    """Differences of the probabilities by the slope and the thresholds; limits normal on the logit scale."""
    found = fit.predict(NEW, groups="typical", interval=0.9)
    values = np.concatenate([fit.solution.beta, fit.solution.family_numbers.values])
    none = [np.full(3, -1, dtype=np.int32)], [np.ones((3, 1))]
    pairs = [(i, j) for i in range(3) for j in range(3)]
    covariance = np.zeros((3, 3))
    for i, j in pairs:  # by polarisation
        plus, minus = np.zeros((3, 3)), np.zeros((3, 3))
        plus[:, i] += 1
        plus[:, j] += 1
        minus[:, i] += 1
        minus[:, j] -= 1
        up, down = (fit.solution.groups.response_variance(v, *none)[0] for v in (plus, minus))
        covariance[i, j] = (up - down) / 4

    def at(v: np.ndarray) -> np.ndarray:
        return fit.design.family.probabilities(np.array(NEW["x"]) * v[0], v[1:])

    J = np.stack([(at(values + h) - at(values - h)) / 2e-6 for h in 1e-6 * np.eye(3)], axis=-1)
    errors = np.sqrt(np.einsum("nci,ij,ncj->nc", J, covariance, J))
    for c, name in enumerate(("low", "middle", "high")):
        np.testing.assert_allclose(found[f"std_error({name})"], errors[:, c], rtol=1e-6)
        p = found[f"p({name})"]
        half = stats.norm.ppf(0.95) * errors[:, c] / (p * (1 - p))
        np.testing.assert_allclose(found[f"lower({name})"], expit(logit(p) - half), rtol=1e-5)
        np.testing.assert_allclose(found[f"upper({name})"], expit(logit(p) + half), rtol=1e-5)
    assert set(found["varies"]) == {"coefficients"}


def test_known_and_new_groups_are_less_certain_than_typical_ones(fit: ml.Fit) -> None:
    typical = fit.predict(NEW, groups="typical", interval=0.9)
    known, new = (fit.predict(NEW, groups=kind, interval=0.9) for kind in ("known", "new"))
    assert np.all(new["std_error(low)"] > typical["std_error(low)"])
    assert np.all(known["std_error(low)"] > 0)
    np.testing.assert_allclose(new["p(low)"], typical["p(low)"])
    link = fit.predict(NEW, interval=0.9, scale="link")
    assert np.all(link["std_error"] > 0)


def test_single_observations_are_refused(fit: ml.Fit) -> None:
    with pytest.raises(ml.OptionError, match="observation=True was asked of an ordinal response"):
        fit.predict(NEW, interval=0.9, observation=True)


def test_fitted_values_are_mean_class_numbers(fit: ml.Fit) -> None:
    np.testing.assert_allclose(fit.fitted, fit.predict().to_numpy() @ [1, 2, 3], rtol=1e-12)
