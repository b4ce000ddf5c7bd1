"""What a graph asks of the data: parents are functions of their children, group-level columns constant."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from multilevel.design.design import GroupFactor
from multilevel.design.matrices import Columns
from multilevel.errors import DesignError
from multilevel.model.graph import Graph, Node, Part


def check_graph(graph: Graph, columns: Columns, factors: Sequence[GroupFactor], nodes: Sequence[int]) -> None:
    """Raise if a node's mean varies inside one of its levels, or a node is multiplied by a category.

    Parameters
    ----------
    graph
        The graph of the model.
    columns
        Columns of the used rows.
    factors
        Grouping factors of the design.
    nodes
        For each grouped term the position of its factor.

    Raises
    ------
    DesignError
        Naming the level, and two of the parents or values that it has.
    """
    for part in graph.mean:
        if part.node:
            _check_numbers(part, columns)
    for node in graph.nodes:
        factor = factors[nodes[node.term]]
        for mean in node.means:
            for part in mean:
                if part.node:
                    _check_numbers(part, columns)
                if part.node:
                    parent, _ = graph.node_of(part.node)
                    _check_parent(node, factor, parent, factors[nodes[parent.term]])
                if part.columns:
                    _check_columns(node, factor, part, columns)


def _check_numbers(part: Part, columns: Columns) -> None:
    """Raise if a node is multiplied by a category, which would make it several."""
    if not part.columns:
        return
    matrix = columns.matrix(f"0 + {part.columns}")
    if matrix.categorical or matrix.values.shape[1] != 1:
        raise DesignError(
            f"the node `{part.node}` is multiplied by the category `{part.columns}`, several columns: "
            f"{', '.join(matrix.names[:5])}{', ...' if len(matrix.names) > 5 else ''}",
            allowed="a node times columns of numbers",
            remedy="a column of 0 and 1 for a level and a node for it, or for all levels a node whose index "
            "has the category as well",
        )


def _check_parent(node: Node, factor: GroupFactor, parent: Node, above: GroupFactor) -> None:
    """Raise if a level of a node has rows of two levels of its parent."""
    first, fault = _varying(factor, above.index[:, None])
    if fault is None:
        return
    level, one, other = factor.levels[fault[0]], above.index[first[fault[0]]], above.index[fault[1]]
    raise two_parents(node, parent, factor.name, level, above.name, (above.levels[one], above.levels[other]))


def two_parents(
    node: Node, parent: Node, child: str, level: str, above: str, found: tuple[str, str]
) -> DesignError:
    """Return the error of a level of a node that has rows of two levels of its parent."""
    index = ", ".join(node.index)
    both = ", ".join(dict.fromkeys((*parent.index, *node.index)))
    return DesignError(
        f"`{parent.name}[{', '.join(parent.index)}]` is in the mean of `{node.name}[{index}]`, but {child} "
        f"{level!r} has rows of the {above} {found[0]!r} and {found[1]!r}",
        allowed="every level of a node in one level of its parent",
        remedy=f"index the node by both, `{node.name}[{both}]`, if a label stands for different things in "
        "different parents; or add both nodes in the response",
    )


def _check_columns(node: Node, factor: GroupFactor, part: Part, columns: Columns) -> None:
    """Raise if a column in a node's mean varies inside one of the node's levels."""
    values = columns.matrix(f"0 + {part.columns}").values
    first, fault = _varying(factor, values)
    if fault is None:
        return
    one, other = values[first[fault[0]]], values[fault[1]]
    at = int(np.flatnonzero(one != other)[0])
    raise DesignError(
        f"`{part.columns}` is in the mean of `{node.name}[{', '.join(node.index)}]`, but varies inside "
        f"{factor.name} {factor.levels[fault[0]]!r}: {one[at]:g} and {other[at]:g}",
        allowed="columns that are constant inside each level of the node",
        remedy=f"put `{part.parameter or 'b'} * {part.columns}` in the mean of the response",
    )


def _varying(
    factor: GroupFactor, values: NDArray[np.float64] | NDArray[np.int32]
) -> tuple[NDArray[np.int64], tuple[int, int] | None]:
    """Return the first row of each level, and a level and a row of it that differs from the first."""
    first = np.full(len(factor.levels), -1, dtype=np.int64)
    rows = np.arange(factor.index.size, dtype=np.int64)[::-1]
    first[factor.index[::-1]] = rows
    different = np.flatnonzero((values != values[first[factor.index]]).any(axis=1))
    if different.size == 0:
        return first, None
    return first, (int(factor.index[different[0]]), int(different[0]))
