"""Cross-products with simulated responses, drawn from the cross-products of the columns: without rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dpstrf
from scipy.sparse import block_array, bsr_array, csr_array

from multilevel.errors import DesignError
from multilevel.moments.moments import Moments, Pairs

Floats = NDArray[np.float64]
Sparse: TypeAlias = Any
"""A sparse matrix of SciPy."""

MOST_CORE = 6000
"""Effects of crossed factors whose cross-products may be factorised as one dense matrix: 0.3 GB each."""
NULL = 1e-12
"""A direction of a level's effects of which the rows have less than this share is not in the rows."""
CORE_NULL = 1e-11
"""The same for what is left of the core and of the fixed part after elimination."""


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """The elimination of one factor, level by level.

    Parameters
    ----------
    here
        Where its effects stand among all.
    root, inverse
        ``(m, K, K)``: ``V sqrt(s)`` and ``V / sqrt(s)`` of the eigenvalues of each level's cross-products,
        zero for those that are zero.
    live
        ``(m, K)`` whether the eigenvalue is not zero.
    effects, fixed
        Cross-products with the effects after it ``(m K, rest)`` and with ``X`` ``(m K, p)``, as they stand
        when it is eliminated.
    """

    here: slice
    root: Floats
    inverse: Floats
    live: NDArray[np.bool_]
    effects: Sparse
    fixed: Floats


@dataclass(frozen=True, slots=True, eq=False)
class RowSpace:
    """The cross-products ``K = [Z X]'W[Z X]`` of a model's columns, and a square root of them.

    Parameters
    ----------
    moments
        From which it was made.
    order
        Factors in the order of elimination; their effects stand factor by factor, level by level.
    effects, fixed, gram
        ``Z'WZ`` ``(q, q)``, ``Z'WX`` ``(q, p)`` and ``X'WX``.
    levels
        Factors eliminated one after the other.
    core
        ``(c + p, r)`` root of what is left of the last ``c`` effects and of ``X``.
    rank
        Rank of ``K``: dimensions of the rows in which the columns can move.
    """

    moments: Moments
    order: tuple[int, ...]
    effects: Sparse
    fixed: Floats
    gram: Floats
    levels: tuple[Level, ...]
    core: Floats
    rank: int


@dataclass(frozen=True, slots=True, eq=False)
class ResponseProducts:
    """What moments hold of a response: ``c`` is ``Z'Wy`` ``(m, K)`` by factor, ``d`` is ``[X y]'Wy``."""

    c: tuple[Floats, ...]
    d: Floats


def row_space(moments: Moments) -> RowSpace:
    """Factorise the cross-products of a model's columns.

    The factor with most levels and those it is nested in are eliminated level by level; the others are one
    dense matrix.

    Raises
    ------
    DesignError
        If the dense matrix would have more than `MOST_CORE` effects.
    """
    chain, core = _chain(moments)
    order = (*chain, *core)
    p, gram = moments.p, moments.D[: moments.p, : moments.p]
    whole = _effects(moments, order)
    parts = [moments.C[f][:, :, :p].reshape(moments.levels[f] * moments.effects[f], p) for f in order]
    fixed = np.concatenate([np.zeros((0, p)), *parts], axis=0)
    rest, X, D, at = whole, fixed, gram, 0
    levels: list[Level] = []
    for f in chain:
        m, k = moments.levels[f], moments.effects[f]
        level = _eliminated(rest, X, whole.diagonal()[at : at + m * k].reshape(m, k), at)
        G = _scaled_by(level.inverse, level.effects)
        GX = np.einsum("mab,map->mbp", level.inverse, level.fixed.reshape(m, k, p)).reshape(m * k, p)
        rest = csr_array(rest[m * k :, m * k :] - G.T @ G)
        X, D, at = X[m * k :] - G.T @ GX, D - GX.T @ GX, at + m * k
        levels.append(level)
    scale = np.sqrt(np.concatenate([whole.diagonal()[at:], np.diagonal(gram)]))
    root = _dense_root(rest.toarray() if core else np.zeros((0, 0)), X, D, scale)
    rank = sum(int(level.live.sum()) for level in levels) + root.shape[1]
    return RowSpace(moments, order, whole, fixed, gram, tuple(levels), root, rank)


