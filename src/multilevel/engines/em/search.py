"""The climb: accelerated steps while the likelihood rises by them, plain EM steps where it would not."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilevel.engines.em.acceleration import Acceleration, Point
from multilevel.engines.em.step import em_step
from multilevel.engines.likelihood.estimator import DUAL_TOLERANCE
from multilevel.engines.likelihood.verdict import ENDS
from multilevel.engines.solution import Status
from multilevel.kernels import core
from multilevel.moments import Moments

Floats = NDArray[np.float64]
Watch = Callable[[int, float, float], bool]

LENGTHS = (1.0, 0.25, 0.0625, 0.015625)
"""Lengths at which an accelerated direction is tried."""
ENOUGH = 1e-4
"""The criterion must fall by this share of what the slope promises (Armijo)."""
FARTHEST = 2.0
"""An accelerated step moves no coordinate by more than this many times the largest one (or one half)."""
ROUNDING = 1e-15
"""Relative rounding of the criterion, beside its own size and the number of rows."""
STUCK = 1e3
"""Where rounding leaves no step that rises, the tolerance may be exceeded so many times."""
MOST = 1e-6
"""And by so much at most."""
EXHAUSTED = 1e-9
"""A residual sum of squares that is this share of the response's may be zero to rounding."""


@dataclass(frozen=True, slots=True)
class Limits:
    """When a climb ends.

    Parameters
    ----------
    tolerance
        How much the criterion may still fall, to second order, where it ends.
    evaluations
        How many there may be.
    accelerate
        Whether steps are accelerated.
    """

    tolerance: float
    evaluations: int
    accelerate: bool


def climb(
    moments: Moments, problem: core.Problem, start: Floats, limits: Limits, watch: Watch | None
) -> dict[str, Any]:
    """Return the outcome of EM from one start, as the native search words it, and the criterion's trace.

    Keys are those of ``core.Problem.optimise``; ``trace`` holds the criterion ``(steps + 1,)`` at the start
    and after each step, which never rises. Only ``end`` and ``evaluations`` if the criterion is not defined
    at the start.
    """
    found = evaluated(problem, start)
    if "theta" not in found:
        return {"end": found["end"], "evaluations": 1}
    count, trace = 1, [float(found["value"])]
    here, plain = _point(moments, found), Acceleration.none(start.size)
    known = plain
    while True:
        end = _end(moments, problem, found, limits, count, watch)
        if end is not None:
            return _closed(problem, found, end, count, trace)
        better, tried = _better(problem, found, _steps(here, known), limits.evaluations - count)
        count += tried
        if better is None:
            limit = count >= limits.evaluations
            end = Status.EVALUATION_LIMIT if limit else _stuck(moments, found, limits)
            return _closed(problem, found, end, count, trace)
        there = _point(moments, better)
        known = known.learned(here, there) if limits.accelerate else plain
        here, found = there, better
        trace.append(float(found["value"]))


def _better(
    problem: core.Problem, found: dict[str, Any], steps: Iterator[tuple[Floats, float]], most: int
) -> tuple[dict[str, Any] | None, int]:
    """Return the first of the next places at which the criterion falls enough, and how many were tried."""
    tried = 0
    for theta, slope in itertools.islice(steps, most):
        there = evaluated(problem, theta)
        tried += 1
        if there.get("value", np.inf) <= found["value"] + ENOUGH * slope:
            return there, tried
    return None, tried


def evaluated(problem: core.Problem, theta: Floats) -> dict[str, Any]:
    """Return value, derivatives and certificate at one place, which is not moved."""
    found: dict[str, Any] = problem.optimise(
        start=np.ascontiguousarray(theta),
        tolerance=0.0,
        dual_tolerance=0.0,
        max_evaluations=1,
        watch=lambda evaluations, value, decrement: False,
    )
    return found


def _point(moments: Moments, found: dict[str, Any]) -> Point:
    """Return a place with its EM step."""
    theta, gradient = found["theta"], found["gradient"]
    return Point(theta, gradient, em_step(moments, theta, gradient) - theta)


def _steps(here: Point, known: Acceleration) -> Iterator[tuple[Floats, float]]:
    """Yield where to go next and the slope along the way: accelerated, accelerated anew, and by plain EM.

    A plain step may stay level, hence its slope is given as zero.
    """
    for one in (known, known.again()) if known.differs else ():
        direction = one.direction(here)
        slope = float(direction @ here.gradient)
        if not slope < 0.0:
            continue
        reach = FARTHEST * max(0.5, float(np.abs(here.theta).max()))
        longest = min(1.0, reach / float(np.abs(direction).max()))
        for length in LENGTHS:
            yield here.theta + longest * length * direction, longest * length * slope
    yield here.theta + here.step, 0.0


def _end(
    moments: Moments,
    problem: core.Problem,
    found: dict[str, Any],
    limits: Limits,
    count: int,
    watch: Watch | None,
) -> Status | None:
    """Return how a climb ends at this place, or ``None`` if it goes on."""
    if watch is not None and not watch(count, float(found["value"]), float(found["decrement"])):
        return Status.INTERRUPTED
    if _saturated(moments, problem, found):
        return Status.SATURATED
    if found["decrement"] <= _tolerance(moments, found, limits.tolerance) and found["gain"] <= DUAL_TOLERANCE:
        return Status.OPTIMAL
    return Status.EVALUATION_LIMIT if count >= limits.evaluations else None


def _stuck(moments: Moments, found: dict[str, Any], limits: Limits) -> Status:
    """Return how a climb ends where rounding leaves no step that rises."""
    return Status.OPTIMAL if is_optimal(moments, found, limits.tolerance) else Status.STALLED


def is_optimal(moments: Moments, found: dict[str, Any], tolerance: float) -> bool:
    """Return whether a place is an optimum as far as rounding lets one tell, and to `MOST` in any case.

    The residual sum of squares is a difference of cross-products, whose rounding counts ``n`` times.
    """
    lost = 0.0
    if moments.known_sigma is None:
        lost = ROUNDING * moments.n * moments.D[-1, -1] / max(found["r2"], 1e-300)
    limit = min(MOST, max(STUCK * _tolerance(moments, found, tolerance), lost))
    return bool(found["decrement"] <= limit and found["gain"] <= DUAL_TOLERANCE)


def _tolerance(moments: Moments, found: dict[str, Any], tolerance: float) -> float:
    """Return how much the criterion may still fall where a climb ends: no less than its rounding."""
    return float(max(tolerance, ROUNDING * (abs(found["value"]) + moments.n)))


def _saturated(moments: Moments, problem: core.Problem, found: dict[str, Any]) -> bool:
    """Return whether the residual variance has gone to zero."""
    if moments.known_sigma is not None or found["r2"] > EXHAUSTED * moments.D[-1, -1]:
        return False
    return bool(problem.evaluate(found["theta"])["saturated"])


def _closed(
    problem: core.Problem, found: dict[str, Any], status: Status, count: int, trace: list[float]
) -> dict[str, Any]:
    """Return the outcome: the place, how the climb ended, and the trace."""
    if status is Status.SATURATED:  # where the coefficients have their digits
        found = problem.optimise(
            start=found["theta"], tolerance=np.inf, dual_tolerance=np.inf, max_evaluations=2, watch=None
        )
        found["saturated"] = True
    else:
        found["end"] = ENDS.index(status)
    return {**found, "evaluations": count, "trace": np.array(trace)}
