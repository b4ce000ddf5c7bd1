"""Newton steps with differences of an exact gradient, for a criterion of few coordinates without bounds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from multilevel.engines.likelihood.estimator import Progress, Watcher
from multilevel.engines.solution import Status

Floats = NDArray[np.float64]
STEP = 1e-5
"""Relative step of differences of the gradient."""
LONGEST = 1.5
"""Longest step of a coordinate."""
ZERO = 1e-4
"""Diagonal entries below this are tried as zero."""
SAME = 1e-9
"""A criterion that zero raises by no more than this is that of zero."""


class Criterion(Protocol):
    """What is minimised: value and gradient; which coordinates are diagonal entries of theta."""

    @property
    def free(self) -> NDArray[np.int64]:
        """Positions in theta of the first coordinates."""

    @property
    def diagonal(self) -> NDArray[np.bool_]:
        """For each entry of theta whether it is on a diagonal."""

    def evaluate(self, x: Floats) -> tuple[float, Floats]:
        """Return value and gradient."""


@dataclass(frozen=True, slots=True, eq=False)
class Ended:
    """Where a search ended.

    Parameters
    ----------
    x, value, gradient
        Coordinates, the criterion and its gradient there.
    covariance
        Twice the inverse of the Hessian; zero for diagonal entries that are zero.
    decrement
        Half the squared Newton step.
    dual
        Least curvature, halved, by a diagonal entry that is zero; 0 if there is none.
    status
        "optimal" only if the gradient vanishes and the Hessian has no negative eigenvalue.
    evaluations
        Used so far.
    """

    x: Floats
    value: float
    gradient: Floats
    covariance: Floats
    decrement: float
    dual: float
    status: Status
    evaluations: int


class _Counted:
    """A criterion whose evaluations are counted, shown and limited."""

    def __init__(
        self, criterion: Criterion, limit: int, progress: Watcher | None, offset: float, used: int
    ) -> None:
        self.criterion, self.limit, self.progress = criterion, limit, progress
        self.offset, self.used, self.decrement = offset, used, np.inf
        self.status: Status | None = None

    def __call__(self, x: Floats) -> tuple[float, Floats]:
        value, gradient = self.criterion.evaluate(x)
        self.used += 1
        if self.used >= self.limit:
            self.status = Status.EVALUATION_LIMIT
        if self.progress is not None:
            shown = Progress(self.used, value + self.offset, self.decrement)
            if self.progress(shown) is False:
                self.status = Status.INTERRUPTED
        return value, gradient


def search(
    criterion: Criterion,
    x: Floats,
    tolerance: float,
    limit: int,
    progress: Watcher | None,
    offset: float,
    used: int,
) -> Ended:
    """Minimise a criterion.

    Parameters
    ----------
    criterion
        Value and gradient.
    x
        Start.
    tolerance
        Decrement at which the search ends.
    limit, progress
        Limit of evaluations, and what is called after each.
    offset
        Added to the values that ``progress`` sees.
    used
        Evaluations of earlier searches.
    """
    counted = _Counted(criterion, limit, progress, offset, used)
    value, gradient = counted(x)
    while np.isfinite(value) and counted.status is None and x.size:
        hessian = _hessian(counted, x)
        values, vectors = np.linalg.eigh(hessian)
        floor = 1e-10 * max(float(np.abs(values).max()), 1e-8)
        step = -vectors @ ((vectors.T @ gradient) / np.maximum(np.abs(values), floor))
        counted.decrement = -0.5 * float(gradient @ step)
        if counted.decrement <= tolerance:
            break
        step *= min(1.0, LONGEST / float(np.abs(step).max()))
        moved = _lower(counted, x, value, gradient, step)
        if moved is None:
            break
        x, value, gradient = moved
    status = counted.status
    x = _tidied(criterion, x, value)
    ended = replace(found_at(criterion, x, tolerance), evaluations=counted.used)
    return ended if status is None else replace(ended, status=status)


def _lower(
    counted: _Counted, x: Floats, value: float, gradient: Floats, step: Floats
) -> tuple[Floats, float, Floats] | None:
    """Return a point on the way of a step where the criterion is lower, or ``None``."""
    slope = float(gradient @ step)
    length = 1.0
    while length > 1e-6:
        there, at = counted(x + length * step)
        if there <= value + 1e-4 * length * slope:
            return x + length * step, there, at
        if counted.status is not None:
            return None
        length *= 0.5
    return None


def _tidied(criterion: Criterion, x: Floats, value: float) -> Floats:
    """Return the coordinates with diagonal entries that are zero as good as at zero, and none negative."""
    x = x.copy()
    on = criterion.diagonal[criterion.free]
    if on.all():  # a column of one entry may change its sign
        x[: on.size] = np.abs(x[: on.size])
    for at in np.flatnonzero(on & (np.abs(x[: on.size]) < ZERO)):
        zero = x.copy()
        zero[at] = 0.0
        if criterion.evaluate(zero)[0] <= value + SAME:
            x = zero
    return x


def found_at(criterion: Criterion, x: Floats, tolerance: float) -> Ended:
    """Return the evidence at a point, without a search."""
    value, gradient = criterion.evaluate(x)
    if not x.size or not np.isfinite(value):
        return Ended(x, value, gradient, np.zeros((x.size, x.size)), 0.0, 0.0, Status.OPTIMAL, 1)
    hessian = _hessian(criterion.evaluate, x)
    on = criterion.diagonal[criterion.free]
    zero = np.zeros(x.size, dtype=np.bool_)
    zero[: on.size] = on & (x[: on.size] == 0.0)
    inside = np.flatnonzero(~zero)
    values, vectors = np.linalg.eigh(hessian[np.ix_(inside, inside)])
    largest = float(np.abs(values).max(initial=1e-8))
    kept = values > 1e-8 * largest
    root = vectors[:, kept] / np.sqrt(values[kept])
    covariance = np.zeros_like(hessian)
    covariance[np.ix_(inside, inside)] = 2.0 * root @ root.T
    decrement = 0.5 * float(np.sum((root.T @ gradient[inside]) ** 2))
    least = float(np.linalg.eigvalsh(hessian)[0])
    holds = least > -1e-6 * max(largest, 1.0) and decrement <= 1e3 * tolerance and kept.all()
    dual = 0.5 * float(np.diagonal(hessian)[zero].min()) if zero.any() else 0.0
    status = Status.OPTIMAL if holds else Status.STALLED
    return Ended(x, value, gradient, covariance, decrement, dual, status, 1)


def _hessian(evaluate: _Counted | object, x: Floats) -> Floats:
    """Return the Hessian by central differences of the gradient."""
    call = evaluate
    assert callable(call)
    rows = np.empty((x.size, x.size))
    for i in range(x.size):
        step = STEP * max(abs(x[i]), 1.0)
        up, down = x.copy(), x.copy()
        up[i] += step
        down[i] -= step
        rows[i] = (call(up)[1] - call(down)[1]) / (2.0 * step)
    return (rows + rows.T) / 2.0
