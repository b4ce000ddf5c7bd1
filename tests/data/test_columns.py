"""Tests of turning one raw column of any library into numbers or codes."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from multilevel.data.columns import from_array, from_arrow, from_pandas, from_polars, label_of, refused
from multilevel.data.table import Column
from multilevel.errors import DataError

NAN = float("nan")


def read(values: Any) -> Column:
    """Read a column of any library."""
    if isinstance(values, pd.Series):
        return from_pandas("x", values)
    if isinstance(values, pl.Series):
        return from_polars("x", values)
    if isinstance(values, (pa.Array, pa.ChunkedArray)):
        return from_arrow("x", values)
    return from_array("x", values)


NUMBERS: list[tuple[Any, list[float], bool]] = [
    (np.array([1.5, NAN]), [1.5, NAN], False),
    (np.array([1, 2], dtype=np.int8), [1, 2], False),
    (np.array([1, 2], dtype=np.uint64), [1, 2], False),
    (np.array([1.5], dtype=np.float32), [1.5], False),
    (np.array([True, False]), [1, 0], True),
    (np.array([1, None, 2.5], dtype=object), [1, NAN, 2.5], False),
    (np.array([Decimal("1.5"), None], dtype=object), [1.5, NAN], False),
    (np.array([True, None], dtype=object), [1, NAN], True),
    (np.array([None, None], dtype=object), [NAN, NAN], False),
    (pd.Series([1.5, None]), [1.5, NAN], False),
    (pd.Series([1, None], dtype="Int64"), [1, NAN], False),
    (pd.Series([1, 2], dtype="Int64"), [1, 2], False),
    (pd.Series([1, 2], dtype="UInt8"), [1, 2], False),
    (pd.Series([1.5, None], dtype="Float64"), [1.5, NAN], False),
    (pd.Series([True, None], dtype="boolean"), [1, NAN], True),
    (pd.Series([1.5, None], dtype=pd.ArrowDtype(pa.float64())), [1.5, NAN], False),
    (pd.Series([0.0, 2.0], dtype="Sparse[float]"), [0, 2], False),
    (pl.Series([1.5, None]), [1.5, NAN], False),
    (pl.Series([1, 2]), [1, 2], False),
    (pl.Series([1, None]), [1, NAN], False),
    (pl.Series([1.5], dtype=pl.Float32), [1.5], False),
    (pl.Series([True, None]), [1, NAN], True),
    (pl.Series([None, None]), [NAN, NAN], False),
    (pl.Series([Decimal("1.5"), None]), [1.5, NAN], False),
    (pa.array([1.5, None]), [1.5, NAN], False),
    (pa.array([1, 2]), [1, 2], False),
    (pa.array([1, None]), [1, NAN], False),
    (pa.array([True, None]), [1, NAN], True),
    (pa.array([None, None]), [NAN, NAN], False),
    (pa.array([Decimal("1.5")]), [1.5], False),
    (pa.chunked_array([[1.5], [2.5]]), [1.5, 2.5], False),
    (pa.chunked_array([[1.5, 2.5]]), [1.5, 2.5], False),
]


@pytest.mark.parametrize(("values", "expected", "boolean"), NUMBERS)
def test_numbers_and_booleans_become_float64(values: Any, expected: list[float], boolean: bool) -> None:
    column = read(values)
    assert column.levels is None
    assert column.boolean is boolean
    assert column.values.dtype == np.float64
    np.testing.assert_array_equal(column.values, expected)


LABELS: list[tuple[Any, list[int], tuple[str, ...], bool]] = [
    (np.array(["b", "a", "b"]), [1, 0, 1], ("a", "b"), False),
    (np.array(["b", None, "a"], dtype=object), [1, -1, 0], ("a", "b"), False),
    (pd.Series(["b", None, "a"]), [1, -1, 0], ("a", "b"), False),
    (pd.Series(["b", None, "a"], dtype="string"), [1, -1, 0], ("a", "b"), False),
    (pd.Series(["b", None, "a"], dtype="string[python]"), [1, -1, 0], ("a", "b"), False),
    (
        pd.Series(["b", None, "é", "a", "Z"], dtype="string[pyarrow]"),
        [2, -1, 3, 1, 0],
        ("Z", "a", "b", "é"),
        False,
    ),
    (pd.Series(["b", None, "a"], dtype="object"), [1, -1, 0], ("a", "b"), False),
    (pd.Series(["b", None], dtype=pd.ArrowDtype(pa.string())), [0, -1], ("b",), False),
    (pd.Series(["b", None, "a"], dtype="category"), [1, -1, 0], ("a", "b"), False),
    (
        pd.Series(pd.Categorical(["b", "a"], categories=["b", "z", "a"], ordered=True)),
        [0, 2],
        ("b", "z", "a"),
        True,
    ),
    (pd.Series(pd.Categorical([2, 1])), [1, 0], ("1", "2"), False),
    (pd.Series(pd.Categorical([2.0, 1.5])), [1, 0], ("1.5", "2"), False),
    (pl.Series(["b", None, "a"]), [1, -1, 0], ("a", "b"), False),
    (pl.Series(["b", None, "a"], dtype=pl.Categorical), [1, -1, 0], ("a", "b"), False),
    (pl.Series(["b", None, "a"], dtype=pl.Enum(["b", "z", "a"])), [0, -1, 2], ("b", "z", "a"), True),
    (pa.array(["b", None, "a"]), [1, -1, 0], ("a", "b"), False),
    (pa.array(["b", None, "a"], type=pa.large_string()), [1, -1, 0], ("a", "b"), False),
    (pa.array(["b", None, "a"]).dictionary_encode(), [1, -1, 0], ("a", "b"), False),
    (pa.chunked_array([["b"], ["a", None]]), [1, 0, -1], ("a", "b"), False),
    (
        pa.chunked_array([pa.array(["b"]).dictionary_encode(), pa.array(["a"]).dictionary_encode()]),
        [1, 0],
        ("a", "b"),
        False,
    ),
    (pa.DictionaryArray.from_arrays([1, 0], ["b", "a"], ordered=True), [1, 0], ("b", "a"), True),
    (pa.DictionaryArray.from_arrays([0, 1], ["b", None]), [0, -1], ("b",), False),
    (np.array([2**60, 2**60 + 1, 2**60]), [0, 1, 0], (str(2**60), str(2**60 + 1)), False),
    (np.array([10**30, 1], dtype=object), [1, 0], ("1", str(10**30)), False),
]


@pytest.mark.parametrize(("values", "codes", "levels", "ordered"), LABELS)
def test_texts_and_categories_become_codes_into_levels(
    values: Any, codes: list[int], levels: tuple[str, ...], ordered: bool
) -> None:
    column = read(values)
    assert column.levels == levels
    assert column.ordered is ordered
    assert column.values.dtype == np.int32
    np.testing.assert_array_equal(column.values, codes)


@pytest.mark.parametrize(
    ("values", "piece"),
    [
        (np.ones((3, 2)), "matrix-valued, of shape (3, 2)"),
        (np.array([1j]), "real and imaginary"),
        (np.array(["2020-01-01"], dtype="datetime64[D]"), "days since the first date"),
        (np.array([1, "a"], dtype=object), "make all its values numbers, or all texts"),
        (np.array([b"a"], dtype=object), "decode it to text"),
        (np.array([datetime.date(2020, 1, 1)], dtype=object), "days since the first date"),
        (pd.Series(pd.to_datetime(["2020-01-01"])), "days since the first date"),
        (pd.Series(pd.to_datetime(["2020-01-01"]).tz_localize("UTC")), "days since the first date"),
        (pd.Series(pd.Categorical([1, "1"])), "both read '1'"),
        (pl.Series([datetime.date(2020, 1, 1)]), "days since the first date"),
        (pl.Series([[1, 2]]), "a column of its own"),
        (pl.Series([{"a": 1}]), "a column of its own"),
        (pa.array([datetime.date(2020, 1, 1)]), "days since the first date"),
        (pa.array([[1, 2]]), "a column of its own"),
    ],
)
def test_a_column_that_no_model_can_use_is_refused_by_name(values: Any, piece: str) -> None:
    with pytest.raises(DataError, match="the column `x`") as caught:
        read(values)
    assert piece in str(caught.value)


def test_contiguous_float64_is_not_copied() -> None:
    values = np.arange(5.0)
    assert from_array("x", values).values is values
    assert np.shares_memory(from_pandas("x", pd.Series(values, copy=False)).values, values)
    series = pl.Series(values)
    assert np.shares_memory(from_polars("x", series).values, series.to_numpy())


@pytest.mark.parametrize(
    ("value", "text"),
    [("a", "a"), (3, "3"), (3.0, "3"), (2.5, "2.5"), (np.float64(1e-3), "0.001"), (True, "True")],
)
def test_labels_read_like_what_people_write(value: object, text: str) -> None:
    assert label_of(value) == text


def test_an_unknown_type_is_refused_with_what_is_allowed() -> None:
    assert "numbers, booleans, texts and categories" in str(refused("x", "geometry"))


BIG = [2**62, 2**62 + 1, None, 2**62 + 1, 5]


@pytest.mark.parametrize(
    "values",
    [
        pd.Series(pd.array(BIG, dtype="Int64")),
        pd.Series(BIG, dtype=object),
        pl.Series(BIG, dtype=pl.Int64),
        pa.array(BIG, pa.int64()),
        pa.chunked_array([pa.array(BIG[:2], pa.int64()), pa.array(BIG[2:], pa.int64())]),
    ],
)
def test_large_whole_numbers_stay_apart_beside_missing_ones(values: Any) -> None:
    column = read(values)
    assert column.levels == ("5", str(2**62), str(2**62 + 1)) and column.whole
    assert column.values.tolist() == [1, 2, -1, 2, 0]
