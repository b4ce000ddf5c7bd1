"""Joint moves of an sd and its effects, which keep a chain going where a variance is near zero."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from multilevel.engines.gibbs.metropolis import Walk
from multilevel.engines.gibbs.residuals import Residuals
from multilevel.engines.gibbs.terms import TermState, TermStep
from multilevel.moments import Moments, TermBlock

Floats = NDArray[np.float64]


class ScaleMove:
    """Multiply effects ``b_a`` and their sd by one number ``c``, as if the spherical effects were held.

    In ``log c`` the log density changes by that of the likelihood, quadratic in ``c``, that of the sd's
    prior, and ``log c`` for the volume (Yu and Meng 2011, sections 2.2 and 2.3: an ancillary augmentation
    beside the sufficient one; Liu and Sabatti 2000 for moves along a group).
    """

    __slots__ = ("_back", "_front", "_residuals", "block", "members", "step")

    def __init__(
        self, moments: Moments, term: int, step: TermStep, members: NDArray[np.int64], residuals: Residuals
    ) -> None:
        self.block: TermBlock = moments.blocks[term]
        self.step, self.members, self._residuals = step, members, residuals
        self._back = moments.scaling.terms[term].back
        self._front = np.linalg.inv(self._back)

    def draw(
        self,
        state: TermState,
        effects: Sequence[Floats],
        with_r: Sequence[Floats],
        sigma: tuple[float, float],
        rng: np.random.Generator,
        walk: Walk,
    ) -> tuple[TermState, Floats | None]:
        """Return the term's state, and what to add to its effects in scaled columns (``None``: refused).

        Parameters
        ----------
        state
            Of the term.
        effects, with_r
            By factor ``(m, K)``, scaled columns: the effects and ``Z'r``.
        sigma
            Residual sd in the user's unit and in the scaled one.
        """
        block = self.block
        here = slice(block.start, block.start + block.size)
        log_c = float(walk.propose(rng)[0])
        if abs(log_c) > 30.0:
            return state, None
        b = effects[block.factor][:, here]
        w = (b @ self._back[self.members].T) @ self._front[:, self.members].T
        linear = float(np.vdot(w, with_r[block.factor][:, here]))
        square = self._residuals.length(block.factor, block.start, w)
        more = math.expm1(log_c)
        sds = state.sds.copy()
        sds[self.members] *= math.exp(log_c)
        tried = TermState(sds, state.L)
        ratio = (more * linear - 0.5 * more * more * square) / sigma[1] ** 2 + log_c
        ratio += self.step.log_prior(tried, sigma[0]) - self.step.log_prior(state, sigma[0])
        return (tried, more * w) if walk.decide(ratio, rng) else (state, None)
