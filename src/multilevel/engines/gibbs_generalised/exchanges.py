"""Moves between nested factors: the effects of the outer levels go up as those inside them go down."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multilevel.engines.gibbs.metropolis import Walk
from multilevel.engines.gibbs.terms import TermState, TermStep
from multilevel.engines.gibbs_generalised.problem import GeneralisedProblem
from multilevel.engines.gibbs_generalised.spans import combination

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


FAR = 30.0
"""Logs of factors of an sd beyond this are not tried."""


@dataclass(frozen=True, slots=True, eq=False)
class Nested:
    """How the effects of inner levels can stand for those of the outer levels that they are in.

    Parameters
    ----------
    parent
        ``(m,)`` for each inner level the outer one.
    columns
        ``(c,)`` which of the outer term's active effects take part.
    W
        ``(m, a, c)`` weights with ``Z_outer = Z_inner W_j`` in the rows of inner level ``j``.
    """

    parent: Ints
    columns: Ints
    W: Floats


STEPS = 2
"""Steps of the random walk of the sds in each sweep."""


class Exchange:
    """Redraw the effects of outer levels ``l``, and both terms' sds, given the totals of the inner levels.

    Where ``b_l + d_l`` goes with ``b_j - W_j d_l`` for the levels ``j`` in ``l``, the totals
    ``T_j = b_j + W_j b_l`` and with them the likelihood stay. Given totals, this is a linear model: the sds
    take a random walk with ``b_l`` integrated out, then ``b_l`` is normal with precision
    ``D_outer^-1 + sum_j W_j' D_inner^-1 W_j``, independent over ``l`` (partly collapsed, centred Gibbs steps:
    Gelfand, Sahu and Carlin 1995; van Dyk and Park 2008). If only some of the outer term's columns
    are columns of the inner one, those are moved and the sds stay.

    Parameters
    ----------
    problem
        Of the model.
    outer, inner
        Numbers of the terms.
    steps
        How their covariance matrices are drawn; know the priors.
    span
        How the inner term's columns stand for the outer's.
    """

    __slots__ = ("_G", "_problem", "_scales", "_span", "_steps", "inner", "outer")

    def __init__(
        self,
        problem: GeneralisedProblem,
        outer: int,
        inner: int,
        steps: tuple[TermStep, TermStep],
        span: Nested,
    ) -> None:
        self._problem, self.outer, self.inner, self._steps, self._span = problem, outer, inner, steps, span
        full = span.columns.size == problem.terms[outer].active.size
        self._scales = [(i, own) for i, step in enumerate(steps) for own in step.scales] if full else []
        m = problem.levels[problem.terms[outer].factor]
        _, a, c = span.W.shape
        self._G = np.zeros((m, c, c, a, a))
        np.add.at(self._G, span.parent, np.einsum("jac,jbd->jcdab", span.W, span.W))

    @property
    def walk_size(self) -> int:
        """How many sds walk."""
        return len(self._scales)

    def draw(
        self, terms: list[TermState], effects: list[Floats], rng: np.random.Generator, walk: Walk | None
    ) -> None:
        """Put new states and effects into the lists."""
        problem, columns, span = self._problem, self._span.columns, self._span
        outside, inside = problem.terms[self.outer], problem.terms[self.inner]
        above, below = effects[outside.factor].copy(), effects[inside.factor].copy()
        b, e = above[:, outside.columns], below[:, inside.columns]
        e += np.einsum("jac,jc->ja", span.W, b[:, columns][span.parent])
        totals = self.sums(e)
        states = (terms[self.outer], terms[self.inner])
        if walk is not None:
            x = walk.move(
                np.zeros(len(self._scales)), lambda x: self.log_density(states, totals, x), rng, STEPS
            )
            states = self._scaled(states, x)
            terms[self.outer], terms[self.inner] = states
        P, L, h = self._conditional(states, totals)
        others = np.delete(np.arange(b.shape[1]), columns)
        h -= b[:, others] @ P[np.ix_(others, columns)]
        half = np.linalg.solve(L, h[:, :, None]) + rng.standard_normal((*h.shape, 1))
        b[:, columns] = np.linalg.solve(np.swapaxes(L, 1, 2), half)[:, :, 0]
        e -= np.einsum("jac,jc->ja", span.W, b[:, columns][span.parent])
        effects[outside.factor], effects[inside.factor] = above, below

    def sums(self, e: Floats) -> tuple[Floats, Floats]:
        """Return sums of ``W_j T_j'`` by outer level, ``(m, c, a, a)``, and of ``T_j T_j'``."""
        R = np.zeros((self._G.shape[0], *self._G.shape[2:]))
        np.add.at(R, self._span.parent, np.einsum("jac,jb->jcab", self._span.W, e))
        return R, e.T @ e

    def _conditional(
        self, states: tuple[TermState, TermState], totals: tuple[Floats, Floats]
    ) -> tuple[Floats, Floats, Floats]:
        """Return ``D_outer^-1``, factors ``(m, c, c)`` of precisions, and these times means ``(m, c)``."""
        P, Q = (
            _precision(self._problem, t, s) for t, s in zip((self.outer, self.inner), states, strict=True)
        )
        at = np.ix_(self._span.columns, self._span.columns)
        A = np.einsum("lcdab,ab->lcd", self._G, Q) + P[at]
        return P, np.linalg.cholesky(A), np.einsum("lcab,ab->lc", totals[0], Q)

    def log_density(
        self, states: tuple[TermState, TermState], totals: tuple[Floats, Floats], x: Floats
    ) -> float:
        """Return the log density of logs of factors of the sds given the totals."""
        if not np.abs(x).max() < FAR:
            return -np.inf
        tried = self._scaled(states, x)
        m, m_inner = self._G.shape[0], self._span.parent.size
        try:
            P, L, h = self._conditional(tried, totals)
        except np.linalg.LinAlgError:
            return -np.inf
        Q = _precision(self._problem, self.inner, tried[1])
        half = np.linalg.solve(L, h[:, :, None])
        total = float(x.sum()) + sum(s.log_prior(t, 1.0) for s, t in zip(self._steps, tried, strict=True))
        total += 0.5 * (m * _log_det(P) + m_inner * _log_det(Q) - float(np.vdot(Q, totals[1])))
        diagonals = np.diagonal(L, axis1=1, axis2=2)
        return total + 0.5 * float(np.vdot(half, half)) - float(np.log(diagonals).sum())

    def _scaled(self, states: tuple[TermState, TermState], x: Floats) -> tuple[TermState, TermState]:
        """Return both states with sds multiplied by ``exp(x)``."""
        sds = [state.sds.copy() for state in states]
        for (i, members), log_c in zip(self._scales, x.tolist(), strict=True):
            sds[i][members] *= math.exp(log_c)
        return TermState(sds[0], states[0].L), TermState(sds[1], states[1].L)


def _precision(problem: GeneralisedProblem, t: int, state: TermState) -> Floats:
    """Return the inverse covariance matrix of a term's active effects."""
    inverse = np.linalg.inv(problem.term_root(t, state))
    return np.asarray(inverse.T @ inverse)


