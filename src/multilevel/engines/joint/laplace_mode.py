"""The mode of the parameters' posterior by Laplace's method, and the curvature there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multilevel.design.design import Design
from multilevel.engines.joint.parameters import Parameters
from multilevel.engines.joint.parameters import Point as Parameterised
from multilevel.engines.laplace.problem import LaplaceProblem, Point
from multilevel.engines.laplace.search import Search, hessian_columns, minimise, positive
from multilevel.engines.laplace.start import start_vector
from multilevel.engines.likelihood.problem import entries
from multilevel.errors import DesignError
from multilevel.moments import Layout

Floats = NDArray[np.float64]

EVALUATIONS = 200


@dataclass(frozen=True, slots=True, eq=False)
class Mode:
    """Where the posterior of the parameters has its mode.

    Parameters
    ----------
    x
        ``(d,)``.
    factor
        ``(d, d)`` Cholesky factor of the covariance matrix from the curvature.
    problem
        The approximation, evaluated last at the mode.
    evaluations
        Of the approximation with its gradient.
    """

    x: Floats
    factor: Floats
    problem: LaplaceProblem
    evaluations: int


class LaplacePosterior:
    """-2 log posterior density of the parameters, the group effects integrated out by Laplace's method."""

    __slots__ = (
        "_back",
        "_entries",
        "_forth",
        "_forth_zeros",
        "_fronts",
        "evaluations",
        "layout",
        "parameters",
        "problem",
    )

    def __init__(self, problem: LaplaceProblem, layout: Layout, parameters: Parameters) -> None:
        self.problem, self.layout, self.parameters = problem, layout, parameters
        self._fronts = [np.linalg.inv(term.back) for term in layout.scaling.terms]
        self._back = layout.scaling.fixed.back
        self._forth = np.asarray(np.linalg.inv(self._back), dtype=np.float64)
        self._forth_zeros = np.asarray(np.linalg.inv(layout.inflation.back), dtype=np.float64)
        self._entries = list(entries(layout.blocks))
        self.evaluations = 0

    def at(self, x: Floats) -> Point:
        """Return value and gradient; infinite where there is no density."""
        self.evaluations += 1
        here = self.parameters.at(x)
        if not np.isfinite(here.log_prior):
            return Point(np.inf, np.zeros(x.size), {})
        vector = self.vector_of(x, here)
        with np.errstate(all="ignore"):
            point = self.problem.at(vector)
        if not np.isfinite(point.value):
            return Point(np.inf, np.zeros(x.size), {})
        places, layout = self.problem.places, self.layout
        by_beta: Floats = self._forth.T @ (-0.5 * point.gradient[places.coefficients])
        by_zeros: Floats = np.zeros(0)
        if here.inflation.size:
            by_zeros = self._forth_zeros.T @ (-0.5 * point.gradient[places.inflation])
        slopes = []
        for block, front in zip(layout.blocks, self._fronts, strict=True):
            some = slice(block.start, block.start + block.size)
            G = np.asarray(point.found["G"][block.factor])[some, some]
            slopes.append(-0.5 * front.T @ G @ front)
        by_aux = np.zeros(here.aux.size) if self.parameters.places.ordinal else (
            -0.5 * point.gradient[places.auxiliary])  # fmt: skip
        gradient = self.parameters.pull(x, here, by_beta, by_zeros, by_aux, slopes)
        if self.parameters.places.ordinal:  # the same coordinates: thresholds of the centred columns
            gradient[self.parameters.places.family] += -0.5 * point.gradient[places.auxiliary]
        return Point(point.value - 2.0 * here.log_prior, -2.0 * gradient, point.found)

    def vector(self, x: Floats) -> Floats:
        """Return the vector of the likelihood's approximation at a vector of parameters."""
        return self.vector_of(x, self.parameters.at(x))

    def vector_of(self, x: Floats, here: Parameterised) -> Floats:
        """Return the same where what the parameters stand for is known."""
        places = self.problem.places
        vector = np.zeros(places.size)
        vector[places.coefficients] = self._forth @ here.beta
        if here.inflation.size:
            vector[places.inflation] = self._forth_zeros @ here.inflation
        own = self.parameters.places
        vector[places.auxiliary] = x[own.family] if own.ordinal else here.aux
        roots = [np.zeros((k, k)) for k in self.layout.effects]
        for front, term, block in zip(self._fronts, here.terms, self.layout.blocks, strict=True):
            some = slice(block.start, block.start + block.size)
            roots[block.factor][some, some] = _lower(front @ term.root)
        theta = vector[places.theta]
        for number, factor, row, column in self._entries:
            theta[number] = roots[factor][row, column]
        return vector

    def start(self) -> Floats:
        """Return a vector to start from: generalised least squares and moments, moved to free numbers."""
        vector = start_vector(self.problem.design, self.layout)
        own, places = self.parameters.places, self.problem.places
        x = np.zeros(len(self.parameters.names))
        x[own.coefficients] = (self._back @ vector[places.coefficients])[own.free_beta]
        aux = vector[places.auxiliary]
        x[own.family] = aux if own.ordinal else aux[own.free_family]
        relative = self.problem.relative(vector)
        for term, scaling, T in zip(self.parameters.terms, self.layout.scaling.terms, relative, strict=True):
            place = term.place
            sds = np.sqrt(np.maximum(np.diagonal(scaling.back @ T @ scaling.back.T), 1e-12))
            for a, position in enumerate(place.sds):
                if position >= 0:
                    x[position] = term.number(float(sds[a]))
        return x


