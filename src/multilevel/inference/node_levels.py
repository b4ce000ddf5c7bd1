"""Levels of nodes of designs without rows: their labels from the recipe, their parents from the moments."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from multilevel.data.table import Column, Table
from multilevel.design.design import Design
from multilevel.design.node_rows import node_columns
from multilevel.design.recipe import Recipe
from multilevel.errors import DesignError
from multilevel.model.graph import Graph, Node
from multilevel.moments import Moments

Ints = NDArray[np.int64]


def levels_without_rows(design: Design, moments: Moments, graph: Graph, node: Node) -> Table:
    """Return a table with a row for each level of a node: its columns, and those of its parents.

    Parameters
    ----------
    design
        Without rows.
    moments
        Of the same model.
    graph, node
        The graph, and one of its nodes.

    Raises
    ------
    DesignError
        If the mean of the node has a column that is not one of levels, whose values only rows would say.

    Examples
    --------
    >>> import multilevel as ml
    >>> graph = ml.graph('''
    ...     B[batch] ~ Normal(mu, sigma_B)
    ...     yield ~ Normal(B[batch], sigma)
    ... ''')
    >>> fit = ml.fit(ml.moments(graph, ml.datasets.load("dyestuff")))
    >>> table = levels_without_rows(fit.design, fit.moments, graph.dag, graph.dag.nodes[0])
    >>> table.n_rows, table.columns["batch"].levels
    (6, ('A', 'B', 'C', 'D', 'E', 'F'))
    """
    own = design.terms[node.term].factor
    factors = dict.fromkeys([own, *(design.terms[other.term].factor for other in graph.nodes)])
    found: dict[str, Column] = {}
    for component in node.components:
        for name in node_columns(graph, component):
            if name not in found:
                found[name] = _column(design, moments, name, own, tuple(factors))
    return Table(found, len(design.factors[own].levels), design.library)


def parents_in_moments(design: Design, moments: Moments, child: int, above: int) -> Ints:
    """Return ``(m + 1,)`` for each level of a factor the level of another that it lies in, and -1.

    Parameters
    ----------
    design, moments
        Of one model.
    child, above
        Numbers of the factors in the design.

    Raises
    ------
    DesignError
        If a level lies in several.
    """
    inner, outer = moments.order.index(child), moments.order.index(above)
    pair = next(p for p in moments.pairs if {p.f, p.g} == {inner, outer})
    rows = np.repeat(np.arange(pair.start.size - 1), np.diff(pair.start))
    lower, upper = (rows, pair.index) if pair.f == inner else (pair.index, rows)
    m = len(design.factors[child].levels)
    several = np.flatnonzero(np.bincount(lower, minlength=m) > 1)
    if several.size:
        label = design.factors[child].levels[several[0]]
        raise DesignError(
            f"{design.factors[child].name} {label!r} lies in several levels of {design.factors[above].name}",
            allowed="parents of which every level has one",
            remedy="make them two crossed nodes",
        )
    found = np.full(m + 1, -1, dtype=np.int64)
    found[lower] = upper
    return found


def _column(design: Design, moments: Moments, name: str, own: int, factors: tuple[int, ...]) -> Column:
    """Return a grouping column for the levels of a factor: its own, or that of a factor it lies in."""
    recipe = design.recipe
    assert isinstance(recipe, Recipe)
    for factor in factors:
        group = design.factors[factor]
        if name in group.columns:
            at = group.columns.index(name)
            codes = recipe.groups[factor].members[:, at]
            if factor != own:
                codes = codes[parents_in_moments(design, moments, own, factor)[:-1]]
            return Column(name, codes.astype(np.int32), recipe.groups[factor].levels[at])
    raise DesignError(
        f"the mean of the node has the column `{name}`, of which this fit holds sums over rows only",
        allowed="nodes whose means have levels and parameters",
        remedy="fit.node(name, table) with the values of each level, or collect the rows and fit these",
    )
