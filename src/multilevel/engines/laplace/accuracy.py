"""After a fit by Laplace's method on one factor: what adaptive quadrature says at the same estimates."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from multilevel.engines.laplace.problem import LaplaceProblem
from multilevel.engines.laplace.quadrature import MOST_EFFECTS, QuadratureProblem
from multilevel.engines.solution import Accuracy
from multilevel.kernels import arrays_in_files

Floats = NDArray[np.float64]

CHECK_NODES = {1: 7, 2: 5, 3: 4}
"""Nodes of each dimension, by effects per group: enough to see a difference."""
NOTICED_LOGLIK = 0.5
"""Difference of log-likelihoods that is told."""
NOTICED_SHIFT = 0.1
"""Movement of a parameter that is told, in standard errors."""


def accuracy_of(problem: LaplaceProblem, x: Floats, covariance: Floats) -> Accuracy | None:
    """Return how far Laplace's method is from quadrature, or ``None`` for models that quadrature cannot do.

    Nor where arrays are in files: quadrature sorts the rows by groups in memory.

    Parameters
    ----------
    problem, x
        The problem and its optimum.
    covariance
        ``(d, d)`` asymptotic covariance of the vector, zero where it is held.

    Notes
    -----
    Quadrature is evaluated once, at the optimum. One Newton step from there, with the curvature of Laplace's
    approximation, says where its own optimum lies.
    """
    effects = problem.layout.effects
    if len(effects) != 1 or not 1 <= effects[0] <= MOST_EFFECTS or arrays_in_files():
        return None
    nodes = CHECK_NODES[effects[0]]
    point = QuadratureProblem.about(problem, nodes).at(x)
    if not np.isfinite(point.value):
        return None
    loglik = 0.5 * float(point.found["laplace"] - point.found["value"])
    step = -0.5 * covariance @ point.gradient
    shifts = dict(_shifts(problem, step, covariance))
    name = max(shifts, key=lambda key: shifts[key], default="")
    shift = shifts.get(name, 0.0)
    return Accuracy(nodes, loglik, shift, name, _sentence(loglik, shift, name))


def _shifts(problem: LaplaceProblem, step: Floats, covariance: Floats) -> Iterator[tuple[str, float]]:
    """Yield for each parameter its name and its movement in standard errors."""
    here, design = problem.places, problem.design
    back = problem.layout.scaling.fixed.back
    at = here.coefficients
    yield from _named(design.fixed.names, back @ step[at], back @ covariance[at, at] @ back.T, "`{}`")
    if design.inflation is not None:
        back, at = problem.layout.inflation.back, here.inflation
        names = design.inflation.names
        yield from _named(
            names, back @ step[at], back @ covariance[at, at] @ back.T, "zero inflation of `{}`"
        )
    at = here.auxiliary
    ordinal = design.family.name == "ordinal"
    names = ("thresholds",) * problem.n_auxiliary if ordinal else design.family.parameters
    yield from _named(names, step[at], covariance[at, at], "the {}" if ordinal else "`{}`")
    at = here.theta
    what = "sd" if problem.layout.effects == (1,) else "covariance matrix"
    names = (design.factors[0].name,) * (at.stop - at.start)
    yield from _named(names, step[at], covariance[at, at], f"the {what} of `{{}}`")


def _named(
    names: tuple[str, ...], step: Floats, covariance: Floats, text: str
) -> Iterator[tuple[str, float]]:
    """Yield the largest movement of each name; parameters that are held do not move."""
    spread = np.sqrt(np.maximum(np.diagonal(covariance), 0.0))
    largest: dict[str, float] = {}
    for name, moved, sd in zip(names, step, spread, strict=True):
        key = text.format(name)
        largest[key] = max(largest.get(key, 0.0), abs(float(moved)) / float(sd) if sd > 0.0 else 0.0)
    yield from largest.items()


def _sentence(loglik: float, shift: float, name: str) -> str:
    """Return what the difference means, or "" if it is small."""
    if abs(loglik) <= NOTICED_LOGLIK and shift <= NOTICED_SHIFT:
        return ""
    moved = f"{name} would move by about {shift:.2f} standard errors"
    if shift <= NOTICED_SHIFT:
        moved = f"estimates would hardly move (at most {shift:.2f} standard errors)"
    side = "higher" if loglik > 0 else "lower"
    return (
        "Laplace's approximation can be seen here: by adaptive quadrature the log-likelihood of these"
        f" estimates is {abs(loglik):.2f} {side}, and {moved}; method='quadrature' fits without it."
    )
