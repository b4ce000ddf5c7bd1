"""Group effects given the data, dense: conditional means, covariances, and variances of predictions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tests.oracle.criterion import gls
from tests.oracle.dense import Dense, Floats, expand, group_covariance, marginal_covariance


def modes(problem: Dense, covariances: Sequence[Floats], sigma: float) -> list[Floats]:
    """Return for each term ``(m, k)`` of ``E[b | y] = D Z' V^-1 (y - X beta)`` (Henderson 1975)."""
    Z, D = group_covariance(problem, covariances)
    found = gls(problem, marginal_covariance(problem, covariances, sigma))
    return _by_term(problem, D @ Z.T @ found.P @ problem.y)


def conditional_covariances(problem: Dense, covariances: Sequence[Floats], sigma: float) -> list[Floats]:
    """Return for each term ``(m, k, k)`` diagonal blocks of ``D - D Z' V^-1 Z D``, coefficients known."""
    Z, D = group_covariance(problem, covariances)
    found = gls(problem, marginal_covariance(problem, covariances, sigma))
    full = D - D @ Z.T @ found.inverse @ Z @ D
    blocks, start = [], 0
    for m, k in problem.sizes:
        at = [slice(start + j * k, start + (j + 1) * k) for j in range(m)]
        blocks.append(np.array([full[s, s] for s in at]))
        start += m * k
    return blocks


def prediction_variance(
    problem: Dense,
    covariances: Sequence[Floats],
    sigma: float,
    X: Floats,
    index: Sequence[NDArray[np.int32]],
    thin: Sequence[Floats],
) -> Floats:
    """Return the variance of ``x'(beta_hat - beta) + z'(b_hat - b)`` for each new row.

    ``z'Dz - z'DZ' V^-1 ZDz + a' Phi a`` with ``a = x - X' V^-1 Z D z`` (Harville 1976, eq. 3.4).
    """
    Z, D = group_covariance(problem, covariances)
    found = gls(problem, marginal_covariance(problem, covariances, sigma))
    new = [expand(i, z, m) for i, z, (m, _) in zip(index, thin, problem.sizes, strict=True)]
    z = np.hstack([*new, np.empty((X.shape[0], 0))])
    cross = z @ D @ Z.T
    a = X - cross @ found.inverse @ problem.X
    return (
        np.einsum("ij,jk,ik->i", z, D, z)
        - np.einsum("ij,jk,ik->i", cross, found.inverse, cross)
        + np.einsum("ij,jk,ik->i", a, found.vcov, a)
    )


def _by_term(problem: Dense, b: Floats) -> list[Floats]:
    """Cut the long vector of effects into one ``(m, k)`` array for each term."""
    found, start = [], 0
    for m, k in problem.sizes:
        found.append(b[start : start + m * k].reshape(m, k))
        start += m * k
    return found