def _log_det(P: Floats) -> float:
    """Return the log determinant of a positive definite matrix."""
    return 2.0 * float(np.log(np.diagonal(np.linalg.cholesky(P))).sum())


def exchanges_of(problem: GeneralisedProblem, steps: Sequence[TermStep]) -> tuple[Exchange, ...]:
    """Return the moves of every pair of terms of which one's levels lie within the other's."""
    found = []
    for outer in range(len(problem.terms)):
        for inner in range(len(problem.terms)):
            parent = _parents(problem, outer, inner)
            span = None if parent is None else _nested(problem, outer, inner, parent)
            if span is not None:
                found.append(Exchange(problem, outer, inner, (steps[outer], steps[inner]), span))
    return tuple(found)


def _parents(problem: GeneralisedProblem, outer: int, inner: int) -> Ints | None:
    """Return the outer level of each inner one, or ``None`` if an inner one is in several."""
    f, g = problem.terms[outer].factor, problem.terms[inner].factor
    if f == g or problem.levels[g] <= problem.levels[f]:
        return None
    above, below = (problem.design.factors[i].index[problem.rows] for i in (f, g))
    parent = np.zeros(problem.levels[g], dtype=np.int64)
    parent[below] = above
    return parent if np.array_equal(parent[below], above) else None


def _nested(problem: GeneralisedProblem, outer: int, inner: int, parent: Ints) -> Nested | None:
    """Return how the inner term's columns stand for the outer's, or ``None`` if for none of them."""
    design, rows = problem.design, problem.rows
    Z = np.ascontiguousarray(design.terms[inner].Z[rows][:, problem.terms[inner].active])
    level = design.factors[design.terms[inner].factor].index[rows]
    columns, W = [], []
    for at, a in enumerate(problem.terms[outer].active) if Z.shape[1] else ():
        own = combination(design.terms[outer].Z[rows][:, a], Z, level, parent.size)
        if own is not None:
            columns.append(at)
            W.append(own)
    if not W:
        return None
    return Nested(parent, np.array(columns, dtype=np.int64), np.stack(W, axis=2))
