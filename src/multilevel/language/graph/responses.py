"""The statement of the response: its family and link, its trials, its residual sd."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from multilevel.language.expression import Column, Expression, columns_of, expression_text
from multilevel.language.graph.distributions import arguments_here, signature
from multilevel.language.graph.scope import Scope, misplaced, some
from multilevel.language.graph.tree import Argument, Columns, Name, Use
from multilevel.model import quoted
from multilevel.model.distributions import INVERSE_LINKS, RESPONSES
from multilevel.model.families import Family, LinkName


@dataclass(frozen=True, slots=True)
class Response:
    """What the response's statement says.

    Parameters
    ----------
    text, columns
        Expression of the response and its columns.
    family
        Family and link.
    predictor
        The argument with the linear predictor.
    trials
        Expression of the trials, or "".
    trial_columns
        Its columns.
    residual, residual_column, residual_groups, family_parameters
        As in `multilevel.model.graph.Graph`.
    """

    text: str
    columns: tuple[str, ...]
    family: Family
    predictor: Argument
    trials: str = ""
    trial_columns: tuple[str, ...] = ()
    residual: str | float = ""
    residual_column: str = ""
    residual_groups: tuple[str, ...] = ()
    family_parameters: dict[str, str] = field(default_factory=dict)


def response_of(scope: Scope) -> Response:
    """Read the statement of the response.

    Raises
    ------
    FormulaError
        Its distribution is none of a response, lacks an argument, or has a link that the family has not.
    """
    cursor, one = scope.cursor, scope.response
    if one.distribution not in RESPONSES:
        cursor.fail_between(
            f"the response is {one.distribution}", one.call, one.end, allowed=", ".join(RESPONSES)
        )
    if one.response is None and scope.columns is not None and one.names[0] not in scope.columns:
        cursor.fail_between(
            f"`{one.names[0]}` is no column of the data, and no other statement uses it",
            one.position,
            one.stop,
            remedy=scope.near(one.names[0]),
        )
    left: Expression = one.response if one.response is not None else Column(one.names[0], one.position)
    kind = RESPONSES[one.distribution]
    least = 1 + kind.trials + (one.distribution == "Normal")
    if not least <= len(one.arguments) <= 1 + kind.trials + len(kind.parameters):
        cursor.fail_between(
            arguments_here(one.distribution, len(one.arguments)),
            one.call,
            one.end,
            allowed=signature(one.distribution),
        )
    trials: Expression | float | None = _trials(scope, one.arguments[0]) if kind.trials else None
    predictor, *rest = one.arguments[1 if kind.trials else 0 :]
    found = Response(
        expression_text(left),
        columns_of(left),
        _family(scope, kind, predictor),
        predictor,
        "" if trials is None else f"{trials:.0f}" if isinstance(trials, float) else expression_text(trials),
        () if trials is None or isinstance(trials, float) else columns_of(trials),
    )
    if one.distribution == "Normal":
        return _with_residual(scope, found, rest[0])
    names = {key: _parameter(scope, argument) for key, argument in zip(kind.parameters, rest, strict=False)}
    return Response(
        found.text, found.columns, found.family, predictor, found.trials, found.trial_columns,
        family_parameters=names,
    )  # fmt: skip


def _family(scope: Scope, kind: type[Family], predictor: Argument) -> Family:
    """Return the family with the link that the function round the linear predictor undoes."""
    if predictor.items is not None:
        scope.cursor.fail_between(
            "a list stands where the mean of the response must stand", predictor.position, predictor.stop
        )
    if kind.name == "ordinal" and not predictor.function:
        return kind()
    link: LinkName = INVERSE_LINKS[predictor.function] if predictor.function else "identity"
    if link not in kind.links:
        words = [word for word, undone in INVERSE_LINKS.items() if undone in kind.links]
        plain = ["no function (identity link)"] if "identity" in kind.links else []
        scope.cursor.fail_between(
            f"{scope.response.distribution} has no link {link!r}",
            predictor.position,
            predictor.stop,
            allowed=", ".join([*(f"{word}(...)" for word in words), *plain]),
        )
    return kind(link=link)


def _trials(scope: Scope, argument: Argument) -> Expression | float:
    """Return the trials: a column, a call of columns, or a number."""
    if argument.items is None and not argument.function and len(argument.sum) == 1:
        product = argument.sum[0]
        if not product.atoms and product.number > 0.0 and product.number.is_integer():
            return product.number
        if product.number == 1.0 and len(product.atoms) == 1:
            atom = product.atoms[0]
            if isinstance(atom, Columns):
                return atom.expression
            if isinstance(atom, Name):
                if scope.columns is not None and atom.value not in scope.columns:
                    scope.cursor.fail_between(
                        f"the trials `{atom.value}` are no column of the data",
                        argument.position,
                        argument.stop,
                        remedy=scope.near(atom.value),
                    )
                return Column(atom.value, atom.position)
    raise misplaced(scope, argument, "the trials", "a column, or a whole number")


def _parameter(scope: Scope, argument: Argument) -> str:
    """Return the name of a parameter of the family."""
    atoms = argument.sum[0].atoms if len(argument.sum) == 1 and not argument.function else ()
    if len(atoms) == 1 and isinstance(atoms[0], Name) and argument.sum[0].number == 1.0:
        name = atoms[0].value
        if not scope.is_column(name) and name not in scope.nodes:
            return name
    raise misplaced(
        scope, argument, "a parameter of the family", "a name that is neither a column nor a node"
    )


def _with_residual(scope: Scope, found: Response, argument: Argument) -> Response:
    """Return the response with its residual sd: a parameter, a number, a column, or one for each group."""
    products = argument.sum
    residual: str | float = ""
    column = ""
    groups: tuple[str, ...] = ()
    if argument.function == "sqrt":
        residual = _root(scope, argument)
    elif argument.items is None and len(products) == 1:
        number, atoms = products[0].number, products[0].atoms
        if not atoms and number > 0.0:
            residual = number
        elif number == 1.0 and len(atoms) == 1:
            atom = atoms[0]
            if isinstance(atom, Name) and scope.is_column(atom.value):
                residual = column = atom.value
            elif isinstance(atom, Name) and atom.value not in scope.nodes:
                residual = atom.value
            elif isinstance(atom, Columns) and isinstance(atom.expression, Column):
                residual = column = atom.expression.name
            elif isinstance(atom, Use) and atom.name not in scope.nodes:
                residual, groups = atom.name, _groups(scope, atom)
    if residual == "":
        allowed = (
            "a parameter's name, sqrt(variance), a positive number, a column, or one sd for each group, s[g]"
        )
        raise misplaced(scope, argument, "the residual sd", allowed)
    if not found.family.is_linear:
        if groups or column or isinstance(residual, float):
            scope.cursor.fail_between(
                f"a known residual sd, or one for each group, beside the link {found.family.link!r}",
                argument.position,
                argument.stop,
                allowed="a parameter's name: beside a link there is one residual sd, which is estimated",
            )
        return Response(found.text, found.columns, found.family, found.predictor,
                        family_parameters={"sigma": str(residual)})  # fmt: skip
    return Response(
        found.text,
        found.columns,
        found.family,
        found.predictor,
        residual=residual,
        residual_column=column,
        residual_groups=groups,
    )


def _root(scope: Scope, argument: Argument) -> str | float:
    """Return the residual sd whose square is a parameter or a number, "" if it is something else."""
    number, atoms = argument.sum[0].number, argument.sum[0].atoms
    if len(argument.sum) > 1 or number <= 0.0 or len(atoms) > 1:
        return ""
    if not atoms:
        return math.sqrt(number)
    atom = atoms[0]
    known = not isinstance(atom, Name) or scope.is_column(atom.value) or atom.value in scope.nodes
    return "" if known or number != 1.0 or not isinstance(atom, Name) else f"sqrt({atom.value})"


def _groups(scope: Scope, use: Use) -> tuple[str, ...]:
    """Return the index of residual sds, the same as in their statement."""
    noise = scope.noise
    absent = [name for name in use.index if scope.columns is not None and name not in scope.columns]
    if absent:
        scope.cursor.fail_between(
            f"the index `{quoted(absent[0])}` is no column of the data",
            use.position,
            use.stop,
            allowed=some(scope.columns or ()),
            remedy=scope.near(absent[0]),
        )
    if noise is not None and set(noise.index) != set(use.index):
        scope.cursor.fail_between(
            f"`{use.name}` is used with the index {', '.join(use.index)}",
            use.position,
            use.stop,
            allowed=f"{use.name}[{', '.join(noise.index)}]",
        )
    return use.index
