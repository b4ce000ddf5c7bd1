"""The dense textbook problem: y, X, expanded Z and the matrices that one model's covariance is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from multilevel.design.design import Design
from multilevel.model import Covariance

Floats = NDArray[np.float64]


class Rotated(Enum):
    """A compound symmetric term in columns that leave its effects uncorrelated."""

    MEAN_FIRST = "the mean of the effects, then contrasts with one variance"


Structure = Covariance | Rotated


@dataclass(frozen=True, slots=True)
class Dense:
    """``y = X beta + sum_b Z_b b_b + e`` with ``Var(e) = sigma^2 diag(inverse_weights)``.

    Parameters
    ----------
    y, X
        ``(n,)`` response less offset and ``(n, p)``; rows with a frequency weight are repeated.
    Z
        For each term ``(n, m k)``, level by level: column ``j k + a`` is effect ``a`` of level ``j``.
    sizes
        For each term ``(m, k)``.
    structures
        For each term its covariance structure.
    inverse_weights
        ``(n,)`` one over the precision weights.
    residual_sd
        Known residual sd or ``None``.
    """

    y: Floats
    X: Floats
    Z: tuple[Floats, ...]
    sizes: tuple[tuple[int, int], ...]
    structures: tuple[Structure, ...]
    inverse_weights: Floats
    residual_sd: float | None


def dense(design: Design) -> Dense:
    """Write a design out in full."""
    n = design.n_rows
    counts = design.frequency_weights
    rows = np.arange(n) if counts is None else np.repeat(np.arange(n), counts.astype(int))
    y = design.y if design.offset is None else design.y - design.offset
    weights = np.ones(n) if design.precision_weights is None else design.precision_weights
    sizes = tuple((len(design.factors[t.factor].levels), t.Z.shape[1]) for t in design.terms)
    return Dense(
        y=y[rows],
        X=np.asarray(design.fixed.X)[rows],
        Z=tuple(expand(design.factors[t.factor].index, t.Z, len(design.factors[t.factor].levels))[rows]
                for t in design.terms),
        sizes=sizes,
        structures=tuple(t.covariance for t in design.terms),
        inverse_weights=(1 / weights)[rows],
        residual_sd=design.residual_sd,
    )  # fmt: skip


def expand(index: NDArray[np.int32], Z: Floats, m: int) -> Floats:
    """Return the dense ``(n, m k)`` matrix of thin effect columns; a level of -1 gives a row of zeros."""
    n, k = Z.shape
    full = np.zeros((n, m * k))
    for i in range(n):
        if index[i] >= 0:
            full[i, index[i] * k : (index[i] + 1) * k] = Z[i]
    return full


def group_covariance(problem: Dense, covariances: Sequence[Floats]) -> tuple[Floats, Floats]:
    """Return ``Z`` of all terms side by side and ``D``, block diagonal with ``I_m (x) T_b``."""
    n = problem.y.shape[0]
    blocks = [np.kron(np.eye(m), T) for (m, _), T in zip(problem.sizes, covariances, strict=True)]
    q = sum(b.shape[0] for b in blocks)
    D = np.zeros((q, q))
    start = 0
    for block in blocks:
        stop = start + block.shape[0]
        D[start:stop, start:stop] = block
        start = stop
    return np.hstack([*problem.Z, np.empty((n, 0))]), D


def marginal_covariance(problem: Dense, covariances: Sequence[Floats], sigma: float) -> Floats:
    """Return ``V = Z D Z' + R`` (Laird and Ware 1982, eq. 2.2)."""
    Z, D = group_covariance(problem, covariances)
    return Z @ D @ Z.T + sigma**2 * np.diag(problem.inverse_weights)


def roots(k: int, structure: Structure) -> list[Floats]:
    """Return the matrices of which a term's relative factor is the sum, each times its parameter.

    Lower triangles; for a compound symmetric term the symmetric root.
    """
    lower = structure is not Covariance.COMPOUND_SYMMETRIC
    return [np.tril(B) if lower else B for B in basis(k, structure)]


def basis(k: int, structure: Structure) -> list[Floats]:
    """Return the symmetric ``(k, k)`` matrices whose combinations are the covariance matrices of a term.

    Unstructured: one for each entry of the lower triangle, column by column; diagonal: one for each
    effect; scalar: the identity; compound symmetric: the projection on the mean, and the rest.
    """
    if structure is Covariance.SCALAR or k == 1:
        return [np.eye(k)]
    if structure is Covariance.COMPOUND_SYMMETRIC:
        return [np.full((k, k), 1 / k), np.eye(k) - 1 / k]
    if structure is Rotated.MEAN_FIRST:
        mean = np.eye(k)[:, :1] * np.eye(k)[:1]
        return [mean, np.eye(k) - mean]
    found = []
    for b in range(k):
        for a in range(b, k if structure is Covariance.UNSTRUCTURED else b + 1):
            B = np.zeros((k, k))
            B[a, b] = B[b, a] = 1.0
            found.append(B)
    return found


def derivatives(problem: Dense) -> list[Floats]:
    """Return ``dV/d eta_s`` for the linear parameters: entries of every ``T_b``, then ``sigma^2`` if free."""
    found = []
    for Z, (m, k), structure in zip(problem.Z, problem.sizes, problem.structures, strict=True):
        found += [Z @ np.kron(np.eye(m), B) @ Z.T for B in basis(k, structure)]
    if problem.residual_sd is None:
        found.append(np.diag(problem.inverse_weights))
    return found
