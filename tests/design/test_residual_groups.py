"""Tests of the factor whose levels have residual sds of their own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from multilevel.design.residual_groups import residual_columns
from multilevel.errors import DataError, DesignError, OptionError
from tests.design.cases import ROWS, base, bound, cycled

DATA = base(s=cycled("abcd"), one=["a"] * ROWS, **{"a:b": cycled("uv")})


@pytest.mark.parametrize(
    ("given", "columns"),
    [
        (None, ()),
        ("s", ("s",)),
        (" s : g ", ("s", "g")),
        ("wait time", ("wait time",)),
        ("`a:b`:s", ("a:b", "s")),
    ],
)
def test_columns(given: str | None, columns: tuple[str, ...]) -> None:
    assert residual_columns(given) == columns


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("", r"residual_groups='' names no column\n  allowed: the name of a column, or names joined"),
        ("  ", "names no column"),
        (":", "names no column"),
        ("a:", "names no column"),
        ("a::b", "names no column"),
        (["s"], r"residual_groups=\['s'\] names no column"),
        (True, "residual_groups=True names no column"),
        ("s:g:s", "names `s` twice"),
    ],
)
def test_what_names_no_columns(given: Any, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        residual_columns(given)


def test_a_factor_beside_the_grouping_factors() -> None:
    design = bound("y ~ x + (1 | g)", DATA, residual_groups="s")
    factor = design.residual_groups
    assert factor is not None
    assert (factor.name, factor.columns, factor.levels) == ("s", ("s",), ("a", "b", "c", "d"))
    np.testing.assert_array_equal(factor.index, np.arange(ROWS) % 4)
    assert [one.name for one in design.factors] == ["g"]
    assert bound("y ~ x + (1 | g)", DATA).residual_groups is None


def test_combinations_of_columns() -> None:
    design = bound("y ~ x + (1 | g)", DATA, residual_groups="s:`a:b`")
    assert design.residual_groups is not None
    assert design.residual_groups.levels == ("a:u", "b:v", "c:u", "d:v")


def test_rows_without_a_group_are_refused_or_dropped() -> None:
    labels = np.array(["a", "b"], dtype=object)[np.arange(ROWS) % 2]
    labels[3] = None
    with pytest.raises(DataError, match=r"grouping column `s` is missing in 1 of 100 rows \(rows 3\)"):
        bound("y ~ x + (1 | g)", {**DATA, "s": labels}, residual_groups="s")
    design = bound("y ~ x + (1 | g)", {**DATA, "s": labels}, residual_groups="s", missing="drop")
    assert design.n_rows == ROWS - 1
    assert design.residual_groups is not None
    assert design.residual_groups.index.shape == (ROWS - 1,)


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"residual_groups": "S1"}, DataError, "no column `S1`\n.*\n  try: did you mean `S1` -> `s`"),
        ({"residual_groups": "one"}, DesignError, "residual_groups='one' has one level, 'a'"),
        (
            {"residual_groups": "s", "residual_sd": 1.0},
            OptionError,
            "were both given\n  allowed: one of the two",
        ),
        ({"residual_groups": "s", "residual_sd": "x"}, OptionError, "`residual_sd` were both given"),
    ],
)
def test_what_cannot_be(options: dict[str, Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        bound("y ~ x + (1 | g)", DATA, **options)
