"""The nodes of a graph on their own scale: estimates or posterior means of every level, with their sds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import partial

import numpy as np
from numpy.typing import NDArray

from multilevel.data import Library, read_table
from multilevel.data.table import Table
from multilevel.design.design import NewRows
from multilevel.design.node_rows import NodeRows, Parents, levels_of, node_columns, node_rows
from multilevel.errors import OptionError
from multilevel.inference.effects import group_effects
from multilevel.inference.node_levels import levels_without_rows, parents_in_moments
from multilevel.inference.posterior_predict import posterior_predict
from multilevel.inference.posterior_tables import pooling_weights
from multilevel.inference.predict import predict
from multilevel.model.graph import Graph, Node
from multilevel.model.text import effect_name
from multilevel.results import Columns, Groups
from multilevel.results.posterior import Posterior, Result

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class NodeTable:
    """Levels of a node that need not be in the data, and the library of the table that named them."""

    columns: Columns
    library: Library


def nodes(result: Result) -> Columns:
    """Return every level of every node of the graph on the node's own scale.

    Parameters
    ----------
    result
        A fit or posterior of a model with a graph.

    Returns
    -------
    Columns node, level, estimate (of a posterior: mean), sd, lower, upper, pooling. The value of ``A[app]``
    itself, not its deviation from its mean: coefficients, constants and the effects of all nodes above it,
    with their joint uncertainty (coefficients' included; of a fit at the estimated variances). In units of
    the response, or of the linear predictor of a generalised model. ``pooling`` is the weight of the level's
    own data, as in ``random_effects``. Limits have the coverage of ``result.options.level``.

    Raises
    ------
    OptionError
        If the model has no graph.
    """
    graph = graph_of(result)
    weights = _weights(result)
    first = "mean" if isinstance(result, Posterior) else "estimate"
    found: dict[str, list[object]] = {
        name: [] for name in ("node", "level", first, "sd", "lower", "upper", "pooling")
    }
    for node in graph.nodes:
        table = _levels(result, graph, node)
        for at, component in enumerate(node.components):
            bound = node_rows(result.design, table, component, _parents(result))
            part = _values(result, bound, result.options.level)
            effect = effect_name(node.columns[at])
            part = {**part, "pooling": weights[node.term, result.design.terms[node.term].names.index(effect)]}
            for name, values in {
                "node": [component] * len(bound.labels),
                "level": bound.labels,
                **part,
            }.items():
                found[name].extend(values)
    return {
        name: values if name in ("node", "level") else np.array(values, dtype=float)
        for name, values in found.items()
    }


def node(result: Result, name: str, data: object, *, interval: float | None = None) -> NodeTable:
    """Return levels of a node that need not be in the data.

    Parameters
    ----------
    result
        A fit or posterior of a model with a graph.
    name
        A node, or a component of a vector node, ``"b[0]"``.
    data
        A table with the node's index, the indices of the nodes in its mean, and the columns in it.
    interval
        Coverage of the limits; ``None`` for that of the result's tables.

    Returns
    -------
    Columns node, level, estimate (of a posterior: mean), sd, lower, upper. A level that is not in the data
    has the mean that its parents give, and the sd of a new level: its own spread included, and that of
    parents that are not in the data either.

    Raises
    ------
    OptionError
        If the model has no graph or no such node.
    DataError
        If a column is absent or has values that cannot be used.
    """
    graph = graph_of(result)
    component = _component(graph, name)
    table = read_table(data, node_columns(graph, component))
    bound = node_rows(result.design, table, component, _parents(result))
    level = result.options.level if interval is None else interval
    columns: Columns = {
        "node": [component] * table.n_rows,
        "level": list(bound.labels),
        **_values(result, bound, level),
    }
    return NodeTable(columns, table.library)


def _levels(result: Result, graph: Graph, node: Node) -> Table:
    """Return a table with a row for each level of a node, from the rows or from the moments."""
    if result.design.summary is None or result.moments is None:
        return levels_of(result.design, result.table, node)
    return levels_without_rows(result.design, result.moments, graph, node)


def _parents(result: Result) -> Parents | None:
    """Return how the parents of levels are found where there are no rows."""
    if result.design.summary is None or result.moments is None:
        return None
    return partial(parents_in_moments, result.design, result.moments)


def graph_of(result: Result) -> Graph:
    """Return the graph of a result's model, or raise `OptionError`."""
    graph = result.design.model.dag
    if graph is None:
        raise OptionError(
            "nodes were asked of a model that was written as a formula",
            allowed="models made by multilevel.graph",
            remedy="multilevel.formula(...).graph(), or random_effects and group_coefficients",
        )
    return graph


def _component(graph: Graph, name: str) -> str:
    """Return the component of a node that a name means."""
    known = [component for node in graph.nodes for component in node.components]
    if name in known:
        return name
    near = get_close_matches(str(name)[:60], known, n=1)
    raise OptionError(
        f"the graph has no node {name!r}",
        allowed=", ".join(repr(component) for component in known),
        remedy=f"did you mean {near[0]!r}?" if near else "",
    )


def _values(result: Result, bound: NodeRows, level: float) -> dict[str, Floats]:
    """Return value, sd and limits of the rows of a node, rows with the same unknown levels together."""
    rows, design = bound.rows, result.design
    unknown = np.column_stack([rows.index[t] < 0 for t in bound.chain])
    first = "mean" if isinstance(result, Posterior) else "estimate"
    found = {name: np.empty(len(bound.labels)) for name in (first, "sd", "lower", "upper")}
    for pattern in np.unique(unknown, axis=0):
        some = np.flatnonzero((unknown == pattern).all(axis=1))
        new = {
            design.factors[design.terms[t].factor].name
            for t, absent in zip(bound.chain, pattern, strict=True)
            if absent
        }
        kinds: Mapping[str, Groups] = dict.fromkeys(new, "new")
        part = _some(rows, some)
        if isinstance(result, Posterior):
            got = posterior_predict(result, part, groups=kinds, interval=level)
            spread = got["sd"]
        else:
            got = predict(result, part, groups=kinds, interval=level, scale="link")
            spread = got["std_error"]
        for name, values in zip(found, (got["prediction"], spread, got["lower"], got["upper"]), strict=True):
            found[name][some] = values
    return found


def _some(rows: NewRows, some: NDArray[np.intp]) -> NewRows:
    """Return some of the rows."""
    return replace(
        rows,
        X=rows.X[some],
        offset=None if rows.offset is None else rows.offset[some],
        index=tuple(index[some] for index in rows.index),
        Z=tuple(Z[some] for Z in rows.Z),
        unknown={},
        inflation=None if rows.inflation is None else rows.inflation[some],
    )


def _weights(result: Result) -> dict[tuple[int, int], Floats]:
    """Return the pooling weights of each effect of each grouped term, by level."""
    terms, factors = result.design.terms, result.design.factors
    if isinstance(result, Posterior):
        blocks = [pooling_weights(result, t) for t in range(len(terms))]
    else:
        weights = np.asarray(group_effects(result)["pooling"])
        sizes = [len(factors[term.factor].levels) * len(term.names) for term in terms]
        parts = np.split(weights, np.cumsum(sizes))[: len(sizes)]
        blocks = [part.reshape(-1, len(term.names)) for part, term in zip(parts, terms, strict=True)]
    return {(t, e): block[:, e] for t, block in enumerate(blocks) for e in range(block.shape[1])}
