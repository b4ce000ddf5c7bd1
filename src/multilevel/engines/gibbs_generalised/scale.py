"""Joint moves of an sd and its effects, with the rows' likelihood."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from multilevel.engines.gibbs.terms import TermState, TermStep
from multilevel.engines.gibbs_generalised.problem import GeneralisedProblem

Floats = NDArray[np.float64]


class ScaleMove:
    """Multiply effects and their sd by one number, as if the spherical effects were held.

    As `multilevel.engines.gibbs.scale.ScaleMove` (Yu and Meng 2011), with the likelihood of the rows.

    Parameters
    ----------
    problem
        Of the model.
    term
        Number of the term.
    step
        How its covariance matrix is drawn; knows the prior.
    members
        Effects that share the sd.
    """

    __slots__ = ("_places", "_problem", "_rows", "_step", "members", "term")

    def __init__(
        self, problem: GeneralisedProblem, term: int, step: TermStep, members: NDArray[np.int64]
    ) -> None:
        self._problem, self.term, self._step, self.members = problem, term, step, members
        self._rows = problem.terms[term]
        self._places = self._rows.columns.start + np.flatnonzero(np.isin(self._rows.active, members))

    def direction(self, effects: Sequence[Floats]) -> Floats:
        """Return ``(n,)`` what the effects add to the linear predictors."""
        f = self._rows.factor
        only = [np.zeros_like(b) for b in effects]
        only[f][:, self._places] = effects[f][:, self._places]
        kernels = self._problem.kernels
        return kernels.predictor(np.zeros(self._problem.X.shape[0]), only)

    def proposal(self, state: TermState, log_c: float) -> tuple[TermState, float]:
        """Return the term's state with the sd multiplied, and the log ratio of priors and volumes."""
        sds = state.sds.copy()
        sds[self.members] *= math.exp(log_c)
        tried = TermState(sds, state.L)
        return tried, log_c + self._step.log_prior(tried, 1.0) - self._step.log_prior(state, 1.0)

    def scaled(self, effects: Sequence[Floats], log_c: float) -> Floats:
        """Return the factor's effects with the move's own multiplied."""
        changed = effects[self._rows.factor].copy()
        changed[:, self._places] *= math.exp(log_c)
        return changed

    @property
    def factor(self) -> int:
        """Number of the factor."""
        return self._rows.factor
