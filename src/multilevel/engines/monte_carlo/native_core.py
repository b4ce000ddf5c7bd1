"""The native Schur complement, scaled to unit diagonal blocks: applied, solved, and taken back to effects."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from multilevel.engines.monte_carlo.system import System
from multilevel.errors import DesignError
from multilevel.moments import Moments

Floats = NDArray[np.float64]


class NativeCore:
    """`Core` of the covariances on a native system that stands at some relative covariances.

    Parameters
    ----------
    moments
        Sufficient statistics.
    system
        Of the same moments; its roots are set here, and must stay for as long as this is used.
    Lambdas
        By factor ``(K, K)`` relative roots.
    """

    __slots__ = ("_Lambdas", "_inverse", "_moments", "_native", "factors")

    def __init__(self, moments: Moments, system: System, Lambdas: Sequence[Floats]) -> None:
        self._moments, self._native, self._Lambdas = moments, system.native, tuple(Lambdas)
        self.factors = tuple(system.core_at)
        self._native.set_lambda([np.ascontiguousarray(L) for L in Lambdas])
        self._inverse = [_inverse(L) for L in self._native.block_roots()]

    def apply(self, X: Floats) -> Floats:
        """Return ``S~ X`` for ``(Q, s)``."""
        return self._scaled(self._native.multiply(self._unscaled(X)))

    def effects_of(self, X: Floats) -> list[Floats]:
        """Return by factor ``(m, K, s)`` the effects of scaled core vectors ``(Q, s)``."""
        nothing = np.zeros((self._native.total, X.shape[1]))
        return self.effects(self._native.back(nothing, self._unscaled(X)))

    def effects(self, u: Floats) -> list[Floats]:
        """Return by factor ``(m, K, s)`` the effects of spherical ones ``(q, s)``."""
        found, at, s = [], 0, u.shape[1]
        for m, K, L in zip(self._moments.levels, self._moments.effects, self._Lambdas, strict=True):
            part = u[at : at + m * K].reshape(m, K, s)
            found.append(L[0, 0] * part if K == 1 else np.asarray(L @ part))
            at += m * K
        return found

    def solve(self, C: Floats, *, tolerance: float, start: Floats | None = None) -> tuple[Floats, Floats]:
        """Return ``u = M^-1 Lambda'C`` ``(q, s)`` and its part in the core, from which to start again.

        Raises
        ------
        DesignError
            If conjugate gradients do not settle.
        """
        found = self._native.solve(self._native.reduce(C), x0=start, tolerance=tolerance, limit=MOST_STEPS)
        if found["relative"].size and float(found["relative"].max()) > 10.0 * tolerance:
            raise DesignError(
                f"conjugate gradients did not settle in {MOST_STEPS} steps: the relative residual is"
                f" {float(found['relative'].max()):.1e}",
                remedy="look for predictors of a grouped term that nearly repeat others",
            )
        return self._native.back(C, found["x"]), found["x"]

    def core_covariance(self, F: Floats, *, tolerance: float) -> Floats:
        """Return ``(s, s)`` what the core adds to the covariance of ``F'b`` for ``(q, s)``, by solves."""
        right = self._native.reduce(F)
        found = self._native.solve(right, x0=None, tolerance=tolerance, limit=MOST_STEPS)
        return np.asarray(right.T @ found["x"])

    def _scaled(self, X: Floats) -> Floats:
        """Return ``L^-1 X`` of the core's blocks."""
        return self._blocks(X, transposed=False)

    def _unscaled(self, X: Floats) -> Floats:
        """Return ``L^-T X``."""
        return self._blocks(X, transposed=True)

    def _blocks(self, X: Floats, *, transposed: bool) -> Floats:
        """Return the inverse roots of the core's blocks, or their transposes, times its vectors."""
        out, at, s = np.empty(X.shape), 0, X.shape[1]
        for inverse in self._inverse:
            m, K = inverse.shape[:2]
            here = slice(at, at + m * K)
            if K == 1:
                np.multiply(X[here], inverse[:, :, 0], out=out[here])
            else:
                root = np.swapaxes(inverse, 1, 2) if transposed else inverse
                out[here] = (root @ X[here].reshape(m, K, s)).reshape(m * K, s)
            at += m * K
        return out


MOST_STEPS = 2000
"""Limit on the steps of conjugate gradients."""


def _inverse(L: Floats) -> Floats:
    """Return the inverses of ``(m, K, K)`` lower triangles."""
    return np.asarray(1.0 / L if L.shape[1] == 1 else np.linalg.inv(L))
