"""Nodes of a graph as rows to predict: what coefficients, constants and effects a node's value is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multilevel.data.table import Column, Table
from multilevel.design.design import Design, NewRows
from multilevel.design.matrices import Columns
from multilevel.design.new_rows import level_numbers, scope_of_columns
from multilevel.design.recipe import Recipe
from multilevel.errors import DataError, DesignError, OptionError
from multilevel.language import parse_terms
from multilevel.model.graph import Graph, Mean, Node, Part
from multilevel.model.text import effect_name

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Parents = Callable[[int, int], NDArray[np.int64]]


@dataclass(frozen=True, slots=True)
class NodeRows:
    """Rows whose linear predictor is the value of one component of a node.

    Parameters
    ----------
    labels
        The level of each row, combinations joined by colons.
    rows
        What they are made of: grouped terms that the node has no part in have effects of zero and level 0.
    chain
        Positions of the grouped terms of the node and of the nodes in its mean.
    """

    labels: tuple[str, ...]
    rows: NewRows
    chain: tuple[int, ...]


def node_columns(graph: Graph, component: str) -> tuple[str, ...]:
    """Return the columns that a table of levels of a node needs: its index, its parents', and predictors.

    Parameters
    ----------
    graph
        The graph.
    component
        A component of one of its nodes.
    """
    names: list[str] = []
    for node, mean in _chain(graph, component):
        names += node.index
        for part in mean:
            names += parse_terms(f"0 + {part.columns}").columns if part.columns else ()
    return tuple(dict.fromkeys(names))


def levels_of(design: Design, table: Table, node: Node) -> Table:
    """Return one row of the fitted table for each level of a node, in the order of the levels."""
    factor = design.factors[design.terms[node.term].factor]
    first = np.full(len(factor.levels), -1, dtype=np.int64)
    first[factor.index[::-1]] = design.rows[::-1]
    columns = {
        name: Column(name, c.values[first], c.levels, c.boolean, c.ordered, c.whole)
        for name, c in table.columns.items()
    }
    return Table(columns, first.size, table.library)


def node_rows(design: Design, table: Table, component: str, parents: Parents | None = None) -> NodeRows:
    """Bind levels of a node.

    Parameters
    ----------
    design
        A design whose model has a graph.
    table
        A row for each level, with the columns that `node_columns` names; levels need not be in the data.
    component
        A component of a node.
    parents
        Which level of one factor each level of another lies in, -1 for none, then -1 for an unknown one;
        ``None`` to look it up in the rows of the design.

    Returns
    -------
    NodeRows

    Raises
    ------
    DataError
        A level that is in the data is given another parent than it has there.
    DesignError
        A coefficient of the node's mean has no column of its own in the design.
    OptionError
        The model has no graph.
    """
    graph, recipe = design.model.dag, design.recipe
    if graph is None or not isinstance(recipe, Recipe):
        raise OptionError("the model has no graph", remedy="multilevel.graph(...)")
    node, _ = graph.node_of(component)
    numbers, unknown = level_numbers(design, recipe, table)
    _check_parents(design, graph, component, numbers, parents or _ParentsInRows(design))
    predictors = [name for _, mean in _chain(graph, component) for name in _predictors(mean)]
    columns = Columns(scope_of_columns(design, recipe, table, predictors), recipe.state)
    made = _Rows(design, graph, columns, table.n_rows)
    made.add(component, np.ones(table.n_rows))
    terms = design.terms
    rows = NewRows(
        X=made.X,
        offset=made.offset,
        index=tuple(
            numbers[term.factor] if t in made.chain else np.zeros(table.n_rows, dtype=np.int32)
            for t, term in enumerate(terms)
        ),
        Z=tuple(made.Z),
        unknown={name: labels for name, labels in unknown.items() if labels},
        inflation=None if design.inflation is None else np.zeros((table.n_rows, design.inflation.X.shape[1])),
    )
    parts = [_labels(table.columns[name]) for name in node.index]
    return NodeRows(tuple(map(":".join, zip(*parts, strict=True))), rows, tuple(made.chain))


def _check_parents(
    design: Design, graph: Graph, component: str, numbers: Sequence[Ints], parents: Parents
) -> None:
    """Raise if a level that is in the data is given another parent than it has there."""
    for node, mean in _chain(graph, component):
        child = design.terms[node.term].factor
        for parent in (graph.node_of(part.node)[0] for part in mean if part.node):
            above = design.terms[parent.term].factor
            own = parents(child, above)
            wrong = np.flatnonzero((numbers[child] >= 0) & (own[numbers[child]] != numbers[above]))
            if wrong.size:
                level = design.factors[child].levels[numbers[child][wrong[0]]]
                right = design.factors[above].levels[own[numbers[child][wrong[0]]]]
                raise DataError(
                    f"{design.factors[child].name} {level!r} is given another {design.factors[above].name} "
                    f"than it has in the data: {right!r} (row {wrong[0]})",
                    allowed="known levels with their own parents; new levels with any",
                )


@dataclass(frozen=True, slots=True)
class _ParentsInRows:
    """Parents of levels as the rows of a design have them."""

    design: Design

    def __call__(self, child: int, above: int) -> NDArray[np.int64]:
        factors = self.design.factors
        own = np.full(len(factors[child].levels) + 1, -1, dtype=np.int64)
        own[factors[child].index] = factors[above].index
        return own


def _chain(graph: Graph, component: str) -> Iterator[tuple[Node, Mean]]:
    """Return a component's node and mean, and those of all nodes in it."""
    node, at = graph.node_of(component)
    yield node, node.means[at]
    for part in node.means[at]:
        if part.node:
            yield from _chain(graph, part.node)


