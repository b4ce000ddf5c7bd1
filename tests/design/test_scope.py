"""Tests of the columns that expressions see."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest

from multilevel.data.table import Column
from multilevel.design.scope import Factor, Scope, as_numbers, as_trained, compact, used_rows
from multilevel.errors import DataError

TEXT = Column("f", np.array([2, 0, 2], dtype=np.int32), levels=("a", "b", "c"))
BOOLEAN = Column("f", np.array([1.0, 0.0]), boolean=True)


def test_levels_that_do_not_occur_are_dropped() -> None:
    factor = used_rows(TEXT, None)
    assert isinstance(factor, Factor)
    assert factor.levels == ("a", "c")
    assert factor.codes.tolist() == [1, 0, 1]
    only = used_rows(TEXT, np.array([1]))
    assert isinstance(only, Factor)
    assert only.levels == ("a",)


def test_all_levels_are_kept_without_a_copy() -> None:
    codes = np.array([0, 1], dtype=np.int32)
    assert compact(codes, ("a", "b")).codes is codes


def test_numbers_are_taken_as_they_are() -> None:
    values = np.array([1.0, 2.0])
    assert used_rows(Column("x", values), None) is values


def test_a_boolean_column_is_a_factor() -> None:
    factor = used_rows(BOOLEAN, None)
    assert isinstance(factor, Factor)
    assert factor.levels == ("False", "True")


def test_new_rows_get_the_levels_of_the_fitted_ones() -> None:
    assert as_trained(TEXT, ("a", "c", "z")).codes.tolist() == [1, 0, 1]
    assert as_trained(BOOLEAN, ("False", "True")).codes.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("column", "piece"),
    [
        (TEXT, "the column `f` has 'c', which the fitted rows did not have"),
        (Column("f", np.array([1.0])), "is numeric now"),
    ],
)
def test_an_unseen_level_is_an_error(column: Column, piece: str) -> None:
    with pytest.raises(DataError) as caught:
        as_trained(column, ("a", "b"))
    assert piece in str(caught.value)


def test_a_column_is_found_in_any_unicode_form() -> None:
    name = "gr\u00fcppe"
    scope = Scope({name: np.ones(1)}, frozenset(), 1)
    assert scope[unicodedata.normalize("NFD", name)] is scope[name]
    with pytest.raises(DataError, match="was not read"):
        scope["other"]


def test_a_factor_is_not_numbers() -> None:
    scope = Scope({"f": Factor(np.zeros(1, dtype=np.int32), ("a",))}, frozenset(), 1)
    with pytest.raises(DataError, match="not numeric"):
        scope.numbers("f")


def test_whole_numbers_beyond_float64_are_numbers_in_expressions() -> None:
    column = Column("t", np.array([1, -1, 0], dtype=np.int32), (str(2**53 + 1), str(2**60)), whole=True)
    found = as_numbers(column)
    assert found.levels is None
    np.testing.assert_array_equal(found.values, [2.0**60, np.nan, 2.0**53])
    text = Column("t", column.values, column.levels)
    assert as_numbers(text) is text
