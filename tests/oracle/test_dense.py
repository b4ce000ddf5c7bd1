"""The dense problem: expansion of thin effects, repeated rows, and the linear structure of V."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from multilevel.model import Covariance
from tests.oracle import designs
from tests.oracle.dense import basis, dense, derivatives, expand, marginal_covariance


def test_expand_puts_each_row_in_the_columns_of_its_level() -> None:
    full = expand(np.array([1, 0, -1], dtype=np.int32), np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), 2)
    assert full.tolist() == [[0, 0, 1, 2], [3, 4, 0, 0], [0, 0, 0, 0]]


def test_frequency_weights_repeat_rows() -> None:
    design = designs.least_squares()
    counts = np.where(np.arange(30) < 3, 2.0, 1.0)
    problem = dense(dataclasses.replace(design, frequency_weights=counts))
    assert problem.y.shape == (33,)
    assert problem.y[0] == problem.y[1] == design.y[0]


@pytest.mark.parametrize(
    ("k", "structure", "count"),
    [
        (2, Covariance.UNSTRUCTURED, 3),
        (3, Covariance.UNSTRUCTURED, 6),
        (3, Covariance.DIAGONAL, 3),
        (2, Covariance.SCALAR, 1),
        (3, Covariance.COMPOUND_SYMMETRIC, 2),
        (1, Covariance.COMPOUND_SYMMETRIC, 1),
    ],
)
def test_basis_counts_the_free_parameters(k: int, structure: Covariance, count: int) -> None:
    matrices = basis(k, structure)
    assert len(matrices) == count
    assert all(np.array_equal(B, B.T) for B in matrices)


@pytest.mark.parametrize("make", [designs.slopes, designs.nested, designs.crossed, designs.alike])
def test_V_is_linear_in_its_parameters(make: designs.Maker) -> None:
    problem = dense(make())
    rng = np.random.default_rng(0)
    eta = rng.uniform(0.5, 1.5, len(derivatives(problem)))
    covariances, start = [], 0
    for (_, k), structure in zip(problem.sizes, problem.structures, strict=True):
        matrices = basis(k, structure)
        covariances.append(sum(e * B for e, B in zip(eta[start:], matrices, strict=False)))
        start += len(matrices)
    V = marginal_covariance(problem, covariances, float(np.sqrt(eta[-1])))
    combined = sum(e * G for e, G in zip(eta, derivatives(problem), strict=True))
    np.testing.assert_allclose(V, combined, atol=1e-12)
