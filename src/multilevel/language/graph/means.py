"""Sums of a graph's text become means: known numbers, unknown coefficients, nodes, columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from multilevel.language.arguments import check_column
from multilevel.language.expression import columns_of, expression_text
from multilevel.language.functions import FUNCTIONS
from multilevel.language.graph.scope import Scope, node_use
from multilevel.language.graph.tree import Columns, Name, Product, Sum, Use
from multilevel.model import quoted
from multilevel.model.graph import Part


@dataclass(frozen=True, slots=True)
class Piece:
    """A summand whose columns are still apart.

    Parameters
    ----------
    parameter, node
        As in `Part`.
    number
        As in `Part`.
    columns
        Texts of the factors.
    position, stop
        Characters of the text.
    """

    parameter: str
    node: str
    number: float
    columns: tuple[str, ...]
    position: int
    stop: int

    @property
    def part(self) -> Part:
        """The summand as the model keeps it."""
        return Part(self.parameter, self.node, self.number, product_text(self.columns), self.position)


def product_text(columns: Sequence[str]) -> str:
    """Return the text of a product of columns as a formula has it; a column twice in it is squared.

    Examples
    --------
    >>> product_text(["x", "log(z)"]), product_text(["x", "z", "x"]), product_text([])
    ('x:log(z)', 'I(x ** 2):z', '')
    """
    times = Counter(columns)
    return ":".join(name if times[name] == 1 else f"I({name} ** {times[name]})" for name in times)


def pieces(scope: Scope, found: Sum) -> tuple[Piece, ...]:
    """Return the summands of a sum; zeros vanish.

    Raises
    ------
    FormulaError
        A product has two unknowns, a number before an unknown, or a name that has no meaning there.
    """
    made = (_piece(scope, product) for product in found)
    return tuple(piece for piece in made if piece.number != 0.0)


def _piece(scope: Scope, product: Product) -> Piece:
    """Return one product as a summand."""
    cursor = scope.cursor
    nodes = [node_use(scope, atom) for atom in product.atoms if isinstance(atom, Use)]
    parameters: list[Name] = []
    columns: list[str] = []
    for atom in product.atoms:
        if isinstance(atom, Columns):
            columns.append(_text(scope, atom))
        elif isinstance(atom, Name):
            if _is_parameter(scope, atom, first=not nodes and not parameters):
                parameters.append(atom)
            else:
                columns.append(quoted(atom.value))
    unknown = len(nodes) + len(parameters)
    if unknown > 1:
        _fail_unknowns(scope, product, parameters)
    if unknown == 0 and any(isinstance(atom, Name) for atom in product.atoms):
        name = next(atom for atom in product.atoms if isinstance(atom, Name))
        cursor.fail_between(
            f"`{name.value}` is a column of the data and has no coefficient",
            product.position,
            product.stop,
            allowed=f"`b * {quoted(name.value)}` with an unknown b; `data({quoted(name.value)})` for the "
            "column itself (coefficient 1)",
            remedy="if a parameter is meant, give it a name that no column has",
        )
    if unknown == 1 and product.number not in (0.0, 1.0):
        _fail_number(scope, product, parameters[0].value if parameters else nodes[0])
    _check_bases(scope, product, alone=bool(parameters) and len(set(columns)) == len(columns))
    parameter = parameters[0].value if parameters else ""
    node = nodes[0] if nodes else ""
    return Piece(parameter, node, product.number, tuple(columns), product.position, product.stop)


def _is_parameter(scope: Scope, name: Name, *, first: bool) -> bool:
    """Return whether a bare name is an unknown coefficient: no column, or the first of a product."""
    if name.value in scope.nodes:
        index = ", ".join(scope.nodes[name.value].index)
        scope.cursor.fail_between(
            f"the node `{name.value}` stands without its index",
            name.position,
            name.position + len(name.value),
            allowed=f"{name.value}[{index}]",
        )
    if scope.columns is None:
        return first and not scope.is_column(name.value)
    return name.value not in scope.columns


def _fail_number(scope: Scope, product: Product, shown: str) -> NoReturn:
    """Raise the error for a number or a minus sign before an unknown."""
    minus = product.number == -1.0
    what = "a minus sign" if minus else f"the known number {product.number:g}"
    scope.cursor.fail_between(
        f"{what} stands before the unknown `{shown}`",
        product.position,
        product.stop,
        allowed="sums: an unknown may be negative, and its scale is its own",
        remedy="write + and read the unknown with the other sign" if minus
        else "numbers may stand inside functions of columns: b * I(x - 3), b * I(2 * x)",
    )  # fmt: skip


def _fail_unknowns(scope: Scope, product: Product, parameters: list[Name]) -> None:
    """Raise the error for a product of two unknowns."""
    names = " and ".join(f"`{name.value}`" for name in parameters) or "two nodes"
    verb = "are no columns" if len(parameters) > 1 else "is no column"
    remedy = next((scope.near(name.value) for name in parameters if scope.near(name.value)), "")
    scope.cursor.fail_between(
        f"{names} {verb} of the data, so that a product has two unknowns"
        if parameters
        else "a product of two nodes",
        product.position,
        product.stop,
        allowed="a coefficient or a node times columns of the data: b * x, A[app] * x",
        remedy=remedy,
    )


def _text(scope: Scope, atom: Columns) -> str:
    """Return the text of a column or a call of columns, all of which must be there."""
    absent = [
        name
        for name in columns_of(atom.expression)
        if scope.columns is not None and name not in scope.columns
    ]
    if absent:
        scope.cursor.fail_between(
            f"`{absent[0]}` is no column of the data", atom.position, atom.stop, remedy=scope.near(absent[0])
        )
    return expression_text(atom.expression)


def has_basis(columns: Sequence[str]) -> bool:
    """Return whether one of the factors is a basis or a factor, ``poly(x, 2)`` or ``C(x)``.

    Examples
    --------
    >>> has_basis(["x", "C(z)"]), has_basis(["log(x)"])
    (True, False)
    """
    calls = (FUNCTIONS.get(name.partition("(")[0]) for name in columns if "(" in name)
    return any(call is not None and call.gives != "column" for call in calls)


def _check_bases(scope: Scope, product: Product, *, alone: bool) -> None:
    """Raise if a basis or a factor, ``poly(x, 2)`` or ``C(x)``, stands where one number a row must stand."""
    for atom in product.atoms:
        if isinstance(atom, Columns) and not (alone and has_basis([expression_text(atom.expression)])):
            check_column(scope.cursor, atom.expression, atom.position, atom.stop)
