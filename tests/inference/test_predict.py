"""Predictions: what each kind of group means, what intervals contain, and refusals."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from scipy import stats

import multilevel as ml
from multilevel.design.design import NewRows
from multilevel.errors import DataError, OptionError
from multilevel.inference import coefficients, fitted, predict
from multilevel.results import Fit
from tests.oracle import designs
from tests.oracle.fits import fit_design


@pytest.fixture(scope="module")
def fit() -> Fit:
    return fit_design(designs.slopes())


def new_rows(fit: Fit, *, level: int = 0, unknown: tuple[str, ...] = ()) -> NewRows:
    """Return two rows with x = 0 and x = 1 in one group."""
    X = np.array([[1.0, 0.0], [1.0, 1.0]])
    index = np.full(2, level, dtype=np.int32)
    return NewRows(X, None, (index,), (X,), {"g": unknown} if unknown else {})


def test_without_an_interval_there_are_predictions_alone(fit: Fit) -> None:
    found = predict(fit)
    assert list(found) == ["prediction"]
    np.testing.assert_allclose(found["prediction"], fitted(fit))


def test_known_groups_use_their_effects(fit: Fit) -> None:
    rows = new_rows(fit, level=3)
    found = predict(fit, rows, interval=0.9)
    b = fit.solution.groups.modes(0)[3]
    np.testing.assert_allclose(found["prediction"], rows.X @ (fit.solution.beta + b))
    variance = fit.solution.groups.prediction_variance(rows.X, rows.index, rows.Z)
    np.testing.assert_allclose(found["std_error"], np.sqrt(variance))
    np.testing.assert_allclose(
        found["upper"], found["prediction"] + stats.norm.ppf(0.95) * found["std_error"]
    )
    assert found["varies"] == ["coefficients + estimated group effects"] * 2


def test_a_typical_group_has_the_interval_of_the_coefficients(fit: Fit) -> None:
    found = predict(fit, new_rows(fit, level=-1, unknown=("z",)), groups="typical", interval=0.95)
    table = coefficients(fit)
    for name, column in (("prediction", "estimate"), ("lower", "lower"), ("upper", "upper")):
        assert found[name][0] == pytest.approx(table[column][0], rel=1e-9)
    assert found["varies"][0] == "coefficients"


@pytest.mark.parametrize("observation", [False, True])
def test_a_new_group_adds_the_variance_between_groups(fit: Fit, observation: bool) -> None:
    rows = new_rows(fit, level=-1, unknown=("z",))
    found = predict(fit, rows, groups="new", interval=0.9, observation=observation)
    T, V = fit.solution.covariances[0], fit.solution.vcov_beta
    variance = np.einsum("ij,jk,ik->i", rows.X, T + V, rows.X) + observation * fit.sigma**2
    np.testing.assert_allclose(found["prediction"], rows.X @ fit.solution.beta)
    np.testing.assert_allclose(found["std_error"], np.sqrt(variance))
    assert found["varies"][0] == "coefficients + new group effects" + " + residual" * observation


def test_least_squares_gives_the_textbook_interval() -> None:
    fit = fit_design(designs.least_squares())
    found = predict(fit, interval=0.9, observation=True)
    X = fit.design.fixed.X
    leverage = np.einsum("ij,jk,ik->i", X, np.linalg.inv(X.T @ X), X)
    half = stats.t(28).ppf(0.95) * fit.sigma * np.sqrt(1 + leverage)
    np.testing.assert_allclose(found["upper"] - found["prediction"], half, rtol=1e-9)


def test_precision_weights_and_offsets_count() -> None:
    fit = fit_design(designs.crossed(weighted=True))
    weights = fit.design.precision_weights
    mean = predict(fit, interval=0.9)
    single = predict(fit, interval=0.9, observation=True)
    added = single["std_error"] ** 2 - mean["std_error"] ** 2
    np.testing.assert_allclose(added, fit.sigma**2 / weights, rtol=1e-9)
    np.testing.assert_allclose(mean["prediction"], fitted(fit))
    rows = NewRows(
        fit.design.fixed.X,
        fit.design.offset,
        tuple(fit.design.factors[t.factor].index for t in fit.design.terms),
        tuple(t.Z for t in fit.design.terms),
        {},
    )
    given = predict(fit, rows, interval=0.9, observation=True, precision=weights)
    np.testing.assert_allclose(given["upper"], single["upper"])


def test_kinds_can_differ_between_factors() -> None:
    fit = fit_design(designs.crossed())
    both = predict(fit, groups={"g": "known", "h": "new"}, interval=0.9)
    index = fit.design.factors[0].index
    b = fit.solution.groups.modes(0)[index]
    expected = fit.design.fixed.X @ fit.solution.beta + np.sum(fit.design.terms[0].Z * b, axis=1)
    np.testing.assert_allclose(both["prediction"], expected)
    assert both["varies"][0] == "coefficients + estimated group effects + new group effects"


def test_unknown_levels_are_named_with_the_remedy(fit: Fit) -> None:
    rows = new_rows(fit, level=-1, unknown=tuple(f"z{i}" for i in range(7)))
    with pytest.raises(DataError) as caught:
        predict(fit, rows)
    assert str(caught.value) == (
        "groups='known', but the fit has not seen these levels: `g`: z0, z1, z2, z3, z4 and 2 more\n"
        "  allowed: levels that are in the data of the fit\n"
        "  try: groups='new' (interval contains the variance between groups), or groups='typical'"
    )


def test_an_absent_grouping_column_is_not_taken_for_a_typical_group(fit: Fit) -> None:
    rows = dataclasses.replace(new_rows(fit, level=-1), unknown={"g": ()})
    with pytest.raises(DataError, match="the new rows do not say their level of `g`"):
        predict(fit, rows)
    assert len(predict(fit, rows, groups="new")["prediction"]) == 2


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"groups": "old"}, "groups='old' is not known"),
        ({"groups": {"s": "new"}}, "the model has no grouping factor 's'"),
        ({"groups": {"g": "old"}}, "groups['g']='old' is not known"),
        ({"interval": 95}, "interval=95 is not a coverage"),
        ({"interval": True}, "interval=True is not a coverage"),
        ({"observation": True}, "observation=True was asked without an interval"),
    ],
)
def test_refusals(fit: Fit, keywords: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError) as caught:
        predict(fit, **keywords)
    assert message in str(caught.value)


def test_typical_least_squares_and_zero_variance_have_no_nan() -> None:
    fit = fit_design(designs.zero_variance())
    flat = dataclasses.replace(fit, memory={})
    for kind in ("known", "new", "typical"):
        found = predict(flat, groups=kind, interval=0.9, observation=True)
        assert np.isfinite(found["lower"]).all()


@pytest.fixture(scope="module")
def herds() -> ml.Fit:
    data = ml.datasets.load("cbpp")
    return ml.fit("prop(incidence, size) ~ period + (1 | herd)", data, family="binomial")


@pytest.mark.parametrize("groups", ["average", "new"])
def test_a_single_observation_of_the_population_has_a_group_of_its_own(fit: Fit, groups: Any) -> None:
    rows = new_rows(fit, level=-1, unknown=("z",))
    found = predict(fit, rows, groups=groups, interval=0.9, observation=True)
    T, V = fit.solution.covariances[0], fit.solution.vcov_beta
    variance = np.einsum("ij,jk,ik->i", rows.X, T + V, rows.X) + fit.sigma**2
    np.testing.assert_allclose(found["std_error"], np.sqrt(variance))
    assert found["varies"][0] == "coefficients + new group effects + residual"


@pytest.mark.parametrize(
    ("groups", "observation", "words"),
    [
        ("known", False, "coefficients + estimated group effects"),
        ("average", False, "coefficients"),
        ("average", True, "coefficients + new group effects + observation"),
    ],
)
def test_generalised_predictions_say_what_varies(
    herds: ml.Fit, groups: Any, observation: bool, words: str
) -> None:
    found = herds.predict(groups=groups, interval=0.9, observation=observation)
    assert set(found["varies"]) == {words}
    assert np.all((found["lower"] >= 0) & (found["upper"] <= 1) & (found["lower"] <= found["upper"]))


def test_the_link_of_the_response_is_the_linear_predictor(herds: ml.Fit) -> None:
    response, link = (herds.predict(interval=0.9, scale=scale) for scale in ("response", "link"))
    for column in ("prediction", "lower", "upper"):
        np.testing.assert_allclose(response[column], 1 / (1 + np.exp(-link[column])), rtol=1e-12)


def test_intervals_of_observations_cover_those_that_are_drawn(herds: ml.Fit) -> None:
    """New groups, coefficients and binomial draws, 20,000 times: at least the coverage, and not far above."""
    n = 30.0
    found = herds.predict(
        {"period": ["1", "4"], "size": [n, n]}, groups="new", interval=0.8, observation=True
    )
    rng = np.random.default_rng(6)
    beta = rng.multivariate_normal(herds.solution.beta, herds.vcov, 20_000)
    eta = beta @ np.array([[1.0, 0, 0, 0], [1, 0, 0, 1]]).T
    eta = eta + np.sqrt(herds.solution.covariances[0][0, 0]) * rng.normal(size=(20_000, 1))
    share = rng.binomial(30, 1 / (1 + np.exp(-eta))) / n
    inside = ((share >= found["lower"].to_numpy()) & (share <= found["upper"].to_numpy())).mean(axis=0)
    assert np.all((inside > 0.79) & (inside < 0.92))
    np.testing.assert_allclose(share.std(axis=0), found["std_error"], rtol=0.02)


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"scale": "log"}, "scale='log' is not known"),
        ({"scale": "link", "interval": 0.9, "observation": True}, "an observation has no linear predictor"),
    ],
)
def test_generalised_refusals(herds: ml.Fit, keywords: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError) as caught:
        herds.predict(**keywords)
    assert message in str(caught.value)


def test_a_saved_fit_predicts_the_same(herds: ml.Fit, tmp_path: Any) -> None:
    herds.save(tmp_path / "herds.fit")
    again = ml.load_fit(tmp_path / "herds.fit")
    for groups in ("known", "average"):
        one, other = (fit.predict(groups=groups, interval=0.9) for fit in (herds, again))
        np.testing.assert_allclose(
            one.drop(columns="varies").to_numpy(), other.drop(columns="varies").to_numpy(), rtol=1e-6
        )
