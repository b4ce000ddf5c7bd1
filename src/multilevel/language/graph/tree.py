"""The tree of a graph's text: statements with their places, before names have a meaning."""

from __future__ import annotations

from dataclasses import dataclass

from multilevel.language.expression import Expression


@dataclass(frozen=True, slots=True)
class Name:
    """A bare name: a parameter or a column, which the columns of the data decide."""

    value: str
    position: int


@dataclass(frozen=True, slots=True)
class Use:
    """A node at an index, ``A[app]``, or a component of it, ``b[school][0]``."""

    name: str
    index: tuple[str, ...]
    component: int | None
    position: int
    stop: int


@dataclass(frozen=True, slots=True)
class Columns:
    """A call of a whitelisted function of columns, ``log(x)``, or a column marked ``data(x)``."""

    expression: Expression
    position: int
    stop: int


Atom = Name | Use | Columns


@dataclass(frozen=True, slots=True)
class Product:
    """A number times atoms."""

    number: float
    atoms: tuple[Atom, ...]
    position: int
    stop: int


Sum = tuple[Product, ...]


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a distribution: a sum, or a list of arguments.

    Parameters
    ----------
    sum
        The sum; empty for a list.
    items
        The items of a list ``[a0, a1]``, or ``None`` if it is none.
    function
        Name of the function round the sum (``"exp"`` of ``exp(a + b * x)``), or "".
    position, stop
        Characters of the text that it covers.
    """

    sum: Sum
    items: tuple[Argument, ...] | None
    function: str
    position: int
    stop: int


@dataclass(frozen=True, slots=True)
class Statement:
    """``left ~ Distribution(arguments)``.

    Parameters
    ----------
    names
        The name on the left; several for ``[a, b][cafe]``.
    listed
        Whether the names stood in brackets.
    index
        Columns of the index; empty for the response and for parameters.
    response
        The left side as an expression if it is a call such as ``log(wait)``, else ``None``.
    distribution
        Name of the distribution.
    arguments
        What stands in its parentheses.
    position, stop
        Characters of the left side.
    call, end
        Characters of the distribution.
    """

    names: tuple[str, ...]
    listed: bool
    index: tuple[str, ...]
    response: Expression | None
    distribution: str
    arguments: tuple[Argument, ...]
    position: int
    stop: int
    call: int
    end: int
