"""Tests of finding the columns that add nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multilevel.design.rank import cross_products, dependent_columns

RNG = np.random.default_rng(3)
N = 200
A, B, E = RNG.normal(size=(3, N))
ONE = np.ones(N)

CASES = {
    "full rank": ([ONE, A, B], []),
    "constant": ([ONE, A, 5 * ONE], [(2, (), ())]),
    "zero": ([ONE, A, 0 * ONE], [(2, (), ())]),
    "duplicate": ([ONE, A, A], [(2, (1,), (1.0,))]),
    "near-duplicate": ([ONE, A, A + 1e-9 * E], [(2, (1,), (1.0,))]),
    "nearly but not": ([ONE, A, A + 1e-5 * E], []),
    "shifted and scaled": ([ONE, A, 5 * A + 2e6], [(2, (1,), (5.0,))]),
    "scaled": ([ONE, A, 1e9 * A], [(2, (1,), (1e9,))]),
    "year": ([ONE, 2e6 + 5 * A, B], []),
    "time stamp": ([ONE, 1.6e9 + np.arange(N), B], []),
    "time stamp twice": ([ONE, 1.6e9 + np.arange(N), 1.0 * np.arange(N)], [(2, (1,), (1.0,))]),
    "sum": ([ONE, A, B, 2 * A - 3 * B + 1], [(3, (1, 2), (2.0, -3.0))]),
    "two": ([ONE, A, A, B, A + B], [(2, (1,), (1.0,)), (4, (1, 3), (1.0, 1.0))]),
    "kept for a small part": ([ONE, A, A + 1e-5 * E, E], [(3, (1, 2), None)]),
    "tiny": ([ONE, 1e-150 * A, B], []),
    "huge": ([ONE, 1e150 * A, B], []),
}


@pytest.mark.parametrize("case", CASES)
def test_the_later_column_is_found_with_what_it_equals(case: str) -> None:
    columns, expected = CASES[case]
    X = np.asfortranarray(np.column_stack(columns))
    found = dependent_columns(X, constant=0, centred=range(1, X.shape[1]))
    assert [dependent.column for dependent in found] == [column for column, _, _ in expected]
    for dependent, (_, of, amounts) in zip(found, expected, strict=True):
        assert dependent.columns == of
        assert dependent.exact is (amounts is not None)
        if amounts is not None:
            # 1e-6: a near-duplicate is a multiple only to nine digits
            np.testing.assert_allclose(dependent.coefficients, amounts, rtol=1e-6)
            rebuilt = X[:, list(of)] @ np.array(dependent.coefficients) + dependent.constant
            size = np.abs(X[:, dependent.column]).max()
            np.testing.assert_allclose(rebuilt, X[:, dependent.column], atol=1e-7 * size + 1e-300)


def test_without_a_constant_nothing_is_centred() -> None:
    X = np.asfortranarray(np.column_stack([A, ONE, A + 1]))
    found = dependent_columns(X, constant=None, centred=[])
    assert [(d.column, d.columns) for d in found] == [(2, (0, 1))]


def test_no_columns_have_no_dependent_ones() -> None:
    assert dependent_columns(np.empty((5, 0)), constant=None, centred=[]) == ()


@given(
    shift=st.floats(-1e6, 1e6), scale=st.floats(1e-3, 1e6), seed=st.integers(0, 100), which=st.integers(0, 3)
)
def test_the_answer_does_not_move_with_shift_and_scale(
    shift: float, scale: float, seed: int, which: int
) -> None:
    rng = np.random.default_rng(seed)
    columns = [rng.normal(size=50) for _ in range(3)]
    columns.append(columns[0] - columns[2])
    columns[which] = columns[which] * scale + shift
    X = np.asfortranarray(np.column_stack([np.ones(50), *columns]))
    assert [d.column for d in dependent_columns(X, constant=0, centred=[1, 2, 3, 4])] == [4]


def test_cross_products_in_blocks_equal_those_in_one_piece() -> None:
    X = np.asfortranarray(RNG.normal(size=(20_000, 3)))
    shift = np.array([0.5, 0.0, -2.0])
    products, sums = cross_products(X, shift)
    np.testing.assert_allclose(products, (X - shift).T @ (X - shift), rtol=1e-10, atol=1e-9)
    np.testing.assert_allclose(sums, (X - shift).sum(axis=0), rtol=1e-10, atol=1e-9)


def test_rows_in_order_of_a_column_are_centred_as_well_as_others() -> None:
    x = np.linspace(1e6, 2e6, 30_000)
    X = np.asfortranarray(np.column_stack([np.ones(x.size), x, np.sin(x), 3 * x - np.sin(x)]))
    assert [d.column for d in dependent_columns(X, constant=0, centred=[1, 2, 3])] == [3]
