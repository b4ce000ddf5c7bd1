"""The reader of expressions inside calls: arithmetic, constants and calls of whitelisted functions."""

from __future__ import annotations

import math
from typing import NoReturn

from multilevel.language.arguments import Argument, checked_call, checked_contrast
from multilevel.language.cursor import Cursor, check_plain_name, fail_dotted
from multilevel.language.expression import Binary, Call, Column, Constant, Expression, Scalar, Unary
from multilevel.language.functions import CONTRASTS, FUNCTIONS
from multilevel.language.tokens import Token

MAX_OPERATIONS = 200
_WORDS: dict[str, Scalar] = {"True": True, "False": False, "None": None, "TRUE": True, "FALSE": False}
_ALLOWED = "names, numbers, + - * / ** and calls of the functions of formulas"


def read_call(cursor: Cursor) -> Call:
    """Read a whole call, ``name(...)``; the cursor stands at the name.

    Raises
    ------
    FormulaError
        If the function, one of its arguments or the arithmetic in them is not allowed.
    """
    cursor.operations = 0
    return _call(cursor)


def read_sum(cursor: Cursor) -> Expression:
    """Read an expression up to the first token that cannot continue it.

    Raises
    ------
    FormulaError
        As `read_call`.
    """
    left = _product(cursor)
    while cursor.at("+", "-"):
        left = _joined(cursor, cursor.take(), left, _product(cursor))
    return left


def _product(cursor: Cursor) -> Expression:
    left = _signed(cursor)
    while cursor.at("*", "/"):
        left = _joined(cursor, cursor.take(), left, _signed(cursor))
    return left


def _signed(cursor: Cursor) -> Expression:
    """Read signs and the power they stand before: ``-x ** 2`` is ``-(x ** 2)``, as in R and Python."""
    signs = _signs(cursor)
    bases, operators = [_atom(cursor)], []
    inner_signs: list[tuple[Token, ...]] = []
    while cursor.at("**", "^"):
        operators.append(cursor.take())
        inner_signs.append(_signs(cursor))
        bases.append(_atom(cursor))
    power = bases.pop()
    while operators:
        power = _with_signs(cursor, inner_signs.pop(), power)
        power = _joined(cursor, operators.pop(), bases.pop(), power)
    return _with_signs(cursor, signs, power)


def _signs(cursor: Cursor) -> tuple[Token, ...]:
    signs = []
    while cursor.at("+", "-"):
        signs.append(cursor.take())
    return tuple(signs)


def _with_signs(cursor: Cursor, signs: tuple[Token, ...], operand: Expression) -> Expression:
    """Put signs before an expression; two minus signs cancel, and a number takes its sign into itself."""
    if not signs:
        return operand
    minus = sum(sign.value == "-" for sign in signs) % 2 == 1
    if isinstance(operand, Constant):
        if isinstance(operand.value, bool) or not isinstance(operand.value, int | float):
            cursor.fail(
                f"a sign before {operand.value!r}", signs[0], allowed="signs before numbers and columns"
            )
        return Constant(-operand.value if minus else operand.value, signs[0].start)
    return Unary("-", operand, signs[0].start) if minus else operand


def _joined(cursor: Cursor, token: Token, left: Expression, right: Expression) -> Binary:
    """Join two expressions after checking what can be known without data."""
    cursor.operations += 1
    if cursor.operations > MAX_OPERATIONS:
        cursor.fail(
            "too many operations in one call",
            token,
            allowed=f"at most {MAX_OPERATIONS}",
            remedy="compute the column before the fit and use its name",
        )
    for side in (left, right):
        if isinstance(side, Constant) and (
            isinstance(side.value, bool) or not isinstance(side.value, int | float)
        ):
            cursor.fail(f"arithmetic with {side.value!r}", token, allowed="numbers and columns of numbers")
    operator = "**" if token.value == "^" else token.value
    joined = Binary(operator, left, right, left.position)
    if isinstance(left, Constant | Binary | Unary) and isinstance(right, Constant | Binary | Unary):
        _check_finite(cursor, token, joined)
    return joined


def _check_finite(cursor: Cursor, token: Token, expression: Expression) -> None:
    """Raise if arithmetic on numbers alone overflows or has no real value: ``9 ** 9 ** 9``, ``1 / 0``."""
    try:
        value = _value(expression)
    except (ArithmeticError, ValueError):
        value = math.nan
    if value is not None and not math.isfinite(value):
        cursor.fail("this arithmetic on numbers has no finite value", token)


