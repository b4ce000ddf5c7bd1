"""Statements of parameters become priors, under the names by which the library knows the parameters."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from multilevel.errors import OptionError
from multilevel.language.graph.distributions import PRIORS, arguments_here
from multilevel.language.graph.prior_kinds import (
    check_correlation,
    check_matrix,
    check_positive,
    check_scalar,
)
from multilevel.language.graph.responses import Response
from multilevel.language.graph.scope import Scope, misplaced
from multilevel.language.graph.tree import Argument, Name, Statement
from multilevel.model.graph import Node
from multilevel.model.priors import LKJ, Fixed, Hierarchical, InverseGamma, LogNormal
from multilevel.model.text import effect_name

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
            check_scalar(scope, statement, prior)
            column = coefficients[name]
            found["Intercept" if column == "1" else column] = prior
        elif response.residual in (name, f"sqrt({name})"):
            check_positive(scope, statement, prior)
            found["sigma" if response.residual == name else "sigma2"] = prior
        elif name in names:
            check_scalar(scope, statement, prior)
            found[names[name]] = prior
        elif not _of_nodes(scope, found, nodes, statement, prior):
            scope.cursor.fail_between(
                f"`{name}` is no parameter that can have a prior",
                statement.position,
                statement.stop,
                allowed=", ".join(coefficients) or "coefficients, sds and covariances of the graph",
            )
    for node in nodes:
        for at, sd in enumerate(node.sds):
            if isinstance(sd, float):
                _put_sd(found, _key(nodes, node), node, at, Fixed(sd))
    if law is not None:
        found[law[0]] = law[2]
    return found


def _of_nodes(
    scope: Scope, found: dict[str, object], nodes: tuple[Node, ...], statement: Statement, prior: object
) -> bool:
    """Put in the prior of a node's sd or matrix; return whether there is a node that has it."""
    name = statement.names[0]
    for node in nodes:
        key = _key(nodes, node)
        if name == node.covariance:
            check_matrix(scope, statement, prior, len(node.components))
            found[key] = {"correlation": prior} if isinstance(prior, LKJ) else prior
            return True
        if name == node.correlation:
            check_correlation(scope, statement, prior)
            found[key] = {**_parts(found, key), "correlation": prior}
            return True
        if name in node.sds:
            check_positive(scope, statement, prior)
            _put_sd(found, key, node, node.sds.index(name), prior)
            return True
        if node.sds == (f"sqrt({name})",):
            check_positive(scope, statement, prior)
            found[key] = {"variance": prior}
            return True
    return False


def _key(nodes: tuple[Node, ...], node: Node) -> str:
    """Return the name of a node's grouped term among priors."""
    same = [one.term for one in nodes if one.group == node.group]
    return node.group if len(same) == 1 else f"{node.group}[{sorted(same).index(node.term) + 1}]"


def _parts(found: Mapping[str, object], key: str) -> dict[str, object]:
    """Return what is known of the prior of a grouped term."""
    known = found.get(key)
    return dict(known) if isinstance(known, Mapping) else {}


def _put_sd(found: dict[str, object], key: str, node: Node, at: int, prior: object) -> None:
    """Put in the prior of one sd of a node."""
    parts = _parts(found, key)
    if len(node.components) == 1:
        found[key] = {**parts, "sd": prior}
        return
    known = parts.get("sd")
    sds = dict(known) if isinstance(known, Mapping) else {}
    found[key] = {**parts, "sd": {**sds, effect_name(node.columns[at]): prior}}


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
            arguments_here(kind.__name__, len(values)),
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
        _check_plain(scope, noise, argument)
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
                remedy=f"add `{name} ~ {_example(kind, len(values))}` or another prior",
            )
        inside[name] = _made(scope, statement)
        values.append(inside[name])
    key = "sigma" if kind is LogNormal else "sigma2"
    if not inside:
        return key, frozenset(), _built(scope, noise, kind, values)
    words = [field.name for field in dataclasses.fields(kind) if field.init]
    return key, frozenset(inside), Hierarchical(kind, **dict(zip(words, values, strict=True)))  # type: ignore[arg-type]


def _check_plain(scope: Scope, noise: Statement, argument: Argument) -> None:
    """Raise if a call stands in the law of residual sds, such as ``sqrt(v)``."""
    if not argument.function:
        return
    remedy = f"{noise.distribution}(a, b) with a prior of a and of b"
    if argument.function == "sqrt" and noise.distribution == "LogNormal":
        remedy += (
            '; or, beside a formula, the prior of "sigma" Hierarchical(LogNormal, mu=..., variance=...) in'
            f' multilevel.sample with residual_groups="{":".join(noise.index)}"'
        )
    scope.cursor.fail_between(
        f"`{scope.cursor.text[argument.position : argument.stop]}` stands in the law of the residual sds"
        f" `{noise.names[0]}`",
        argument.position,
        argument.stop,
        allowed="names of parameters, and numbers",
        remedy=remedy,
    )


def law_of(scope: Scope) -> tuple[str | float, ...]:
    """Return the name of the law of residual sds and its arguments, names or numbers; empty without one."""
    if scope.noise is None:
        return ()
    values = (_bare(argument) or _value(scope, argument) for argument in scope.noise.arguments)
    return (scope.noise.distribution, *values)


def _example(kind: type, place: int) -> str:
    """Return a prior of a parameter of the law of residual sds."""
    return "Normal(0, 1)" if kind is LogNormal and place == 0 else "HalfNormal(1)"


def _bare(argument: Argument) -> str | None:
    """Return the name that an argument is, or ``None``."""
    atoms = argument.sum[0].atoms if len(argument.sum) == 1 else ()
    return atoms[0].value if len(atoms) == 1 and isinstance(atoms[0], Name) else None
