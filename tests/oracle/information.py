"""Information of the variance parameters, dense, and the degrees of freedom that come from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from multilevel.engines.solution import Curvature, KenwardRoger
from multilevel.model import Covariance
from tests.oracle.criterion import Gls, gls
from tests.oracle.dense import Dense, Floats, Structure, basis, derivatives, marginal_covariance


@dataclass(frozen=True, slots=True)
class Derivatives:
    """First and second derivatives of the criterion in the linear parameters ``eta``.

    Parameters
    ----------
    gradient
        ``(h,)``: ``tr(M V_s) - y' P V_s P y`` with ``M = P`` (REML) or ``V^-1`` (ML).
    observed
        ``(h, h)``: ``-tr(M V_s M V_t) + 2 y' P V_s P V_t P y``.
    expected
        ``(h, h)``: ``tr(M V_s M V_t)`` (Searle, Casella and McCulloch 1992, section 6.6; all for -2 log).
    """

    gradient: Floats
    observed: Floats
    expected: Floats


def criterion_derivatives(
    problem: Dense, covariances: Sequence[Floats], sigma: float, method: str
) -> Derivatives:
    """Return the derivatives of the criterion in ``eta`` (the order of `dense.derivatives`)."""
    found = gls(problem, marginal_covariance(problem, covariances, sigma))
    M = found.P if method == "reml" else found.inverse
    directions = derivatives(problem)
    Py = found.P @ problem.y
    MV = [M @ G for G in directions]
    VPy = [G @ Py for G in directions]
    expected = np.array([[float(np.sum(a * b.T)) for b in MV] for a in MV])
    quadratic = np.array([[v @ found.P @ w for w in VPy] for v in VPy])
    gradient = np.array([np.trace(a) - Py @ v for a, v in zip(MV, VPy, strict=True)])
    h = len(directions)
    return Derivatives(gradient, (2 * quadratic - expected).reshape(h, h), expected.reshape(h, h))


def vcov_gradient(problem: Dense, found: Gls) -> Floats:
    """Return ``(h, p, p)``: ``d Phi / d eta_s = Phi X' V^-1 V_s V^-1 X Phi``."""
    A = found.inverse @ problem.X @ found.vcov
    p = problem.X.shape[1]
    return np.array([A.T @ G @ A for G in derivatives(problem)]).reshape(-1, p, p)


def curvature(problem: Dense, covariances: Sequence[Floats], sigma: float, method: str) -> Curvature:
    """Return lmerTest's ingredients (Kuznetsova, Brockhoff and Christensen 2017, section 2.2).

    The variance parameters are the entries of factors with ``T = factor factor'``, as in lme4, and the
    residual variance; their covariance is ``2 H^-1`` with the Hessian ``H`` of the criterion that is not
    profiled. A parameter that does not move ``V`` to first order (a zero factor) is left out.
    """
    J, second = _factor_coordinates(problem, covariances)
    found = criterion_derivatives(problem, covariances, sigma, method)
    moving = np.abs(J).max(axis=0) > 1e-9
    J = J[:, moving]
    bend = np.tensordot(found.gradient, second, axes=1)
    H = J.T @ found.observed @ J + bend[np.ix_(moving, moving)]
    values, vectors = np.linalg.eigh(H) if H.size else (np.empty(0), np.empty((0, 0)))
    keep = values > 1e-10 * max(values, default=1.0)
    inverse = (vectors[:, keep] / values[keep]) @ vectors[:, keep].T
    at = gls(problem, marginal_covariance(problem, covariances, sigma))
    gradient = np.tensordot(J.T, vcov_gradient(problem, at), axes=1)
    return Curvature(covariance=2 * inverse, gradient=gradient)


def _factor_coordinates(problem: Dense, covariances: Sequence[Floats]) -> tuple[Floats, Floats]:
    """Return ``d eta / d factor`` ``(h, f)`` and ``d^2 eta / d factor^2`` ``(h, f, f)``."""
    blocks: list[tuple[Floats, Floats]] = []
    for (_, k), structure, T in zip(problem.sizes, problem.structures, covariances, strict=True):
        blocks.append(_term_coordinates(k, structure, psd_cholesky(T)))
    if problem.residual_sd is None:
        blocks.append((np.ones((1, 1)), np.zeros((1, 1, 1))))
    h = sum(J.shape[0] for J, _ in blocks)
    f = sum(J.shape[1] for J, _ in blocks)
    first, second = np.zeros((h, f)), np.zeros((h, f, f))
    row = column = 0
    for J, K in blocks:
        rows, columns = slice(row, row + J.shape[0]), slice(column, column + J.shape[1])
        first[rows, columns] = J
        second[rows, columns, columns] = K
        row, column = rows.stop, columns.stop
    return first, second


def _term_coordinates(k: int, structure: Structure, factor: Floats) -> tuple[Floats, Floats]:
    """Return the first and second derivatives of one term's ``eta`` in the entries of its factor."""
    matrices = basis(k, structure)
    if structure is Covariance.SCALAR:
        return np.array([[2 * factor[0, 0]]]), np.full((1, 1, 1), 2.0)
    if structure is Covariance.COMPOUND_SYMMETRIC and k > 1:
        T = factor @ factor.T
        values = np.array([T.sum() / k, T[0, 0] - T[0, 1]])
        values[values < 1e-12 * T[0, 0]] = 0.0
        second = np.zeros((2, 2, 2))
        second[0, 0, 0] = second[1, 1, 1] = 2.0
        return np.diag(2 * np.sqrt(values)), second
    entries = [(int(np.nonzero(B)[0].max()), int(np.nonzero(B)[1].min())) for B in matrices]
    units = []
    for a, b in entries:
        E = np.zeros((k, k))
        E[a, b] = 1.0
        units.append(E)
    at = tuple(np.array(entries).T)
    J = np.array([(E @ factor.T + factor @ E.T)[at] for E in units]).T
    K = np.array([[(E @ F.T + F @ E.T)[at] for F in units] for E in units])
    return J, np.moveaxis(K, 2, 0)


def psd_cholesky(T: Floats) -> Floats:
    """Return a lower triangular factor of a positive semi-definite matrix, zero columns where it is flat."""
    k = T.shape[0]
    L = np.zeros((k, k))
    rest = np.array(T, dtype=float)
    for j in range(k):
        if rest[j, j] > 1e-12 * max(T[j, j], 1e-300):
            L[j:, j] = rest[j:, j] / np.sqrt(rest[j, j])
            rest -= np.outer(L[:, j], L[:, j])
    return L


def kenward_roger(problem: Dense, covariances: Sequence[Floats], sigma: float) -> KenwardRoger:
    """Return what Kenward and Roger (1997, section 2) add, from their ``P_s``, ``Q_st`` and ``W``."""
    found = gls(problem, marginal_covariance(problem, covariances, sigma))
    directions = derivatives(problem)
    VX = found.inverse @ problem.X
    p, h = VX.shape[1], len(directions)
    P = np.array([-VX.T @ G @ VX for G in directions]).reshape(h, p, p)
    Q = np.array([[VX.T @ G @ found.inverse @ F @ VX for F in directions] for G in directions])
    expected = criterion_derivatives(problem, covariances, sigma, "reml").expected
    W, Phi = np.linalg.pinv(expected / 2), found.vcov
    inner = np.einsum("st,stpq->pq", W, Q.reshape(h, h, p, p)) - np.einsum("st,spa,ab,tbq->pq", W, P, Phi, P)
    return KenwardRoger(covariance=W, gradient=-Phi @ P @ Phi, correction=Phi @ inner @ Phi)
