"""Expected information of the variance parameters, for the Kenward-Roger adjustment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilevel.engines.likelihood.problem import n_theta
from multilevel.engines.solution import KenwardRoger
from multilevel.errors import OptionError
from multilevel.kernels import core
from multilevel.model import Covariance
from multilevel.moments import Moments, TermBlock

Floats = NDArray[np.float64]
Factors = Sequence[tuple[Floats, Floats, Floats, Floats]]

MOST_EFFECTS = 3000
"""Group effects up to which the matrix between all of them is formed for several factors."""


def expected_information(
    moments: Moments,
    problem: core.Problem,
    found: Mapping[str, Any],
    relative: Sequence[Floats],
    sigma: float,
    factors: Factors,
) -> KenwardRoger:
    """Return what Kenward and Roger (1997, section 2) add.

    ``V = eta_0 I + sum_s eta_s Z B_s Z'``. Products with the identity come from those with ``Z B_s Z'``:
    ``V_r^-1 V_r^-1 = V_r^-1 - sum_s T_s V_r^-1 Z B_s Z' V_r^-1`` for ``V_r = I + sum_s T_s Z B_s Z'``, so
    that nothing of the size of the data is formed.
    """
    p = moments.p
    bases = [(block, B) for block in moments.blocks for B in _basis(block)]
    weights = np.array(
        [T for b, block in enumerate(moments.blocks) for T in _coordinates(relative[b], block)]
    )
    H = [np.ascontiguousarray(f[1][:, :, :-1]) for f in factors]
    moved = np.array([_quadratic(H[block.factor], block, B) for block, B in bases]).reshape(len(bases), p, p)
    crossed = _cross_products(moments, problem, found, bases, H)
    traces = np.array([_trace(factors[block.factor][3], block, B) for block, B in bases])
    pairs = _trace_products(moments, problem, found, bases, factors)
    information = np.linalg.inv(found["R"])
    # products with the identity, first among the parameters unless the residual sd is known
    P0 = information - np.einsum("s,spq->pq", weights, moved)
    Q0 = moved - np.einsum("s,stpq->tpq", weights, crossed)
    F0 = traces - weights @ pairs
    P = np.concatenate([P0[None], moved])
    Q = np.zeros((len(bases) + 1, len(bases) + 1, p, p))
    Q[1:, 1:], Q[0, 1:], Q[1:, 0] = crossed, Q0, np.swapaxes(Q0, 1, 2)
    Q[0, 0] = P0 - np.einsum("t,tpq->pq", weights, Q0)
    F = np.zeros((len(bases) + 1, len(bases) + 1))
    F[1:, 1:], F[0, 1:], F[1:, 0] = pairs, F0, F0
    F[0, 0] = moments.n - weights @ traces - weights @ F0
    if moments.known_sigma is not None:
        P, Q, F = P[1:], Q[1:, 1:], F[1:, 1:]
    return _in_user_units(moments, found["R"], sigma, P, Q, F)


def _in_user_units(
    moments: Moments, R: Floats, sigma: float, P: Floats, Q: Floats, F: Floats
) -> KenwardRoger:
    """Return it in the units of the data, from the relative ``-P``, ``Q`` and ``F`` of the scaled problem."""
    expected = F - 2.0 * np.einsum("pq,stqp->st", R, Q) + np.einsum("pq,sqa,ab,tbp->st", R, P, R, P)
    unit, back = (sigma * moments.scaling.y_scale) ** 2, moments.scaling.fixed.back
    diagonal = np.diagonal(expected)
    scale = np.sqrt(np.where(diagonal > 0.0, diagonal, 1.0))
    W = 2.0 * np.linalg.pinv(expected / np.outer(scale, scale), hermitian=True, rcond=1e-10)
    W = W / np.outer(scale, scale)
    inner = np.einsum("st,stpq->pq", W, Q) - np.einsum("st,spa,ab,tbq->pq", W, P, R, P)
    return KenwardRoger(
        covariance=unit**2 * W,
        gradient=back @ (R @ P @ R) @ back.T,
        correction=unit * (back @ (R @ inner @ R) @ back.T),
    )


def _basis(block: TermBlock) -> Iterator[Floats]:
    """Yield the symmetric matrices in which a term's covariance matrix is linear."""
    k = block.size
    if block.covariance.one_sd:
        number = np.minimum(np.arange(k), n_theta(block) - 1)
        for parameter in range(n_theta(block)):
            yield np.diag((number == parameter).astype(np.float64))
        return
    for a in range(k):
        for b in range(a + 1 if block.covariance is Covariance.UNSTRUCTURED else 0):
            B = np.zeros((k, k))
            B[a, b] = B[b, a] = 1.0
            yield B
        if block.covariance is Covariance.DIAGONAL:
            B = np.zeros((k, k))
            B[a, a] = 1.0
            yield B


