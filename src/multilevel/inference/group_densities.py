"""Log densities of the rows of whole groups at the draws, the groups' effects integrated out exactly."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multilevel.design.design import Design, GroupFactor
from multilevel.inference.posterior_draws import covariance_root, kept_effects
from multilevel.inference.posterior_predict import AT_ONCE
from multilevel.results.posterior import Posterior

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ROWS_AT_ONCE = 20_000
"""Rows of the groups that are worked on together (one group may have more)."""
LOG_2PI = math.log(2 * math.pi)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is integrated out when a level of a factor is left out, and in which order the rows stand.

    Parameters
    ----------
    chain
        Numbers of the factors whose effects are integrated: the factor itself, then factors nested in it,
        each nested in the one before.
    held
        Numbers of the terms whose effects are held at their draws.
    order
        ``(n,)`` the rows, those of a level of each factor of the chain side by side.
    """

    chain: tuple[int, ...]
    held: tuple[int, ...]
    order: Ints


def plan_of(design: Design, factor: int) -> Plan:
    """Return what is integrated out, what is held, and the order of the rows."""
    chain = [factor]
    inside = sorted(range(len(design.factors)), key=lambda g: len(design.factors[g].levels))
    for g in inside:
        if g not in chain and _nested(design.factors[g], design.factors[chain[-1]]):
            chain.append(g)
    held = tuple(t for t, block in enumerate(design.terms) if block.factor not in chain)
    order = np.lexsort([design.factors[f].index for f in reversed(chain)])
    return Plan(tuple(chain), held, order)


def _nested(inner: GroupFactor, outer: GroupFactor) -> bool:
    """Whether each level of a factor lies in a single level of another one."""
    pairs = inner.index.astype(np.int64) * len(outer.levels) + outer.index
    return np.unique(pairs).size == len(inner.levels)


