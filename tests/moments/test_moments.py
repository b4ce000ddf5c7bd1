"""The noun itself: what it counts."""

from __future__ import annotations

from multilevel.moments import summarise
from tests.engines.structures import by_name, design_of


def test_levels_and_effects_are_counted_by_factor_from_the_largest_down() -> None:
    moments = summarise(design_of(by_name("crossed and nested")))
    assert moments.levels == (12, 5, 4)
    assert moments.effects == (1, 1, 2)
    assert [(pair.f, pair.g) for pair in moments.pairs] == [(0, 1), (0, 2), (1, 2)]


def test_no_groups_leave_only_the_fixed_part() -> None:
    moments = summarise(design_of(by_name("no groups")))
    assert (moments.levels, moments.effects, moments.pairs, moments.blocks) == ((), (), (), ())
    assert moments.D.shape == (3, 3)
