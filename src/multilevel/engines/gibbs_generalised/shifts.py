"""Moves along which the linear predictor stays: coefficients go up as the effects that hold them go down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multilevel.engines.gibbs.terms import TermState
from multilevel.engines.gibbs_generalised.coefficients import CoefficientPriors
from multilevel.engines.gibbs_generalised.problem import GeneralisedProblem
from multilevel.engines.gibbs_generalised.spans import combination
from multilevel.engines.gibbs_generalised.tally import Tally
from multilevel.model.priors import Fixed

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Spanned:
    """Columns of the fixed part that a term's effects can take over.

    Parameters
    ----------
    columns
        Their numbers.
    W
        ``(m, a, c)``: in level ``j`` the columns are ``Z W_j``, the constant last if there is one.
    constant
        Whether the constant of an ordinal response's thresholds is among them.
    """

    columns: Ints
    W: Floats
    constant: bool


class Shift:
    """Draw ``d`` in ``beta_C + d``, ``b_j - W_j d``: the hierarchically centred draw of coefficients.

    Columns ``C`` of the fixed part are, within every level, combinations ``Z W_j`` of a term's columns (the
    intercept, the slopes that vary, what describes the levels), so the likelihood does not change. Given
    the coefficients ``b_j + W_j beta_C`` of each level, ``d`` is normal with precision
    ``sum W_j' D^-1 W_j + Q`` where the priors are (Gelfand, Sahu and Carlin 1995); other priors are taken
    in by accepting or refusing. An ordinal response has the constant among the columns: all thresholds move.
    """

    __slots__ = ("_S", "_priors", "_problem", "exact", "spanned", "term")

    def __init__(
        self,
        problem: GeneralisedProblem,
        priors: CoefficientPriors,
        term: int,
        spanned: Spanned,
    ) -> None:
        self._problem, self._priors, self.term = problem, priors, term
        self.spanned = spanned
        m, k, c = spanned.W.shape
        flat = spanned.W.reshape(m, k * c)
        self._S = (flat.T @ flat).reshape(k, c, k, c)
        self.exact = priors.exact and problem.family.centre is None and not spanned.constant

    @property
    def factor(self) -> int:
        """Number of the factor."""
        return self._problem.terms[self.term].factor

    def draw(
        self,
        state: TermState,
        effects: Sequence[Floats],
        beta: Floats,
        values: Floats,
        inflation: Floats,
        rng: np.random.Generator,
        tally: Tally,
    ) -> tuple[Floats, Floats, Floats] | None:
        """Return coefficients, parameters, and effects of the factor after the move; ``None``: refused."""
        problem, columns, priors = self._problem, self.spanned.columns, self._priors
        rows = problem.terms[self.term]
        inverse = np.linalg.inv(problem.term_root(self.term, state))
        P = inverse.T @ inverse
        b = effects[rows.factor][:, rows.columns]
        m, k, c = self.spanned.W.shape
        A = np.einsum("ab,acbd->cd", P, self._S)
        h = np.einsum("ab,acb->c", P, (self.spanned.W.reshape(m, k * c).T @ b).reshape(k, c, k))
        n = columns.size
        A[:n, :n] += priors.precision[np.ix_(columns, columns)]
        h[:n] += (priors.precision @ (priors.mean - beta))[columns]
        L = np.linalg.cholesky(A)
        d = np.linalg.solve(L.T, np.linalg.solve(L, h) + rng.standard_normal(c))
        tried = beta.copy()
        tried[columns] += d[:n]
        moved = values - d[n] if self.spanned.constant else values
        if not self.exact:
            ratio = priors.log_others(tried) - priors.log_others(beta)
            ratio += problem.log_family(moved, inflation, tried) - problem.log_family(values, inflation, beta)
            if not tally.decide(ratio, rng):
                return None
        changed = effects[rows.factor].copy()
        changed[:, rows.columns] = b - self.spanned.W @ d
        return tried, moved, changed


def shifts_of(problem: GeneralisedProblem, priors: CoefficientPriors) -> tuple[Shift, ...]:
    """Return the move of each term whose effects can take over columns of the fixed part."""
    found = []
    for t, rows in enumerate(problem.terms):
        spanned = _spanned(problem, priors, t) if rows.active.size else None
        if spanned is not None:
            found.append(Shift(problem, priors, t, spanned))
    return tuple(found)


def _spanned(problem: GeneralisedProblem, priors: CoefficientPriors, t: int) -> Spanned | None:
    """Return the columns that are, level by level, combinations of a term's columns; ``None`` for none."""
    term, rows = problem.design.terms[t], problem.terms[t]
    Z = np.ascontiguousarray(term.Z[problem.rows][:, rows.active])
    level = problem.design.factors[term.factor].index[problem.rows]
    m = problem.levels[term.factor]
    columns, W = [], []
    for c in range(problem.X.shape[1]):
        own = combination(problem.X[:, c], Z, level, m) if priors.may_move(c) else None
        if own is not None:
            columns.append(c)
            W.append(own)
    constant = None
    if problem.ordinal and not any(isinstance(prior, Fixed) for _, prior in problem.family.parameters):
        constant = combination(np.ones(Z.shape[0]), Z, level, m)
    if constant is not None:
        W.append(constant)
    if not W:
        return None
    return Spanned(np.array(columns, dtype=np.int64), np.stack(W, axis=2), constant is not None)
