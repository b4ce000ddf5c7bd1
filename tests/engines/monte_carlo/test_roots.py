"""Functions of a matrix by Lanczos, against its eigenvectors."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from multilevel.engines.monte_carlo import roots
from multilevel.engines.monte_carlo.roots import functions_times, inverse_root, remainder_root
from multilevel.errors import DesignError

Floats = NDArray[np.float64]


def matrix(size: int, spread: float) -> tuple[Floats, Floats, Floats]:
    """Return a matrix with eigenvalues from ``1 - spread`` to ``1 + spread``, its values and vectors."""
    B = np.random.default_rng(1).standard_normal((size, size))
    values, vectors = np.linalg.eigh(B + B.T)
    values = 1.0 + spread * values / np.abs(values).max()
    return (vectors * values) @ vectors.T, values, vectors


@pytest.mark.parametrize(
    ("size", "spread"), [(1, 0.5), (2, 0.5), (30, 0.0), (30, 0.5), (150, 0.9), (150, 0.99)]
)
def test_functions_are_those_of_the_eigenvalues(size: int, spread: float) -> None:
    S, values, vectors = matrix(size, spread)
    Z = np.random.default_rng(2).choice([-1.0, 1.0], size=(size, 5))
    Z[:, 3] = 0.0
    found = functions_times(lambda X: S @ X, Z, inverse_root, remainder_root)
    for got, weight in zip(found.values, (values**-0.5, (1 - values) * values**-0.5), strict=True):
        np.testing.assert_allclose(got, (vectors * weight) @ vectors.T @ Z, rtol=0, atol=1e-8)
    assert found.residual <= 1e-10


def test_columns_taken_in_parts_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    S, _, _ = matrix(40, 0.7)
    Z = np.random.default_rng(3).standard_normal((40, 7))
    together = functions_times(lambda X: S @ X, Z, inverse_root).values[0]
    monkeypatch.setattr(roots, "MOST_NUMBERS", 40 * roots.LIKELY_STEPS * 2)
    parts = functions_times(lambda X: S @ X, Z, inverse_root).values[0]
    np.testing.assert_allclose(parts, together, rtol=0, atol=1e-8)


def test_no_column_and_no_row_are_no_work() -> None:
    for shape in ((5, 0), (0, 3)):
        assert functions_times(lambda X: X, np.zeros(shape), inverse_root).values[0].shape == shape


def test_too_many_steps_are_an_error_with_the_residual() -> None:
    S, _, _ = matrix(150, 0.99)
    with pytest.raises(DesignError, match=r"did not settle in 5 steps: the relative residual is \d"):
        functions_times(lambda X: S @ X, np.ones((150, 1)), inverse_root, most=5)
