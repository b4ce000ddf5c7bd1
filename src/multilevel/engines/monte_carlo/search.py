"""Newton steps on the estimated gradient, with probes enough for the error that was asked for."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multilevel.engines.monte_carlo.frames import Frame, frame_at
from multilevel.engines.monte_carlo.point import Point, Problem, point_at
from multilevel.engines.monte_carlo.probes import Probes, probes_of

Floats = NDArray[np.float64]

FIRST_PROBES, MOST_PROBES = 8, 1024
"""Random vectors for each effect of the core: at the start, and at most."""
MOST_NUMBERS = 3 * 10**7
"""Numbers that they may take in all."""
NEAR = 0.3
"""Decrement from which the Monte Carlo error is that of the optimum, so that probes can be added."""
ROUGH, FINE = 1e-4, 1e-7
"""Relative residuals of the linear systems far from the optimum, and near it."""
FAR = 0.3
"""Decrement that divides the two."""
OVERSHOT = 0.5
"""A step ends too far if the slope there is more than this share of the slope at its start, uphill."""
SHORTER = 5
"""How often one step may be shortened."""
DOUBT = -1.2815515655446004
"""Normal quantile of one tenth: the Monte Carlo error is an upper limit that holds nine times in ten."""


@dataclass(frozen=True, slots=True)
class Aims:
    """What a search is to reach.

    Parameters
    ----------
    mc_error
        Monte Carlo error of the variance parameters, in units of their standard errors.
    seed
        Of the probes.
    max_evaluations
        Limit on evaluations of the gradient.
    """

    mc_error: float
    seed: int
    max_evaluations: int

    @property
    def decrement(self) -> float:
        """Decrement at which the rest of the way is a tenth of the Monte Carlo error."""
        return min(1e-4, (0.1 * self.mc_error) ** 2)


@dataclass(frozen=True, slots=True, eq=False)
class Newton:
    """The Newton step at a point: ``step`` ``(h,)``, the free coordinates, and the error of the optimum.

    ``error`` is the largest Monte Carlo sd of a free coordinate at the optimum over its standard error,
    ``Cov_MC = H^-1 Var(gradient) H^-1`` against ``2 H^-1``; an upper limit, for the variance of the gradient
    is itself known from a few probes only.
    """

    step: Floats
    free: NDArray[np.bool_]
    decrement: float
    error: float
    inverse: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Where a search ended, after how many evaluations, and whether it was cut short by its watcher."""

    point: Point
    newton: Newton
    probes: Probes
    evaluations: int
    interrupted: bool


Watch = Callable[[int, float], bool]


def search(problem: Problem, start: Sequence[Floats], aims: Aims, watch: Watch) -> Found:
    """Climb to the optimum from relative covariances, one for each term.

    Parameters
    ----------
    problem
        What is maximised.
    start
        ``T`` of each term, in the scaled columns.
    aims
        When to stop.
    watch
        Told the evaluations and the decrement after each step; ``False`` ends the search.
    """
    probes = probes_of(problem.system, number=FIRST_PROBES, seed=aims.seed)
    point = point_at(problem, frame_at(problem.moments, start), probes, tolerance=ROUGH)
    evaluations, fine = 1, False
    while True:
        newton = newton_at(point, probes)
        going = watch(evaluations, newton.decrement)
        if not going or evaluations >= aims.max_evaluations:
            return Found(point, newton, probes, evaluations, not going)
        more = _more_probes(newton, probes, aims)
        if newton.decrement <= aims.decrement and fine and more == probes.number:
            return Found(point, newton, probes, evaluations, False)
        tolerance = FINE if newton.decrement < FAR else ROUGH
        if more > probes.number:
            probes = probes_of(problem.system, number=more, seed=aims.seed)
        step = newton.step if newton.decrement > aims.decrement else np.zeros_like(newton.step)
        point, used = _forward(problem, point, step, probes, tolerance, more_than=aims, at=evaluations)
        evaluations += used
        fine = tolerance == FINE


