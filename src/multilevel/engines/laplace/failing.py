"""Where Laplace's method itself fails: modes without curvature, and means at the end of their range."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from multilevel.design.design import Design
from multilevel.engines.laplace.problem import LaplaceProblem
from multilevel.engines.likelihood.verdict import SENTENCES, is_singular
from multilevel.engines.solution import Status

Floats = NDArray[np.float64]

HOLLOW = 2.0
"""Effects whose variance given the response is larger than before it by as much have no proper mode."""
EMPTY = 1e-2
"""A mean below this share of the mean response is at the end of its range."""
NOT_CONCAVE = ("gaussian", "student", "inverse_gaussian")
"""Families whose log density is not concave in the linear predictor."""
ENDED_BADLY = (Status.STALLED, Status.EVALUATION_LIMIT)


def is_hollow(problem: LaplaceProblem, x: Floats) -> bool:
    """Return whether the likelihood of some group is convex at its mode: Laplace's value has no bottom.

    With the observed information ``W`` the matrix ``H = I + Lambda'Z'WZ Lambda`` of some group has an
    eigenvalue below one there. Where two modes merge it is zero, and ``log|H|`` minus infinity: a search
    that comes near falls in.

    Parameters
    ----------
    problem
        The approximation.
    x
        A vector at which it is defined.
    """
    if problem.method != "laplace":
        return False
    problem.at(x)
    relative = problem.relative(x)
    for number, (_, variances) in enumerate(problem.effects()):
        T = np.zeros(variances.shape[1:])
        for block, part in zip(problem.layout.blocks, relative, strict=True):
            if block.factor == number:
                here = slice(block.start, block.start + block.size)
                T[here, here] = part
        if float(np.real(np.linalg.eigvals(np.linalg.pinv(T) @ variances)).max(initial=0.0)) > HOLLOW:
            return True
    return False


def may_hide_another(design: Design, relative: Sequence[Floats]) -> bool:
    """Return whether there may be a better optimum than one at the boundary of the covariances.

    Densities that are not concave in the linear predictor have several optima now and then, and one without
    group effects is often the nearest.

    Parameters
    ----------
    design
        With its family.
    relative
        Covariance matrix of each term.
    """
    several = design.family.link in ("identity", "inverse") or design.family.name in NOT_CONCAVE
    return several and any(is_singular(T) for T in relative)


def is_empty(problem: LaplaceProblem, x: Floats) -> bool:
    """Return whether effects push the mean of a count of zero to zero, where an identity link ends.

    The density of a zero does not vanish there: the best effects lie at the edge, and have no curvature.

    Parameters
    ----------
    problem
        The approximation.
    x
        A vector at which it is defined.
    """
    family = problem.design.family
    if not family.counts or family.link != "identity":
        return False
    problem.at(x)
    least = EMPTY * float(problem.design.y.mean())
    return bool((problem.predictor()[problem.rows.y == 0.0] < least).any())


def sentence_of(problem: LaplaceProblem, x: Floats, status: Status) -> str:
    """Return how the search ended, in words, with the reason where it is Laplace's method.

    Parameters
    ----------
    problem
        The approximation.
    x
        Where the search ended.
    status
        How.
    """
    if status not in ENDED_BADLY:
        return SENTENCES[status]
    if is_empty(problem, x):
        return (
            "The optimum could not be certified: group effects push the mean of a count of 0 to 0, where the"
            " identity link ends and Laplace's method with it. Choose the log or the sqrt link, or ml.sample."
        )
    if is_hollow(problem, x):
        one = len(problem.layout.blocks) == 1
        return (
            "The optimum could not be certified: at some group the likelihood has two modes or none, and"
            " Laplace's approximation has no maximum there. "
            + ("method='quadrature', ml.sample," if one else "ml.sample")
            + " or a family with lighter tails or another link has an answer."
        )
    return SENTENCES[status]
