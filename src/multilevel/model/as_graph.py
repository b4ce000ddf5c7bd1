"""A formula's model written as a graph: nodes on their own scale, nested ones centred on their parents."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from multilevel.errors import OptionError
from multilevel.model.distributions import distribution_of, inverse_of
from multilevel.model.graph import Graph, Mean, Node, Part
from multilevel.model.parts import ModelParts
from multilevel.model.terms import Covariance, GroupTerm
from multilevel.model.text import quoted, split_terms

_WORD = re.compile(r"\W+")


def as_graph(model: ModelParts) -> tuple[tuple[GroupTerm, ...], Graph]:
    """Return the graph of a model made from a formula, and its grouped terms.

    Every grouped term becomes a node (or one for each effect where they are not correlated). A coefficient
    whose column is an effect of a node stands in the node's mean, so that the node has its own scale. A node
    whose index contains that of an earlier one with the same effects has that one as its mean.

    Parameters
    ----------
    model
        A model made from a formula.

    Raises
    ------
    OptionError
        The model has what graphs cannot say: zero inflation, one sd or correlation shared by several
        effects, or offsets and terms that are no products of columns.
    """
    _refuse(model)
    words = _Words(set(model.variables))
    absent = ("0", "1") if model.family.name == "ordinal" else ("0",)
    terms = [term for term in split_terms(model.fixed) if term not in absent]
    names = {term: words.new(_parameter_word(term)) for term in terms}
    drafts = _drafts(model, words)
    left = dict(names)
    for draft in drafts:
        _centre(draft, drafts, left, words)
    order = {id(draft): place for place, draft in enumerate(drafts)}
    nodes = tuple(draft.node(order[id(draft)]) for draft in drafts)
    mean = (
        *(Part(parameter=name, columns="" if term == "1" else term) for term, name in left.items()),
        *(Part(columns=offset) for offset in model.offsets),
        *(
            Part(node=component, columns=column)
            for draft in drafts
            if not draft.is_parent
            for component, column in zip(draft.components, draft.columns, strict=True)
        ),
    )
    linear = model.family.is_linear
    graph = Graph(
        "",
        nodes,
        mean,
        {name: term for term, name in names.items()},
        residual=words.new("sigma") if linear else "",
        family_parameters={} if linear else {name: words.new(name) for name in model.family.parameters},
    )
    groups = tuple(_group_of(draft) for draft in drafts)
    return groups, replace(graph, text=graph_text(model, graph))


@dataclass(slots=True)
class _Draft:
    """A node under construction."""

    index: tuple[str, ...]
    components: tuple[str, ...]
    columns: tuple[str, ...]
    spread: str
    means: list[list[Part]] = field(default_factory=list)
    is_parent: bool = False

    def node(self, place: int) -> Node:
        """Return the node at its place among the grouped terms."""
        vector = len(self.components) > 1
        return Node(
            ", ".join(self.components),
            self.index,
            self.components,
            tuple(tuple(mean) for mean in self.means),
            () if vector else (self.spread,),
            self.spread if vector else "",
            place,
            self.columns,
        )


class _Words:
    """Names that are not taken yet."""

    def __init__(self, taken: set[str]) -> None:
        self.taken = taken

    def new(self, wanted: str) -> str:
        """Return a name like the wanted one that nothing has."""
        word = _WORD.sub("_", wanted).strip("_") or "b"
        word = f"b_{word}" if word[0].isdigit() else word
        found, number = word, 1
        while found in self.taken:
            number += 1
            found = f"{word}_{number}"
        self.taken.add(found)
        return found


def _parameter_word(term: str) -> str:
    return "a" if term == "1" else f"b_{term}"


def _refuse(model: ModelParts) -> None:
    """Raise if the model has what graphs cannot say."""
    if model.inflation:
        raise OptionError(
            "a model with zero inflation has no graph in this version", remedy="use the formula"
        )
    for term in model.groups:
        if term.covariance.one_sd:
            raise OptionError(
                f"the covariance matrix of ({term.effects} | {term.group}) is {term.covariance.value}, which "
                "has no graph in this version",
                allowed="unstructured and diagonal matrices",
                remedy="use the formula",
            )


def _drafts(model: ModelParts, words: _Words) -> list[_Draft]:
    """Return a node for each grouped term, or for each effect of a term without correlations."""
    found = []
    for term in model.groups:
        effects = [effect for effect in split_terms(term.effects) if effect != "0"]
        sets = [[effect] for effect in effects] if term.covariance is Covariance.DIAGONAL else [effects]
        for columns in sets:
            group = "_".join(term.factors)
            components = tuple(words.new(f"{_parameter_word(column)}_{group}") for column in columns)
            spread = words.new(f"Sigma_{group}" if len(columns) > 1 else f"sigma_{components[0]}")
            found.append(
                _Draft(
                    term.factors,
                    components,
                    tuple("" if column == "1" else column for column in columns),
                    spread,
                    [[] for _ in columns],
                )
            )
    return found


def _centre(draft: _Draft, drafts: list[_Draft], left: dict[str, str], words: _Words) -> None:
    """Put the parent, or the coefficients of the same columns, into the mean of a node."""
    earlier = drafts[: drafts.index(draft)]
    parents = [
        one
        for one in earlier
        if set(one.index) < set(draft.index) and one.columns == draft.columns and not one.is_parent
    ]
    if parents:
        parent = max(parents, key=lambda one: len(one.index))
        parent.is_parent = True
        draft.means = [[Part(node=component)] for component in parent.components]
        return
    for mean, column in zip(draft.means, draft.columns, strict=True):
        name = left.pop(column or "1", None)
        if name is not None:
            mean.append(Part(parameter=name))


def _group_of(draft: _Draft) -> GroupTerm:
    """Return the grouped term of a node."""
    start = "1" if "" in draft.columns else "0"
    return GroupTerm(" + ".join([start, *(c for c in draft.columns if c)]), draft.index)


def graph_text(model: ModelParts, graph: Graph) -> str:
    """Return the statements of a graph as text that `multilevel.graph` reads.

    Parameters
    ----------
    model
        The model with its response, family and trials.
    graph
        The graph; its own text is not used.
    """
    lines = []
    for node in graph.nodes:
        index = ", ".join(quoted(name) for name in node.index)
        means = [mean_text(graph, mean) for mean in node.means]
        if node.covariance:
            listed = ", ".join(quoted(name) for name in node.components)
            lines.append(f"[{listed}][{index}] ~ MVNormal([{', '.join(means)}], {node.covariance})")
        else:
            lines.append(f"{quoted(node.components[0])}[{index}] ~ Normal({means[0]}, {node.sds[0]})")
    function = inverse_of(model.family)
    mean = mean_text(graph, graph.mean)
    arguments = [
        *([model.trials] if model.trials else []),
        f"{function}({mean})" if function else mean,
        *([str(graph.residual)] if graph.residual != "" else []),
        *graph.family_parameters.values(),
    ]
    return "\n".join([*lines, f"{model.response} ~ {distribution_of(model.family)}({', '.join(arguments)})"])


def mean_text(graph: Graph, mean: Mean) -> str:
    """Return a mean as text of a graph: ``a + b * x``; ``0`` for an empty one."""
    return " + ".join(_part_text(graph, part) for part in mean) or "0"


def _part_text(graph: Graph, part: Part) -> str:
    """Return one summand as text."""
    factors = list(_factors(part.columns))
    if part.node:
        node, _ = graph.node_of(part.node)
        name, bracket, number = part.node.partition("[")
        factors.insert(0, f"{quoted(name)}[{', '.join(map(quoted, node.index))}]{bracket}{number}")
    elif part.parameter:
        factors.insert(0, quoted(part.parameter))
    else:
        factors = [f"data({factor})" if "(" not in factor else factor for factor in factors]
        if part.number != 1.0 or not factors:
            factors.insert(0, f"{part.number:g}")
    return " * ".join(factors)


def _factors(columns: str) -> Sequence[str]:
    """Return the factors of a product of columns."""
    return split_terms(columns, ":") if columns else ()
