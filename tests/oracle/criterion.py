"""Generalised least squares and the two likelihoods, dense, with every constant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from tests.oracle.dense import Dense, Floats, marginal_covariance


@dataclass(frozen=True, slots=True)
class Gls:
    """Generalised least squares at a given ``V``.

    Parameters
    ----------
    beta, vcov
        ``(p,)`` and ``(p, p)``: ``Phi = (X' V^-1 X)^-1``.
    P
        ``(n, n)``: ``V^-1 - V^-1 X Phi X' V^-1`` (Searle, Casella and McCulloch 1992, eq. 6.66).
    inverse
        ``(n, n)``: ``V^-1``.
    log_det
        ``log |V|``.
    """

    beta: Floats
    vcov: Floats
    P: Floats
    inverse: Floats
    log_det: float


def gls(problem: Dense, V: Floats) -> Gls:
    """Return ``beta = Phi X' V^-1 y`` (Aitken 1935) and what goes with it."""
    factor = cho_factor(V, lower=True)
    inverse = cho_solve(factor, np.eye(V.shape[0]))
    VX = inverse @ problem.X
    vcov = np.linalg.inv(problem.X.T @ VX)
    return Gls(
        beta=vcov @ (VX.T @ problem.y),
        vcov=vcov,
        P=inverse - VX @ vcov @ VX.T,
        inverse=inverse,
        log_det=2 * float(np.log(np.diag(factor[0])).sum()),
    )


def criterion(problem: Dense, covariances: Sequence[Floats], sigma: float, method: str) -> float:
    """Return -2 log-likelihood ("ml") or -2 log restricted likelihood ("reml").

    ML: ``log|V| + r' V^-1 r + n log 2 pi``; REML adds ``log|X' V^-1 X|`` and takes ``n - p`` for ``n``
    (Harville 1977, eqs. 3.5 and 3.8, without his constant ``log|X'X|``).
    """
    n, p = problem.X.shape
    found = gls(problem, marginal_covariance(problem, covariances, sigma))
    value = found.log_det + float(problem.y @ found.P @ problem.y)
    if method == "ml":
        return value + n * float(np.log(2 * np.pi))
    return value - float(np.linalg.slogdet(found.vcov)[1]) + (n - p) * float(np.log(2 * np.pi))
