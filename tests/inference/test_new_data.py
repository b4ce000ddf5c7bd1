"""New rows: the columns that each question needs, weights, and refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import multilevel as ml
from multilevel.data import read_table
from multilevel.design import bind, columns_needed
from multilevel.errors import DataError, MultilevelError, OptionError
from multilevel.inference import predict, read_new_data
from multilevel.language import parse_formula
from multilevel.results import Fit
from tests.oracle.fits import fit_design

RNG = np.random.default_rng(0)
N = 60
DATA: dict[str, Any] = {
    "x": RNG.normal(size=N),
    "g": [f"g{i % 10}" for i in range(N)],
    "h": [f"h{i % 6}" for i in range(N)],
    "w": RNG.uniform(0.5, 2, N),
}
DATA["y"] = 1 + DATA["x"] + RNG.normal(size=10)[np.arange(N) % 10] + RNG.normal(size=N)


def fitted(formula: str = "y ~ x + (x || g) + (1 | h)", **given: Any) -> Fit:
    model = parse_formula(formula)
    table = read_table(DATA, columns_needed(model, **given))
    return fit_design(bind(model, table, **given), **given)


@pytest.mark.parametrize(
    ("groups", "columns"),
    [
        ("known", {"x", "g", "h"}),
        ("new", {"x"}),
        ("typical", {"x"}),
        ({"g": "new"}, {"x", "h"}),
        ({"g": "known", "h": "typical"}, {"x", "g"}),
    ],
)
def test_only_the_columns_of_known_groups_are_needed(groups: Any, columns: set[str]) -> None:
    fit = fitted()
    enough = {name: DATA[name][:3] for name in columns}
    new = read_new_data(fit, enough, groups=groups, observation=False)
    assert len(predict(fit, new.rows, groups=groups, interval=0.9)["lower"]) == 3
    for name in columns:
        less = {key: values for key, values in enough.items() if key != name} or {"z": [1.0]}
        with pytest.raises(DataError, match=name):
            read_new_data(fit, less, groups=groups, observation=False)


def test_the_rows_of_the_fit_as_new_rows_give_the_same_predictions() -> None:
    fit = fitted()
    new = read_new_data(fit, DATA, groups="known", observation=True)
    assert new.precision is None
    found = predict(fit, new.rows, interval=0.9, observation=True)
    expected = predict(fit, interval=0.9, observation=True)
    np.testing.assert_allclose(found["prediction"], expected["prediction"], rtol=1e-10)
    np.testing.assert_allclose(found["upper"], expected["upper"], rtol=1e-8)


@pytest.mark.parametrize(("given", "power"), [({"precision_weights": "w"}, 1), ({"residual_sd": "w"}, -2)])
def test_weights_come_from_the_column_that_the_fit_names(given: dict[str, Any], power: int) -> None:
    fit = fitted(**given)
    new = read_new_data(fit, DATA, groups="known", observation=True)
    np.testing.assert_allclose(new.precision, DATA["w"] ** power)
    assert read_new_data(fit, DATA, groups="known", observation=False).precision is None
    mean = predict(fit, new.rows, interval=0.9)
    single = predict(fit, new.rows, interval=0.9, observation=True, precision=new.precision)
    added = single["std_error"] ** 2 - mean["std_error"] ** 2
    np.testing.assert_allclose(added, fit.sigma**2 / DATA["w"] ** power, rtol=1e-8)


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf])
def test_weights_that_cannot_be_used(bad: float) -> None:
    fit = fitted(precision_weights="w")
    with pytest.raises(MultilevelError, match="`w`"):
        read_new_data(fit, {**DATA, "w": np.r_[bad, DATA["w"][1:]]}, groups="known", observation=True)


@pytest.mark.parametrize("name", ["precision_weights", "residual_sd", "offset"])
def test_arrays_of_the_fit_have_no_values_for_new_rows(name: str) -> None:
    fit = fitted(**{name: DATA["w"]})
    with pytest.raises(OptionError) as caught:
        read_new_data(fit, DATA, groups="known", observation=True)
    assert f"the fit was given {name} as an array" in str(caught.value)


def test_offsets_of_new_rows_count() -> None:
    fit = fitted(offset="w")
    new = read_new_data(fit, DATA, groups="known", observation=False)
    np.testing.assert_allclose(predict(fit, new.rows)["prediction"], predict(fit)["prediction"])
    fixed = fitted(offset=2.5)
    new = read_new_data(fixed, DATA, groups="known", observation=False)
    np.testing.assert_allclose(predict(fixed, new.rows)["prediction"], predict(fixed)["prediction"])


COUNTS = {
    "s": RNG.binomial(12, 0.4, N).astype(float),
    "n": np.full(N, 12.0),
    "two words": np.full(N, 12.0),
    "g": DATA["g"],
    "x": DATA["x"],
}


def shares(trials: str) -> ml.Fit:
    """Return a binomial fit with given trials."""
    return ml.fit(f"prop(s, {trials}) ~ x", COUNTS, family="binomial")


@pytest.mark.parametrize(("trials", "column"), [("n", "n"), ("`two words`", "two words"), ("12", "")])
def test_trials_are_needed_for_single_observations_alone(trials: str, column: str) -> None:
    fit = shares(trials)
    new: dict[str, Any] = {"x": [0.0, 1.0]}
    assert read_new_data(fit, new, groups="known", observation=False).trials is None
    if column:
        with pytest.raises(DataError, match=column):
            read_new_data(fit, new, groups="known", observation=True)
        new[column] = [4.0, 8.0]
    found = read_new_data(fit, new, groups="known", observation=True).trials
    assert found is not None
    assert found.tolist() == ([4.0, 8.0] if column else [12.0, 12.0])


@pytest.mark.parametrize("bad", [0.0, 2.5, np.nan, "four"])
def test_impossible_trials_of_new_rows(bad: Any) -> None:
    with pytest.raises(DataError, match="column `n` of the new rows has trials that are missing or no whole"):
        read_new_data(shares("n"), {"x": [0.0], "n": [bad]}, groups="known", observation=True)


def test_trials_that_are_an_expression_are_refused_for_single_observations() -> None:
    fit = shares("n + 1")
    with pytest.raises(OptionError, match="those of the fit are an expression: n \\+ 1"):
        read_new_data(fit, {"x": [0.0], "n": [3.0]}, groups="known", observation=True)


def test_columns_of_zero_inflation_are_needed() -> None:
    data = {**DATA, "c": RNG.poisson(2.0, N) * (RNG.random(N) > 0.3)}
    fit = ml.fit("c ~ 1", data, family="poisson", zero_inflation="~ x")
    with pytest.raises(DataError, match="x"):
        read_new_data(fit, {"g": ["a"]}, groups="known", observation=False)
    found = read_new_data(fit, {"x": [0.5]}, groups="known", observation=False).rows.inflation
    assert found is not None
    assert found.tolist() == [[1.0, 0.5]]