def _predictors(mean: Mean) -> tuple[str, ...]:
    """Return the columns in a mean."""
    return tuple(n for part in mean if part.columns for n in parse_terms(f"0 + {part.columns}").columns)


def _labels(column: Column) -> list[str]:
    """Return the labels of a grouping column."""
    if column.levels is None:
        return [f"{value:.17g}" for value in column.values]
    return [column.levels[code] if code >= 0 else "(missing)" for code in column.values]


class _Rows:
    """Rows under construction: each part of a mean is added to what it touches."""

    def __init__(self, design: Design, graph: Graph, columns: Columns, n: int) -> None:
        self.design, self.graph, self.columns = design, graph, columns
        self.X = np.zeros((n, len(design.fixed.names)), order="F")
        self.Z = [np.zeros((n, len(term.names))) for term in design.terms]
        self.offset = np.zeros(n)
        self.chain: list[int] = []

    def add(self, component: str, times: Floats) -> None:
        """Add a component's value, times a number for each row."""
        node, at = self.graph.node_of(component)
        term = self.design.terms[node.term]
        effect = effect_name(node.columns[at])
        self.Z[node.term][:, term.names.index(effect)] += times
        if node.term not in self.chain:
            self.chain.append(node.term)
        for part in node.means[at]:
            if part.node:
                self.add(part.node, times * self._numeric(part.columns))
            elif part.parameter:
                self._coefficient(part, node.means[at], node.columns[at], times)
            else:
                self.offset += times * part.number * self._numeric(part.columns)

    def _numeric(self, columns: str) -> Floats:
        """Return the product of columns of numbers, ones for the constant."""
        if not columns:
            return np.ones(self.offset.size)
        matrix = self.columns.matrix(f"0 + {columns}")
        if matrix.values.shape[1] != 1:
            raise DesignError(
                f"the category `{columns}` stands where a column of numbers must stand",
                remedy="make it a node of its own",
            )
        return matrix.values[:, 0]

    def _coefficient(self, part: Part, mean: Mean, reach: str, times: Floats) -> None:
        """Add a coefficient times its columns; one that is not in the design was left out as aliased."""
        names = self.design.fixed.names
        text = self.graph.coefficients[part.parameter]
        found = self._coded(part, mean, reach) if part.columns else None
        if found is None:
            name = "Intercept" if text == "1" else effect_name(text)
            if name in names:
                self.X[:, names.index(name)] += times * self._numeric(part.columns)
            return
        for name, values in found:
            if name in names:
                self.X[:, names.index(name)] += times * values

    def _coded(self, part: Part, mean: Mean, reach: str) -> list[tuple[str, Floats]] | None:
        """Return the coded columns of a category by their names in the design; ``None`` for a number.

        Whether a category has a column for each level depends on what else is in the formula; the coding
        whose names the design has is the one.
        """
        known = {*self.design.fixed.names, *(alias.name for alias in self.design.fixed.aliased)}
        own = set(self.columns.matrix(f"0 + {part.columns}").terms)
        beside = " + ".join(other.columns for other in mean if other.parameter and other.columns)
        for formula in (f"1 + {part.columns}", f"0 + {part.columns}", f"1 + {beside}", f"0 + {beside}"):
            matrix = self.columns.matrix(formula)
            kept = [i for i, term in enumerate(matrix.terms) if term in own]
            if len(kept) == 1 and not matrix.categorical:
                return None
            coded = [f"{matrix.names[i]}:{reach}" if reach else matrix.names[i] for i in kept]
            if kept and all(name in known for name in coded):
                return [(name, matrix.values[:, i]) for name, i in zip(coded, kept, strict=True)]
        raise DesignError(
            f"the coefficients of the category `{part.columns}` cannot be told apart in "
            f"`{self.graph.coefficients[part.parameter]}`",
            remedy="make it a node of its own, or columns of 0 and 1",
        )
