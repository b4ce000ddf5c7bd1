"""What the Gibbs engine asks of a model's moments, by conjugate gradients where no elimination fits."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from multilevel.engines.likelihood.problem import entries
from multilevel.engines.monte_carlo.chain import Link, eliminated_chain
from multilevel.engines.monte_carlo.covariances import effect_noise
from multilevel.engines.monte_carlo.native_core import NativeCore
from multilevel.engines.monte_carlo.system import System, system_of
from multilevel.moments import Moments

Floats = NDArray[np.float64]

SOLVED = 1e-9
"""Relative residual of the systems that are solved; their errors are far below the noise of a draw."""


class SharedSystem:
    """One native system that several chains use in turn.

    Parameters
    ----------
    moments
        Sufficient statistics.
    """

    __slots__ = ("C", "lock", "moments", "system")

    def __init__(self, moments: Moments) -> None:
        self.moments, self.lock = moments, Lock()
        self.system: System = system_of(moments)
        self.C = np.concatenate([C.reshape(-1, moments.p + 1) for C in moments.C])

    def products(self, gamma: Floats, effects: Sequence[Floats]) -> tuple[float, list[Floats]]:
        """Return ``r'W r`` and by factor ``Z'W r`` ``(m, K)`` of ``r = y - X gamma - Z b``.

        The same as of `multilevel.engines.gibbs.residuals.Residuals`, on several threads.
        """
        moments = self.moments
        u = np.append(-gamma, 1.0)
        b = np.concatenate([part.reshape(-1, 1) for part in effects])
        with_e = (self.C @ u)[:, None]
        with_r = with_e - self.system.native.cross(b)
        total = float(u @ moments.D @ u) - float(np.vdot(b, with_e) + np.vdot(b, with_r))
        found, at = [], 0
        for m, K in zip(moments.levels, moments.effects, strict=True):
            found.append(with_r[at : at + m * K].reshape(m, K))
            at += m * K
        return max(total, 1e-14 * float(moments.D[-1, -1])), found


class IterativeProblem:
    """Stands where the native problem of exact elimination stands in a Markov chain.

    Parameters
    ----------
    shared
        System of the same moments; the problem of another chain may have moved its roots.
    """

    __slots__ = ("_effects", "_shared", "_theta")

    def __init__(self, shared: SharedSystem) -> None:
        self._shared = shared
        self._theta: Floats | None = None
        self._effects: Floats | None = None

    def reductions(self, theta: Floats) -> tuple[Floats, Floats]:
        """Return ``log|M|``, of which only zero is given, and ``[X y]'V^-1 [X y]``.

        Parameters
        ----------
        theta
            ``(1, T)`` entries of the relative roots.

        Returns
        -------
        Floats
            ``(1,)``: zero, or NaN where the system is not positive definite.
        Floats
            ``(1, p + 1, p + 1)`` times the residual variance.
        """
        moments = self._shared.moments
        try:
            with self._shared.lock:
                core, _ = self._at(theta[0])
                u, _ = core.solve(self._shared.C, tolerance=SOLVED)
        except ValueError:
            return np.array([np.nan]), moments.D[None]
        effects = np.concatenate([b.reshape(-1, moments.p + 1) for b in core.effects(u)])
        self._theta, self._effects = theta[0].copy(), effects
        S = moments.D - self._shared.C.T @ effects
        return np.zeros(1), ((S + S.T) / 2.0)[None]

    def draw_effects(self, theta: Floats, gamma: Floats, sigma: Floats, seed: int, stream: int) -> Floats:
        """Return ``(1, sum m K)`` a draw of the effects given everything else.

        Parameters
        ----------
        theta, gamma, sigma
            ``(1, T)``, ``(1, p)`` and ``(1,)``.
        seed, stream
            The random numbers depend on these two only.

        Notes
        -----
        The mean is that of the solve of `reductions`; the rest is ``N(0, sigma^2 Cov)``: ``S~^-1/2 z`` in
        the core, and the eliminated effects given it.
        """
        if self._theta is None or self._effects is None or not np.array_equal(self._theta, theta[0]):
            self.reductions(theta)
        if self._effects is None:
            raise np.linalg.LinAlgError("the system is not positive definite")
        mean = self._effects @ np.append(-gamma[0], 1.0)
        rng = np.random.Generator(np.random.Philox(key=np.array([seed, stream], dtype=np.uint64)))
        with self._shared.lock:
            core, links = self._at(theta[0])
            noise = effect_noise(core, links, self._shared.system.native.core, rng)
        drawn: Floats = mean + sigma[0] * np.concatenate([b.ravel() for b in noise])
        return drawn[None]

    def _at(self, theta: Floats) -> tuple[NativeCore, tuple[Link, ...]]:
        """Return core and chain at relative roots; call it with the lock held."""
        moments, system = self._shared.moments, self._shared.system
        Lambdas = [np.zeros((K, K)) for K in moments.effects]
        for number, factor, row, column in entries(moments.blocks):
            Lambdas[factor][row, column] = theta[number]
        return NativeCore(moments, system, Lambdas), eliminated_chain(moments, Lambdas, system.chain)
