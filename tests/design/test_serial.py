"""Times of serial structures: effect columns, orders of categories, refusals, new rows."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

import multilevel as ml
from multilevel.data import read_table
from multilevel.design import Design, bind, bind_new
from multilevel.language import parse_formula

RNG = np.random.default_rng(3)


def rows(**columns: Any) -> pd.DataFrame:
    """Return thirty rows of five groups at six times, with other columns in place of some."""
    base = {"y": RNG.standard_normal(30), "g": np.repeat(list("abcde"), 6), "t": np.tile(np.arange(6.0), 5)}
    return pd.DataFrame({**base, **columns})


def design_of(frame: pd.DataFrame, text: str = "y ~ 1 + ar1(0 + t | g)") -> Design:
    """Return the design of a model."""
    model = parse_formula(text)
    return bind(model, read_table(frame, model.variables))


def test_numbers_are_times() -> None:
    term = design_of(rows(t=np.tile([7.0, 1.5, 2.0, 4.0, 9.0, 11.0], 5))).terms[0]
    assert term.times is not None
    assert term.times.values == (1.5, 2.0, 4.0, 7.0, 9.0, 11.0)
    assert term.names[:2] == ("t[1.5]", "t[2]")
    assert term.Z[0].tolist() == [0, 0, 0, 1, 0, 0]


def test_ordered_categories_keep_the_places_of_unused_ones() -> None:
    months = ["jan", "feb", "mar", "apr", "may", "jun", "jul"]
    used = [m for m in months if m != "mar"]
    column = pd.Categorical(np.tile(used, 5), categories=months, ordered=True)
    term = design_of(rows(t=column)).terms[0]
    assert term.times is not None
    assert term.times.values == (0.0, 1.0, 3.0, 4.0, 5.0, 6.0)
    assert term.names[2] == "t[apr]"


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"t": np.tile(list("uvwxyz"), 5)}, "labels without an order"),
        ({"t": np.tile([1.0, 2.0], 15)}, "has 2 distinct times"),
        ({"t": np.tile([1.0, 2.0, 2.0 + 1e-12, 4.0, 5.0, 6.0], 5)}, "nearly the same"),
    ],
)
def test_times_that_cannot_be_used(columns: dict[str, Any], said: str) -> None:
    with pytest.raises(ml.DesignError, match=said):
        design_of(rows(**columns))


def test_too_many_times() -> None:
    many = pd.DataFrame({"y": RNG.standard_normal(501), "g": "a", "t": np.arange(501.0)})
    with pytest.raises(ml.DesignError, match="501 distinct times"):
        design_of(many)


def test_groups_of_one_time_have_no_correlation_to_find() -> None:
    frame = rows(g=[f"g{i}" for i in range(30)])
    with pytest.raises(ml.DesignError, match="every level of `g` has rows of one time only"):
        design_of(frame)
    design_of(frame, "y ~ 1 + rw1(0 + t | g)")


def test_new_rows() -> None:
    design = design_of(rows())
    new = bind_new(design, read_table({"t": [2, 5], "g": ["b", "zz"]}, ["t", "g"]))
    assert new.Z[0].tolist() == [[0, 0, 1, 0, 0, 0], [0, 0, 0, 0, 0, 1]]
    assert new.index[0].tolist() == [1, -1]
    with pytest.raises(ml.DataError, match="7, times at which there is no"):
        bind_new(design, read_table({"t": [2, 7], "g": ["b", "c"]}, ["t", "g"]))


@pytest.mark.parametrize("word", ["ar1", "rw1"])
def test_what_serial_structures_are_not_for(word: str) -> None:
    text, frame = f"y ~ 1 + {word}(0 + t | g)", rows()
    with pytest.raises(ml.OptionError, match="no priors"):
        ml.sample(text, frame, seed=1)
    with pytest.raises(ml.OptionError, match="ar1 or rw1"):
        ml.fit(text, frame, method="em")
    with pytest.raises(ml.DesignError, match="serial structure"):
        ml.fit(text, frame.assign(y=frame["t"]), family="poisson")
    with pytest.raises(ml.OptionError, match="no graph"):
        ml.formula(text).graph()


def test_a_slope_may_stand_beside_the_times_of_its_column() -> None:
    model = parse_formula("y ~ t + (0 + t | g) + ar1(0 + t | g)")
    assert [term.covariance.value for term in model.groups] == ["unstructured", "autoregressive"]
    with pytest.raises(ml.FormulaError, match="twice"):
        parse_formula("y ~ t + rw1(0 + t | g) + ar1(0 + t | g)")


def test_saved_fits_come_back(tmp_path: Any) -> None:
    months = pd.Categorical(np.tile(list("zyxwvu"), 5), categories=list("zyxwvu"), ordered=True)
    frame = rows(t=months)
    frame["y"] += np.repeat(RNG.standard_normal(5), 6) + 0.5 * np.sin(np.arange(30))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = ml.fit("y ~ 1 + ar1(0 + t | g)", frame)
        fit.save(tmp_path / "serial.fit")
        again = ml.load_fit(tmp_path / "serial.fit")
    assert again.deviance == pytest.approx(fit.deviance, abs=1e-9)
    assert again.df == fit.df == 4
    assert again.random_effects["estimate"].to_numpy() == pytest.approx(
        fit.random_effects["estimate"].to_numpy()
    )