def _coordinates(T: Floats, block: TermBlock) -> Iterator[float]:
    """Yield the coordinates of ``T`` in the basis of its term."""
    if block.covariance.one_sd:
        for row in range(n_theta(block)):
            yield float(T[row, row])
        return
    for a in range(block.size):
        for b in range(a + 1) if block.covariance is Covariance.UNSTRUCTURED else (a,):
            yield float(T[a, b])


def _rows(block: TermBlock) -> slice:
    return slice(block.start, block.start + block.size)


def _quadratic(H: Floats, block: TermBlock, B: Floats) -> Floats:
    """Return ``sum_j H_j' B H_j`` over the levels of a term's factor."""
    here = H[:, _rows(block)]
    return np.asarray(np.einsum("map,ab,mbq->pq", here, B, here, optimize=True))


def _trace(E: Floats, block: TermBlock, B: Floats) -> float:
    """Return ``sum_j tr(E_j B)``."""
    here = _rows(block)
    return float(np.einsum("mab,ba->", E[:, here, here], B))


def _cross_products(
    moments: Moments,
    problem: core.Problem,
    found: Mapping[str, Any],
    bases: Sequence[tuple[TermBlock, Floats]],
    H: Sequence[Floats],
) -> Floats:
    """Return ``X'V^-1 G_s V^-1 G_t V^-1 X`` for all pairs, ``(h, h, p, p)``."""
    p, h = moments.p, len(bases)
    if h == 0 or p == 0:
        return np.zeros((h, h, p, p))
    columns = []
    for block, B in bases:
        W = [np.zeros((m, k, p)) for m, k in zip(moments.levels, moments.effects, strict=True)]
        W[block.factor][:, _rows(block)] = np.einsum("ab,mbp->map", B, H[block.factor][:, _rows(block)])
        columns.append(np.concatenate([w.reshape(-1, p) for w in W]))
    product = problem.information_product(
        found["theta"], np.ascontiguousarray(np.concatenate(columns, axis=1))
    )
    return np.asarray(product.reshape(h, p, h, p).transpose(0, 2, 1, 3))


def _trace_products(
    moments: Moments,
    problem: core.Problem,
    found: Mapping[str, Any],
    bases: Sequence[tuple[TermBlock, Floats]],
    factors: Factors,
) -> Floats:
    """Return ``tr(V^-1 G_s V^-1 G_t)`` for all pairs; several factors need all of ``Z'V^-1 Z``."""
    pairs = np.zeros((len(bases), len(bases)))
    if len(factors) == 1:
        E = factors[0][3]
        half = [np.einsum("mab,bc->mac", E[:, :, _rows(block)], B) for block, B in bases]
        for s, (block_s, _) in enumerate(bases):
            for t, (block_t, _) in enumerate(bases):
                X, Y = half[s][:, _rows(block_t)], half[t][:, _rows(block_s)]
                pairs[s, t] = np.einsum("mab,mba->", X, Y)
        return pairs
    q = sum(m * k for m, k in zip(moments.levels, moments.effects, strict=True))
    if q > MOST_EFFECTS:
        raise OptionError(
            f"ddf='kenward-roger' needs a matrix between all {q:,} group effects of several factors",
            allowed=f"at most {MOST_EFFECTS:,} group effects, or any number of one factor",
            remedy="ddf='satterthwaite', which needs no such matrix",
        )
    E = problem.information_product(found["theta"], np.eye(q))
    offsets = np.concatenate(
        [[0], np.cumsum([m * k for m, k in zip(moments.levels, moments.effects, strict=True)])]
    )

    def places(block: TermBlock) -> NDArray[np.int64]:
        m, k = moments.levels[block.factor], moments.effects[block.factor]
        first = offsets[block.factor] + k * np.arange(m)[:, None] + block.start
        return np.asarray((first + np.arange(block.size)).reshape(-1))

    for s, (block_s, B_s) in enumerate(bases):
        for t, (block_t, B_t) in enumerate(bases):
            part = E[np.ix_(places(block_s), places(block_t))]
            part = part.reshape(
                moments.levels[block_s.factor], block_s.size, moments.levels[block_t.factor], block_t.size
            )
            pairs[s, t] = _contract(part, B_s, B_t)
    return pairs


def _contract(E: Floats, B_s: Floats, B_t: Floats) -> float:
    """Return ``sum_ij tr(B_s E_ij B_t E_ij')``."""
    left = np.einsum("ca,iajb->icjb", B_s, E)
    right = np.einsum("iajb,bd->iajd", E, B_t)
    return float(np.vdot(left, right))
