"""A guarded quasi-Newton search with exact gradients, and the Hessian by their differences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multilevel.engines.laplace.problem import Point

Floats = NDArray[np.float64]
At = Callable[[Floats], Point]

TOLERANCE = 1e-8
"""Half the squared Newton step, in units of -2 log-likelihood, at which a search ends."""
FLAT = 1e-9
"""Curvatures below this share of the largest are raised to it in a step."""
HALVINGS = 30


@dataclass(slots=True, eq=False)
class Search:
    """Where a search stands.

    Parameters
    ----------
    x, point
        Best vector so far, and the approximation there.
    H
        ``(d, d)`` positive definite approximation of the Hessian.
    evaluations
        Evaluations with gradient so far.
    decrement
        Half the squared Newton step in the metric of ``H``.
    trace
        Value after each step.
    noise
        Rounding of the values.
    """

    x: Floats
    point: Point
    H: Floats
    evaluations: int
    decrement: float
    trace: list[float]
    noise: float = 0.0


def positive(H: Floats) -> Floats:
    """Return a Hessian with the absolute values of its eigenvalues, none of them too small."""
    diagonal = np.abs(np.diagonal(H))
    scale = 1.0 / np.sqrt(np.where(diagonal > 1e-200, diagonal, 1.0))
    values, vectors = np.linalg.eigh((H + H.T) / 2.0 * np.outer(scale, scale))
    size = np.maximum(np.abs(values), FLAT * float(np.abs(values).max(initial=1.0)))
    root = vectors / scale[:, None]
    return np.asarray((root * size) @ root.T)


def minimise(
    at: At,
    search: Search,
    *,
    limit: int,
    watch: Callable[[int, float, float], bool],
    tolerance: float = TOLERANCE,
) -> str:
    """Move the search downhill until it ends: "optimal", "limit", "stalled" or "interrupted".

    Steps are those of BFGS with Powell's damping (Nocedal and Wright 2006, procedure 18.2), halved until the
    value falls by Armijo's rule. A point that is not defined counts as infinitely high.
    """
    while True:
        step: Floats = -np.linalg.solve(search.H, search.point.gradient).astype(np.float64)
        slope = float(search.point.gradient @ step)
        search.decrement = -0.5 * slope
        if not watch(search.evaluations, search.point.value, search.decrement):
            return "interrupted"
        if search.decrement < tolerance:
            return "optimal"
        if search.evaluations >= limit:
            return "limit"
        if not _line(at, search, step, slope):
            return "optimal" if search.decrement < 1e3 * tolerance else "stalled"


def _line(at: At, search: Search, step: Floats, slope: float) -> bool:
    """Take the longest of ever shorter steps that lowers the value enough; update the metric."""
    length = min(1.0, 2.0 / max(float(np.abs(step / np.maximum(np.abs(search.x), 1.0)).max()), 1e-300))
    slack = 1e-12 * (1.0 + abs(search.point.value)) + search.noise
    for _ in range(HALVINGS):
        x = search.x + length * step
        point = at(x)
        search.evaluations += 1
        if np.isfinite(point.value) and point.value <= search.point.value + 1e-4 * length * slope + slack:
            moved = point.value < search.point.value - slack or length > 1e-6
            search.H = _updated(search.H, x - search.x, point.gradient - search.point.gradient)
            search.x, search.point = x, point
            search.trace.append(point.value)
            return moved
        rise = point.value - search.point.value - length * slope
        shrink = -0.5 * length * slope / rise if np.isfinite(point.value) and rise > 0.0 else 0.25
        length *= min(max(shrink, 0.1), 0.5)
    return False


def _updated(H: Floats, s: Floats, y: Floats) -> Floats:
    """Return the damped BFGS update."""
    Hs = H @ s
    sHs, sy = float(s @ Hs), float(s @ y)
    if sHs <= 0.0:
        return H
    share = 1.0 if sy >= 0.2 * sHs else 0.8 * sHs / (sHs - sy)
    r = share * y + (1.0 - share) * Hs
    return np.asarray(H - np.outer(Hs, Hs) / sHs + np.outer(r, r) / float(s @ r))


def hessian_columns(
    at: At,
    x: Floats,
    point: Point,
    which: NDArray[np.int64],
    steps: Floats,
    *,
    central: NDArray[np.bool_] | bool,
) -> Floats:
    """Return columns ``(d, len(which))`` of the Hessian by differences, some or all central."""
    both_sides = np.broadcast_to(np.asarray(central), x.shape)
    columns = np.zeros((x.size, which.size))
    for j, i in enumerate(which.tolist()):
        up, down = x.copy(), x.copy()
        up[i] += steps[i]
        above = at(up).gradient
        if both_sides[i]:
            down[i] -= steps[i]
            columns[:, j] = (above - at(down).gradient) / (up[i] - down[i])
        else:
            columns[:, j] = (above - point.gradient) / (up[i] - x[i])
    return columns
