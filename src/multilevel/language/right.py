"""The reader of the right side of a formula: terms, grouped terms in parentheses, offsets."""

from __future__ import annotations

from dataclasses import replace
from typing import NoReturn

from multilevel.language.arguments import check_column
from multilevel.language.calls import read_call, read_sum
from multilevel.language.cursor import Cursor, check_plain_name, fail_dotted
from multilevel.language.expression import Column, columns_of
from multilevel.language.functions import HINTS, SERIAL, STRUCTURES
from multilevel.language.grouping import read_groups
from multilevel.language.side import Bar, Side, added, interacted, raised, taken_away
from multilevel.language.terms import Terms, crossed, interaction, nested, single
from multilevel.language.tokens import Token

_ALLOWED = "names, calls, 0, 1, parentheses and + - * : / ^"


def read_side(cursor: Cursor) -> Side:
    """Read a sum of terms up to the first token that cannot continue it.

    Raises
    ------
    FormulaError
        If a piece of it is not allowed.
    """
    side = Side(cursor.token.start, cursor.token.start)
    while True:
        minus, sign = _sign(cursor)
        piece = _product(cursor)
        side = taken_away(cursor, side, piece, sign) if minus else added(cursor, side, piece)
        if not cursor.at("+", "-"):
            return side


def _sign(cursor: Cursor) -> tuple[bool, Token]:
    """Take the signs before a piece; return whether they amount to a minus, and the first."""
    first, minus = cursor.token, False
    while cursor.at("+", "-"):
        minus ^= cursor.take().value == "-"
    return minus, first


def _product(cursor: Cursor) -> Side:
    left = _interaction(cursor)
    while cursor.at("*", "/"):
        operator = cursor.take()
        left = interacted(
            cursor, operator, crossed if operator.value == "*" else nested, left, _interaction(cursor)
        )
    return left


def _interaction(cursor: Cursor) -> Side:
    left = _power(cursor)
    while cursor.at(":"):
        left = interacted(cursor, cursor.take(), interaction, left, _power(cursor))
    return left


def _power(cursor: Cursor) -> Side:
    base = _piece(cursor)
    while cursor.at("^", "**"):
        operator = cursor.take()
        base = raised(cursor, operator, base, cursor.take())
    return base


def _piece(cursor: Cursor) -> Side:
    """Read a name, 0 or 1, a call, an offset, a grouped term, or a sum in parentheses."""
    token = cursor.token
    if cursor.at_call():
        return _called(cursor)
    if cursor.at("("):
        return _parentheses(cursor)
    if token.kind == "number":
        return _zero_or_one(cursor)
    if token.kind == "dotted":
        fail_dotted(cursor, token)
    if token.kind not in ("name", "quoted"):
        unexpected(cursor)
    check_plain_name(cursor, token)
    cursor.take()
    return Side(token.start, token.stop, single(Column(token.value, token.start)))


def _zero_or_one(cursor: Cursor) -> Side:
    token = cursor.take()
    if token.value not in ("0", "1"):
        cursor.fail(
            f"the number {token.value} stands among the terms",
            token,
            allowed="0 (no intercept) and 1 (intercept)",
            remedy="arithmetic goes inside `I()`",
        )
    return Side(token.start, token.stop, intercept=token.value == "1")


def _called(cursor: Cursor) -> Side:
    """Read what begins with a name and a parenthesis: a structure, an offset or a function."""
    name = cursor.token
    if holds_bar(cursor):
        if name.value not in STRUCTURES:
            cursor.fail(
                f"the covariance structure `{name.value}` is not in this version",
                name,
                allowed="(x | g), (x || g), " + ", ".join(map(_example, STRUCTURES)),
                remedy=f"if `{name.value}` is a column, write `+` after it",
            )
        cursor.take()
        return _parentheses(cursor, structure=name)
    if name.value in STRUCTURES:
        cursor.fail(
            f"`{name.value}()` holds no bar",
            name,
            allowed=_example(name.value),
            remedy=HINTS.get(name.value, ""),
        )
    if name.value != "offset":
        call = read_call(cursor)
        return Side(name.start, cursor.tokens[cursor.place - 1].stop, single(call))
    cursor.take()
    cursor.take()
    start, expression = cursor.token, read_sum(cursor)
    stop = cursor.tokens[cursor.place - 1].stop
    if not cursor.at(")"):
        unexpected(cursor)
    check_column(cursor, expression, start.start, stop)
    if not columns_of(expression):
        cursor.fail_between(
            "an offset without a column", start.start, stop, remedy="name a column of the data"
        )
    return Side(name.start, cursor.take().stop, offsets=(expression,))


