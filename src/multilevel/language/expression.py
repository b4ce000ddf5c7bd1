"""The tree of an expression of columns, `log(x + 1)`: its nouns, its columns and its canonical text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from multilevel.model.text import quoted

Scalar = int | float | str | bool | None


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table, by its name as it is in the table."""

    name: str
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Constant:
    """A number, text, truth value, ``None`` or a list of those (as a tuple)."""

    value: Scalar | tuple[Scalar, ...]
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Unary:
    """A sign, "+" or "-", before an expression."""

    operator: str
    operand: Expression
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Binary:
    """Two expressions joined by ``+``, ``-``, ``*``, ``/`` or ``**``."""

    operator: str
    left: Expression
    right: Expression
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a whitelisted function or contrast, its arguments already checked.

    Parameters
    ----------
    name
        A key of `functions.FUNCTIONS` or `functions.CONTRASTS`.
    arguments, options
        Arguments without and with keywords, as written. A contrast without any is written bare.
    """

    name: str
    arguments: tuple[Expression, ...] = ()
    options: tuple[tuple[str, Expression], ...] = ()
    position: int = field(default=0, compare=False)


Expression = Column | Constant | Unary | Binary | Call

_STRENGTH = {"+": 1, "-": 1, "*": 2, "/": 2, "**": 4}
_SIGN_STRENGTH, _ATOM_STRENGTH = 3, 5
_ESCAPED = "()[]{}`%"


def columns_of(expression: Expression) -> tuple[str, ...]:
    """Return the names of an expression's columns in order of first use."""
    return tuple(dict.fromkeys(_column_names(expression)))


def _column_names(expression: Expression) -> Iterator[str]:
    match expression:
        case Column(name):
            yield name
        case Unary(_, operand):
            yield from _column_names(operand)
        case Binary(_, left, right):
            yield from _column_names(left)
            yield from _column_names(right)
        case Call(_, arguments, options):
            for argument in (*arguments, *(value for _, value in options)):
                yield from _column_names(argument)
        case Constant():
            return


def expression_text(expression: Expression) -> str:
    """Return the canonical text of an expression, in Python's spelling and spacing: ``I(x ** 2)``."""
    return _written(expression)[0]


def _written(expression: Expression) -> tuple[str, int]:
    """Return the text of an expression and how strongly its outermost operator binds."""
    match expression:
        case Column(name):
            return quoted(name), _ATOM_STRENGTH
        case Constant(value):
            return _constant_text(value), _constant_strength(value)
        case Unary(operator, operand):
            return f"{operator}{_operand_text(operand, _SIGN_STRENGTH)}", _SIGN_STRENGTH
        case Binary(operator, left, right):
            strength = _STRENGTH[operator]
            on_left, on_right = (
                (strength + 1, _SIGN_STRENGTH) if operator == "**" else (strength, strength + 1)
            )
            text = f"{_operand_text(left, on_left)} {operator} {_operand_text(right, on_right)}"
            return text, strength
        case Call(name, arguments, options):
            pieces = [_written(argument)[0] for argument in arguments]
            pieces += [f"{keyword}={_written(value)[0]}" for keyword, value in options]
            return (f"{name}({', '.join(pieces)})" if pieces else name), _ATOM_STRENGTH


def _operand_text(operand: Expression, least: int) -> str:
    """Write an operand, in parentheses if it binds less than ``least``."""
    text, strength = _written(operand)
    return text if strength >= least else f"({text})"


def _constant_strength(value: Scalar | tuple[Scalar, ...]) -> int:
    """Return how strongly a constant binds: a negative number carries its sign with it."""
    negative = isinstance(value, int | float) and value < 0
    return _SIGN_STRENGTH if negative else _ATOM_STRENGTH


def _constant_text(value: Scalar | tuple[Scalar, ...]) -> str:
    """Write a constant; brackets in a text are escaped, for readers that only count brackets."""
    if isinstance(value, tuple):
        return f"[{', '.join(_constant_text(item) for item in value)}]"
    if isinstance(value, str):
        return "".join(f"\\x{ord(c):02x}" if c in _ESCAPED else c for c in repr(value))
    return repr(value)
