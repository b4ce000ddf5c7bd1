"""Group effects at the estimates of a generalised linear mixed model."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from multilevel.design.design import Design
from multilevel.engines.laplace.natural import natural_jacobian
from multilevel.engines.laplace.problem import LaplaceProblem
from multilevel.engines.likelihood.posterior import Posterior
from multilevel.engines.likelihood.problem import native_problem, theta_of
from multilevel.engines.solution import Curvature, KenwardRoger
from multilevel.errors import OptionError
from multilevel.model.families import Gaussian
from multilevel.moments import summarise

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

STEP = 1e-3
"""Steps of differences of the modes, in standard errors of the coordinates."""


class LaplaceEffects:
    """Conditional distribution of the group effects, normal about their mode with the curvature there.

    Parameters
    ----------
    problem, x
        The approximation and the vector of the optimum.
    vcov
        ``(p, p)`` covariance matrix of the coefficients.
    covariance
        That of the whole vector.
    """

    __slots__ = ("_covariance", "_effects", "_linear", "_moved", "_problem", "_vcov", "_x")

    def __init__(self, problem: LaplaceProblem, x: Floats, vcov: Floats, covariance: Floats) -> None:
        self._problem, self._x, self._vcov, self._covariance = problem, x, vcov, covariance
        self._effects: list[tuple[Floats, Floats]] | None = None
        self._linear: Posterior | None = None
        self._moved: list[Floats] | None = None

    def _at_optimum(self) -> list[tuple[Floats, Floats]]:
        if self._effects is None:
            self._problem.at(self._x)
            self._effects = self._problem.effects()
        return self._effects

    def modes(self, term: int) -> Floats:
        """Return ``(m, k)`` conditional modes of a term's effects."""
        block, back = self._problem.layout.blocks[term], self._problem.layout.scaling.terms[term].back
        here = slice(block.start, block.start + block.size)
        return np.asarray(self._at_optimum()[block.factor][0][:, here] @ back.T)

    def covariances(self, term: int) -> Floats:
        """Return ``(m, k, k)`` conditional covariances given the coefficients."""
        block, back = self._problem.layout.blocks[term], self._problem.layout.scaling.terms[term].back
        here = slice(block.start, block.start + block.size)
        return np.asarray(back @ self._at_optimum()[block.factor][1][:, here, here] @ back.T)

    def prediction_variance(self, X: Floats, index: Sequence[Ints], Z: Sequence[Floats]) -> Floats:
        """Return ``(n,)`` variances of ``x'(beta_hat - beta) + sum_b z_b'(b_hat_b - b_b)`` on the link scale.

        Those of the linear mixed model that the likelihood resembles at the mode, with the covariance
        matrix of the coefficients of the fit.
        """
        if self._linear is None:
            self._linear = self._linear_posterior(self._vcov)
        return self._linear.prediction_variance(X, index, Z)

    def response_variance(self, gradient: Floats, index: Sequence[Ints], Z: Sequence[Floats]) -> Floats:
        """Return ``(n,)`` variances of ``g'(psi_hat - psi) + sum_b z_b'(b_hat_b - b_b)``.

        ``psi`` holds the coefficients, those of zero inflation, and the family's parameters or thresholds.
        With ``D`` the derivative of the modes by ``psi`` it is ``(g + D'z)' Var(psi_hat) (g + D'z)`` and the
        conditional variance ``z' Var(b | y) z``; between effects of different terms that is the one of the
        linear model that the likelihood resembles at the mode.
        """
        d = gradient.shape[1]
        J = natural_jacobian(self._problem, self._x)
        joint = J @ self._covariance[:d, :d] @ J.T
        moved, own = gradient, np.zeros(gradient.shape[0])
        if any((levels >= 0).any() for levels in index):
            for term, derivative in enumerate(self._derivatives(J)):
                known = (index[term] >= 0)[:, None]
                shift = np.einsum("nk,nkd->nd", Z[term], derivative[index[term]])
                moved = moved + np.where(known, shift, 0.0)
            own = self._conditional_variance(index, Z)
        return np.asarray(np.einsum("ni,ij,nj->n", moved, joint, moved) + own)

    def _conditional_variance(self, index: Sequence[Ints], Z: Sequence[Floats]) -> Floats:
        """Return ``z' Var(b | y) z``."""
        if len(index) > 1:
            none = np.zeros_like(self._vcov)
            X = np.zeros((index[0].size, none.shape[0]))
            return self._linear_posterior(none).prediction_variance(X, index, Z)
        found = np.einsum("ni,nij,nj->n", Z[0], self.covariances(0)[index[0]], Z[0])
        return np.where(index[0] >= 0, found, 0.0)

    def _derivatives(self, J: Floats) -> list[Floats]:
        """Return for each term ``(m, k, d)`` derivatives of the modes by ``psi``, by central differences."""
        if self._moved is None:
            d, problem = J.shape[0], self._problem
            steps = STEP * np.clip(np.sqrt(np.maximum(np.diagonal(self._covariance)[:d], 0.0)), 1e-4, 1.0)
            columns = []
            for at, step in enumerate(steps):
                ends = []
                for sign in (1.0, -1.0):
                    x = self._x.copy()
                    x[at] += sign * step
                    problem.at(x)
                    ends.append(problem.effects())
                columns.append([(up - down) / (2.0 * step) for (up, _), (down, _) in zip(*ends, strict=True)])
            problem.at(self._x)
            inverse = np.linalg.inv(J)
            self._moved = []
            for block, scaling in zip(problem.layout.blocks, problem.layout.scaling.terms, strict=True):
                here = slice(block.start, block.start + block.size)
                by_x = np.stack(
                    [column[block.factor][:, here] @ scaling.back.T for column in columns], axis=-1
                )
                self._moved.append(np.asarray(by_x @ inverse))
        return self._moved

    def _linear_posterior(self, vcov: Floats) -> Posterior:
        """Return the posterior of the effects of a linear model with the weights at the mode."""
        problem = self._problem
        problem.at(self._x)
        design = _with_weights(problem.design, problem)
        moments = summarise(design)
        relative = []
        for ours, theirs, T in zip(
            problem.layout.scaling.terms, moments.scaling.terms, problem.relative(self._x), strict=True
        ):
            front = np.linalg.inv(theirs.back) @ ours.back
            relative.append(front @ T @ front.T)
        fixed = np.linalg.inv(moments.scaling.fixed.back)
        found = {
            "theta": theta_of(moments, relative),
            "beta": np.zeros(moments.p),
            "R": fixed @ vcov @ fixed.T,
        }
        native = native_problem(moments, "ml")
        return Posterior(moments, "ml", native, found, relative, 1.0 / moments.scaling.y_scale)

    def curvature(self) -> Curvature:
        """Refuse: degrees of freedom are those of linear models."""
        raise _linear_only("Satterthwaite")

    def kenward_roger(self) -> KenwardRoger:
        """Refuse: degrees of freedom are those of linear models."""
        raise _linear_only("Kenward-Roger")


def _with_weights(design: Design, problem: LaplaceProblem) -> Design:
    """Return a linear design of the kernels' rows with the weights of the last point."""
    rows = slice(None) if problem.rows.rows is None else problem.rows.rows
    weights = np.maximum(problem.weights(), 1e-12)
    return dataclasses.replace(
        design,
        y=problem.predictor() + np.linspace(-1.0, 1.0, weights.size),
        offset=None,
        fixed=dataclasses.replace(design.fixed, X=np.asfortranarray(design.fixed.X[rows])),
        factors=tuple(
            dataclasses.replace(f, index=np.ascontiguousarray(f.index[rows])) for f in design.factors
        ),
        terms=tuple(dataclasses.replace(t, Z=np.asfortranarray(t.Z[rows])) for t in design.terms),
        precision_weights=weights,
        frequency_weights=None,
        residual_sd=1.0,
        family=Gaussian(),
        trials=None,
        inflation=None,
    )


def _linear_only(name: str) -> OptionError:
    return OptionError(
        f"{name} degrees of freedom were asked of a generalised linear model",
        allowed="ddf='none': tests by the normal distribution",
        remedy="leave ddf out",
    )
