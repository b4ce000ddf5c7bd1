"""Tests of which columns a model uses."""

from __future__ import annotations

import numpy as np

from multilevel.design import columns_needed
from multilevel.design.variables import variables_of
from multilevel.language import parse_formula

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
