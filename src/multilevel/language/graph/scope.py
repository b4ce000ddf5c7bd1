"""What every name of a graph is: a node, the response, a parameter with a prior, a column."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from multilevel.errors import FormulaError
from multilevel.language.cursor import Cursor
from multilevel.language.graph.distributions import DISTRIBUTIONS, signature
from multilevel.language.graph.tree import Argument, Atom, Name, Statement, Use
from multilevel.model.text import quoted


@dataclass(frozen=True, slots=True)
class Scope:
    """The statements of a graph by what they define.

    Parameters
    ----------
    cursor
        For errors that point into the text.
    columns
        Columns of the data, or ``None`` if they are not known yet.
    response
        The statement of the response.
    nodes
        Statement of each name that is a node, or a component of one.
    noise
        The statement of residual sds that are a node, or ``None``.
    priors
        Statement of each parameter that has one.
    indices
        Names that must be columns: those in an index, and the response.
    """

    cursor: Cursor
    columns: Collection[str] | None
    response: Statement
    nodes: Mapping[str, Statement]
    noise: Statement | None
    priors: Mapping[str, Statement]
    indices: frozenset[str]

    def is_column(self, name: str) -> bool:
        """Return whether a name is known to be a column: of the data, or of an index."""
        return name in (self.indices if self.columns is None else self.columns)

    def near(self, name: str) -> str:
        """Return a remedy that names the nearest node or column, or ""."""
        known = [*self.nodes, *(self.columns or ())]
        found = get_close_matches(name[:60], known, n=1)
        return f"did you mean `{found[0]}`?" if found else ""


def scope_of(cursor: Cursor, statements: tuple[Statement, ...], columns: Collection[str] | None) -> Scope:
    """Sort the statements.

    Raises
    ------
    FormulaError
        A name is defined twice; there is no response, or more than one; an index is no column.
    """
    bare = [one for one in statements if not one.index]
    users: dict[str, list[Statement]] = {}
    for one in statements:
        for atom in atoms_in(one.arguments):
            if isinstance(atom, Name):
                users.setdefault(atom.value, []).append(one)
    priors: dict[str, Statement] = {}
    responses: list[Statement] = []
    for one in bare:
        name = one.names[0]
        used = any(user is not one for user in users.get(name, ()))
        if one.response is None and used and not (columns is not None and name in columns):
            _once(cursor, priors, name, one)
            priors[name] = one
        else:
            responses.append(one)
    response = _one_response(cursor, responses, statements, users)
    noise = _noise(cursor, statements, response)
    nodes: dict[str, Statement] = {}
    for one in statements:
        if not one.index or one is noise:
            continue
        for name in one.names:
            _once(cursor, {**nodes, **priors}, name, one)
            nodes[name] = one
    indices = {name for one in statements for name in one.index} | {response.names[0]} - {""}
    for one in statements:
        indices |= {name for use in uses_in(one.arguments) for name in use.index}
    scope = Scope(cursor, columns, response, nodes, noise, priors, frozenset(indices))
    _check_names(scope)
    return scope


def _once(cursor: Cursor, known: Mapping[str, Statement], name: str, one: Statement) -> None:
    """Raise if a name has a statement already."""
    if name in known:
        cursor.fail_between(
            f"`{name}` has two statements", one.position, one.stop, remedy="give one of them another name"
        )


def atoms_in(arguments: tuple[Argument, ...]) -> Iterator[Atom]:
    """Return the names, nodes and columns in arguments, in order."""
    for argument in arguments:
        if argument.items is not None:
            yield from atoms_in(argument.items)
        for product in argument.sum:
            yield from product.atoms


def uses_in(arguments: tuple[Argument, ...]) -> Iterator[Use]:
    """Return the nodes in arguments, in order."""
    return (atom for atom in atoms_in(arguments) if isinstance(atom, Use))


def _check_index(cursor: Cursor, responses: list[Statement], statements: tuple[Statement, ...]) -> None:
    """Raise if what looks like a second response is a node whose statement has no index."""
    uses = {use.name: use for statement in statements for use in uses_in(statement.arguments)}
    bare = next((one for one in responses if one.names and one.names[0] in uses), None)
    if bare is not None:
        name = bare.names[0]
        shown = f"{name}[{', '.join(quoted(column) for column in uses[name].index)}]"
        cursor.fail_between(
            f"the node `{shown}` has no index in its own statement",
            bare.position,
            bare.stop,
            allowed="one response, and priors of parameters that are used",
            remedy=f"write `{shown} ~ {bare.distribution}(...)`",
        )


def _one_response(
    cursor: Cursor,
    responses: list[Statement],
    statements: tuple[Statement, ...],
    users: Mapping[str, list[Statement]],
) -> Statement:
    """Return the statement of the response."""
    if not responses:
        last = statements[-1]
        cursor.fail_between(
            "no statement has the response on its left",
            last.position,
            last.stop,
            allowed="one statement such as `y ~ Normal(A[app], sigma)`, its left side a column without index",
            remedy=_without_index(statements),
        )
    if len(responses) > 1:
        _check_index(cursor, responses, statements)
        wrong = next((one for one in responses if one.names[0] in users), responses[1])
        used = wrong.names[0] in users
        near = get_close_matches(wrong.names[0][:60], users, n=1)
        meant = f"did you mean the prior of `{near[0]}`?" if near else ""
        cursor.fail_between(
            f"`{wrong.names[0] or 'this'}` is "
            + ("a column of the data, so that it is a second response" if used else
               "a second response: no other statement uses it"),
            wrong.position,
            wrong.stop,
            allowed="one response, and priors of parameters that are used",
            remedy="a parameter needs a name that no column has" if used else meant,
        )  # fmt: skip
    return responses[0]


def _without_index(statements: tuple[Statement, ...]) -> str:
    """Return what to do if a response was written with an index: a node that nothing uses."""
    used = {use.name for one in statements for use in uses_in(one.arguments)}
    free = next((one.names[0] for one in statements if one.index and not used & set(one.names)), "")
    return f"if `{free}` is the response, leave its index out" if free else ""


def _noise(cursor: Cursor, statements: tuple[Statement, ...], response: Statement) -> Statement | None:
    """Return the node that is the residual sd of the response, or ``None``."""
    if response.distribution != "Normal" or len(response.arguments) != 2:
        return None
    found = next(uses_in(response.arguments[1:]), None)
    if found is None:
        return None
    means = [one.arguments[0] for one in statements if one.arguments and (one.index or one is response)]
    if any(use.name == found.name for use in uses_in(tuple(means))):
        cursor.fail_between(
            f"`{found.name}` stands in a mean and is the residual sd",
            found.position,
            found.stop,
            allowed="a parameter's name, a positive number, a column, or one sd for each group, s[g]",
        )
    return next((one for one in statements if one.index and found.name in one.names), None)


def _check_names(scope: Scope) -> None:
    """Raise if an index is no column, or a node has the distribution of something else."""
    cursor = scope.cursor
    if scope.response.names[0] in scope.nodes:
        one = scope.nodes[scope.response.names[0]]
        cursor.fail_between(
            f"`{scope.response.names[0]}` is the response and a node",
            one.position,
            one.stop,
            remedy="give the node another name",
        )
    for one in dict.fromkeys(scope.nodes.values()):
        absent = [name for name in one.index if scope.columns is not None and name not in scope.columns]
        if absent:
            near = get_close_matches(absent[0][:60], list(scope.columns or ()), n=1)
            cursor.fail_between(
                f"the index `{absent[0]}` is no column of the data",
                one.position,
                one.stop,
                allowed=some(scope.columns or ()),
                remedy=f"did you mean `{near[0]}`?" if near else "",
            )
        if one.distribution not in ("Normal", "MVNormal"):
            cursor.fail_between(
                f"the node `{one.names[0]}` is {one.distribution}",
                one.call,
                one.end,
                allowed=f"{signature('Normal')} or {signature('MVNormal')}"
                + ("" if one.distribution in DISTRIBUTIONS else "; other laws for residual sds"),
            )


def some(names: Collection[str]) -> str:
    """Return up to twenty names."""
    shown = list(names)[:20]
    return ", ".join(shown) + (", ..." if len(names) > 20 else "")


def node_use(scope: Scope, use: Use) -> str:
    """Return the name of the component that a use means.

    Raises
    ------
    FormulaError
        There is no such node, its index is another, or its component is missing or too large.
    """
    cursor, statement = scope.cursor, scope.nodes.get(use.name)
    if statement is None:
        cursor.fail_between(
            f"`{use.name}[{', '.join(use.index)}]` has no statement of its own",
            use.position,
            use.stop,
            remedy=scope.near(use.name) or f"add `{use.name}[{', '.join(use.index)}] ~ Normal(0, sd)`",
        )
    if set(use.index) != set(statement.index):
        cursor.fail_between(
            f"`{use.name}` is used with the index {', '.join(use.index)}",
            use.position,
            use.stop,
            allowed=f"{use.name}[{', '.join(statement.index)}]",
        )
    size = vector_size(statement)
    if statement.listed or size == 0:
        if use.component is not None:
            cursor.fail_between(
                f"`{use.name}` is one number for each {', '.join(use.index)}",
                use.position,
                use.stop,
                allowed=f"{use.name}[{', '.join(statement.index)}]",
            )
        return use.name
    if use.component is None or use.component >= size:
        cursor.fail_between(
            f"`{use.name}` is a vector of {size} numbers",
            use.position,
            use.stop,
            allowed=", ".join(f"{use.name}[{', '.join(statement.index)}][{k}]" for k in range(size)),
        )
    return f"{use.name}[{use.component}]"


def vector_size(statement: Statement) -> int:
    """Return how many numbers a vector node has, 0 for a node of one number."""
    if statement.listed:
        return len(statement.names)
    if statement.distribution != "MVNormal" or not statement.arguments:
        return 0
    items = statement.arguments[0].items
    return len(items) if items is not None else 0


def misplaced(scope: Scope, argument: Argument, wanted: str, allowed: str) -> FormulaError:
    """Return the error for an argument that is not what must stand there."""
    return FormulaError(
        f"this stands where {wanted} must stand",
        text=scope.cursor.text,
        position=argument.position,
        length=argument.stop - argument.position,
        allowed=allowed,
    )