def _chain(moments: Moments) -> tuple[list[int], list[int]]:
    """Return the factors that are eliminated level by level, and those that are left.

    Raises
    ------
    DesignError
        If those that are left have too many effects.
    """
    widest = {(pair.f, pair.g): int(np.diff(pair.start).max(initial=0)) for pair in moments.pairs}
    chain: list[int] = []
    for g in range(len(moments.A)):
        if all(widest[f, g] <= 1 for f in chain):
            chain.append(g)
    left = [g for g in range(len(moments.A)) if g not in chain]
    count = sum(moments.levels[g] * moments.effects[g] for g in left)
    if count > MOST_CORE:
        raise DesignError(
            f"a bootstrap was asked of crossed factors with {' x '.join(f'{m:,}' for m in moments.levels)}"
            f" levels, which leave {count:,} effects that must be factorised together",
            allowed=f"{MOST_CORE:,} effects besides those of the largest factor and of those it is nested in",
            remedy="multilevel.sample, whose draws show the uncertainty of every parameter",
        )
    return chain, left


def simulate_response(
    space: RowSpace, beta: Floats, covariances: Sequence[Floats], sigma: float, rng: np.random.Generator
) -> ResponseProducts:
    """Draw the cross-products with a response ``y = X beta + Z b + e``.

    Parameters
    ----------
    space
        Of the columns.
    beta, covariances, sigma
        Coefficients, covariance matrix of each term's effects, and residual sd, all in the scaled columns.
    rng
        Is advanced.

    Notes
    -----
    With ``K = [Z X]'W[Z X]`` and ``g = (b, beta)``, ``[Z X]'Wy`` is ``K g + e`` with ``e`` normal of mean
    zero and covariance ``sigma^2 K``; ``y'Wy`` is ``g'K g + 2 g'e`` plus ``sigma^2`` times a chi-square of
    the rank of ``K``, which is the squared length of the numbers that ``e`` is made of, plus an independent
    chi-square of the other dimensions of the rows.
    """
    drawn = draw_effects(space.moments, covariances, rng)
    b = np.concatenate([np.zeros(0), *(drawn[f].ravel() for f in space.order)])
    c = space.effects @ b + space.fixed @ beta
    d = space.fixed.T @ b + space.gram @ beta
    signal = float(b @ c + beta @ d)
    noise_c, noise_d, squares = draw_noise(space, rng)
    freedom = space.moments.n - space.rank
    if freedom > 0:
        squares += float(rng.chisquare(freedom))
    signal += 2.0 * sigma * float(b @ noise_c + beta @ noise_d) + sigma**2 * squares
    c, d = c + sigma * noise_c, d + sigma * noise_d
    at = 0
    for f in space.order:
        size = drawn[f].size
        drawn[f] = c[at : at + size].reshape(drawn[f].shape)
        at += size
    return ResponseProducts(tuple(drawn), np.append(d, signal))


def draw_effects(moments: Moments, covariances: Sequence[Floats], rng: np.random.Generator) -> list[Floats]:
    """Return group effects ``(m, K)`` of each factor drawn from their distributions."""
    parts = [np.zeros((m, k)) for m, k in zip(moments.levels, moments.effects, strict=True)]
    for block, T in zip(moments.blocks, covariances, strict=True):
        values, vectors = np.linalg.eigh(T)
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        drawn = rng.standard_normal((moments.levels[block.factor], block.size)) @ root.T
        parts[block.factor][:, block.start : block.start + block.size] += drawn
    return parts