def _value(expression: Expression) -> float | None:
    """Return the value of arithmetic on numbers alone, or ``None`` if a column takes part."""
    match expression:
        case Constant(value) if isinstance(value, int | float):
            return float(value)
        case Unary(_, operand):
            inner = _value(operand)
            return None if inner is None else -inner
        case Binary(operator, left, right):
            first, second = _value(left), _value(right)
            if first is None or second is None:
                return None
            return _arithmetic(operator, first, second)
    return None


def _arithmetic(operator: str, left: float, right: float) -> float:
    """Return ``left operator right``; raises ArithmeticError or ValueError where there is no real value."""
    match operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "/":
            return left / right
    return math.pow(left, right)


def _atom(cursor: Cursor) -> Expression:
    """Read a name, a constant, a list, a call, or an expression in parentheses."""
    token = cursor.token
    if token.kind == "quoted":
        atom: Expression = Column(cursor.take().value, token.start)
    elif token.kind in ("name", "dotted"):
        atom = _named(cursor)
    elif token.kind == "number":
        atom = Constant(_number(cursor, cursor.take()), token.start)
    elif token.kind == "string":
        atom = Constant(cursor.take().value, token.start)
    elif cursor.at("["):
        atom = _list(cursor)
    elif cursor.at("("):
        cursor.take()
        if cursor.at(")"):
            cursor.fail("the parentheses are empty", token)
        atom = read_sum(cursor)
        _close(cursor, ")")
    else:
        _unexpected(cursor)
    if cursor.at("(", "[", "."):
        _unexpected(cursor)
    return atom


def _named(cursor: Cursor) -> Expression:
    """Read what begins with a name: a call, a bare contrast, a constant's word, or a column."""
    token = cursor.token
    if cursor.at_call():
        return _call(cursor)
    cursor.take()
    if token.kind == "dotted":
        if token.value in CONTRASTS:
            return Call(token.value, position=token.start)
        if token.value.startswith("contr."):
            cursor.fail(f"`{token.value}` is not a contrast", token, allowed=", ".join(CONTRASTS))
        fail_dotted(cursor, token)
    if token.value in _WORDS:
        return Constant(_WORDS[token.value], token.start)
    check_plain_name(cursor, token)
    return Column(token.value, token.start)


def _call(cursor: Cursor) -> Call:
    name = cursor.take()
    cursor.take()
    arguments = _arguments(cursor)
    _close(cursor, ")")
    if name.value in CONTRASTS:
        return checked_contrast(cursor, name, arguments)
    if name.value not in FUNCTIONS:
        cursor.fail(
            f"`{name.value}` is not a function that can stand here", name, allowed=", ".join(FUNCTIONS)
        )
    return checked_call(cursor, name, arguments)


def _arguments(cursor: Cursor) -> tuple[Argument, ...]:
    """Read the arguments between the parentheses of a call, each with its keyword if it has one."""
    arguments: list[Argument] = []
    while not cursor.at(")"):
        keyword = None
        start = cursor.token
        if start.kind == "name" and cursor.following.kind == "operator" and cursor.following.value == "=":
            keyword = cursor.take().value
            cursor.take()
        if cursor.at(",", ")"):
            cursor.fail("an argument is missing here", cursor.token)
        value = read_sum(cursor)
        stop = cursor.tokens[cursor.place - 1].stop
        arguments.append(Argument(keyword, value, start.start, stop))
        if not cursor.at(","):
            break
        cursor.take()
    return tuple(arguments)


def _list(cursor: Cursor) -> Constant:
    """Read a list of constants, ``[1, 2.5]``."""
    start = cursor.take()
    items: list[Scalar] = []
    while not cursor.at("]"):
        item_token = cursor.token
        item = _signed(cursor)
        if not isinstance(item, Constant) or isinstance(item.value, tuple):
            cursor.fail("a list may hold only numbers and texts", item_token)
        items.append(item.value)
        if not cursor.at(","):
            break
        cursor.take()
    _close(cursor, "]")
    return Constant(tuple(items), start.start)


def _number(cursor: Cursor, token: Token) -> int | float:
    """Return the value of a number token, finite."""
    if token.value.isdecimal():
        return int(token.value)
    value = float(token.value)
    if not math.isfinite(value):
        cursor.fail(f"the number `{token.value}` is too large", token)
    return value


def _close(cursor: Cursor, bracket: str) -> None:
    if not cursor.at(bracket):
        _unexpected(cursor)
    cursor.take()


def _unexpected(cursor: Cursor) -> NoReturn:
    token = cursor.token
    if cursor.at_end():
        cursor.fail("the formula ends in the middle of an expression", token, allowed=_ALLOWED)
    cursor.fail(
        f"unexpected `{cursor.text[token.start : token.stop]}` inside a call", token, allowed=_ALLOWED
    )
