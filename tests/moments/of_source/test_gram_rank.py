"""Aliased columns seen from cross-products: the same as from the columns themselves."""

from __future__ import annotations

import numpy as np
import pytest

from multilevel.design.rank import dependent_columns
from multilevel.moments.of_source.gram_rank import dependent_in_gram
from multilevel.moments.scaling import ColumnScaling

RNG = np.random.default_rng(4)
N = 400
ONE, X, Z = np.ones(N), 1e4 + RNG.normal(size=N), RNG.normal(size=N)


@pytest.mark.parametrize(
    "columns",
    [
        [ONE, X, Z],
        [ONE, X, 3.0 * X - 7.0],
        [ONE, X, Z, X + 2.0 * Z, Z],
        [ONE, np.full(N, 4.5), Z],
        [ONE, np.zeros(N), X],
        [ONE, X, X + 1e-3 * Z],
    ],
)
def test_dependent_columns_and_their_coefficients(columns: list[np.ndarray]) -> None:
    values = np.asfortranarray(np.column_stack(columns))
    centre = np.where(np.arange(len(columns)) == 0, 0.0, values.mean(axis=0))
    spread = np.where(np.arange(len(columns)) == 0, 1.0, values.std(axis=0))
    factor = 1.0 / np.where(spread > 0.0, spread, 1.0)
    scaled = (values - centre) * factor
    scaling = ColumnScaling(centre, factor, np.diag(factor))
    found = dependent_in_gram(scaled.T @ scaled, N, scaling, (0,))
    expected = dependent_columns(values, constant=0, centred=range(1, len(columns)))
    assert [(one.column, one.columns) for one in found] == [(one.column, one.columns) for one in expected]
    for own, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(own.coefficients, other.coefficients, rtol=1e-6)
        assert own.constant == pytest.approx(other.constant, rel=1e-6, abs=1e-6)
