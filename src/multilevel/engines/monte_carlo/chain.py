"""The eliminated effects given the core: a chain of nested factors, drawn and summed up exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multilevel.moments import Moments

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Link:
    """One factor of the chain after everything inside it was eliminated.

    Parameters
    ----------
    factor
        Its number.
    Lambda
        ``(K, K)`` relative root: ``b = Lambda u``.
    root
        ``(m, K, K)`` ``U`` with ``U'U`` the covariance of ``u`` given all later effects, in units of sigma.
    parents
        For each later link of the chain ``(m,)`` the level that a level here is nested in.
    slopes
        For each later link ``(m, K, K')``: ``E[u | later] = (own data) - sum slope u'``.
    """

    factor: int
    Lambda: Floats
    root: Floats
    parents: tuple[Ints, ...]
    slopes: tuple[Floats, ...]


def eliminated_chain(moments: Moments, Lambdas: Sequence[Floats], chain: Sequence[int]) -> tuple[Link, ...]:
    """Return the chain's links, the innermost factor first.

    Parameters
    ----------
    moments
        Sufficient statistics.
    Lambdas
        By factor ``(K, K)`` relative roots.
    chain
        Factors, each nested in the next.

    Notes
    -----
    ``M = Lambda'Z'WZ Lambda + I`` of these factors has a tree as its graph, so that its block Cholesky factor
    has no fill.
    """
    depth = len(chain)
    inside = [_spherical(moments.A[f], Lambdas[f], Lambdas[f]) + np.eye(Lambdas[f].shape[0]) for f in chain]
    parents: list[list[Ints]] = [[] for _ in chain]
    across: list[list[Floats]] = [[] for _ in chain]
    for i in range(depth):
        for j in range(i + 1, depth):
            parent, value = _nested(moments, chain[i], chain[j])
            parents[i].append(parent)
            across[i].append(_spherical(value, Lambdas[chain[i]], Lambdas[chain[j]]))
    links = []
    for i, f in enumerate(chain):
        root = np.linalg.inv(np.linalg.cholesky(inside[i]))
        halves = [root @ N for N in across[i]]
        for a, (parent, half) in enumerate(zip(parents[i], halves, strict=True)):
            np.subtract.at(inside[i + 1 + a], parent, np.swapaxes(half, 1, 2) @ half)
            for b in range(a + 1, len(halves)):
                np.subtract.at(across[i + 1 + a][b - a - 1], parent, np.swapaxes(half, 1, 2) @ halves[b])
        slopes = tuple(np.swapaxes(root, 1, 2) @ half for half in halves)
        links.append(Link(f, Lambdas[f], root, tuple(parents[i]), slopes))
    return tuple(links)


def chain_noise(links: Sequence[Link], rng: np.random.Generator) -> list[Floats]:
    """Return by link ``(m, K)`` a draw of ``b`` given the core, less its mean, in units of sigma."""
    drawn: list[Floats] = []  # from the outermost inwards
    for link in reversed(links):
        m, K = link.root.shape[:2]
        u = np.einsum("mba,mb->ma", link.root, rng.standard_normal((m, K)))
        for parent, slope, outer in zip(link.parents, link.slopes, reversed(drawn), strict=True):
            u -= np.einsum("mab,mb->ma", slope, outer[parent])
        drawn.append(u)
    return [u @ link.Lambda.T for u, link in zip(reversed(drawn), links, strict=True)]


def chain_variance(links: Sequence[Link], level: Sequence[Ints], columns: Sequence[Floats], n: int) -> Floats:
    """Return ``(n,)`` variances of ``sum z'b`` given the core, in units of the residual variance.

    Parameters
    ----------
    links
        The chain.
    level
        For each link ``(n,)`` levels, -1 for none.
    columns
        For each link ``(n, K)``.
    n
        Rows.
    """
    entries: list[list[tuple[Ints, Floats]]] = [
        [(np.maximum(at, 0), np.where((at >= 0)[:, None], z @ link.Lambda, 0.0))]
        for link, at, z in zip(links, level, columns, strict=True)
    ]
    total = np.zeros(n)
    for i, link in enumerate(links):
        here = _merged(entries[i])
        for at, w in here:
            half = np.einsum("nab,nb->na", link.root[at], w)
            total += np.einsum("na,na->n", half, half)
            for a, (parent, slope) in enumerate(zip(link.parents, link.slopes, strict=True)):
                entries[i + 1 + a].append((parent[at], -np.einsum("nab,na->nb", slope[at], w)))
    return total


def level_covariances(links: Sequence[Link], number: int) -> Floats:
    """Return ``(m, K, K)`` covariances of every level of one link given the core, in units of sigma^2."""
    link = links[number]
    m, K = link.root.shape[:2]
    found = np.empty((m, K, K))
    levels = np.arange(m)
    absent = [(np.full(m, -1), np.zeros((m, other.root.shape[1]))) for other in links]

    def variance(z: Floats) -> Floats:
        some = [(levels, np.tile(z, (m, 1))) if t == number else one for t, one in enumerate(absent)]
        return chain_variance(links, [at for at, _ in some], [w for _, w in some], m)

    unit = np.eye(K)
    for a in range(K):
        found[:, a, a] = variance(unit[a])
    for a in range(K):
        for b in range(a):
            both = variance(unit[a] + unit[b])
            found[:, a, b] = found[:, b, a] = (both - found[:, a, a] - found[:, b, b]) / 2.0
    return found


def _merged(entries: list[tuple[Ints, Floats]]) -> list[tuple[Ints, Floats]]:
    """Return entries of the same rows with those of one level added up."""
    merged: list[tuple[Ints, Floats]] = []
    for at, w in entries:
        left = w.copy()
        for other, total in merged:
            same = (other == at) & left.any(axis=1)
            total[same] += left[same]
            left[same] = 0.0
        if left.any():
            merged.append((at, left))
    return merged


def _spherical(value: Floats, left: Floats, right: Floats) -> Floats:
    """Return ``left' value right`` of every block."""
    return np.asarray(left.T @ value @ right)


def _nested(moments: Moments, inner: int, outer: int) -> tuple[Ints, Floats]:
    """Return the parent of every level of the inner factor, and the cross-products of both."""
    pair = next(p for p in moments.pairs if {p.f, p.g} == {inner, outer})
    rows = np.repeat(np.arange(pair.start.size - 1), np.diff(pair.start))
    index = pair.index.astype(np.intp)
    at, parent, value = (
        (rows, index, pair.value) if pair.f == inner else (index, rows, np.swapaxes(pair.value, 1, 2))
    )
    parents = np.zeros(moments.levels[inner], dtype=np.intp)
    values = np.zeros((moments.levels[inner], *value.shape[1:]))
    parents[at], values[at] = parent, value
    return parents, values
