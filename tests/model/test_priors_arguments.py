"""Tests of batch factorisations and of numbers as text."""

from __future__ import annotations

import numpy as np
import pytest

from multilevel.errors import OptionError
from multilevel.model.priors.arguments import (
    checked_matrix,
    cholesky_or_nan,
    inverse_of_factor,
    log_det_of_factor,
    shown,
)
from tests.model.matrix_checks import positive_matrices


def test_factor_inverse_and_determinant_of_a_batch() -> None:
    A = positive_matrices(20, 4)
    L = cholesky_or_nan(A)
    np.testing.assert_allclose(L, np.linalg.cholesky(A), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(inverse_of_factor(L) @ A, np.broadcast_to(np.eye(4), A.shape), atol=1e-8)
    np.testing.assert_allclose(log_det_of_factor(L), np.linalg.slogdet(A)[1], rtol=1e-10)


def test_a_matrix_that_is_not_positive_definite_gives_nan_and_leaves_its_neighbours() -> None:
    A = np.stack([np.eye(2), np.ones((2, 2)), -np.eye(2)])
    assert np.isnan(cholesky_or_nan(A)).any(axis=(1, 2)).tolist() == [False, True, True]
    assert np.isnan(inverse_of_factor(cholesky_or_nan(A))).any(axis=(1, 2)).tolist() == [False, True, True]


def test_matrices_of_very_different_units_are_read() -> None:
    matrix = checked_matrix([[1e-12, 1e-7], [1e-7, 1e6]], where="here")
    assert matrix.tolist() == [[1e-12, 1e-7], [1e-7, 1e6]]
    assert checked_matrix(2.0, where="here").tolist() == [[2.0]]


@pytest.mark.parametrize("value", ["a", [[1, 2], [3]], object(), np.zeros((0, 0)), np.ones((2, 2, 2))])
def test_other_things_are_no_matrices(value: object) -> None:
    with pytest.raises(OptionError, match=r"here (is|has)"):
        checked_matrix(value, where="here")


def test_numbers_as_text() -> None:
    assert shown(299.4567) == "299.5"
    assert shown([[1.0, 0.25]]) == "[[1, 0.25]]"
    assert shown(np.zeros((4, 4))) == "<4 by 4 matrix>"
