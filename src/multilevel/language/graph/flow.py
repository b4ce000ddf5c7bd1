"""How the nodes of a graph reach the response: their order, and what each is multiplied by on its way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from multilevel.language.graph.distributions import arguments_here, signature
from multilevel.language.graph.means import Piece, pieces
from multilevel.language.graph.scope import Scope, uses_in, vector_size
from multilevel.language.graph.tree import Argument, Statement

Factors = tuple[str, ...]
"""Texts of the columns that multiply something, in order; empty for the constant 1."""


@dataclass(frozen=True, slots=True)
class Flow:
    """The means of all nodes, and how they reach the response.

    Parameters
    ----------
    order
        Statements of the nodes, each after those in its mean.
    means
        Summands of the mean of each component.
    response
        Summands of the linear predictor.
    reach
        What each component is multiplied by on its way to the response.
    """

    order: tuple[Statement, ...]
    means: Mapping[str, tuple[Piece, ...]]
    response: tuple[Piece, ...]
    reach: Mapping[str, Factors]


def flow_of(scope: Scope, predictor: Argument) -> Flow:
    """Follow every node to the response.

    Parameters
    ----------
    scope
        The names of the graph.
    predictor
        The argument of the response's distribution that holds its linear predictor.

    Raises
    ------
    FormulaError
        Nodes depend on each other in a circle, a node is not used, or it reaches the response on two ways.
    """
    order = _ordered(scope)
    means: dict[str, tuple[Piece, ...]] = {}
    for one in order:
        for component, found in zip(components(one), _means(scope, one), strict=True):
            means[component] = pieces(scope, found.sum)
    response = pieces(scope, predictor.sum)
    reach: dict[str, Factors] = {}
    _follow(scope, response, (), reach)
    for one in reversed(order):
        for component in components(one):
            if component in reach:
                _follow(scope, means[component], reach[component], reach)
    for one in order:
        absent = [component for component in components(one) if component not in reach]
        if absent:
            scope.cursor.fail_between(
                f"the node `{absent[0]}` does not reach the response",
                one.position,
                one.stop,
                remedy="use it in the response or in the mean of another node, or leave it out",
            )
    return Flow(order, means, response, reach)


def components(statement: Statement) -> tuple[str, ...]:
    """Return the names of a node's components.

    Examples
    --------
    >>> from multilevel.language.graph.reader import read_statements
    >>> _, found = read_statements("b[g] ~ MVNormal([0, 0], S); [c, d][h] ~ MVNormal([0, 0], T)")
    >>> [components(one) for one in found]
    [('b[0]', 'b[1]'), ('c', 'd')]
    """
    size = vector_size(statement)
    if statement.listed or size == 0:
        return statement.names
    return tuple(f"{statement.names[0]}[{k}]" for k in range(size))


def _means(scope: Scope, one: Statement) -> tuple[Argument, ...]:
    """Return the argument of each component's mean, after a look at the form of the distribution."""
    cursor, wanted = scope.cursor, signature(one.distribution)
    if len(one.arguments) not in ((2, 3) if one.distribution == "MVNormal" else (2,)):
        cursor.fail_between(
            arguments_here(one.distribution, len(one.arguments)), one.call, one.end, allowed=wanted
        )
    first = one.arguments[0]
    if one.distribution == "Normal":
        if one.listed or first.items is not None:
            cursor.fail_between(
                "Normal is the distribution of one number",
                first.position,
                first.stop,
                allowed=signature("MVNormal"),
            )
        return (_plain(scope, first),)
    if first.items is None or len(first.items) < 2:
        cursor.fail_between(
            "the mean of MVNormal must be a list of two or more",
            first.position,
            first.stop,
            allowed=wanted,
            remedy=_listed(scope, first),
        )
    if one.listed and len(first.items) != len(one.names):
        cursor.fail_between(
            f"{len(one.names)} names on the left and {len(first.items)} means", first.position, first.stop
        )
    return tuple(_plain(scope, item) for item in first.items)


def _listed(scope: Scope, argument: Argument) -> str:
    """Return how the mean is written that is another vector node, or ""."""
    use = next(uses_in((argument,)), None)
    parent = None if use is None else scope.nodes.get(use.name)
    if use is None or parent is None or parent.listed or not vector_size(parent):
        return ""
    index = ", ".join(parent.index)
    return f"[{', '.join(f'{use.name}[{index}][{k}]' for k in range(vector_size(parent)))}]"


def _plain(scope: Scope, argument: Argument) -> Argument:
    """Return an argument that is a sum, not a list or a function of one."""
    if argument.items is not None or argument.function:
        what = f"`{argument.function}()`" if argument.function else "a list"
        scope.cursor.fail_between(
            f"{what} stands where the mean of a node must stand",
            argument.position,
            argument.stop,
            allowed="a sum; functions such as exp() stand in the distribution of the response",
        )
    return argument


def _ordered(scope: Scope) -> tuple[Statement, ...]:
    """Return the nodes, each after those in its mean."""
    done: list[Statement] = []
    open_: list[Statement] = []

    def visit(one: Statement) -> None:
        if one in done:
            return
        if one in open_:
            names = " -> ".join(s.names[0] for s in [*open_[open_.index(one) :], one])
            scope.cursor.fail_between(
                f"the nodes depend on each other in a circle: {names}",
                one.position,
                one.stop,
                remedy="leave one of these nodes out of the mean of the next",
            )
        open_.append(one)
        for use in uses_in(one.arguments[:1]):
            parent = scope.nodes.get(use.name)
            if parent is not None:
                visit(parent)
        open_.pop()
        done.append(one)

    for one in scope.nodes.values():
        visit(one)
    return tuple(done)


def _follow(scope: Scope, found: tuple[Piece, ...], on: Factors, reach: dict[str, Factors]) -> None:
    """Note what the nodes in a sum are multiplied by, where the sum itself is multiplied by ``on``."""
    for piece in found:
        if not piece.node:
            continue
        if piece.node in reach:
            scope.cursor.fail_between(
                f"`{piece.node}` reaches the response on two ways",
                piece.position,
                piece.stop,
                allowed="each node once: in the response, or in the mean of one other node",
            )
        reach[piece.node] = (*piece.columns, *on)
