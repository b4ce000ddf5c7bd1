"""Levels of a source get the labels and the order that rows in memory give them."""

from __future__ import annotations

import numpy as np
import pytest

from multilevel.data.columns import from_array
from multilevel.design.groups import group_factor, group_levels
from multilevel.moments.of_source.level_order import sorted_levels

RNG = np.random.default_rng(6)
KEYS = {
    "whole": np.array([3, -2, 10, 2]),
    "numbers": np.array([0.5, -1.25, 3.0, 10.0]),
    "texts": np.array(["b", "a c", "ä", "B"], dtype=object),
}


@pytest.mark.parametrize(
    "columns", [["whole"], ["numbers"], ["texts"], ["whole", "texts"], ["texts", "numbers"]]
)
def test_order_labels_and_recipe(columns: list[str]) -> None:
    rows = RNG.integers(0, 4, (200, len(columns)))
    levels = np.unique(rows, axis=0)
    levels = levels[RNG.permutation(len(levels))]
    found = sorted_levels([KEYS[name][levels[:, at]] for at, name in enumerate(columns)])
    parts = [group_levels(from_array(name, KEYS[name][rows[:, at]]), None) for at, name in enumerate(columns)]
    factor, members = group_factor(columns, parts)
    assert found.labels == factor.levels
    assert found.recipe.levels == tuple(part.levels for part in parts)
    np.testing.assert_array_equal(found.recipe.members, members)
    np.testing.assert_array_equal(found.take[found.place], np.arange(len(levels)))


def test_whole_numbers_beyond_float64_stay_apart() -> None:
    found = sorted_levels([np.array([2**60 + 1, 2**60, -5])])
    assert found.labels == ("-5", "1152921504606846976", "1152921504606846977")
