"""Check of a call's arguments against the whitelist: how many, which keywords, which constants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

from multilevel.language.cursor import Cursor
from multilevel.language.expression import (
    Binary,
    Call,
    Column,
    Constant,
    Expression,
    Scalar,
    Unary,
    columns_of,
)
from multilevel.language.functions import ACCEPTS, CONTRASTS, FUNCTIONS, Option
from multilevel.language.tokens import Token

MAX_COUNT = 1000


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument as it was read: its keyword if it has one, its value, and where it stands in the text."""

    keyword: str | None
    value: Expression
    start: int
    stop: int


def checked_call(cursor: Cursor, name: Token, arguments: tuple[Argument, ...]) -> Call:
    """Return the call of a whitelisted function.

    Raises
    ------
    FormulaError
        If there is no data argument, it holds no column, or an option is unknown, given twice or not of
        the kind that the function accepts.
    """
    function = FUNCTIONS[name.value]
    if not arguments or arguments[0].keyword is not None:
        cursor.fail(
            f"`{name.value}()` needs a column as its first argument", name, allowed=_signature(name.value)
        )
    data, *rest = arguments
    _check_data(cursor, name, data)
    options = _matched(cursor, name, tuple(rest), function.options)
    return _built(name, (data, *rest), {0: data.value, **options})


def checked_contrast(cursor: Cursor, name: Token, arguments: tuple[Argument, ...]) -> Call:
    """Return the call of a contrast.

    Raises
    ------
    FormulaError
        If an option is unknown, given twice or not of the kind that the contrast accepts.
    """
    contrast = CONTRASTS[name.value]
    matched = _matched(cursor, name, arguments, contrast.options, first=0)
    return _built(name, arguments, matched)


def _built(name: Token, arguments: tuple[Argument, ...], values: dict[int, Expression]) -> Call:
    plain = tuple(values[i] for i, argument in enumerate(arguments) if argument.keyword is None)
    options = tuple(
        (argument.keyword, values[i]) for i, argument in enumerate(arguments) if argument.keyword is not None
    )
    return Call(name.value, plain, options, name.start)


def _check_data(cursor: Cursor, name: Token, data: Argument) -> None:
    """Raise unless the data argument is arithmetic of columns with at least one column in it."""
    check_column(cursor, data.value, data.start, data.stop)
    if not columns_of(data.value):
        _fail_argument(
            cursor, f"`{name.value}()` is given no column", data, remedy="name a column of the data"
        )


def check_column(cursor: Cursor, expression: Expression, start: int, stop: int) -> None:
    """Raise unless the expression gives one number (or label) a row: no texts, lists, bases or factors in it.

    ``start`` and ``stop`` are the characters to underline.
    """
    match expression:
        case Constant(value) if isinstance(value, bool) or not isinstance(value, int | float):
            shown = list(value) if isinstance(value, tuple) else value
            cursor.fail_between(f"found {shown!r} where a column must stand", start, stop)
        case Unary(_, operand):
            check_column(cursor, operand, start, stop)
        case Binary(_, left, right):
            check_column(cursor, left, start, stop)
            check_column(cursor, right, start, stop)
        case Call(name) if name in CONTRASTS:
            cursor.fail_between(f"the contrast `{name}` stands outside of `C()`", start, stop)
        case Call(name) if FUNCTIONS[name].gives != "column":
            gives = "several columns" if FUNCTIONS[name].gives == "columns" else "a factor"
            cursor.fail_between(
                f"`{name}()` gives {gives}, so it must be a whole term",
                start,
                stop,
                allowed=", ".join(key for key, function in FUNCTIONS.items() if function.gives == "column"),
            )


def _matched(
    cursor: Cursor,
    name: Token,
    arguments: tuple[Argument, ...],
    options: tuple[Option, ...],
    *,
    first: int = 1,
) -> dict[int, Expression]:
    """Match arguments with options; return their checked values by place in the call (from ``first``)."""
    by_keyword = {option.name: option for option in options}
    positional = [option for option in options if not option.keyword_only]
    seen: set[str] = set()
    values: dict[int, Expression] = {}
    for place, argument in enumerate(arguments):
        if argument.keyword is not None:
            option = by_keyword.get(argument.keyword)
            if option is None:
                _fail_option(cursor, f"`{name.value}()` has no option `{argument.keyword}`", name, argument)
        elif any(a.keyword is not None for a in arguments[:place]):
            _fail_option(cursor, "an argument without keyword follows one with a keyword", name, argument)
        elif place >= len(positional):
            _fail_option(cursor, f"`{name.value}()` has too many arguments", name, argument)
        else:
            option = positional[place]
        if option.name in seen:
            _fail_option(cursor, f"the option `{option.name}` is given twice", name, argument)
        seen.add(option.name)
        values[first + place] = _checked_value(cursor, option, argument)
    return values


def _checked_value(cursor: Cursor, option: Option, argument: Argument) -> Expression:
    """Return an option's value if the option accepts it."""
    value = argument.value
    if option.accepts == "contrast":
        if isinstance(value, Column) and value.name in CONTRASTS:
            return Call(value.name, position=value.position)
        if isinstance(value, Call) and value.name in CONTRASTS:
            return value
        accepted = False
    else:
        accepted = isinstance(value, Constant) and _accepts(option, value.value)
    if not accepted:
        allowed = " ".join(repr(choice) for choice in option.choices) or ACCEPTS[option.accepts]
        if option.accepts == "contrast":
            allowed += f" (one of {', '.join(CONTRASTS)})"
        _fail_argument(cursor, f"the option `{option.name}` does not accept this", argument, allowed=allowed)
    return value


def _accepts(option: Option, value: Scalar | tuple[Scalar, ...]) -> bool:
    """Return whether a constant is of the kind that the option accepts."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    items = value if isinstance(value, tuple) else ()
    match option.accepts:
        case "count" | "positive":
            least = 1 if option.accepts == "positive" else 0
            return isinstance(value, int) and number and least <= value <= MAX_COUNT
        case "number":
            return number
        case "flag":
            return isinstance(value, bool)
        case "flag or number":
            return isinstance(value, bool) or number
        case "numbers":
            return bool(items) and all(isinstance(i, int | float) and not isinstance(i, bool) for i in items)
        case "level":
            return isinstance(value, str | int | float)
        case "levels":
            return bool(items) and len(set(items)) == len(items) and None not in items
        case "choice":
            return value in option.choices
    return False


def _signature(name: str) -> str:
    """Return how a function is written, for error messages."""
    if name in FUNCTIONS:
        return f"{name}({', '.join(('column', *(f'{o.name}=...' for o in FUNCTIONS[name].options)))})"
    return f"{name}({', '.join(f'{o.name}=...' for o in CONTRASTS[name].options)})"


def _fail_option(cursor: Cursor, asked: str, name: Token, argument: Argument) -> NoReturn:
    _fail_argument(cursor, asked, argument, allowed=_signature(name.value))


def _fail_argument(
    cursor: Cursor, asked: str, argument: Argument, *, allowed: str = "", remedy: str = ""
) -> NoReturn:
    cursor.fail_between(asked, argument.start, argument.stop, allowed=allowed, remedy=remedy)
