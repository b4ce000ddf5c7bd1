"""Every quantity of a graph: whether it is a constant, a parameter or a variable, its law and its parents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from multilevel.model.as_graph import mean_text
from multilevel.model.distributions import distribution_of, inverse_of
from multilevel.model.graph import Graph, Mean, Node
from multilevel.model.parts import ModelParts
from multilevel.model.priors import Fixed, Hierarchical
from multilevel.model.text import effect_name, split_terms

Role = Literal["constant", "parameter", "latent variable", "observed variable"]

ROWS = ("each row",)
"""Index of what has a value in every row: no column can be meant, for its name would stand in backticks."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """One quantity of a graph.

    Parameters
    ----------
    name
        As in the graph; of a column of the data its expression, of a known sd the number.
    role
        Constant (data and known numbers), parameter (unknown, one value), latent or observed variable.
    index
        Columns for whose levels it has a value each; `ROWS` for the rows; empty for one value.
    distribution
        As the graph has it; of a parameter its prior, "" if none is written.
    parents
        Names of the quantities in its distribution, in the order in which they stand there.
    """

    name: str
    role: Role
    index: tuple[str, ...] = ()
    distribution: str = ""
    parents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Quantities:
    """The quantities of a model, each after its parents; printed as a table.

    Parameters
    ----------
    rows
        The quantities.
    """

    rows: tuple[Quantity, ...]

    def columns(self) -> dict[str, list[str]]:
        """Return quantity, role, index and distribution as columns of text, for any data-frame library."""
        return {
            "quantity": [row.name for row in self.rows],
            "role": [row.role for row in self.rows],
            "index": [", ".join(row.index) for row in self.rows],
            "distribution": [row.distribution for row in self.rows],
        }

    def __str__(self) -> str:
        """Return the table as text."""
        lists = [[name, *values] for name, values in self.columns().items()]
        widths = [max(map(len, values)) for values in lists]
        lines = zip(*lists, strict=True)
        return "\n".join(
            "  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in lines
        )

    __repr__ = __str__


def quantities(model: ModelParts) -> Quantities:
    """Return the quantities of a model that has a graph, each after its parents.

    Parameters
    ----------
    model
        A model with ``dag``.

    Examples
    --------
    >>> import multilevel as ml
    >>> print(quantities(ml.graph("a[g] ~ Normal(mu, tau); y ~ Normal(a[g], sigma); mu ~ Normal(0, 1)")))
    quantity  role               index     distribution
    mu        parameter                    Normal(0, 1)
    tau       parameter
    a         latent variable    g         Normal(mu, tau)
    sigma     parameter
    y         observed variable  each row  Normal(a[g], sigma)
    """
    if model.dag is None:
        raise TypeError("a model without graph: Model.graph() makes one")
    found = _Found(model, model.dag)
    for node in model.dag.nodes:
        found.add_node(node)
    found.add_response()
    return Quantities(tuple(found.rows.values()))


@dataclass(slots=True)
class _Found:
    """Quantities as they are found."""

    model: ModelParts
    graph: Graph
    rows: dict[str, Quantity] = field(default_factory=dict)

    def add_node(self, node: Node) -> None:
        """Add a node with what is in its distribution."""
        parents = [name for mean in node.means for name in self._mean(mean, node.index)]
        parents += [
            self._parameter(parameter_of(sd)) if isinstance(sd, str) else self._number(sd) for sd in node.sds
        ]
        parents += [self._parameter(name) for name in (node.covariance, node.correlation) if name]
        text = node_distribution(self.graph, node)
        self.rows[node.name] = Quantity(node.name, "latent variable", node.index, text, _once(parents))

    def add_response(self) -> None:
        """Add the response with what is in its distribution."""
        model, graph = self.model, self.graph
        parents = [self._column(model.trials, ROWS)] if model.trials else []
        parents += self._mean(graph.mean, ROWS)
        parents += [*self._residual(), *(self._parameter(name) for name in family_names(model, graph))]
        parents += [self._parameter(name) for name in inflation_names(model)]
        name = self._free(model.response)
        self.rows[name] = Quantity(
            name, "observed variable", ROWS, response_distribution(model, graph), _once(parents)
        )

    def _residual(self) -> Iterator[str]:
        """Add the residual sd and yield its name."""
        graph = self.graph
        if not self.model.family.is_linear:
            return
        if graph.residual_column:
            yield self._column(graph.residual_column, ROWS)
        elif isinstance(graph.residual, float):
            yield self._number(graph.residual)
        elif graph.residual_groups:
            inside = tuple(self._parameter(name) for name in graph.residual_law[1:] if isinstance(name, str))
            self.rows[graph.residual] = Quantity(
                graph.residual, "latent variable", graph.residual_groups, law_text(graph), inside
            )
            yield graph.residual
        elif graph.residual:
            yield self._parameter(parameter_of(graph.residual))

    def _mean(self, mean: Mean, index: tuple[str, ...]) -> list[str]:
        """Add what is in a mean and return the names."""
        names = []
        for part in mean:
            if part.node:
                names.append(self.graph.node_of(part.node)[0].name)
            if part.parameter:
                names.append(self._parameter(part.parameter))
            names += [self._column(text, index) for text in split_terms(part.columns, ":") if text]
        return names

    def _parameter(self, name: str) -> str:
        """Add a parameter."""
        prior = priors_by_name(self.graph).get(name)
        role: Role = "constant" if isinstance(prior, Fixed) else "parameter"
        self.rows.setdefault(name, Quantity(name, role, (), prior_text(prior)))
        return name

    def _column(self, text: str, index: tuple[str, ...]) -> str:
        """Add a column of the data, or a number of trials."""
        if text.isdigit():
            return self._number(float(text))
        name = self._free(text)
        self.rows.setdefault(name, Quantity(name, "constant", index))
        return name

    def _number(self, value: float) -> str:
        """Add a known number."""
        self.rows.setdefault(f"{value:g}", Quantity(f"{value:g}", "constant"))
        return f"{value:g}"

    def _free(self, text: str) -> str:
        """Return the name of a column, marked if the graph has another quantity of that name."""
        graph = self.graph
        taken = {*graph.coefficients, *(node.name for node in graph.nodes), parameter_of(str(graph.residual))}
        return f"data({text})" if text in taken and text != graph.residual_column else text


def _once(names: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def parameter_of(sd: str) -> str:
    """Return the parameter in an sd: its name, or that of the variance ``v`` in ``sqrt(v)``.

    Examples
    --------
    >>> parameter_of("tau"), parameter_of("sqrt(v)")
    ('tau', 'v')
    """
    return sd.removeprefix("sqrt(").removesuffix(")") if sd.startswith("sqrt(") else sd


def node_distribution(graph: Graph, node: Node) -> str:
    """Return the distribution of a node as the graph has it."""
    means = [mean_text(graph, mean) for mean in node.means]
    sds = [sd if isinstance(sd, str) else f"{sd:g}" for sd in node.sds]
    if node.covariance:
        return f"MVNormal([{', '.join(means)}], {node.covariance})"
    if node.correlation:
        return f"MVNormal([{', '.join(means)}], [{', '.join(sds)}], {node.correlation})"
    return f"Normal({means[0]}, {sds[0]})"


def response_distribution(model: ModelParts, graph: Graph) -> str:
    """Return the distribution of the response as the graph has it."""
    function, mean = inverse_of(model.family), mean_text(graph, graph.mean)
    sd = graph.residual if isinstance(graph.residual, str) else f"{graph.residual:g}"
    if graph.residual_groups:
        sd = f"{sd}[{', '.join(graph.residual_groups)}]"
    arguments = [
        *([model.trials] if model.trials else []),
        f"{function}({mean})" if function else mean,
        *([sd] if sd and model.family.is_linear else []),
        *(name for name in family_names(model, graph) if name != THRESHOLDS),
    ]
    text = f"{distribution_of(model.family)}({', '.join(arguments)})"
    return f"{text} with extra zeros" if model.inflation else text


THRESHOLDS = "thresholds"
"""Name of the ordinal family's thresholds, which no graph writes."""


