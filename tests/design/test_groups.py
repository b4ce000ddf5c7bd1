"""Tests of grouping factors."""

from __future__ import annotations

import numpy as np
import pytest

from multilevel.data.table import Column
from multilevel.design.groups import group_factor, group_levels
from multilevel.design.scope import Factor


@pytest.mark.parametrize(
    ("values", "codes", "levels"),
    [
        ([3, 1, 3], [1, 0, 1], ("1", "3")),
        ([10, 9, 2], [2, 1, 0], ("2", "9", "10")),
        ([-1, 1, 0], [0, 2, 1], ("-1", "0", "1")),
        ([1e12, 5, 5], [1, 0, 0], ("5", "1000000000000")),
        ([1.5, 0.5, 1.5], [1, 0, 1], ("0.5", "1.5")),
        ([1e300, -1e300, 0.0], [2, 0, 1], ("-1e+300", "0", "1e+300")),
    ],
)
def test_numbers_are_levels_in_increasing_order(
    values: list[float], codes: list[int], levels: tuple[str, ...]
) -> None:
    factor = group_levels(Column("g", np.array(values, dtype=np.float64)), None)
    assert factor.codes.tolist() == codes
    assert factor.codes.dtype == np.int32
    assert factor.levels == levels


def test_texts_and_booleans_are_levels_that_occur_in_the_used_rows() -> None:
    text = Column("g", np.array([2, 0, 2], dtype=np.int32), levels=("a", "b", "c"))
    assert group_levels(text, None).levels == ("a", "c")
    assert group_levels(text, np.array([0, 2])).levels == ("c",)
    assert group_levels(Column("g", np.array([1.0, 0.0]), boolean=True), None).levels == ("False", "True")


def part(*codes: int) -> Factor:
    """Return a factor of letters."""
    return Factor(np.array(codes, dtype=np.int32), tuple("abcdefgh"[: max(codes) + 1]))


@pytest.mark.parametrize(
    ("parts", "index", "levels"),
    [
        ([part(1, 0, 1)], [1, 0, 1], ("a", "b")),
        ([part(0, 0, 1, 1), part(1, 0, 1, 1)], [1, 0, 2, 2], ("a:a", "a:b", "b:b")),
        (
            [part(1, 0, 1, 0), part(0, 1, 1, 1), part(0, 1, 2, 0)],
            [2, 1, 3, 0],
            ("a:b:a", "a:b:b", "b:a:a", "b:b:c"),
        ),
    ],
)
def test_combinations_that_occur_are_levels_outer_column_first(
    parts: list[Factor], index: list[int], levels: tuple[str, ...]
) -> None:
    names = [f"g{at}" for at in range(len(parts))]
    factor, members = group_factor(names, parts)
    assert factor.name == ":".join(names)
    assert factor.index.tolist() == index
    assert factor.levels == levels
    for at, one in enumerate(parts):
        np.testing.assert_array_equal(members[factor.index, at], one.codes)


def test_many_possible_combinations_are_not_laid_out() -> None:
    n = 1000
    rng = np.random.default_rng(0)
    parts = [Factor(rng.permutation(n).astype(np.int32), tuple(map(str, range(n)))) for _ in range(3)]
    factor, members = group_factor(["a", "b", "c"], parts)
    assert len(factor.levels) == n
    assert sorted(factor.index.tolist()) == list(range(n))
    np.testing.assert_array_equal(members[factor.index, 2], parts[2].codes)