def newton_at(point: Point, probes: Probes) -> Newton:
    """Return the Newton step by the average information, over the coordinates that are free to move."""
    held, bend, at = [], [], 0
    for term in point.frame:
        own = point.gradient[at : at + len(term.members)]
        held.append(term.held(own))
        bend.append(term.bend(own))
        at += len(term.members)
    free = ~np.concatenate([*held, np.zeros(0, dtype=bool)])
    H = (point.information + np.diag(np.concatenate([*bend, np.zeros(0)])))[np.ix_(free, free)]
    g, noise = point.gradient[free], point.noise[np.ix_(free, free)]
    inverse = _inverse(H)
    step = np.zeros(free.size)
    step[free] = -inverse @ g
    spread = np.sqrt(np.maximum(np.diagonal(inverse @ noise @ inverse), 0.0))
    size = np.sqrt(2.0 * np.diagonal(inverse))
    error = float(np.max(spread / np.where(size > 0.0, size, 1.0), initial=0.0)) * _doubt(probes.number)
    return Newton(step, free, float(-0.5 * g @ step[free]), error, inverse)


def _doubt(number: int) -> float:
    """Return by how much an sd from so many values may be too small (Wilson and Hilferty 1931)."""
    dof = number - 1.0
    return float((1.0 - 2.0 / (9.0 * dof) + DOUBT * math.sqrt(2.0 / (9.0 * dof))) ** -1.5)


def _more_probes(newton: Newton, probes: Probes, aims: Aims) -> int:
    """Return how many probes the asked error needs, once the optimum is near."""
    if newton.decrement > NEAR or newton.error <= aims.mc_error:
        return probes.number
    needed = math.ceil(1.2 * probes.number * (newton.error / aims.mc_error) ** 2)
    fit_in = MOST_NUMBERS * probes.number // max(1, probes.W.size)
    return max(probes.number, min(max(needed, 2 * probes.number), MOST_PROBES, fit_in))


def _forward(
    problem: Problem,
    point: Point,
    step: Floats,
    probes: Probes,
    tolerance: float,
    *,
    more_than: Aims,
    at: int,
) -> tuple[Point, int]:
    """Return the next point and the evaluations that it took: the step is shortened where it went too far.

    The gradient alone tells: with the same probes it is that of one function, whatever its value.
    """
    ends = _moved(problem, point.frame, step)
    slope, share, used = float(point.gradient @ step), 1.0, 0
    while True:
        frame = frame_at(problem.moments, ends)
        following = point_at(problem, frame, probes, tolerance=tolerance, start=point)
        used += 1
        there = _slope(point.frame, following)
        enough = used > SHORTER or at + used >= more_than.max_evaluations
        if enough or slope >= 0.0 or there <= OVERSHOT * abs(slope):
            return following, used
        share *= min(0.7, max(0.1, abs(slope) / (abs(slope) + there)))
        ends = _moved(problem, point.frame, share * step)


def _moved(problem: Problem, frame: Frame, step: Floats) -> list[Floats]:
    """Return ``T`` of each term after a step."""
    found, at = [], 0
    for term in frame:
        found.append(term.moved(step[at : at + len(term.members)]))
        at += len(term.members)
    return found


def _slope(before: Frame, point: Point) -> float:
    """Return the derivative of the criterion at a point along the way that led to it."""
    total, at = 0.0, 0
    for old, term in zip(before, point.frame, strict=True):
        moved = (term.Q * term.variances) @ term.Q.T - (old.Q * old.variances) @ old.Q.T
        own = point.gradient[at : at + len(term.members)]
        total += float(own @ term.components(moved))
        at += len(term.members)
    return total


def _inverse(H: Floats) -> Floats:
    """Return the inverse of the information, directions without any left out."""
    scale = np.sqrt(np.where(np.diagonal(H) > 0.0, np.diagonal(H), 1.0))
    values, vectors = np.linalg.eigh(H / np.outer(scale, scale))
    keep = values > 1e-10 * max(float(values.max(initial=0.0)), 1e-300)
    root = vectors[:, keep] / scale[:, None]
    return np.asarray((root / values[keep]) @ root.T)
