"""Maximum likelihood by Laplace's method: start, search, boundary, curvature; in the user's units."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multilevel.design.design import Design
from multilevel.engines.laplace.accuracy import accuracy_of
from multilevel.engines.laplace.boundary import NOTICE, Snapped, escape, snapped
from multilevel.engines.laplace.effects import LaplaceEffects
from multilevel.engines.laplace.failing import has_several_optima, is_hollow, sentence_of
from multilevel.engines.laplace.natural import natural_jacobian
from multilevel.engines.laplace.problem import LaplaceProblem, Point
from multilevel.engines.laplace.saturation import kept_within, refuse_saturation
from multilevel.engines.laplace.search import Search, hessian_columns, minimise, positive
from multilevel.engines.laplace.separation import (
    refuse_inflation_separation,
    refuse_separation,
    refuse_split_groups,
)
from multilevel.engines.laplace.start import plain_start, start_vector
from multilevel.engines.likelihood.estimator import Progress, Watcher, checked_limit, checked_start
from multilevel.engines.likelihood.problem import n_theta
from multilevel.engines.likelihood.verdict import is_singular
from multilevel.engines.solution import Certificate, FamilyNumbers, Solution, Status
from multilevel.errors import DesignError
from multilevel.moments import layout_of

Floats = NDArray[np.float64]
Watch = Callable[[int, float, float], bool]

CERTIFIED = 1e-6
"""Half the squared Newton step, with the Hessian itself, below which an optimum is certified."""
ROUGH = 1e-3
"""Steps of the differences that give a first metric, in units of the coordinates."""
FINE = 1e-3
"""Steps of the central differences at the optimum, in approximate standard errors."""
SHORT = 3e-4
"""Steps of the one-sided ones, likewise."""
FLAT = 1e4
"""Standard error, in scaled coordinates, of a direction in which the likelihood is flat."""
MUCH_WORK = 2_000_000
"""Rows times coordinates from which all differences are one-sided."""
ENDS = {"optimal": Status.OPTIMAL, "limit": Status.EVALUATION_LIMIT, "stalled": Status.STALLED,
        "interrupted": Status.INTERRUPTED}  # fmt: skip
ESCAPES = 5
GOOD = (Status.OPTIMAL, Status.BOUNDARY)


@dataclass(frozen=True, slots=True, eq=False)
class Optimum:
    """Where a search ended.

    Parameters
    ----------
    search
        Its last state; ``search.H`` is the Hessian by differences where ``certified`` could be asked.
    end
        One of `ENDS`.
    snap
        Covariances at the boundary.
    """

    search: Search
    end: str
    snap: Snapped


def solve_laplace(
    design: Design,
    *,
    start: Floats | None = None,
    max_evaluations: int = 200,
    progress: Watcher | None = None,
) -> Solution:
    """Estimate a generalised linear mixed model by maximum likelihood, Laplace's method.

    Parameters
    ----------
    design
        With its family.
    start
        Vector to start from (``theta`` of the solution of a similar fit).
    max_evaluations
        Limit on evaluations with gradient of one search; reaching it is a status.
    progress
        Called with a `Progress` after each evaluation; returning ``False`` ends the search.

    Raises
    ------
    OptionError
        If the start values or the limit cannot be used.
    DesignError
        If the likelihood is not defined at any start.

    Notes
    -----
    Tierney and Kadane (1986); gradient by implicit differentiation (Kristensen, Nielsen, Berg, Skaug and Bell
    2016), with the observed information in the determinant.
    """
    layout = layout_of(design)
    problem = LaplaceProblem(design, layout)
    limit = checked_limit(max_evaluations, progress)
    x0 = best_start(problem) if start is None else checked_start(problem.places.size, start)

    def watch(evaluations: int, value: float, decrement: float) -> bool:
        return progress is None or progress(Progress(evaluations, value, decrement)) is not False

    return solution_of(problem, optimise(problem, first_search(problem, x0), limit, watch))


def best_start(problem: LaplaceProblem) -> Floats:
    """Return a vector to start from: the better of two where there may be several optima."""
    design, layout = problem.design, problem.layout
    x = start_vector(design, layout)
    if not has_several_optima(design.family):
        return x
    plain = plain_start(design, layout)
    first = problem.at(x, gradient=False).value
    problem.forget()
    second = problem.at(plain, gradient=False).value
    problem.forget()
    return plain if second < first else x


def first_search(problem: LaplaceProblem, x0: Floats) -> Search:
    """Return a search that starts at a vector, or near it where the likelihood is not defined there."""
    here = problem.places.auxiliary
    x0 = np.concatenate(
        [x0[: here.start], kept_within(problem.design, problem.limit, x0[here]), x0[here.stop :]]
    )
    point = problem.at(x0)
    if not np.isfinite(point.value):
        x0 = _retreat(problem, x0)
        point = problem.at(x0)
    metric = _first_metric(problem, x0, point)
    return Search(x0, point, metric, 1, np.inf, [point.value], problem.noise)


def optimise(problem: LaplaceProblem, search: Search, limit: int, watch: Watch) -> Optimum:
    """Search, put small covariances on the boundary, leave it where the likelihood rises, and measure."""
    end = minimise(problem.at, search, limit=limit, watch=watch)
    if end == "stalled":
        refuse_saturation(problem.design, problem.limit, search.x[problem.places.auxiliary])
        end = _again(problem, search, end, limit, watch)
    snap = snapped(problem, search)
    for _ in range(ESCAPES):
        if end != "optimal" or not escape(problem, search, snap):
            break
        end = minimise(problem.at, search, limit=limit, watch=watch)
        snap = snapped(problem, search)
    hidden = has_several_optima(problem.design.family) and any(is_singular(T) for T in snap.relative)
    if end == "optimal" and hidden:
        end = _again(problem, search, end, limit, watch)
        snap = snapped(problem, search)
    if end in ("optimal", "stalled") or (end == "limit" and search.decrement < CERTIFIED):
        end = _polish(problem, search, snap)
    if end != "interrupted":
        beta = problem.layout.scaling.fixed.back @ search.x[problem.places.coefficients]
        refuse_separation(problem.design, beta, certified=end == "optimal")
        refuse_split_groups(problem.design, snap.relative)
        inflation = problem.layout.inflation.back @ search.x[problem.places.inflation]
        refuse_inflation_separation(problem.design, inflation)
        refuse_saturation(problem.design, problem.limit, search.x[problem.places.auxiliary])
    return Optimum(search, end, snap)


def _again(problem: LaplaceProblem, search: Search, end: str, limit: int, watch: Watch) -> str:
    """Search once more from plain values; keep the better of the two in the search, and return its end.

    An optimum is better than a place where Laplace's value has no bottom, and than a higher optimum.
    """
    problem.forget()
    other = first_search(problem, plain_start(problem.design, problem.layout))
    second = minimise(problem.at, other, limit=limit, watch=watch)
    search.evaluations += other.evaluations
    proper = second == "optimal" and not is_hollow(problem, other.x)
    better = other.point.value < search.point.value - (NOTICE if end == "optimal" else 0.0)
    if not ((better and (proper or end != "optimal")) or (proper and is_hollow(problem, search.x))):
        problem.at(search.x)
        return end
    search.x, search.point, search.H = other.x, other.point, other.H
    search.decrement = other.decrement
    search.trace += other.trace
    return second


def _retreat(problem: LaplaceProblem, x: Floats) -> Floats:
    """Return a start at which the likelihood is defined: nearer zero, or with one mean for all rows."""
    for share in (0.5, 0.1, 0.0):
        x = x.copy()
        x[problem.places.theta] *= 0.5
        x[problem.places.coefficients] *= share
        problem.forget()
        if np.isfinite(problem.at(x, gradient=False).value):
            return x
    x = plain_start(problem.design, problem.layout)
    x[problem.places.theta] *= 0.1
    if np.isfinite(problem.at(x, gradient=False).value):
        return x
    raise DesignError(
        "the likelihood cannot be computed at the start values",
        allowed="a response and predictors of moderate size",
        remedy="look for a value in a wrong unit, rescale the predictors, or choose another link",
    )


def _first_metric(problem: LaplaceProblem, x: Floats, point: Point) -> Floats:
    """Return a positive definite Hessian: exact for all but the coefficients, information for those."""
    here = problem.places
    H = np.eye(here.size)
    p = here.coefficients.stop
    H[:p, :p] = 2.0 * problem.information()
    others = np.arange(p, here.size)
    rough = problem.rough
    base = point if rough is problem else rough.at(x)
    columns = hessian_columns(rough.at, x, base, others, np.full(here.size, ROUGH), central=False)
    if np.isfinite(columns).all():
        H[:, p:] = columns
        H[p:, :p] = columns[:p].T
        H[p:, p:] = (columns[p:] + columns[p:].T) / 2.0
    return positive(H)


def _polish(problem: LaplaceProblem, search: Search, snap: Snapped) -> str:
    """Put the Hessian by differences into the search and take Newton steps until it is certified."""
    free = snap.free
    for _ in range(4):
        H = _hessian(problem, search, free)
        part = positive(H[np.ix_(free, free)])
        step = np.zeros_like(search.x)
        step[free] = -np.linalg.solve(part, search.point.gradient[free])
        search.H = H
        search.decrement = -0.5 * float(search.point.gradient @ step)
        if search.decrement < 1e-9:
            return "optimal"
        point = problem.at(search.x + step)
        search.evaluations += 1
        slack = 1e-9 * (1 + abs(point.value)) + search.noise
        if not np.isfinite(point.value) or point.value > search.point.value + slack:
            break
        search.x, search.point = search.x + step, point
        search.trace.append(point.value)
        if search.decrement < CERTIFIED:
            search.decrement = search.decrement**2
            return "optimal"
    return "optimal" if search.decrement < CERTIFIED else "stalled"


def _hessian(problem: LaplaceProblem, search: Search, free: NDArray[np.int64]) -> Floats:
    """Return the Hessian of -2 log-likelihood by differences of the exact gradient.

    One-sided ones of the coefficients, in which the likelihood is nearly quadratic, and of all where that is
    much work.
    """
    central = np.zeros(search.x.size, dtype=bool)
    central[problem.places.coefficients.stop :] = problem.design.n_rows * search.x.size < MUCH_WORK
    spread = np.sqrt(2.0 * np.abs(np.diagonal(np.linalg.pinv(positive(search.H)))))
    steps = np.where(central, FINE, SHORT) * np.clip(spread, 1e-8, 1.0)
    rough = problem.rough
    base = search.point if rough is problem else rough.at(search.x)
    columns = hessian_columns(rough.at, search.x, base, free, steps, central=central)
    search.evaluations += free.size + int(central[free].sum())
    H = np.zeros((search.x.size, search.x.size))
    H[:, free] = columns
    return np.asarray((H + H.T) / 2.0 * _both(free, search.x.size))


def _both(free: NDArray[np.int64], size: int) -> Floats:
    """Return ones where both coordinates are free."""
    mask = np.zeros(size)
    mask[free] = 1.0
    return np.outer(mask, mask)


def covariance_of(H: Floats, free: NDArray[np.int64], named: int) -> Floats:
    """Return the asymptotic covariance ``2 H^-1`` of the free coordinates, zero for the others.

    Directions in which the likelihood is flat have the sd `FLAT` where they are those of the first ``named``
    coordinates, which users see: an estimate that runs away must not look as if it were known exactly.
    """
    part = H[np.ix_(free, free)]
    scale = 1.0 / np.sqrt(np.where(np.diagonal(part) > 0.0, np.diagonal(part), 1.0))
    values, vectors = np.linalg.eigh(part * np.outer(scale, scale))
    keep = values > 1e-9 * max(float(values.max(initial=0.0)), 1e-300)
    root = vectors[:, keep] * scale[:, None]
    full = np.zeros_like(H)
    seen = np.sum(vectors[free < named] ** 2, axis=0) > 0.5
    flat = FLAT * vectors[:, ~keep & seen] * scale[:, None]
    full[np.ix_(free, free)] = 2.0 * (root / values[keep]) @ root.T + flat @ flat.T
    return full


def solution_of(problem: LaplaceProblem, optimum: Optimum) -> Solution:
    """Return the solution in the user's units."""
    search, snap, here = optimum.search, optimum.snap, problem.places
    scaling = problem.layout.scaling
    back = scaling.fixed.back
    beta = back @ search.x[here.coefficients]
    covariance = covariance_of(search.H, snap.free, here.theta.start)
    vcov = back @ covariance[here.coefficients, here.coefficients] @ back.T
    relative = snap.relative
    covariances = tuple(term.back @ T @ term.back.T for term, T in zip(scaling.terms, relative, strict=True))
    status = ENDS[optimum.end]
    if status is Status.OPTIMAL and any(is_singular(T) for T in relative):
        status = Status.BOUNDARY
    checked = problem.method == "laplace" and status in GOOD
    numbers = _family_numbers(problem, search.x, covariance, beta)
    sigma = dict(zip(numbers.names, numbers.values, strict=True)).get("sigma", 1.0)
    parameters = here.theta.start + sum(n_theta(block) for block in problem.layout.blocks)
    return Solution(
        method=problem.method,
        criterion=search.point.value,
        beta=beta,
        vcov_beta=(vcov + vcov.T) / 2.0,
        sigma=float(sigma),
        covariances=covariances,
        theta=search.x,
        n_parameters=int(parameters),
        status=status,
        sentence=sentence_of(problem, search.x, status),
        boundary=snap.sentences(problem, search, certified=status in GOOD),
        certificate=Certificate(
            holds=status in GOOD,
            decrement=float(search.decrement),
            dual=float(snap.dual),
            complementarity=float(snap.complementarity),
            evaluations=search.evaluations,
        ),
        groups=LaplaceEffects(problem, search.x, vcov, covariance),
        family_numbers=numbers,
        nodes=problem.nodes,
        accuracy=accuracy_of(problem, search.x, covariance) if checked else None,
    )


