"""The core of crossed factors by dense algebra: what the native operator must do, and the covariances."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from multilevel.moments import Moments

Floats = NDArray[np.float64]


def cross_products(moments: Moments) -> tuple[Floats, list[slice]]:
    """Return ``Z'WZ`` of all effects, factor by factor, and where each factor stands."""
    sizes = [m * k for m, k in zip(moments.levels, moments.effects, strict=True)]
    ends = np.cumsum(sizes)
    where = [slice(int(end) - size, int(end)) for end, size in zip(ends, sizes, strict=True)]
    P = np.zeros((int(ends[-1]), int(ends[-1])))
    for A, here in zip(moments.A, where, strict=True):
        k = A.shape[1]
        for j, block in enumerate(A):
            at = slice(here.start + j * k, here.start + (j + 1) * k)
            P[at, at] = block
    for pair in moments.pairs:
        rows = np.repeat(np.arange(pair.start.size - 1), np.diff(pair.start))
        _, k, K = pair.value.shape
        for i, j, block in zip(rows, pair.index, pair.value, strict=True):
            a = slice(where[pair.f].start + i * k, where[pair.f].start + (i + 1) * k)
            b = slice(where[pair.g].start + j * K, where[pair.g].start + (j + 1) * K)
            P[a, b], P[b, a] = block, block.T
    return P, where


class DenseCore:
    """`Core` of the covariances, with the matrices themselves.

    Parameters
    ----------
    moments
        Of a small model.
    Lambdas
        By factor ``(K, K)`` relative roots.
    chain
        Factors that are eliminated.
    """

    def __init__(self, moments: Moments, Lambdas: Sequence[Floats], chain: Sequence[int]) -> None:
        self.moments, self.factors = moments, tuple(f for f in range(len(moments.A)) if f not in chain)
        P, self.where = cross_products(moments)
        self.Lambda = np.zeros_like(P)
        for L, m, here in zip(Lambdas, moments.levels, self.where, strict=True):
            self.Lambda[here, here] = np.kron(np.eye(m), L)
        M = self.Lambda.T @ P @ self.Lambda + np.eye(P.shape[0])
        every = np.arange(P.shape[0])
        none = np.zeros(0, dtype=np.int64)
        self.out = np.concatenate([none, *(every[self.where[f]] for f in chain)])
        self.inside = np.concatenate([none, *(every[self.where[f]] for f in self.factors)])
        e, c = self.out, self.inside
        self._slope = np.linalg.solve(M[np.ix_(e, e)], M[np.ix_(e, c)])
        S = M[np.ix_(c, c)] - M[np.ix_(c, e)] @ self._slope
        root, at = np.zeros_like(S), 0
        for f in self.factors:
            for _ in range(moments.levels[f]):
                here = slice(at, at + moments.effects[f])
                root[here, here] = np.linalg.cholesky(S[here, here])
                at = here.stop
        self._back = np.linalg.inv(root).T
        self.scaled = self._back.T @ S @ self._back
        self.covariance = self.Lambda @ np.linalg.inv(M) @ self.Lambda.T
        part = self.Lambda[np.ix_(e, e)]
        self.covariance_given_core = part @ np.linalg.inv(M[np.ix_(e, e)]) @ part.T

    def apply(self, X: Floats) -> Floats:
        """Return ``S~ X``."""
        return np.asarray(self.scaled @ X)

    def effects_of(self, X: Floats) -> list[Floats]:
        """Return by factor the effects of scaled core vectors."""
        u = np.zeros((self.Lambda.shape[0], X.shape[1]))
        u[self.inside] = self._back @ X
        u[self.out] = -self._slope @ u[self.inside]
        b = self.Lambda @ u
        sizes = zip(self.moments.levels, self.moments.effects, self.where, strict=True)
        return [b[here].reshape(m, k, X.shape[1]) for m, k, here in sizes]

    def core_covariance(self, F: Floats, *, tolerance: float) -> Floats:
        """Return the covariance of ``F'b`` less that given the core."""
        assert tolerance > 0.0
        given = F[self.out]
        return np.asarray(F.T @ self.covariance @ F - given.T @ self.covariance_given_core @ given)

    def blocks(self, covariance: Floats, start: int, m: int, k: int) -> Floats:
        """Return ``(m, k, k)`` diagonal blocks of a matrix."""
        at = [slice(start + j * k, start + (j + 1) * k) for j in range(m)]
        return np.array([covariance[here, here] for here in at])

    def factor_blocks(self) -> list[Floats]:
        """Return by factor the covariances of its levels."""
        sizes = zip(self.moments.levels, self.moments.effects, self.where, strict=True)
        return [self.blocks(self.covariance, here.start, m, k) for m, k, here in sizes]


def rows_of(moments: Moments, level: NDArray[np.int32], columns: Sequence[Floats]) -> Floats:
    """Return ``(n, q)`` rows of all effects, factor by factor; a level of -1 leaves a factor out."""
    parts = []
    for f, (m, k) in enumerate(zip(moments.levels, moments.effects, strict=True)):
        full = np.zeros((level.shape[0], m * k))
        for r in np.flatnonzero(level[:, f] >= 0):
            full[r, level[r, f] * k : (level[r, f] + 1) * k] = columns[f][r]
        parts.append(full)
    return np.hstack(parts)