def draw_noise(space: RowSpace, rng: np.random.Generator) -> tuple[Floats, Floats, float]:
    """Return normal ``Z'We`` and ``X'We`` of residuals of variance one, and the squares they are made of."""
    e, x, squares = np.zeros(space.effects.shape[0]), np.zeros(space.moments.p), 0.0
    for level in space.levels:
        z = np.where(level.live, rng.standard_normal(level.live.shape), 0.0)
        squares += float(np.vdot(z, z))
        e[level.here] += np.einsum("mab,mb->ma", level.root, z).ravel()
        pulled = np.einsum("mab,mb->ma", level.inverse, z).ravel()
        e[level.here.stop :] += level.effects.T @ pulled
        x += level.fixed.T @ pulled
    other = rng.standard_normal((space.core.shape[1],))
    left = space.core @ other
    size = left.size - x.size
    e[e.size - size :] += left[:size]
    return e, x + left[size:], squares + float(other @ other)


def _effects(moments: Moments, order: Sequence[int]) -> Sparse:
    """Return ``Z'WZ`` of all factors in an order."""
    if not order:
        return csr_array((0, 0))
    place = {f: number for number, f in enumerate(order)}
    table: list[list[Sparse | None]] = [[None] * len(order) for _ in order]
    for f, A in enumerate(moments.A):
        table[place[f]][place[f]] = _block_diagonal(A)
    for pair in moments.pairs:
        cross, f, g = _cross(pair, moments), place[pair.f], place[pair.g]
        table[f][g], table[g][f] = cross, csr_array(cross.T)
    return csr_array(block_array(table, format="csr"))


def _block_diagonal(blocks: Floats) -> Sparse:
    """Return ``(m, K, K)`` blocks as a block-diagonal matrix."""
    m, k = blocks.shape[:2]
    return csr_array(bsr_array((blocks, np.arange(m), np.arange(m + 1)), shape=(m * k, m * k)))


def _cross(pair: Pairs, moments: Moments) -> Sparse:
    """Return the cross-products of the effects of two factors."""
    shape = (
        moments.levels[pair.f] * moments.effects[pair.f],
        moments.levels[pair.g] * moments.effects[pair.g],
    )
    return csr_array(bsr_array((pair.value, pair.index, pair.start), shape=shape))


def _eliminated(rest: Sparse, X: Floats, squares: Floats, at: int) -> Level:
    """Return the elimination of the first factor of what is left; ``squares`` ``(m, K)`` of its columns."""
    m, k = squares.shape
    here = csr_array(rest[: m * k, : m * k])
    blocks = np.zeros((m, k, k))
    entries = here.tocoo()
    blocks[entries.row // k, entries.row % k, entries.col % k] = entries.data
    values, vectors = np.linalg.eigh(blocks)
    live = values > NULL * squares.max(axis=1, keepdims=True)
    size = np.sqrt(np.where(live, values, 1.0))
    return Level(
        here=slice(at, at + m * k),
        root=vectors * np.where(live, size, 0.0)[:, None, :],
        inverse=vectors * np.where(live, 1.0 / size, 0.0)[:, None, :],
        live=live,
        effects=csr_array(rest[: m * k, m * k :]),
        fixed=X[: m * k],
    )


def _scaled_by(inverse: Floats, effects: Sparse) -> Sparse:
    """Return a factor's cross-products in units of its own."""
    return csr_array(_block_diagonal(np.ascontiguousarray(inverse.transpose(0, 2, 1))) @ effects)


def _dense_root(effects: Floats, X: Floats, D: Floats, scale: Floats) -> Floats:
    """Return a root of ``[[effects, X], [X', D]]``, which may be singular; ``scale`` is that of its noise."""
    whole = np.block([[effects, X], [X.T, D]])
    unit = np.where(scale > 0.0, scale, 1.0)
    if not whole.size:
        return np.zeros((0, 0))
    factor, order, rank, _ = dpstrf(whole / np.outer(unit, unit), lower=1, tol=CORE_NULL)
    root = np.zeros((whole.shape[0], rank))
    root[order - 1] = np.tril(factor)[:, :rank]
    return np.asarray(root * unit[:, None])
