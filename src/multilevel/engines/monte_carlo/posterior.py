"""Group effects and second-order facts at the estimates, computed when they are asked for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from multilevel.engines.monte_carlo.chain import eliminated_chain
from multilevel.engines.monte_carlo.covariances import EffectCovariances
from multilevel.engines.monte_carlo.frames import roots_of
from multilevel.engines.monte_carlo.native_core import NativeCore
from multilevel.engines.monte_carlo.point import Point, Problem
from multilevel.engines.monte_carlo.search import Newton
from multilevel.engines.solution import Curvature, KenwardRoger
from multilevel.errors import OptionError

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

ACCURACY = 1e-9
"""Relative residual of the effects' linear system."""


class MonteCarloPosterior:
    """Conditional distribution of the group effects given the data, at the estimates.

    Modes and coefficients are solved for; covariances are estimated by draws (`EffectCovariances`). Every
    answer is in the user's units.
    """

    __slots__ = ("_B", "_covariances", "_newton", "_point", "_problem", "_seed", "_sigma")

    def __init__(self, problem: Problem, point: Point, newton: Newton, sigma: float, seed: int) -> None:
        self._problem, self._point, self._newton = problem, point, newton
        self._sigma, self._seed = sigma, seed
        self._B: list[Floats] | None = None
        self._covariances: EffectCovariances | None = None

    def modes(self, term: int) -> Floats:
        """Return ``(m, k)`` conditional means of a term's effects."""
        moments = self._problem.moments
        block, scaling = moments.blocks[term], moments.scaling
        B = self._effects()[block.factor][:, block.start : block.start + block.size, :]
        scaled = B[:, :, -1] - B[:, :, :-1] @ self._point.fixed.beta
        return np.asarray(scaling.y_scale * scaled @ scaling.terms[term].back.T)

    def covariances(self, term: int) -> Floats:
        """Return ``(m, k, k)`` conditional covariances given the coefficients, estimated by draws."""
        moments = self._problem.moments
        block, back = moments.blocks[term], moments.scaling.terms[term].back
        here = slice(block.start, block.start + block.size)
        found = self._drawn().by_factor()[block.factor][:, here, here]
        unit = self._sigma * moments.scaling.y_scale
        return np.asarray(unit**2 * (back @ found @ back.T))

    @property
    def sd_error(self) -> float:
        """Monte Carlo error of the sds of the effects, relative to them, root mean square over all."""
        self._drawn().by_factor()
        return self._drawn().error

    def prediction_variance(self, X: Floats, index: Sequence[Ints], Z: Sequence[Floats]) -> Floats:
        """Return ``(n,)`` variances of ``x'(beta_hat - beta) + sum_b z_b'(b_hat_b - b_b)``.

        As the exact engine has it, ``sigma^2 (a' R a + z' Cov z)`` with ``a = x - B'z`` (Henderson 1975), the
        second part by draws.
        """
        moments, B = self._problem.moments, self._effects()
        a = X @ moments.scaling.fixed.back
        level = np.full((X.shape[0], len(moments.A)), -1, dtype=np.int32)
        columns = [np.zeros((X.shape[0], k)) for k in moments.effects]
        for t, block in enumerate(moments.blocks):
            known = (index[t] >= 0) & Z[t].any(axis=1)
            here = slice(block.start, block.start + block.size)
            z = np.where(known[:, None], Z[t] @ moments.scaling.terms[t].back, 0.0)
            level[known, block.factor] = index[t][known]
            columns[block.factor][:, here] = z
            own = B[block.factor][:, here, :-1][np.maximum(index[t], 0)]
            a = a - np.einsum("nk,nkp->np", z, own)
        coefficients = np.einsum("np,pq,nq->n", a, self._point.fixed.R, a)
        effects = self._drawn().row_variance(level, columns) if (level >= 0).any() else 0.0
        unit = self._sigma * moments.scaling.y_scale
        return np.asarray(unit**2 * (coefficients + effects))

    def response_variance(self, gradient: Floats, index: Sequence[Ints], Z: Sequence[Floats]) -> Floats:
        """Return the variances of predictions: a linear model has coefficients only."""
        return self.prediction_variance(gradient, index, Z)

    def curvature(self) -> Curvature:
        """Return the asymptotic covariance of the free variance parameters and how Var(beta) moves with them.

        By the average information, over the entries of the covariance matrices and the residual variance.
        """
        problem, point = self._problem, self._point
        moments, sigma2, free = problem.moments, self._sigma**2, self._newton.free
        R, q = point.fixed.R, point.q[free]
        gradient = [sigma2 * R @ moved @ R for moved in self._moves()]
        gradient = [moved for moved, kept in zip(gradient, free, strict=True) if kept]
        full = np.linalg.inv(self._newton.inverse) if free.any() else np.zeros((0, 0))
        if problem.known_sigma is None:
            inner = full + np.outer(q, q) / (problem.dof * sigma2**2)
            full = np.block([[inner, q[:, None] / sigma2**2], [q[None] / sigma2**2, problem.dof / sigma2**2]])
            gradient.append(R)
        back = moments.scaling.fixed.back
        moved = np.array(gradient).reshape(len(gradient), moments.p, moments.p)
        user = moments.scaling.y_scale**2 * (back @ moved @ back.T)
        return Curvature(covariance=2.0 * np.linalg.inv(full), gradient=user)

    def kenward_roger(self) -> KenwardRoger:
        """Refuse: the expected information needs traces of products, which were not estimated."""
        raise OptionError(
            "ddf='kenward-roger' was asked of a fit by Monte Carlo",
            allowed="'satterthwaite', 'none'",
            remedy="ddf='satterthwaite', or solver='exact'",
        )

    def _moves(self) -> list[Floats]:
        """Return ``sum_j H_j'B H_j`` for each coordinate: minus the derivative of ``X'V^-1 X``."""
        found = []
        for term in self._point.frame:
            here = slice(term.block.start, term.block.start + term.block.size)
            H = self._point.fixed.H[term.block.factor][:, here]
            found += [np.einsum("map,ab,mbq->pq", H, B, H, optimize=True) for B in term.directions]
        return found

    def _effects(self) -> list[Floats]:
        """Return by factor ``B = Lambda u`` ``(m, K, p + 1)`` for ``[X y]``, solved for once."""
        if self._B is None:
            moments, system = self._problem.moments, self._problem.system
            roots = roots_of(moments, self._point.frame)
            system.native.set_lambda(roots)
            start = np.ascontiguousarray(self._point.x[:, : moments.p + 1])
            b = system.native.reduce(self._problem.c)
            x = system.native.solve(b, start, ACCURACY, 10_000)["x"]
            u = system.native.back(self._problem.c, x)
            self._B = [roots[f] @ system.by_level(u, f) for f in range(len(roots))]
        return self._B

    def _drawn(self) -> EffectCovariances:
        """Return the covariances of the effects, made once."""
        if self._covariances is None:
            moments, system = self._problem.moments, self._problem.system
            roots = roots_of(moments, self._point.frame)
            links = eliminated_chain(moments, roots, system.chain)
            core = NativeCore(moments, system, roots)
            self._covariances = EffectCovariances(moments, core, links, seed=self._seed)
        return self._covariances
