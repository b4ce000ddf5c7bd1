"""Nodes of a graph and its response drawn at known parameters, for the rows of a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilevel.data.table import Table
from multilevel.design.design import GroupFactor
from multilevel.design.graph_checks import check_graph
from multilevel.design.groups import group_factor, group_levels
from multilevel.design.matrices import Columns
from multilevel.design.scope import Scope, as_numbers, used_rows
from multilevel.design.streams import stream
from multilevel.errors import DataError, OptionError
from multilevel.inference.simulate import ANY_MEAN
from multilevel.inference.true_parameters import (
    ascending,
    coefficient,
    correlations,
    covariance,
    family_names,
    positive,
    sd_of,
)
from multilevel.model import Model
from multilevel.model.graph import Graph, Mean, Node, Part

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class DrawnNodes:
    """What was drawn.

    Parameters
    ----------
    response
        ``(n,)`` of every row.
    nodes
        Columns node, level, value: every level of every node, in the order of ``Fit.nodes``, then the
        residual sds of groups.
    """

    response: Floats
    nodes: dict[str, Any]


def draw_nodes(model: Model, table: Table, parameters: Mapping[str, Any], *, seed: int) -> DrawnNodes:
    """Draw every node of a graph from its distribution, and the response.

    Parameters
    ----------
    model
        A model with a graph.
    table
        The columns of the model, without missing values; the response is not used.
    parameters
        By the graph's own names, as `true_parameters.check_parameters` passes them.
    seed
        From 0. Each node has random numbers of its own: they do not depend on the order of the statements.

    Raises
    ------
    OptionError
        A parameter is not of its kind, or the family does not allow a mean that was drawn.
    DesignError
        A node's mean varies inside one of its levels.
    """
    graph = model.dag
    assert graph is not None
    drawing = _Drawing(model, graph, table, parameters, seed)
    for node in graph.nodes:
        drawing.draw(node)
    found: dict[str, list[Any]] = {"node": [], "level": [], "value": []}
    for node in graph.nodes:
        for component in node.components:
            _append(found, component, drawing.factors[node.index].levels, drawing.values[component])
    sds, own = drawing.residual_sds()
    if own is not None:
        _append(found, str(graph.residual), drawing.factors[graph.residual_groups].levels, own)
    response = drawing.respond(sds)
    value = np.concatenate(found["value"]) if found["value"] else np.zeros(0)
    return DrawnNodes(response, {**found, "value": value})


def _append(found: dict[str, list[Any]], name: str, levels: tuple[str, ...], values: Floats) -> None:
    """Add the levels of a node to the table."""
    found["node"] += [name] * len(levels)
    found["level"] += levels
    found["value"].append(values)


class _Drawing:
    """Nodes drawn so far."""

    def __init__(
        self, model: Model, graph: Graph, table: Table, parameters: Mapping[str, Any], seed: int
    ) -> None:
        self.model, self.graph, self.table = model, graph, table
        self.parameters, self.seed = parameters, seed
        index = {name for node in graph.nodes for name in node.index} | set(graph.residual_groups)
        plain = {name: as_numbers(column) for name, column in table.columns.items()}
        scope = {name: used_rows(column, None) for name, column in plain.items()}
        booleans = frozenset(name for name, column in plain.items() if column.boolean)
        self.columns = Columns(Scope(scope, booleans, table.n_rows), {})
        parts = {name: group_levels(table.columns[name], None) for name in sorted(index)}
        self.factors: dict[tuple[str, ...], GroupFactor] = {}
        for names in [*(node.index for node in graph.nodes), *filter(None, [graph.residual_groups])]:
            if names not in self.factors:
                self.factors[names], _ = group_factor(names, [parts[name] for name in names])
        self.values: dict[str, Floats] = {}
        each = [self.factors[node.index] for node in graph.nodes]
        places = {node.term: at for at, node in enumerate(graph.nodes)}
        check_graph(graph, self.columns, each, [places[term] for term in range(len(places))])

    def draw(self, node: Node) -> None:
        """Draw one value, or one vector, for each level of a node."""
        factor = self.factors[node.index]
        m, k = len(factor.levels), len(node.components)
        first = np.zeros(m, dtype=np.int64)
        first[factor.index[::-1]] = np.arange(self.table.n_rows)[::-1]
        matrix = self._spread(node)
        noise = stream(self.seed, "node", *node.components).standard_normal((m, k)) @ _root(matrix).T
        for at, (component, mean) in enumerate(zip(node.components, node.means, strict=True)):
            self.values[component] = noise[:, at] + self._mean(mean, first)

    def _spread(self, node: Node) -> Floats:
        """Return the covariance matrix of a node's numbers."""
        given = self.parameters
        if node.covariance:
            return covariance(node.covariance, given[node.covariance], len(node.components))
        known = [sd_of(sd, given) for sd in node.sds]
        if node.correlation:
            return correlations(node.correlation, given[node.correlation], np.array(known))
        return np.array([[known[0] ** 2]])

    def _mean(self, mean: Mean, rows: NDArray[np.int64] | slice) -> Floats:
        """Return a mean in some rows."""
        total = np.zeros(self.table.n_rows)[rows]
        for part in mean:
            total += self._part(part, rows)
        return total

    def _part(self, part: Part, rows: NDArray[np.int64] | slice) -> Floats | float:
        """Return one summand in some rows."""
        if part.parameter:
            if not part.columns:
                value = coefficient(part.parameter, self.parameters[part.parameter], ("1",))
                return float(value[0])
            matrix = self.columns.matrix(f"1 + {part.columns}")
            kept = [at for at, name in enumerate(matrix.names) if name != "Intercept"]
            names = tuple(matrix.names[at] for at in kept)
            value = coefficient(part.parameter, self.parameters[part.parameter], names)
            return np.asarray(matrix.values[rows][:, kept] @ value)
        times = part.number * (self._product(part.columns)[rows] if part.columns else 1.0)
        if not part.node:
            return times
        node, _ = self.graph.node_of(part.node)
        return np.asarray(times * self.values[part.node][self.factors[node.index].index[rows]])

    def _product(self, columns: str) -> Floats:
        """Return a product of columns of numbers."""
        matrix = self.columns.matrix(f"0 + {columns}")
        if matrix.values.shape[1] != 1:
            raise DataError(f"`{columns}` is a category where a column of numbers must stand")
        return matrix.values[:, 0]

    def residual_sds(self) -> tuple[Floats | float, Floats | None]:
        """Return the residual sd of every row, and those of groups by level if they have their own."""
        graph = self.graph
        if not self.model.family.is_linear:
            return 0.0, None
        if graph.residual_column:
            sds = np.asarray(self.table.columns[graph.residual_column].values, dtype=np.float64)
            if self.table.columns[graph.residual_column].levels is not None or (sds < 0.0).any():
                raise DataError(
                    f"the residual sds `{graph.residual_column}` are negative or labels",
                    allowed="numbers from 0",
                )
            return sds, None
        if not graph.residual_groups:
            return sd_of(graph.residual, self.parameters), None
        factor = self.factors[graph.residual_groups]
        own = self._own_sds(len(factor.levels))
        return own[factor.index], own

    def _own_sds(self, m: int) -> Floats:
        """Return the residual sd of each group, drawn from its law or as given."""
        graph = self.graph
        name = str(graph.residual)
        if not graph.residual_law:
            given = np.asarray(self.parameters[name])
            if given.shape != (m,) or given.dtype.kind not in "iuf" or not (given >= 0).all():
                raise OptionError(f"the residual sds {name} are {given!r}", allowed=f"{m} numbers from 0")
            return given.astype(np.float64)
        law, *arguments = graph.residual_law
        rng = stream(self.seed, "node", name)
        if law == "LogNormal":
            place = arguments[0]
            mu = place if isinstance(place, float) else self.parameters[place]
            mu = float(coefficient(str(place), mu, ("1",))[0])
            return np.asarray(np.exp(mu + sd_of(arguments[1], self.parameters) * rng.standard_normal(m)))
        shape, scale = (sd_of(argument, self.parameters) for argument in arguments)
        return np.asarray(np.sqrt(scale / rng.standard_gamma(shape, m)))

    def respond(self, sds: Floats | float) -> Floats:
        """Draw the response of every row."""
        model, n = self.model, self.table.n_rows
        eta = self._mean(self.graph.mean, slice(None))
        rng = stream(self.seed, "response")
        if model.family.is_linear:
            return np.asarray(eta + sds * rng.standard_normal(n))
        with np.errstate(over="ignore"):
            mu = model.family.mean(eta)
        if not np.isfinite(mu).all():
            raise OptionError(
                f"simulate drew a linear predictor of {float(eta[~np.isfinite(mu)][0]):.3g}, whose mean "
                f"by the {model.family.link} link is no finite number",
                allowed="parameters and links that keep means in their range",
                remedy="smaller coefficients and sds: they are on the scale of the link",
            )
        if model.family.name not in ANY_MEAN and np.any(mu < 0):
            raise OptionError(
                f"simulate drew a mean of {float(mu.min()):.3g}: {model.family.text()} has none below 0",
                allowed="parameters and links that keep means in their range",
            )
        return model.family.draw(rng, mu, self._family_numbers(), self._trials())

    def _family_numbers(self) -> Floats:
        """Return the parameters of the family."""
        names = family_names(self.model)
        if self.model.family.name == "ordinal":
            return ascending(names[0], self.parameters[names[0]])
        given = [self.parameters[name] if name in self.parameters else float(name) for name in names]
        return np.array([positive(name, value) for name, value in zip(names, given, strict=True)])

    def _trials(self) -> Floats | None:
        """Return the trials of every row, or ``None``."""
        model = self.model
        if not model.trials:
            return None
        if model.trials.replace(".", "", 1).isdigit():
            return np.full(self.table.n_rows, float(model.trials))
        trials = np.asarray(self.columns.values(model.trials), dtype=np.float64)
        if (trials < 0).any() or (trials != np.floor(trials)).any():
            raise DataError(f"the trials `{model.trials}` are no whole numbers from 0")
        return trials


def _root(matrix: Floats) -> Floats:
    """Return ``A`` with ``A A'`` the matrix."""
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))
