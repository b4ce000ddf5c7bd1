"""Quasi-Newton acceleration of EM: what the steps so far tell of the curvature corrects the next one."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

STRETCH = 4.0
"""Growth of the EM step where the likelihood bends upwards."""
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
    stretch
        Factor of the EM step, which grows as long as the likelihood bends upwards: EM leaves a place near
        the boundary as slowly as it gets there.

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
    stretch: float = 1.0

    @classmethod
    def none(cls, size: int) -> Acceleration:
        """Return the acceleration before anything is known."""
        return cls(np.zeros((size, size)), 0.0)

    @property
    def differs(self) -> bool:
        """Whether the direction is another one than the EM step."""
        return self.scale > 0.0 or self.stretch > 1.0

    def direction(self, point: Point) -> Floats:
        """Return the accelerated direction ``(T,)``."""
        return np.asarray(self.stretch * point.step - self.correction @ point.gradient)

    def again(self) -> Acceleration:
        """Return the acceleration with everything forgotten but the curvature along the last step."""
        return Acceleration(self.scale * np.eye(self.correction.shape[0]), self.scale)

    def learned(self, before: Point, after: Point) -> Acceleration:
        """Return the acceleration that maps the last change of the gradient to the step that made it."""
        moved, rise = after.theta - before.theta, after.gradient - before.gradient
        curvature = float(moved @ rise)
        if not curvature > CURVED * float(np.linalg.norm(moved) * np.linalg.norm(rise)):
            return replace(self, stretch=STRETCH * self.stretch) if self.scale == 0.0 else self
        missed = self.correction @ rise - (after.step - before.step)
        crossed = np.outer(missed, moved)
        correction = (
            self.correction
            + (1.0 + float(rise @ missed) / curvature) * np.outer(moved, moved) / curvature
            - (crossed + crossed.T) / curvature
        )
        return Acceleration(correction, curvature / float(rise @ rise))