def _family_numbers(problem: LaplaceProblem, x: Floats, covariance: Floats, beta: Floats) -> FamilyNumbers:
    """Return the family's parameters (or thresholds) and zero inflation, with standard errors."""
    here, design = problem.places, problem.design
    spread = np.sqrt(np.maximum(np.diagonal(covariance), 0.0))
    inflation = design.inflation
    q_names: tuple[str, ...] = () if inflation is None else inflation.names
    back = problem.layout.inflation.back
    zi = back @ x[here.inflation]
    zi_vcov = back @ covariance[here.inflation, here.inflation] @ back.T
    if design.family.name == "ordinal":
        names, values, errors = _thresholds(problem, x, covariance, beta)
    else:
        names = design.family.parameters
        values = np.exp(x[here.auxiliary])
        with np.errstate(over="ignore"):  # infinite where the parameter itself is at the end of its range
            errors = values * spread[here.auxiliary]
    merged = None if problem.rows.rows is None else int(problem.rows.rows.size)
    return FamilyNumbers(names, values, errors, q_names, zi, zi_vcov, merged)


def _thresholds(
    problem: LaplaceProblem, x: Floats, covariance: Floats, beta: Floats
) -> tuple[tuple[str, ...], Floats, Floats]:
    """Return thresholds of the uncentred columns and their standard errors, by the delta method."""
    here, scaling = problem.places, problem.layout.scaling.fixed
    aux = x[here.auxiliary]
    J = natural_jacobian(problem, x)[here.auxiliary]
    covariance = covariance[: J.shape[1], : J.shape[1]]
    values = problem.natural(x) + float(scaling.centre @ beta)
    classes = problem.design.classes or tuple(str(c) for c in range(1, aux.size + 2))
    names = tuple(f"{a}|{b}" for a, b in itertools.pairwise(classes))
    return names, values, np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", J, covariance, J), 0.0))


def evaluate_laplace(design: Design, x: Floats, *, status: Status, evaluations: int) -> Solution:
    """Return the solution at a known vector, without a search (for saved fits).

    Parameters
    ----------
    design
        As it was fitted.
    x
        ``theta`` of the solution.
    status, evaluations
        How the search ended, and after how many evaluations.
    """
    return evaluated(LaplaceProblem(design, layout_of(design)), x, status, evaluations)


def evaluated(problem: LaplaceProblem, x: Floats, status: Status, evaluations: int) -> Solution:
    """Return the solution of a problem at a known vector."""
    point = problem.at(x)
    search = Search(np.asarray(x), point, _first_metric(problem, x, point), evaluations, 0.0, [])
    snap = snapped(problem, search)
    search.H = _hessian(problem, search, snap.free)
    search.evaluations = evaluations
    end = {Status.OPTIMAL: "optimal", Status.BOUNDARY: "optimal"}.get(status, status.value)
    names = {"evaluation_limit": "limit"}
    return solution_of(problem, Optimum(search, names.get(end, end), snap))
