"""Design -> the likelihood by adaptive Gauss-Hermite quadrature, for one factor with up to three effects."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilevel.design.design import Design
from multilevel.engines.laplace.problem import LaplaceProblem
from multilevel.engines.solution import Method
from multilevel.errors import OptionError
from multilevel.kernels import core, threads
from multilevel.moments import Layout

Floats = NDArray[np.float64]

MOST_EFFECTS = 3
DEFAULT_NODES = {1: 25, 2: 15, 3: 9}
"""Nodes of each dimension, by effects per group."""
HESSIAN_NODES = {1: 25, 2: 9, 3: 5}
"""Nodes of each dimension, by effects per group, with which Hessians are made by differences.

Standard errors change by less than one percent, mostly far less; estimates and likelihood are those of all
nodes.
"""
SEARCH_NODES = {1: 9, 2: 5, 3: 4}
"""Nodes of each dimension, by effects per group, of the first part of a search."""
MOST_POINTS = 30_000
LEAST_WEIGHT = 1e-20
"""Nodes of a product grid with less of the normal distribution are left out."""


@lru_cache(maxsize=32)
def hermite_grid(effects: int, nodes: int) -> tuple[Floats, Floats]:
    """Return the nodes ``(Q, K)`` and ``log(w) + z'z / 2`` ``(Q,)`` of a standard normal distribution.

    Parameters
    ----------
    effects
        Dimensions K of the product grid.
    nodes
        In each dimension.

    Notes
    -----
    Golub and Welsch (1969), by NumPy; made exactly symmetric. Nodes with a weight below 1e-20 are left out.

    Examples
    --------
    >>> points, log_weights = hermite_grid(1, 3)
    >>> points.round(4).ravel().tolist()
    [-1.7321, 0.0, 1.7321]
    """
    z, w = np.polynomial.hermite_e.hermegauss(nodes)
    z, w = (z - z[::-1]) / 2.0, (w + w[::-1]) / 2.0
    w /= w.sum()
    points = np.array(list(itertools.product(z, repeat=effects)))
    log_weights = np.log(np.array(list(itertools.product(w, repeat=effects)))).sum(axis=1)
    kept = log_weights >= np.log(LEAST_WEIGHT) if effects > 1 else np.ones(nodes, dtype=bool)
    points, log_weights = points[kept], log_weights[kept]
    points, log_weights = (
        np.ascontiguousarray(points),
        log_weights + 0.5 * np.einsum("qk,qk->q", points, points),
    )
    points.flags.writeable = log_weights.flags.writeable = False
    return points, np.asarray(log_weights)


def checked_nodes(effects: tuple[int, ...], nodes: int | None) -> int:
    """Return the nodes of each dimension, or raise `OptionError` if quadrature cannot be done.

    Parameters
    ----------
    effects
        Effects per level of each factor.
    nodes
        As asked, ``None`` for the default.
    """
    if len(effects) != 1 or not 1 <= effects[0] <= MOST_EFFECTS:
        found = (
            "no grouping factor" if not effects
            else f"{len(effects)} grouping factors" if len(effects) > 1
            else f"{effects[0]} effects in each group"
        )  # fmt: skip
        raise OptionError(
            f"method='quadrature' was asked of a model with {found}",
            allowed=f"one grouping factor with up to {MOST_EFFECTS} effects in each group",
            remedy="method='laplace'",
        )
    chosen = DEFAULT_NODES[effects[0]] if nodes is None else nodes
    if chosen ** effects[0] > MOST_POINTS:
        raise OptionError(
            f"nodes={chosen} in {effects[0]} dimensions are {chosen ** effects[0]:,} points in each group",
            allowed=f"at most {MOST_POINTS:,} points",
            remedy=f"nodes={DEFAULT_NODES[effects[0]]}",
        )
    return chosen


class QuadratureProblem(LaplaceProblem):
    """-2 log-likelihood by adaptive quadrature, with the exact gradient of that value.

    The vector is that of `LaplaceProblem`; the nodes of each group lie about its mode, along the Cholesky
    factor of the curvature there, and move with both.
    """

    __slots__ = ("_grid", "_nodes", "_rough")

    _rough: QuadratureProblem | None

    def __init__(self, design: Design, layout: Layout, nodes: int) -> None:
        super().__init__(design, layout)
        self._place_nodes(nodes)

    @classmethod
    def about(cls, problem: LaplaceProblem, nodes: int) -> QuadratureProblem:
        """Return the problem that shares rows and modes with one of Laplace's method."""
        made = cls.__new__(cls)
        for name in LaplaceProblem.__slots__:
            setattr(made, name, getattr(problem, name))
        made._place_nodes(nodes)
        return made

    @property
    def rough(self) -> LaplaceProblem:
        """The problem with nodes enough for a Hessian."""
        return self._rough or self

    def _place_nodes(self, nodes: int) -> None:
        self._nodes = nodes
        fewer = HESSIAN_NODES[self.layout.effects[0]]
        self._rough = QuadratureProblem.about(self, fewer) if fewer < nodes else None
        points, log_weights = hermite_grid(self.layout.effects[0], nodes)
        self._grid = core.Quadrature(self._native, points, log_weights, threads)

    @property
    def method(self) -> Method:
        """Name of the method."""
        return "quadrature"

    @property
    def nodes(self) -> int:
        """Nodes of each dimension."""
        return self._nodes

    def _evaluate(
        self, beta: Floats, theta: Floats, aux: Floats, inflation: Floats | None, gradient: bool
    ) -> Mapping[str, Any]:
        return self._grid.evaluate(beta, theta, aux, inflation, gradient)
