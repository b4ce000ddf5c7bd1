"""Group effects at the estimates of a generalised linear mixed model."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from multilevel.design.design import Design
from multilevel.engines.laplace.problem import LaplaceProblem
from multilevel.engines.likelihood.posterior import Posterior
from multilevel.engines.likelihood.problem import native_problem, theta_of
from multilevel.engines.solution import Curvature, KenwardRoger
from multilevel.errors import OptionError
from multilevel.model.families import Gaussian
from multilevel.moments import summarise

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]


class LaplaceEffects:
    """Conditional distribution of the group effects, normal about their mode with the curvature there."""

    __slots__ = ("_effects", "_linear", "_problem", "_vcov", "_x")

    def __init__(self, problem: LaplaceProblem, x: Floats, vcov: Floats) -> None:
        self._problem, self._x, self._vcov = problem, x, vcov
        self._effects: list[tuple[Floats, Floats]] | None = None
        self._linear: Posterior | None = None

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
            self._linear = self._linear_posterior()
        return self._linear.prediction_variance(X, index, Z)

    def _linear_posterior(self) -> Posterior:
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
            "R": fixed @ self._vcov @ fixed.T,
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