def densities(posterior: Posterior, plan: Plan) -> Iterator[tuple[slice, Floats]]:
    """Yield some levels and ``(s, levels)`` log densities of the rows of each of them at the draws."""
    design, values = posterior.design, values_of(posterior, plan)
    first, draws = design.factors[plan.chain[0]], values.sigma.size
    starts = np.searchsorted(first.index[plan.order], np.arange(len(first.levels) + 1))
    low = 0
    while low < len(first.levels):
        high = max(low + 1, int(np.searchsorted(starts, starts[low] + ROWS_AT_ONCE, side="right")) - 1)
        part = part_of(design, plan, plan.order[starts[low] : starts[high]])
        step = max(1, AT_ONCE // part.size)
        found = [
            log_densities(design, plan, part, values.part(slice(i, i + step))) for i in range(0, draws, step)
        ]
        yield slice(low, high), np.concatenate(found)
        low = high


@dataclass(frozen=True, slots=True, eq=False)
class Values:
    """What is not integrated out, at ``s`` draws.

    Parameters
    ----------
    beta, sigma
        ``(s, p)`` and ``(s,)``.
    own_sds
        ``(s, m)`` residual sds by residual group, or ``None``.
    roots
        For each factor of the chain ``(s, K, K)``: ``T`` with ``T T'`` the covariance matrix of its effects.
    held
        For each held term ``(s, m, k)`` effects.
    """

    beta: Floats
    sigma: Floats
    own_sds: Floats | None
    roots: tuple[Floats, ...]
    held: tuple[Floats, ...]

    def part(self, some: slice) -> Values:
        """Return the values at some of the draws."""
        return Values(
            self.beta[some],
            self.sigma[some],
            None if self.own_sds is None else self.own_sds[some],
            tuple(root[some] for root in self.roots),
            tuple(effects[some] for effects in self.held),
        )


def values_of(posterior: Posterior, plan: Plan) -> Values:
    """Return the values at all draws; if effects are held, at the draws whose effects were kept."""
    design, sampled = posterior.design, posterior.sampled
    used = sampled.kept if plan.held else np.arange(sampled.sigma.shape[1])

    def flat(array: Floats) -> Floats:
        return array[:, used].reshape(array.shape[0] * used.size, *array.shape[2:])

    roots = []
    for f in plan.chain:
        terms = [t for t, block in enumerate(design.terms) if block.factor == f]
        parts = [covariance_root(flat(sampled.sds[t]), flat(sampled.correlations[t])) for t in terms]
        sizes = [part.shape[1] for part in parts]
        root, at = np.zeros((parts[0].shape[0], sum(sizes), sum(sizes))), 0
        for part, k in zip(parts, sizes, strict=True):
            root[:, at : at + k, at : at + k] = part
            at += k
        roots.append(root)
    return Values(
        flat(sampled.coefficients),
        flat(sampled.sigma),
        None if sampled.residual is None else flat(sampled.residual.sds),
        tuple(roots),
        tuple(kept_effects(posterior, t) for t in plan.held),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Rows of some levels of the left-out factor.

    Parameters
    ----------
    rows
        ``(n,)`` their numbers, levels side by side.
    Z
        For each factor of the chain ``(n, K)`` columns of its effects.
    starts
        For each factor of the chain, where its levels begin among the levels of the factor nested in it; of
        the last one, among the rows.
    weights, frequency
        ``(n,)`` precision weights times frequencies, and frequencies.
    log_weights
        ``(n,)`` logarithms of the precision weights, times frequencies.
    """

    rows: Ints
    Z: tuple[Floats, ...]
    starts: tuple[Ints, ...]
    weights: Floats
    frequency: Floats
    log_weights: Floats

    @property
    def size(self) -> int:
        """How many numbers a draw takes."""
        columns = 1 + sum(Z.shape[1] for Z in self.Z)
        return int(self.rows.size + self.starts[-1].size * columns**2)


def part_of(design: Design, plan: Plan, rows: Ints) -> Part:
    """Return the rows of some levels, in the order of the plan."""
    Z = [np.hstack([block.Z[rows] for block in design.terms if block.factor == f]) for f in plan.chain]
    starts: list[Ints] = []
    inside = np.arange(rows.size)
    for f in reversed(plan.chain):
        index = design.factors[f].index[rows]
        begins = np.flatnonzero(np.r_[True, index[1:] != index[:-1]])
        starts.insert(0, np.searchsorted(inside, begins))
        inside = begins
    w, frequency = design.precision_weights, design.frequency_weights
    precision = np.ones(rows.size) if w is None else w[rows]
    count = np.ones(rows.size) if frequency is None else frequency[rows]
    return Part(rows, tuple(Z), tuple(starts), precision * count, count, count * np.log(precision))


def log_densities(design: Design, plan: Plan, part: Part, values: Values) -> Floats:
    """Return ``(s, levels)`` log densities of the rows of each level together, the chain integrated out."""
    rows = part.rows
    residual = design.y[rows] - values.beta @ design.fixed.X[rows].T
    if design.offset is not None:
        residual -= design.offset[rows]
    for t, effects in zip(plan.held, values.held, strict=True):
        index = design.factors[design.terms[t].factor].index[rows]
        residual -= np.einsum("snk,nk->sn", effects[:, index], design.terms[t].Z[rows])
    sd = values.sigma[:, None]
    if values.own_sds is not None and design.residual_groups is not None:
        sd = values.own_sds[:, design.residual_groups.index[rows]]
    G = _cross_products(part, residual, sd)
    total = np.add.reduceat(
        part.log_weights - part.frequency * (2 * np.log(sd) + LOG_2PI), part.starts[-1], axis=1
    )
    for stage in reversed(range(len(part.Z))):
        G, log_det = eliminate(G, values.roots[stage])
        total = total - log_det
        if stage:
            G = np.add.reduceat(G, part.starts[stage - 1], axis=1)
            total = np.add.reduceat(total, part.starts[stage - 1], axis=1)
    return np.asarray(0.5 * (total - G[:, :, 0, 0]))


def _cross_products(part: Part, residual: Floats, sd: Floats) -> Floats:
    """Return ``(s, levels, K + 1, K + 1)`` weighted products of effect columns and residual, inmost levels.

    The columns are those of the inmost factor first, the residual last.
    """
    columns = [Z[:, a] for Z in reversed(part.Z) for a in range(Z.shape[1])]
    K, starts = len(columns), part.starts[-1]
    G = np.empty((residual.shape[0], starts.size, K + 1, K + 1))
    # a residual sd that all rows share is taken out of the sums
    weights, scale = (
        (part.weights[None], sd**-2.0) if sd.shape[1] == 1 else (part.weights / sd**2, np.ones(1))
    )
    for a, one in enumerate([*columns, residual]):
        weighted = weights * one
        for b, other in enumerate([*columns, residual][: a + 1]):
            G[:, :, a, b] = G[:, :, b, a] = np.add.reduceat(weighted * other, starts, axis=1) * scale
    return G


def eliminate(G: Floats, root: Floats) -> tuple[Floats, Floats]:
    """Integrate the effects of the first columns out of cross-products.

    Parameters
    ----------
    G
        ``(s, levels, K, K)`` products of columns, in units of the residual variance.
    root
        ``(s, k, k)``: ``T``, the first ``k`` columns having effects with covariance matrix ``T T'``.

    Returns
    -------
    The products of the other columns with respect to ``V^-1``, ``V = I + Z T T' Z'``, and ``(s, levels)``
    ``log det V = log det(I + T' Z' Z T)``: Gaussian elimination of the spherical effects.
    """
    k = root.shape[1]
    T = root[:, None]
    G = G.copy()
    G[:, :, :, :k] = G[:, :, :, :k] @ T
    G[:, :, :k, :] = np.swapaxes(T, 2, 3) @ G[:, :, :k, :]
    log_det = np.zeros(G.shape[:2])
    for j in range(k):
        pivot = G[:, :, j, j] + 1.0  # the elimination leaves I + T' Z' V^-1 Z T here
        log_det += np.log(pivot)
        rest = G[:, :, j + 1 :, j].copy()
        G[:, :, j + 1 :, j + 1 :] -= rest[:, :, :, None] * rest[:, :, None, :] / pivot[:, :, None, None]
    return G[:, :, k:, k:], log_det