def family_names(model: ModelParts, graph: Graph) -> tuple[str, ...]:
    """Return the family's parameters by the names of the graph, or their own where it gives none."""
    names = [graph.family_parameters.get(name, name) for name in model.family.parameters]
    if model.family.is_linear:
        return ()
    return (*names, *([THRESHOLDS] if model.family.name == "ordinal" else []))


def inflation_names(model: ModelParts) -> tuple[str, ...]:
    """Return the names of the coefficients of zero inflation."""
    terms = [term for term in split_terms(model.inflation) if term not in ("", "0")]
    return tuple(f"zeros({'Intercept' if term == '1' else term})" for term in terms)


def law_text(graph: Graph) -> str:
    """Return the law of the residual sds of groups, "" if none is written."""
    if not graph.residual_law:
        return ""
    name, *values = graph.residual_law
    return f"{name}({', '.join(value if isinstance(value, str) else f'{value:g}' for value in values)})"


def priors_by_name(graph: Graph) -> Mapping[str, object]:
    """Return the priors that the graph writes, by the graph's own names of the parameters."""
    found: dict[str, object] = {}
    for name, column in graph.coefficients.items():
        found[name] = graph.priors.get("Intercept" if column == "1" else column)
    ordered = sorted(graph.nodes, key=lambda node: node.term)
    for node in ordered:
        same = [one for one in ordered if one.group == node.group]
        key = node.group if len(same) == 1 else f"{node.group}[{same.index(node) + 1}]"
        found |= _of_node(node, graph.priors.get(key))
    if isinstance(graph.residual, str) and not graph.residual_groups:
        name = parameter_of(graph.residual)
        found[name] = graph.priors.get("sigma" if name == graph.residual else "sigma2")
    for key, name in graph.family_parameters.items():
        found[name] = graph.priors.get(key)
    law = graph.priors.get("sigma", graph.priors.get("sigma2"))
    if isinstance(law, Hierarchical):
        inside = zip(graph.residual_law[1:], law.parameters, strict=True)
        found |= {name: prior for name, (_, prior) in inside if isinstance(name, str)}
    return {name: prior for name, prior in found.items() if prior is not None}


def _of_node(node: Node, prior: object) -> dict[str, object]:
    """Return the priors of a node's sds and matrix."""
    if not isinstance(prior, Mapping):
        return {node.covariance: prior} if node.covariance else {}
    sds = prior.get("sd")
    each = [sds.get(effect_name(column)) if isinstance(sds, Mapping) else sds for column in node.columns]
    found = {
        parameter_of(sd): one if sd == parameter_of(sd) else prior.get("variance")
        for sd, one in zip(node.sds, each, strict=False)
        if isinstance(sd, str)
    }
    matrix = node.covariance or node.correlation
    return {**found, matrix: prior.get("correlation")} if matrix else found


def prior_text(prior: object) -> str:
    """Return a prior as text, "" for none.

    Examples
    --------
    >>> from multilevel.model.priors import Normal
    >>> prior_text(Normal(0, 10)), prior_text(None)
    ('Normal(0, 10)', '')
    """
    return "" if prior is None else str(prior.text())  # type: ignore[attr-defined]
