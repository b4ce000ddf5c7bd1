"""Which columns of a graph's indices are functions of which others, before there are data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from multilevel.errors import DesignError
from multilevel.model.graph import Graph, Node


@dataclass(frozen=True, slots=True)
class Nesting:
    """The columns whose levels nodes have.

    Parameters
    ----------
    above
        Each column, outer ones first, and the columns that are functions of it and of no column between.
    finest
        Columns that are functions of no other.
    """

    above: Mapping[str, tuple[str, ...]]
    finest: tuple[str, ...]


def nesting_of(graph: Graph) -> Nesting:
    """Return how the columns of the indices are nested, as the means of the nodes say.

    ``A[app] ~ Normal(P[publisher], s)`` makes publisher a function of app. Where a node's index contains that
    of its parent, ``S[state, district] ~ Normal(T[state], s)``, the columns that are added are nested in it.

    Raises
    ------
    DesignError
        Two columns are functions of each other, or a parent belongs to a combination of columns.

    Examples
    --------
    >>> from multilevel.language.graph import parse_graph
    >>> model = parse_graph("P[p] ~ Normal(m, s); A[a] ~ Normal(P[p], t); D[d] ~ Normal(0, u); "
    ...                     "y ~ Normal(A[a] + D[d], v)")
    >>> nesting_of(model.dag).finest
    ('a', 'd')
    """
    every = sorted({name for node in graph.nodes for name in node.index} | set(graph.residual_groups))
    above: dict[str, set[str]] = {name: set() for name in every}
    for node in graph.nodes:
        for parent in (graph.node_of(part.node)[0] for mean in node.means for part in mean if part.node):
            for child in _children(node, parent):
                above[child] |= set(parent.index) - {child}
    try:
        order = tuple(TopologicalSorter(above).static_order())
    except CycleError as error:
        names = " and ".join(f"`{name}`" for name in dict.fromkeys(error.args[1]))
        raise DesignError(
            f"the columns {names} are functions of each other by the means of the nodes",
            remedy="give a table in place of sizes",
        ) from error
    everything: dict[str, set[str]] = {}
    for name in order:
        everything[name] = above[name].union(*(everything[one] for one in above[name]))
    direct = {
        name: tuple(
            sorted(one for one in above[name] if not any(one in everything[two] for two in above[name]))
        )
        for name in order
    }
    outer = {one for names in above.values() for one in names}
    return Nesting(direct, tuple(name for name in every if name not in outer))


def _children(node: Node, parent: Node) -> tuple[str, ...]:
    """Return the columns of a node that determine the level of its parent."""
    if set(parent.index) < set(node.index):
        return tuple(name for name in node.index if name not in parent.index)
    if len(node.index) == 1 or set(parent.index) == set(node.index):
        return node.index if len(node.index) == 1 else ()
    raise DesignError(
        f"the parent `{parent.name}[{', '.join(parent.index)}]` of `{node.name}[{', '.join(node.index)}]` "
        "belongs to a combination of columns, which sizes cannot say",
        remedy="give a table with these columns in place of sizes",
    )
