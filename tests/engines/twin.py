"""What the kernels compute at a theta, in dense algebra: relative matrices of the scaled problem."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from multilevel.design.design import Design
from multilevel.moments import Moments
from tests.engines.structures import scaled_dense, scaled_design
from tests.oracle.criterion import Gls, gls
from tests.oracle.dense import Dense, Floats, expand, marginal_covariance, roots
from tests.oracle.optimum import factors_of

TermFactor = tuple[Floats, Floats, Floats]


@dataclass(frozen=True, slots=True)
class Twin:
    """The dense problem at one theta, with ``V`` in units of the residual variance.

    Parameters
    ----------
    problem
        In shifted and scaled columns.
    at
        Generalised least squares at ``V``.
    factors
        Relative factor of each term.
    Z, T
        Effects of all factors side by side in the kernels' order, and their relative covariance.
    sizes
        Levels and effects of each factor.
    """

    problem: Dense
    at: Gls
    factors: tuple[Floats, ...]
    Z: Floats
    T: Floats
    sizes: tuple[tuple[int, int], ...]

    @property
    def E(self) -> Floats:
        """``Z' V^-1 Z``."""
        return np.asarray(self.Z.T @ self.at.inverse @ self.Z)

    @property
    def H(self) -> Floats:
        """``Z' V^-1 [X y]``."""
        return np.asarray(self.Z.T @ self.at.inverse @ np.column_stack([self.problem.X, self.problem.y]))

    @property
    def covariance(self) -> Floats:
        """``T - T Z' V^-1 Z T``."""
        return np.asarray(self.T - self.T @ self.E @ self.T)

    def by_level(self, long: Floats) -> list[Floats]:
        """Cut rows of effects into one ``(m, k, columns)`` array for each factor."""
        found, start = [], 0
        for m, k in self.sizes:
            found.append(long[start : start + m * k].reshape(m, k, -1))
            start += m * k
        return found

    def diagonal_blocks(self, square: Floats) -> list[Floats]:
        """Cut out one ``(m, k, k)`` array for each factor."""
        found, start = [], 0
        for m, k in self.sizes:
            at = [slice(start + j * k, start + (j + 1) * k) for j in range(m)]
            found.append(np.array([square[s, s] for s in at]))
            start += m * k
        return found


def twin_of(design: Design, moments: Moments, theta: Floats) -> Twin:
    """Return the dense twin of the kernels' problem at theta."""
    scaled = scaled_design(design, moments)
    problem = scaled_dense(design, moments)
    factors = tuple(factors_of(problem, theta))
    at = gls(problem, marginal_covariance(problem, [f @ f.T for f in factors], 1.0))
    counts = design.frequency_weights
    n = design.n_rows
    rows = np.arange(n) if counts is None else np.repeat(np.arange(n), counts.astype(int))
    wide, covariances, sizes = [np.empty((rows.size, 0))], [], []
    for number in moments.order:
        members = [t for t, term in enumerate(design.terms) if term.factor == number]
        thin = np.hstack([scaled.terms[t].Z for t in members])
        m = len(design.factors[number].levels)
        wide.append(expand(design.factors[number].index, thin, m)[rows])
        T = _side_by_side([factors[t] @ factors[t].T for t in members])
        covariances += [T] * m
        sizes.append((m, T.shape[0]))
    return Twin(problem, at, factors, np.hstack(wide), _side_by_side(covariances), tuple(sizes))


def _side_by_side(blocks: list[Floats]) -> Floats:
    """Return a block diagonal matrix."""
    found = np.zeros((sum(b.shape[0] for b in blocks),) * 2)
    start = 0
    for b in blocks:
        found[start : start + b.shape[0], start : start + b.shape[0]] = b
        start += b.shape[0]
    return found


def average_information(twin: Twin, method: str) -> tuple[Floats, Floats]:
    """Return the average information in theta and ``q_i = y' P V_i P y``, with ``V_i = dV / d theta_i``.

    ``y' P V_i P V_j P y / sigma^2 - q_i q_j / (N sigma^4)`` (Gilmour, Thompson and Cullis 1995; the second
    part only for a free sigma) and the gradient times the second derivatives of ``V``.
    """
    problem, at = twin.problem, twin.at
    n, p = problem.X.shape
    N = n - p if method == "reml" else n
    Py = at.P @ problem.y
    known = problem.residual_sd
    sigma2 = float(problem.y @ Py) / N if known is None else known**2
    M = at.P if method == "reml" else at.inverse
    units: list[TermFactor] = []
    for Z, (_, k), structure, L in zip(
        problem.Z, problem.sizes, problem.structures, twin.factors, strict=True
    ):
        units += [(Z, L, B) for B in roots(k, structure)]
    moves = [_kron(Z, E @ L.T + L @ E.T) for Z, L, E in units]
    q = np.array([Py @ V @ Py for V in moves])
    H = (
        np.array([[(V @ Py) @ at.P @ (W @ Py) for W in moves] for V in moves]).reshape(len(q), len(q))
        / sigma2
    )
    if known is None:
        H -= np.outer(q, q) / (N * sigma2**2)
    for i, (Z, L, E) in enumerate(units):
        for j, (Y, K, F) in enumerate(units):
            if L is K and Z is Y:
                W = _kron(Z, E @ F.T + F @ E.T)
                H[i, j] += np.sum(M * W) - Py @ W @ Py / sigma2
    return H, q


def _kron(Z: Floats, T: Floats) -> Floats:
    """Return ``Z (I (x) T) Z'``."""
    k = T.shape[0]
    m = Z.shape[1] // k
    return np.asarray(np.einsum("nma,ab,omb->no", Z.reshape(-1, m, k), T, Z.reshape(-1, m, k), optimize=True))
