"""Quasi-Newton acceleration of EM: what the steps so far tell of the curvature corrects the next one."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

CURVED = 1e-10
"""A step along which the gradient rises by less than this (as a cosine) tells nothing of the curvature."""


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """A place of the search: coordinates, gradient of the criterion, and the plain EM step from there.

    Parameters
    ----------
    theta, gradient, step
        ``(T,)`` each.
    """

    theta: Floats
    gradient: Floats
    step: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Acceleration:
    """What is added to the EM step: minus ``correction`` times the gradient.

    Parameters
    ----------
    correction
        Symmetric ``(T, T)``; zero at first, when the direction is the EM step itself.
    scale
        Inverse curvature along the last step, zero at first.

    Notes
    -----
    Jamshidian and Jennrich (1997), their QN2. Near the optimum the EM step is minus the gradient
    times an inverse information of the complete data; the correction turns that into the inverse curvature of
    the likelihood by the BFGS formula.

    Examples
    --------
    >>> before = Point(np.array([1.0]), np.array([4.0]), np.array([-0.1]))
    >>> after = Point(np.array([0.9]), np.array([3.6]), np.array([-0.09]))
    >>> Acceleration.none(1).learned(before, after).direction(after).round(12).tolist()  # a parabola: exact
    [-0.9]
    """

    correction: Floats
    scale: float

    @classmethod
    def none(cls, size: int) -> Acceleration:
        """Return the acceleration before anything is known."""
        return cls(np.zeros((size, size)), 0.0)

    @property
    def knows(self) -> bool:
        """Whether a step has been learned from."""
        return self.scale > 0.0

    def direction(self, point: Point) -> Floats:
        """Return the accelerated direction ``(T,)``."""
        return np.asarray(point.step - self.correction @ point.gradient)

    def again(self) -> Acceleration:
        """Return the acceleration with everything forgotten but the curvature along the last step."""
        return replace(self, correction=self.scale * np.eye(self.correction.shape[0]))

    def learned(self, before: Point, after: Point) -> Acceleration:
        """Return the acceleration that maps the last change of the gradient to the step that made it."""
        moved, rise = after.theta - before.theta, after.gradient - before.gradient
        curvature = float(moved @ rise)
        if not curvature > CURVED * float(np.linalg.norm(moved) * np.linalg.norm(rise)):
            return self
        missed = self.correction @ rise - (after.step - before.step)
        crossed = np.outer(missed, moved)
        correction = (
            self.correction
            + (1.0 + float(rise @ missed) / curvature) * np.outer(moved, moved) / curvature
            - (crossed + crossed.T) / curvature
        )
        return Acceleration(correction, curvature / float(rise @ rise))
