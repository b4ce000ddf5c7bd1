"""New rows: the columns that each question needs, weights, and refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

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
