"""Group effects and second-order facts at an optimum, computed when they are asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilevel.engines.likelihood.expected import expected_information
from multilevel.engines.likelihood.problem import entries, is_large
from multilevel.engines.solution import Curvature, KenwardRoger, Method, is_restricted
from multilevel.kernels import core
from multilevel.moments import Moments

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]


TWO_SIDED, ONE_SIDED = 1e-4, 1e-5
"""Relative steps of differences of the exact gradient: errors of 1e-8 and 1e-5 in the Hessian."""


MOST_NUMBERS = 10**7
"""Most numbers of covariance matrices that are gathered at once."""


class Posterior:
    """Conditional distribution of the group effects given the data, at the estimates.

    Everything native is in scaled columns and in units of the residual variance; every answer is in the
    user's units.
    """

    __slots__ = ("_factors", "_found", "_kept", "_method", "_moments", "_problem", "_relative", "_sigma")

    def __init__(
        self,
        moments: Moments,
        method: Method,
        problem: core.Problem,
        found: Mapping[str, Any],
        relative: Sequence[Floats],
        sigma: float,
    ) -> None:
        self._moments, self._method, self._problem = moments, method, problem
        self._found, self._relative, self._sigma = found, relative, sigma
        self._factors: list[tuple[Floats, Floats, Floats, Floats]] | None = None
        self._kept = False  # whether the native elimination stands at the optimum, with its covariances

    def _at_optimum(self, *, native: bool = False) -> list[tuple[Floats, Floats, Floats, Floats]]:
        """Return by factor ``B, H, cov, E`` of the native elimination, computed once.

        ``native`` asks that the native elimination itself stands at the optimum too.
        """
        if self._factors is None or (native and not self._kept):
            self._factors = self._problem.posterior(self._found["theta"])
            self._kept = True
        return self._factors

    def modes(self, term: int) -> Floats:
        """Return ``(m, k)`` conditional means of a term's effects."""
        block, scaling = self._moments.blocks[term], self._moments.scaling
        B = self._at_optimum()[block.factor][0][:, block.start : block.start + block.size, :]
        scaled = B[:, :, -1] - B[:, :, :-1] @ self._found["beta"]
        return np.asarray(scaling.y_scale * scaled @ scaling.terms[term].back.T)

    def covariances(self, term: int) -> Floats:
        """Return ``(m, k, k)`` conditional covariances given the coefficients."""
        block, back = self._moments.blocks[term], self._moments.scaling.terms[term].back
        here = slice(block.start, block.start + block.size)
        cov = self._at_optimum()[block.factor][2][:, here, here]
        unit = self._sigma * self._moments.scaling.y_scale
        return np.asarray(unit**2 * (back @ cov @ back.T))

    def prediction_variance(self, X: Floats, index: Sequence[Ints], Z: Sequence[Floats]) -> Floats:
        """Return ``(n,)`` variances of ``x'(beta_hat - beta) + sum_b z_b'(b_hat_b - b_b)``.

        With ``a = x - B'z`` it is ``sigma^2 (a' R a + z' Cov z)`` (Henderson 1975; McCulloch and Searle 2001,
        section 9.4): the coefficients' error enters through ``a``, the effects' own error through ``Cov``.
        """
        moments = self._moments
        a = X @ moments.scaling.fixed.back
        level = np.full((X.shape[0], len(moments.A)), -1, dtype=np.int32)
        columns = [np.zeros((X.shape[0], k)) for k in moments.effects]
        factors = self._at_optimum()
        for t, block in enumerate(moments.blocks):
            known = (index[t] >= 0) & Z[t].any(axis=1)
            here = slice(block.start, block.start + block.size)
            z = np.where(known[:, None], Z[t] @ moments.scaling.terms[t].back, 0.0)
            level[known, block.factor] = index[t][known]
            columns[block.factor][:, here] = z
            B = factors[block.factor][0][:, here, :-1]
            a = a - np.einsum("nk,nkp->np", z, B[np.maximum(index[t], 0)])
        effects = self._effects_variance(level, columns)
        unit = self._sigma * moments.scaling.y_scale
        return np.asarray(unit**2 * (np.einsum("np,pq,nq->n", a, self._found["R"], a) + effects))

    def _effects_variance(self, level: Ints, columns: Sequence[Floats]) -> Floats:
        """Return ``(n,)`` conditional variances of ``z'b``: of one factor's level from its own covariance.

        Rows of several factors need their covariances with each other, which cost a solve for each row.
        """
        factors, found = self._at_optimum(), np.zeros(level.shape[0])
        if not columns:
            return found
        several = (level >= 0).sum(axis=1) > 1
        for f, z in enumerate(columns):
            rows = np.flatnonzero((level[:, f] >= 0) & ~several)
            step = max(1, MOST_NUMBERS // max(1, z.shape[1] ** 2))
            for start in range(0, rows.size, step):
                some = rows[start : start + step]
                cov = factors[f][2][level[some, f]]
                found[some] = np.einsum("nk,nkl,nl->n", z[some], cov, z[some])
        if several.any():
            self._at_optimum(native=True)
            z = np.concatenate([one[several] for one in columns], axis=1)
            found[several] = self._problem.row_variance(
                np.ascontiguousarray(level[several]), np.ascontiguousarray(z)
            )
        return found

    def response_variance(self, gradient: Floats, index: Sequence[Ints], Z: Sequence[Floats]) -> Floats:
        """Return the variances of predictions: a linear model has coefficients only."""
        return self.prediction_variance(gradient, index, Z)

    def curvature(self) -> Curvature:
        """Return the asymptotic covariance of the variance parameters and how Var(beta) moves with them.

        The parameters are the entries of the relative Cholesky factors and the residual variance; their
        covariance is twice the inverse of the Hessian of the criterion, not profiled over the residual
        variance, as lmerTest has it (Kuznetsova, Brockhoff and Christensen 2017, section 2.2).
        """
        hessian = self._hessian()
        moments, found = self._moments, self._found
        sigma2, known = self._sigma**2, moments.known_sigma is not None
        dof = moments.n - (moments.p if is_restricted(self._method) else 0)
        T = hessian.shape[0]
        R, q = found["R"], self._slope_of_r2()
        gradient = [sigma2 * R @ self._moved(i) @ R for i in range(T)]
        if known:
            full = hessian
        else:
            full = np.zeros((T + 1, T + 1))
            full[:T, :T] = hessian + np.outer(q, q) / (dof * sigma2**2)
            full[:T, T] = full[T, :T] = q / sigma2**2
            full[T, T] = dof / sigma2**2
            gradient.append(R)
        back = moments.scaling.fixed.back
        p = moments.p
        moved = np.array(gradient).reshape(len(gradient), p, p)
        user = moments.scaling.y_scale**2 * (back @ moved @ back.T)
        return Curvature(covariance=_twice_inverse(full), gradient=user)

    def _moved(self, parameter: int) -> Floats:
        """Return ``sum_j H_j' (dT/dtheta) H_j``: minus the derivative of ``X'V^-1 X``."""
        moments = self._moments
        total = np.zeros((moments.p, moments.p))
        factors = [np.zeros((k, k)) for k in moments.effects]
        moves = [np.zeros((k, k)) for k in moments.effects]
        for number, factor, row, column in entries(moments.blocks):
            factors[factor][row, column] = self._found["theta"][number]
            moves[factor][row, column] = number == parameter
        for f, (L, dL) in enumerate(zip(factors, moves, strict=True)):
            if dL.any():
                H = self._at_optimum()[f][1][:, :, :-1]
                dT = dL @ L.T + L @ dL.T
                total += np.einsum("map,ab,mbq->pq", H, dT, H, optimize=True)
        return total

    def _slope_of_r2(self) -> Floats:
        """Return minus the derivatives of the weighted residual sum of squares by the parameters."""
        return np.asarray(self._found["q"])

    def _hessian(self) -> Floats:
        """Return the Hessian of the profiled criterion: exact for one factor, else by differences."""
        theta = self._found["theta"]
        if len(self._moments.A) == 1:
            return np.asarray(self._found["hessian"])
        T = theta.shape[0]
        hessian = np.zeros((T, T))
        large = is_large(self._moments)
        for i in range(T):
            step = (ONE_SIDED if large else TWO_SIDED) * max(abs(theta[i]), 0.1)
            up, down = theta.copy(), theta.copy()
            up[i] += step
            down[i] -= 0.0 if large else step
            lower = self._found if large else self._problem.evaluate(down)
            hessian[i] = (self._problem.evaluate(up)["gradient"] - lower["gradient"]) / (up[i] - down[i])
        self._kept = False
        return (hessian + hessian.T) / 2.0

    def kenward_roger(self) -> KenwardRoger:
        """Return the ingredients of the Kenward-Roger adjustment."""
        factors = self._at_optimum()
        self._kept = False
        return expected_information(
            self._moments, self._problem, self._found, self._relative, self._sigma, factors
        )


def _twice_inverse(H: Floats) -> Floats:
    """Return ``2 H^-1`` on the directions in which the criterion curves upwards, zero on the others."""
    scale = np.sqrt(np.where(np.diagonal(H) > 0.0, np.diagonal(H), 1.0))
    values, vectors = np.linalg.eigh(H / np.outer(scale, scale))
    keep = values > 1e-8 * max(values.max(initial=0.0), 1e-300)
    root = vectors[:, keep] / scale[:, None]
    return np.asarray(2.0 * (root / values[keep]) @ root.T)
