"""Labels of several tables joined."""

from __future__ import annotations

import numpy as np
import pytest

from multilevel.design.recipe import GroupRecipe
from multilevel.moments.merging.levels import are_numbers, joined_labels, keys_of


@pytest.mark.parametrize(
    ("several", "joined"),
    [
        ([("1", "2"), ("10",)], ("1", "2", "10")),
        ([("1", "10", "2"), ("3",)], ("1", "10", "2", "3")),
        ([("0.5", "1"), ("-2",)], ("-2", "0.5", "1")),
        ([("low", "high"), ("low",)], ("low", "high")),
        ([("b",), ("a", "c")], ("a", "b", "c")),
        ([("False", "True"), ("True",)], ("False", "True")),
        ([("nan", "x"), ("a",)], ("a", "nan", "x")),
    ],
)
def test_labels_in_one_order(several: list[tuple[str, ...]], joined: tuple[str, ...]) -> None:
    assert joined_labels(several) == joined


def test_keys_of_levels_are_numbers_where_the_labels_were() -> None:
    members = np.array([[0, 0], [1, 0]], dtype=np.int32)
    one = GroupRecipe((("2", "10"), ("a",)), members)
    other = GroupRecipe((("1", "2"), ("1.5",)), members)
    keys, sizes = keys_of([one, other])
    assert sizes == [2, 2]
    assert keys[0].dtype == np.int64
    assert keys[0].tolist() == [2, 10, 1, 2]
    assert keys[1].tolist() == ["a", "a", "1.5", "1.5"]


def test_texts_that_look_like_numbers_in_another_order_stay_texts() -> None:
    assert are_numbers([("1", "2", "10")])
    assert not are_numbers([("1", "10", "2")])
    assert not are_numbers([("inf",)])
