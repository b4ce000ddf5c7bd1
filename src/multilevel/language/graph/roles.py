"""One name, one meaning: no parameter of a graph is two things at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from multilevel.language.graph.responses import Response
from multilevel.language.graph.scope import Scope, atoms_in
from multilevel.language.graph.tree import Argument, Name, Use

Role = tuple[str, str, int, int]
"""A name, what it is, and the characters where it stands as that."""


def check_roles(scope: Scope, response: Response, coefficients: Collection[str]) -> None:
    """Raise if a name is two parameters: a coefficient and an sd, or the sd of two nodes.

    Parameters
    ----------
    scope
        The names of the graph.
    response
        The response.
    coefficients
        Names of the unknown coefficients.

    Raises
    ------
    FormulaError
        With the caret under the second use.
    """
    seen = dict.fromkeys(coefficients, "a coefficient")
    for name, role, start, stop in _roles(scope, response):
        if name in seen:
            scope.cursor.fail_between(
                f"`{name}` is {seen[name]} and {role}",
                start,
                stop,
                allowed="a parameter of its own for each",
            )
        seen[name] = role


def _roles(scope: Scope, response: Response) -> Iterator[Role]:
    """Return the parameters that are no coefficients."""
    for one in dict.fromkeys(scope.nodes.values()):
        yield from _of(scope, one.arguments[1:], f"the spread of `{', '.join(one.names)}`")
    rest = [argument for argument in scope.response.arguments if argument is not response.predictor]
    role = "the residual sd" if response.family.name == "gaussian" else "a parameter of the family"
    yield from _of(scope, tuple(rest[1:] if response.trials else rest), role)
    if scope.noise is not None:
        yield from _of(scope, scope.noise.arguments, f"in the law of `{scope.noise.names[0]}`")


def _of(scope: Scope, arguments: tuple[Argument, ...], role: str) -> Iterator[Role]:
    """Return the names in arguments that are no columns."""
    for atom in atoms_in(arguments):
        if isinstance(atom, Name) and not scope.is_column(atom.value):
            yield atom.value, role, atom.position, atom.position + len(atom.value)
        elif isinstance(atom, Use):
            yield atom.name, role, atom.position, atom.stop
