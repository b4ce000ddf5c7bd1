"""Where Laplace's method itself fails: modes without curvature, and means at the end of their range."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from multilevel.engines.laplace.problem import LaplaceProblem
from multilevel.engines.likelihood.verdict import SENTENCES
from multilevel.engines.solution import Status
from multilevel.model.families import Family

Floats = NDArray[np.float64]

HOLLOW = 2.0
"""Effects whose variance given the response is larger than before it by as much have no proper mode."""
EMPTY = 1e-2
"""The mean of a count below this share of the mean response is at the end of its range."""
ENDLESS = 1e-3
"""So is the inverse of a mean below this share of the mean inverse response."""
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


def has_several_optima(family: Family) -> bool:
    """Return whether the density is not concave in the linear predictor.

    There may be several optima then, and one without group effects is often the nearest.

    Parameters
    ----------
    family
        With its link.
    """
    return family.link in ("identity", "inverse") or family.name in NOT_CONCAVE


def is_at_end(problem: LaplaceProblem, x: Floats) -> bool:
    """Return whether effects push the predictor of a row to zero: the link ends there, the density not.

    That of a count of zero with the identity link, and that of an inverse Gaussian response with the inverse
    link, do not vanish there: the best effects lie at the edge, and have no curvature.

    Parameters
    ----------
    problem
        The approximation.
    x
        A vector at which it is defined.
    """
    family, y = problem.design.family, problem.rows.y
    if family.counts and family.link == "identity":
        rows, least = y == 0.0, EMPTY * float(problem.design.y.mean())
    elif family.name == "inverse_gaussian" and family.link == "inverse":
        rows, least = y > 0.0, ENDLESS * float((1.0 / problem.design.y).mean())
    else:
        return False
    problem.at(x)
    return bool((problem.predictor()[rows] < least).any())


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
    if is_at_end(problem, x):
        counts = problem.design.family.counts
        what = "the mean of a count of 0 to 0" if counts else "the mean of a row to infinity"
        return (
            f"The optimum could not be certified: group effects push {what}, where the"
            f" {problem.design.family.link} link ends and Laplace's method with it. Choose the log"
            f"{' or the sqrt' if counts else ''} link, or ml.sample."
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
