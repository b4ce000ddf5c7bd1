"""One E and one M step, dense: moments of all group effects given the data, and the covariances they give."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from multilevel.model import Covariance
from tests.oracle.criterion import gls
from tests.oracle.dense import Dense, Floats, Structure, group_covariance, marginal_covariance


def em_covariances(problem: Dense, covariances: Sequence[Floats], sigma: float, method: str) -> list[Floats]:
    """Return for each term the covariance matrix after an E and an M step, coefficients by GLS.

    ``E[b | y] = D Z' P y`` and ``Var[b | y] = D - D Z' V^-1 Z D`` (Laird and Ware 1982, section 3); with
    "em_reml" the coefficients are integrated out, so that ``P`` takes the place of ``V^-1``.
    """
    Z, D = group_covariance(problem, covariances)
    found = gls(problem, marginal_covariance(problem, covariances, sigma))
    mean = D @ Z.T @ found.P @ problem.y
    M = found.P if method == "em_reml" else found.inverse
    second = np.outer(mean, mean) + D - D @ Z.T @ M @ Z @ D
    moved, start = [], 0
    for (m, k), structure in zip(problem.sizes, problem.structures, strict=True):
        at = [slice(start + j * k, start + (j + 1) * k) for j in range(m)]
        moved.append(_structured(sum((second[s, s] for s in at), np.zeros((k, k))) / m, structure))
        start += m * k
    return moved


def _structured(S: Floats, structure: Structure) -> Floats:
    """Return the covariance matrix of a structure that maximises the complete likelihood at moments ``S``."""
    k = S.shape[0]
    if structure is Covariance.SCALAR or k == 1:
        return np.eye(k) * np.trace(S) / k
    if structure is Covariance.DIAGONAL:
        return np.diag(np.diag(S))
    if structure is Covariance.COMPOUND_SYMMETRIC:
        variance = np.trace(S) / k
        covariance = (S.sum() - np.trace(S)) / (k * (k - 1))
        return np.full((k, k), covariance) + (variance - covariance) * np.eye(k)
    return S
