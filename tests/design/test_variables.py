"""Tests of which columns a model uses."""

from __future__ import annotations

import numpy as np
import pytest

from multilevel.design import columns_needed
from multilevel.design.variables import trials_columns, variables_of
from multilevel.language import parse_formula
from multilevel.model import Model

MODEL = parse_formula("log(y) ~ poly(x, 2) * f + offset(o) + (z | g/h) + (1 | `a b`)")


def test_columns_are_sorted_by_their_part_in_the_model() -> None:
    found = variables_of(MODEL)
    assert found.response == ("y",)
    assert found.predictors == ("x", "f", "z", "o")
    assert found.grouping == ("g", "h", "a b")


def test_named_weights_are_needed_and_arrays_are_not() -> None:
    names = columns_needed(MODEL, precision_weights="w", offset=np.ones(3), residual_sd="x")
    assert set(names) == {"y", "x", "f", "z", "o", "g", "h", "a b", "w"}
    assert len(names) == len(set(names))


def test_columns_of_residual_groups_are_needed() -> None:
    assert columns_needed(MODEL, residual_groups="g:`c:d`")[-1] == "c:d"


@pytest.mark.parametrize(
    ("trials", "columns"), [("", ()), ("12", ()), ("n", ("n",)), ("`two words` + m", ("two words", "m"))]
)
def test_columns_of_trials(trials: str, columns: tuple[str, ...]) -> None:
    """A number of trials needs no column."""
    model = Model("", "s", "1 + x", (), variables=("s", "x"), trials=trials)
    assert trials_columns(model) == columns
    assert columns_needed(model)[:2] == ("s", "x")
    assert set(columns) <= set(columns_needed(model))
