"""Tests of looking up column names."""

from __future__ import annotations

import unicodedata

import pytest

from multilevel.data.names import find_names, nearest_names
from multilevel.errors import DataError

COMPOSED = "gr\u00fcppe"
DECOMPOSED = unicodedata.normalize("NFD", COMPOSED)


@pytest.mark.parametrize(
    ("wanted", "present", "found"),
    [
        (["x"], ["x", "y"], {"x": "x"}),
        (["x", "x"], ["y", "x"], {"x": "x"}),
        (["a b"], ["a b"], {"a b": "a b"}),
        (["x"], ["x", 3, ("x", "y")], {"x": "x"}),
        ([COMPOSED], [COMPOSED], {COMPOSED: COMPOSED}),
        ([COMPOSED], [DECOMPOSED], {COMPOSED: DECOMPOSED}),
        ([DECOMPOSED], [COMPOSED], {DECOMPOSED: COMPOSED}),
        (["x"], ["x", "y", "y"], {"x": "x"}),
        ([], ["x"], {}),
    ],
)
def test_names_are_found_exactly_or_by_their_normal_form(
    wanted: list[str], present: list[object], found: dict[str, str]
) -> None:
    assert find_names(wanted, present) == found


@pytest.mark.parametrize(
    ("wanted", "present", "pieces"),
    [
        (["nope"], ["x", "y"], ["no column `nope`", "the columns `x`, `y`"]),
        (["raction", "dys"], ["reaction", "days"], ["`raction` -> `reaction`", "`dys` -> `days`"]),
        (["Days"], ["days"], ["did you mean `Days` -> `days`?"]),
        (["waittime"], ["wait time"], ["`waittime` -> `wait time`", "stand in backticks"]),
        (["x"], ["x", "x"], ["2 columns named `x`"]),
        ([COMPOSED], [COMPOSED, DECOMPOSED], ["ambiguous", "Unicode"]),
        (["x"], [], ["no columns at all"]),
        (
            ["x"],
            [0, 1],
            ["no column `x`", "2 of its columns have names that are no texts (0, ...)", "rename"],
        ),
        (["x"], [("a", "x"), "z"], ["1 of its columns", "(('a', 'x'), ...)"]),
        (["a"], ["a;b;c"], ["separated by something other than commas"]),
        (["x"], [f"v{i}" for i in range(30)], [" ..."]),
    ],
)
def test_a_name_that_is_not_there_is_an_error_with_the_nearest_ones(
    wanted: list[str], present: list[object], pieces: list[str]
) -> None:
    with pytest.raises(DataError) as caught:
        find_names(wanted, present)
    for piece in pieces:
        assert piece in str(caught.value)


def test_the_nearest_names_come_first() -> None:
    assert nearest_names("subjct", ["object", "days", "subject"])[0] == "subject"
    assert nearest_names("zzz", ["subject"]) == []
