"""Linear maps of cross-products are cross-products of mapped columns."""

from __future__ import annotations

import numpy as np

from multilevel.moments.merging.transformed import Blocks, block_diagonal, transformed


def blocks(X: np.ndarray, Z: list[np.ndarray]) -> Blocks:
    """Cross-products of rows that are all in one level of each factor."""
    return Blocks(
        tuple((z.T @ z)[None] for z in Z),
        tuple((z.T @ X)[None] for z in Z),
        X.T @ X,
        {(0, 1): (Z[0].T @ Z[1])[None]},
    )


def test_mapped_cross_products_are_those_of_mapped_columns() -> None:
    rng = np.random.default_rng(1)
    X, Z = rng.normal(size=(30, 4)), [rng.normal(size=(30, 3)), rng.normal(size=(30, 2))]
    T = rng.normal(size=(4, 3))
    U = [rng.normal(size=(3, 2)), block_diagonal([np.array([[2.0]]), np.array([[-1.0]])])]
    found = transformed(blocks(X, Z), T, U)
    expected = blocks(X @ T, [z @ u for z, u in zip(Z, U, strict=True)])
    for own, other in zip((*found.A, *found.C, found.D), (*expected.A, *expected.C, expected.D), strict=True):
        np.testing.assert_allclose(own, other, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(found.pairs[0, 1], expected.pairs[0, 1], rtol=1e-12)


def test_matrices_along_the_diagonal() -> None:
    assert block_diagonal([np.array([[1.0, 2.0]]), np.array([[3.0]])]).tolist() == [
        [1.0, 2.0, 0.0],
        [0.0, 0.0, 3.0],
    ]
