"""Many small triangular systems against dense algebra, one at a time."""

from __future__ import annotations

import numpy as np

from multilevel.engines.marginal.triangles import for_kernels, lower_factors, solve_lower, solve_transposed


def test_factors_and_solutions_are_those_of_each_matrix() -> None:
    rng = np.random.default_rng(1)
    root = rng.normal(size=(6, 3, 3))
    A, b = root @ np.swapaxes(root, 1, 2), rng.normal(size=(6, 3))
    L = lower_factors(A)
    for i in range(6):
        np.testing.assert_allclose(L[i] @ L[i].T, A[i], rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(L[i] @ solve_lower(L, b)[i], b[i], rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(L[i].T @ solve_transposed(L, b)[i], b[i], rtol=1e-9, atol=1e-9)


def test_a_matrix_that_is_not_positive_definite_has_no_factor_and_spoils_no_other() -> None:
    A = np.stack([np.eye(2), -np.eye(2), 4.0 * np.eye(2)])
    L = lower_factors(A)
    assert np.isnan(L[1]).all()
    np.testing.assert_array_equal(L[[0, 2]], np.stack([np.eye(2), 2.0 * np.eye(2)]))


def test_kernels_are_given_finite_numbers_in_their_order() -> None:
    found = for_kernels(np.array([[1.0, np.nan], [np.inf, 2.0]]).T)
    assert np.isfinite(found).all()
    assert found.flags.c_contiguous