def find_laplace_mode(design: Design, layout: Layout, parameters: Parameters) -> Mode:
    """Return the mode of the parameters' posterior by Laplace's method.

    Raises
    ------
    DesignError
        If no start has a posterior density.
    """
    posterior = LaplacePosterior(LaplaceProblem(design, layout), layout, parameters)
    x = posterior.start()
    point = posterior.at(x)
    if not np.isfinite(point.value):
        x = np.zeros(x.size)
        posterior.problem.forget()
        point = posterior.at(x)
    if not np.isfinite(point.value):
        raise DesignError(
            "no point of the posterior has a positive density near its mode",
            remedy="priors that allow the values of the data's units",
        )
    every = np.arange(x.size)
    first = _curvature(posterior, x, point, np.full(x.size, 1e-3), every)
    search = Search(x, point, first, 1, np.inf, [point.value])
    minimise(posterior.at, search, limit=EVALUATIONS, watch=lambda *_: True)
    steps = 1e-2 * np.clip(np.sqrt(2.0 * np.diagonal(np.linalg.inv(search.H))), 1e-6, 1.0)
    H = _curvature(posterior, search.x, search.point, steps, every, central=True)
    posterior.at(search.x)
    covariance = 2.0 * np.linalg.inv(H)
    factor = np.asarray(np.linalg.cholesky((covariance + covariance.T) / 2.0), dtype=np.float64)
    return Mode(search.x, factor, posterior.problem, posterior.evaluations)


def _curvature(
    posterior: LaplacePosterior,
    x: Floats,
    point: Point,
    steps: Floats,
    every: NDArray[np.int64],
    *,
    central: bool = False,
) -> Floats:
    """Return a positive definite Hessian by differences of the gradient."""
    if x.size == 0:
        return np.zeros((0, 0))
    H = hessian_columns(
        posterior.at, x, point, every, steps, central=np.full(x.size, central, dtype=np.bool_)
    )
    return positive(np.where(np.isfinite(H), H, np.eye(x.size)))


def _lower(root: Floats) -> Floats:
    """Return the lower triangular root, its diagonal positive, of ``root root'``."""
    if root.shape[0] == 1:
        return np.abs(root)
    L = np.asarray(np.linalg.qr(root.T, mode="r")).T
    return np.asarray(L * np.where(np.diagonal(L) < 0.0, -1.0, 1.0))
