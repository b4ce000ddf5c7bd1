"""Statements of parameters become priors, under the names by which the library knows the parameters."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from multilevel.errors import OptionError
from multilevel.language.graph.distributions import PRIORS
from multilevel.language.graph.responses import Response
from multilevel.language.graph.scope import Scope, misplaced
from multilevel.language.graph.tree import Argument, Name, Statement
from multilevel.model.graph import Node
from multilevel.model.priors import LKJ, Fixed, Hierarchical, InverseGamma, LogNormal

LAWS: Mapping[str, type] = {"LogNormal": LogNormal, "InverseGamma": InverseGamma}
"""Laws of residual sds of groups; the second is that of their squares."""


def priors_of(
    scope: Scope, nodes: tuple[Node, ...], response: Response, coefficients: Mapping[str, str]
) -> dict[str, object]:
    """Return the priors that the statements give.

    Parameters
    ----------
    scope
        The names of the graph.
    nodes
        The nodes.
    response
        The response.
    coefficients
        Column of each unknown coefficient.

    Returns
    -------
    dict
        By the names of `multilevel.design.priors.bind_priors`.

    Raises
    ------
    FormulaError
        A prior has the wrong arguments, or stands at a parameter that cannot have it.
    """
    found: dict[str, object] = {}
    names = {name: key for key, name in response.family_parameters.items()}
    law = _law(scope)
    inside = law[1] if law is not None else frozenset()
    for name, statement in scope.priors.items():
        if name in inside:
            continue
        prior = _made(scope, statement)
        if name in coefficients:
            column = coefficients[name]
            found["Intercept" if column == "1" else column] = prior
        elif name == response.residual:
            found["sigma"] = prior
        elif name in names:
            found[names[name]] = prior
        elif not _of_nodes(found, nodes, name, prior):
            scope.cursor.fail_between(
                f"`{name}` is no parameter that can have a prior",
                statement.position,
                statement.stop,
                allowed=", ".join(coefficients) or "coefficients, sds and covariances of the graph",
            )
    for node in nodes:
        for sd in node.sds:
            if isinstance(sd, float):
                _of_nodes(found, nodes, sd, Fixed(sd))
    if law is not None:
        found[law[0]] = law[2]
    return found


def _of_nodes(found: dict[str, object], nodes: tuple[Node, ...], name: str | float, prior: object) -> bool:
    """Put in the prior of a node's sd or covariance; return whether there is a node that has it."""
    groups = [node.group for node in sorted(nodes, key=lambda node: node.term)]
    for node in nodes:
        same = [one for one in sorted(nodes, key=lambda one: one.term) if one.group == node.group]
        key = node.group if groups.count(node.group) == 1 else f"{node.group}[{same.index(node) + 1}]"
        if node.covariance == name:
            found[key] = {"correlation": prior} if isinstance(prior, LKJ) else prior
            return True
        if name in node.sds and key not in found:
            found[key] = {"sd": prior}
            return True
    return False


def _made(scope: Scope, statement: Statement) -> object:
    """Return the prior of a statement: numbers, or lists of them, in its parentheses."""
    kind = PRIORS.get(statement.distribution)
    if kind is None:
        scope.cursor.fail_between(
            f"{statement.distribution} is no prior of a parameter",
            statement.call,
            statement.end,
            allowed=", ".join(PRIORS),
        )
    values = [_value(scope, argument) for argument in statement.arguments]
    return _built(scope, statement, kind, values)


def _built(scope: Scope, statement: Statement, kind: type, values: list[Any]) -> object:
    """Make a prior of its arguments, or raise with the caret under them."""
    wanted = [field.name for field in dataclasses.fields(kind) if field.init]
    if len(values) != len(wanted):
        scope.cursor.fail_between(
            f"{kind.__name__} has {len(values)} arguments here",
            statement.call,
            statement.end,
            allowed=f"{kind.__name__}({', '.join(wanted)})",
        )
    return _checked(scope, statement, kind, values)


def _checked(scope: Scope, statement: Statement, kind: type, values: list[Any]) -> object:
    """Make a prior, or raise with the caret under a statement whose numbers it refuses."""
    try:
        prior: object = kind(*values)
    except OptionError as error:
        scope.cursor.fail_between(
            error.asked, statement.call, statement.end, allowed=error.allowed, remedy=error.remedy
        )
    return prior


def _value(scope: Scope, argument: Argument) -> Any:
    """Return a number, or a list of numbers or lists."""
    if argument.items is not None:
        return [_value(scope, item) for item in argument.items]
    if len(argument.sum) == 1 and not argument.sum[0].atoms and not argument.function:
        return argument.sum[0].number
    raise misplaced(scope, argument, "a number of a prior", "numbers, and lists of numbers")


def _law(scope: Scope) -> tuple[str, frozenset[str], object] | None:
    """Return the law of residual sds of groups: its key, the parameters in it, and the prior itself."""
    noise = scope.noise
    if noise is None:
        return None
    if noise.distribution not in LAWS or len(noise.arguments) != 2:
        scope.cursor.fail_between(
            f"the residual sds `{noise.names[0]}` have the distribution {noise.distribution}",
            noise.call,
            noise.end,
            allowed="LogNormal(mu, sigma) of the sds; InverseGamma(shape, scale) of their squares",
        )
    kind = LAWS[noise.distribution]
    inside: dict[str, object] = {}
    values: list[object] = []
    for argument in noise.arguments:
        name = _bare(argument)
        if name is None:
            values.append(_value(scope, argument))
            continue
        statement = scope.priors.get(name)
        if statement is None:
            scope.cursor.fail_between(
                f"the parameter `{name}` of the residual sds has no prior",
                argument.position,
                argument.stop,
                remedy=f"add `{name} ~ HalfNormal(1)` or another prior",
            )
        inside[name] = _made(scope, statement)
        values.append(inside[name])
    key = "sigma" if kind is LogNormal else "sigma2"
    if not inside:
        return key, frozenset(), _built(scope, noise, kind, values)
    words = [field.name for field in dataclasses.fields(kind) if field.init]
    return key, frozenset(inside), Hierarchical(kind, **dict(zip(words, values, strict=True)))  # type: ignore[arg-type]


def _bare(argument: Argument) -> str | None:
    """Return the name that an argument is, or ``None``."""
    atoms = argument.sum[0].atoms if len(argument.sum) == 1 else ()
    return atoms[0].value if len(atoms) == 1 and isinstance(atoms[0], Name) else None
