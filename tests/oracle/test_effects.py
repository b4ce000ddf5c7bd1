"""Dense group effects against Henderson's mixed model equations."""

from __future__ import annotations

import numpy as np
import pytest

from tests.oracle import designs
from tests.oracle.dense import dense, group_covariance
from tests.oracle.effects import conditional_covariances, modes, prediction_variance

VALUES = {
    designs.slopes: (np.array([[1.0, 0.2], [0.2, 0.5]]),),
    designs.nested: (np.array([[1.3]]), np.array([[0.6]])),
    designs.crossed: (np.diag([1.0, 0.4]), np.array([[0.7]])),
}


@pytest.mark.parametrize("make", VALUES)
def test_effects_solve_the_mixed_model_equations(make: designs.Maker) -> None:
    """``[X'X X'Z; Z'X Z'Z + sigma^2 D^-1] [beta; b] = [X'y; Z'y]`` (Henderson 1975, eq. 1)."""
    design, covariances, sigma = make(), VALUES[make], 0.8
    problem = dense(design)
    Z, D = group_covariance(problem, covariances)
    p = problem.X.shape[1]
    W = np.hstack([problem.X, Z])
    left = W.T @ W / sigma**2
    left[p:, p:] += np.linalg.inv(D)
    joint = np.linalg.inv(left)
    solved = joint @ W.T @ problem.y / sigma**2
    found = np.concatenate([b.ravel() for b in modes(problem, covariances, sigma)])
    np.testing.assert_allclose(found, solved[p:], atol=1e-10)

    given = np.linalg.inv(left[p:, p:])
    blocks = conditional_covariances(problem, covariances, sigma)
    m, k = problem.sizes[0]
    np.testing.assert_allclose(blocks[0][1], given[k : 2 * k, k : 2 * k], atol=1e-10)
    assert blocks[0].shape == (m, k, k)

    index = [design.factors[t.factor].index for t in design.terms]
    thin = [t.Z for t in design.terms]
    variance = prediction_variance(problem, covariances, sigma, problem.X, index, thin)
    np.testing.assert_allclose(variance, np.einsum("ij,jk,ik->i", W, joint, W), atol=1e-10)


def test_prediction_variance_without_groups_is_that_of_the_mean() -> None:
    design = designs.slopes()
    problem = dense(design)
    covariances = VALUES[designs.slopes]
    none = np.full(design.n_rows, -1, dtype=np.int32)
    found = prediction_variance(problem, covariances, 0.8, problem.X, [none], [design.terms[0].Z])
    from_effects = prediction_variance(problem, covariances, 0.8, problem.X, [none], [design.terms[0].Z * 0])
    np.testing.assert_allclose(found, from_effects, atol=1e-12)
