"""Maximum likelihood by adaptive quadrature: the same search and answers as by Laplace's method."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from multilevel.design.design import Design
from multilevel.engines.laplace.estimator import (
    best_start,
    evaluated,
    first_search,
    optimise,
    solution_of,
)
from multilevel.engines.laplace.problem import LaplaceProblem
from multilevel.engines.laplace.quadrature import SEARCH_NODES, QuadratureProblem, checked_nodes
from multilevel.engines.laplace.search import Search, minimise
from multilevel.engines.likelihood.estimator import Progress, Watcher, checked_limit, checked_start
from multilevel.engines.likelihood.verdict import is_singular
from multilevel.engines.solution import Solution, Status
from multilevel.moments import layout_of

Floats = NDArray[np.float64]

NEAR = 1e-4
"""Decrement at which the searches by Laplace's method and with few nodes end, which give the start."""
SHORT = 50
"""Their evaluations, at most."""


def solve_quadrature(
    design: Design,
    *,
    nodes: int | None = None,
    start: Floats | None = None,
    max_evaluations: int = 200,
    progress: Watcher | None = None,
) -> Solution:
    """Estimate a generalised linear mixed model by maximum likelihood, adaptive Gauss-Hermite quadrature.

    Parameters
    ----------
    design
        With its family, one grouping factor and at most three effects per group.
    nodes
        In each dimension; ``None`` for 25 of one effect, 15 of two, 9 of three.
    start, max_evaluations, progress
        As for `solve_laplace`.

    Raises
    ------
    OptionError
        If the model has several factors, none, or more effects, or the nodes would be too many.
    DesignError
        If the likelihood is not defined at any start.

    Notes
    -----
    Naylor and Smith (1982), Pinheiro and Bates (1995). The search starts at Laplace's estimates. The gradient
    is that of the value itself: it follows the nodes as modes and curvatures move.
    """
    limit = checked_limit(max_evaluations, progress)
    layout = layout_of(design)
    nodes = checked_nodes(layout.effects, nodes)
    laplace = LaplaceProblem(design, layout)
    problem = QuadratureProblem.about(laplace, nodes)

    def watch(evaluations: int, value: float, decrement: float) -> bool:
        return progress is None or progress(Progress(evaluations, value, decrement)) is not False

    if start is not None:
        search = first_search(problem, checked_start(problem.places.size, start))
    else:
        search = _started(laplace, problem, best_start(laplace))
    return solution_of(problem, optimise(problem, search, limit, watch))


def _started(laplace: LaplaceProblem, problem: QuadratureProblem, x0: Floats) -> Search:
    """Return a search with its metric where few nodes have their optimum, found from Laplace's.

    At ``x0`` if Laplace's estimates are singular, or the likelihood is not defined there.
    """
    near = first_search(laplace, x0)
    minimise(laplace.at, near, limit=SHORT, watch=_always, tolerance=NEAR)
    if any(is_singular(T) for T in laplace.relative(near.x)):
        return first_search(problem, x0)
    fewer = SEARCH_NODES[problem.layout.effects[0]]
    steps = [QuadratureProblem.about(laplace, fewer), problem] if fewer < problem.nodes else [problem]
    for step in steps:
        point = step.at(near.x)
        if not np.isfinite(point.value):
            return first_search(problem, x0)
        near = dataclasses.replace(near, point=point, evaluations=1, trace=[point.value])
        if step is not problem:
            minimise(step.at, near, limit=SHORT, watch=_always, tolerance=NEAR)
    return near


def _always(evaluations: int, value: float, decrement: float) -> bool:
    return True


def evaluate_quadrature(
    design: Design, x: Floats, *, nodes: int | None, status: Status, evaluations: int
) -> Solution:
    """Return the solution at a known vector, without a search (for saved fits).

    Parameters
    ----------
    design, x, status, evaluations
        As for `evaluate_laplace`.
    nodes
        As for `solve_quadrature`.
    """
    layout = layout_of(design)
    problem = QuadratureProblem(design, layout, checked_nodes(layout.effects, nodes))
    return evaluated(problem, x, status, evaluations)
