"""Coordinates of the covariance matrices about a point: entries in each term's own eigenvectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multilevel.model import Covariance
from multilevel.moments import Moments, TermBlock

Floats = NDArray[np.float64]

FLOOR = 1e-6
"""Relative variance, times the mean information of a level about the effect, that counts as zero."""
AT_FLOOR = 2.0
"""A variance up to this many floors is at its floor."""
SHRINK, GROW = 0.05, 20.0
"""A step changes a variance at most by these factors."""


@dataclass(frozen=True, slots=True, eq=False)
class TermFrame:
    """One term's relative covariance ``T = Q diag(variances) Q'`` and its coordinates.

    Parameters
    ----------
    block
        Where the term stands.
    Q, variances
        ``(k, k)`` eigenvectors (the identity where effects are uncorrelated) and ``(k,)``, none below
        ``floor``.
    floor
        ``(k,)``.
    members
        For each coordinate the entries (row, column) of the matrix in the frame that it stands for.
    """

    block: TermBlock
    Q: Floats
    variances: Floats
    floor: Floats
    members: tuple[tuple[tuple[int, int], ...], ...]

    @property
    def root(self) -> Floats:
        """``(k, k)`` root of ``T`` with orthogonal columns."""
        return self.Q * np.sqrt(self.variances)

    @property
    def directions(self) -> Floats:
        """``(h, k, k)`` derivatives of ``T`` by the coordinates, in the scaled columns."""
        return np.array([self.Q @ self._in_frame(one) @ self.Q.T for one in self.members])

    @property
    def at_floor(self) -> NDArray[np.bool_]:
        """``(k,)`` whether a variance counts as zero."""
        return self.variances <= AT_FLOOR * self.floor

    def _in_frame(self, entries: tuple[tuple[int, int], ...]) -> Floats:
        """Return the matrix of one coordinate in the frame."""
        B = np.zeros_like(self.Q)
        for a, b in entries:
            B[a, b] = B[b, a] = 1.0
        return B

    def coordinates(self, G: Floats) -> Floats:
        """Return the gradient ``(h,)`` by the coordinates from that by ``T``, ``dd = tr(G dT)``."""
        return np.array([float(np.sum(G * B)) for B in self.directions])

    def components(self, move: Floats) -> Floats:
        """Return the coordinates ``(h,)`` of a change of ``T``."""
        F = self.Q.T @ move @ self.Q
        return np.array([float(np.mean([F[a, b] for a, b in entries])) for entries in self.members])

    def held(self, gradient: Floats) -> NDArray[np.bool_]:
        """Return ``(h,)`` which coordinates stay: variances at their floor that would only fall."""
        stays = np.zeros(len(self.variances), dtype=bool)
        found = np.zeros(len(self.members), dtype=bool)
        for s, entries in enumerate(self.members):
            if all(a == b and self.at_floor[a] for a, b in entries) and gradient[s] > 0.0:
                found[s] = True
                stays[[a for a, _ in entries]] = True
        for s, entries in enumerate(self.members):
            found[s] |= all(stays[a] and stays[b] for a, b in entries)
        return found

    def bend(self, gradient: Floats) -> Floats:
        """Return ``(h,)`` what the boundary adds to the second derivatives.

        Turning an eigenvector without variance by ``t`` gives it the variance ``t^2 / v`` of the one it turns
        to, which the gradient charges for.
        """
        held = self.held(gradient)
        own = {entries[0][0]: gradient[s] for s, entries in enumerate(self.members) if held[s]}
        found = np.zeros(len(self.members))
        for s, entries in enumerate(self.members):
            a, b = entries[0]
            for empty, other in ((a, b), (b, a)):
                if a != b and empty in own and other not in own:
                    found[s] = 2.0 * own[empty] / self.variances[other]
        return found

    def moved(self, step: Floats) -> Floats:
        """Return ``T`` after a step in the coordinates, no variance changed too much or below its floor."""
        D = np.zeros_like(self.Q)
        for s, entries in enumerate(self.members):
            D += step[s] * self._in_frame(entries)
        some, none = np.flatnonzero(~self.at_floor), np.flatnonzero(self.at_floor)
        T = np.zeros_like(D)
        size = np.sqrt(self.variances[some])
        values, vectors = np.linalg.eigh(np.eye(some.size) + D[np.ix_(some, some)] / np.outer(size, size))
        inner = (vectors * np.clip(values, SHRINK, GROW)) @ vectors.T * np.outer(size, size)
        T[np.ix_(some, some)] = inner
        if none.size:
            cross = D[np.ix_(some, none)]
            turned = cross.T @ np.linalg.solve(inner, cross) if some.size else 0.0
            own, up = np.linalg.eigh(D[np.ix_(none, none)])
            grown = (up * np.maximum(own, 0.0)) @ up.T
            T[np.ix_(some, none)], T[np.ix_(none, some)] = cross, cross.T
            T[np.ix_(none, none)] = turned + grown + np.diag(self.floor[none])
        return np.asarray(self.Q @ T @ self.Q.T)


Frame = tuple[TermFrame, ...]
"""One for each grouped term."""


def frame_at(moments: Moments, relative: Sequence[Floats]) -> Frame:
    """Return the coordinates about relative covariances ``T``, one for each term, raised to their floors."""
    return tuple(_term_frame(moments, block, T) for block, T in zip(moments.blocks, relative, strict=True))


def roots_of(moments: Moments, frame: Frame) -> list[Floats]:
    """Return by factor the ``(K, K)`` root of the covariance of a level's effects."""
    roots = [np.zeros((k, k)) for k in moments.effects]
    for term in frame:
        here = slice(term.block.start, term.block.start + term.block.size)
        roots[term.block.factor][here, here] = term.root
    return roots


def relative_of(frame: Frame) -> tuple[Floats, ...]:
    """Return each term's ``T``, variances at their floor as exactly zero."""
    found = []
    for term in frame:
        variances = np.where(term.at_floor, 0.0, term.variances)
        found.append((term.Q * variances) @ term.Q.T)
    return tuple(found)


def _term_frame(moments: Moments, block: TermBlock, T: Floats) -> TermFrame:
    """Return the coordinates of one term."""
    here = slice(block.start, block.start + block.size)
    information = moments.A[block.factor][:, here, here].mean(axis=0)
    k = block.size
    if block.covariance is Covariance.UNSTRUCTURED:
        members: tuple[tuple[tuple[int, int], ...], ...]
        variances, Q = np.linalg.eigh((T + T.T) / 2.0)
        Q = Q * np.where(Q[np.argmax(np.abs(Q), axis=0), np.arange(k)] < 0.0, -1.0, 1.0)
        members = tuple(((a, b),) for b in range(k) for a in range(b, k))
    else:
        variances, Q = np.diagonal(T).copy(), np.eye(k)
        members = tuple(tuple((a, a) for a in group) for group in _equal_variances(block))
    size = np.einsum("ka,kl,la->a", Q, information, Q)
    floor = FLOOR / np.where(size > 0.0, size, 1.0)
    for entries in members:
        if block.covariance is not Covariance.UNSTRUCTURED:
            together = [a for a, _ in entries]
            floor[together] = floor[together].max()
    return TermFrame(block, Q, np.maximum(variances, floor), floor, members)


def _equal_variances(block: TermBlock) -> list[list[int]]:
    """Return which uncorrelated effects share a variance."""
    everyone = list(range(block.size))
    if block.covariance is Covariance.DIAGONAL:
        return [[a] for a in everyone]
    if block.covariance is Covariance.COMPOUND_SYMMETRIC:
        return [group for group in (everyone[:1], everyone[1:]) if group]
    return [everyone]