def holds_bar(cursor: Cursor) -> bool:
    """Return whether the parentheses after the next token hold a bar that is not in deeper ones."""
    depth = 0
    for token in cursor.tokens[cursor.place + 1 :]:
        if token.kind != "operator":
            continue
        if token.value in ("(", "[", "{"):
            depth += 1
        elif token.value in (")", "]", "}"):
            depth -= 1
            if depth == 0:
                return False
        elif depth == 1 and token.value in ("|", "||"):
            return True
    return False


def _parentheses(cursor: Cursor, *, structure: Token | None = None) -> Side:
    """Read a sum in parentheses, or a grouped term if there is a bar in them."""
    opening = cursor.take()
    start = opening.start if structure is None else structure.start
    if cursor.at("|", "||"):
        cursor.fail(
            "the left side of the bar is empty", cursor.token, remedy="write `(1 | g)` for an intercept"
        )
    if cursor.at(")"):
        cursor.fail_between("the parentheses are empty", start, cursor.token.stop, allowed=_ALLOWED)
    inner = read_side(cursor)
    if cursor.at("|", "||"):
        return _bar(cursor, inner, start, structure)
    if not cursor.at(")"):
        unexpected(cursor)
    return replace(inner, start=start, stop=cursor.take().stop)


def _bar(cursor: Cursor, inner: Side, start: int, structure: Token | None) -> Side:
    """Read the rest of a grouped term from its bar on."""
    bar = cursor.take()
    if inner.bars or inner.offsets:
        what = "another grouped term" if inner.bars else "an offset"
        cursor.fail_between(f"the left side of a bar holds {what}", inner.start, inner.stop, allowed=_ALLOWED)
    if structure is not None and bar.value == "||":
        cursor.fail(
            f"`||` inside `{structure.value}()`", bar, allowed=f"`(x || g)` or `{structure.value}(x | g)`"
        )
    effects = inner.written_out()
    if not effects.intercept and not effects.terms:
        cursor.fail_between(
            "no effects are left on the left side of the bar",
            inner.start,
            inner.stop,
            remedy="write `(1 | g)` for an intercept that varies",
        )
    if structure is not None and structure.value in SERIAL:
        _check_times(cursor, structure, inner, effects)
    groups = read_groups(cursor)
    stop = cursor.take().stop
    word = "||" if bar.value == "||" else "us" if structure is None else structure.value
    return Side(start, stop, bars=(Bar(effects, groups, word, start, stop),))


def _example(structure: str) -> str:
    """Return how a structure is written."""
    return f"{structure}(0 + time | g)" if structure in SERIAL else f"{structure}(x | g)"


def _check_times(cursor: Cursor, structure: Token, inner: Side, effects: Terms) -> None:
    """Require one column of times, without an intercept."""
    factors = effects.terms[0] if len(effects.terms) == 1 else ()
    column = len(factors) == 1 and isinstance(next(iter(factors)).expression, Column)
    if effects.intercept or not column:
        what = "has an intercept" if effects.intercept else "is not one column"
        cursor.fail_between(
            f"`{structure.value}` is for the effects of successive times, and its left side {what}",
            inner.start,
            inner.stop,
            allowed=_example(structure.value),
            remedy="write `0 + time` with a column `time` of numbers or ordered categories",
        )


def unexpected(cursor: Cursor) -> NoReturn:
    """Raise the error for a token that cannot stand among the terms."""
    token = cursor.token
    shown = cursor.text[token.start : token.stop]
    if cursor.at_end():
        cursor.fail("the formula ends where a term is missing", token, allowed=_ALLOWED)
    if cursor.at("."):
        cursor.fail("`.` for all other columns is not supported", token, remedy="name the columns")
    if cursor.at("["):
        cursor.fail("stages in `[...]` are not supported", token, allowed=_ALLOWED)
    if cursor.at("~"):
        cursor.fail("a second `~`", token, allowed="one `~`, with the response on its left")
    if cursor.at("|", "||"):
        cursor.fail(
            f"`{shown}` stands outside of parentheses",
            token,
            remedy="put parentheses round the grouped term: `(x | g)`",
        )
    cursor.fail(f"unexpected `{shown}` among the terms", token, allowed=_ALLOWED)
