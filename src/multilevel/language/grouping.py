"""The reader of the grouping side of a bar: `g`, `a:b`, `a/b/c`, `a*b`, written out as lists of columns."""

from __future__ import annotations

from typing import NoReturn

from multilevel.language.cursor import Cursor, check_plain_name, fail_dotted
from multilevel.language.tokens import Token

Groups = list[tuple[str, ...]]
"""Grouping factors, each by the columns whose combinations are its levels."""

MAX_GROUPS = 100
_ALLOWED = "column names joined by : (combinations), / (nested) or * (crossed, with their combinations)"


def read_groups(cursor: Cursor) -> Groups:
    """Read the grouping side up to the parenthesis that ends it.

    ``a/b/c`` gives ``a``, ``a:b``, ``a:b:c``, the outer column first; ``a*b`` gives ``a``, ``b``, ``a:b``.

    Raises
    ------
    FormulaError
        If it is empty or anything but column names joined by ``:``, ``/`` and ``*``.
    """
    groups = _combinations(cursor)
    while cursor.at("/", "*"):
        operator = cursor.take()
        right = _combinations(cursor)
        if operator.value == "/":
            whole = tuple(dict.fromkeys(name for group in groups for name in group))
            groups = groups + [_joined(cursor, operator, whole, group) for group in right]
        else:
            groups = groups + right + [_joined(cursor, operator, a, b) for a in groups for b in right]
        if len(groups) > MAX_GROUPS:
            cursor.fail("one term has too many grouping factors", operator, allowed=f"at most {MAX_GROUPS}")
    if not cursor.at(")"):
        _unexpected(cursor)
    return groups


def _combinations(cursor: Cursor) -> Groups:
    groups = _one(cursor)
    while cursor.at(":"):
        operator = cursor.take()
        right = _one(cursor)
        groups = [_joined(cursor, operator, a, b) for a in groups for b in right]
        if len(groups) > MAX_GROUPS:
            cursor.fail("one term has too many grouping factors", operator, allowed=f"at most {MAX_GROUPS}")
    return groups


def _joined(
    cursor: Cursor, operator: Token, left: tuple[str, ...], right: tuple[str, ...]
) -> tuple[str, ...]:
    """Return the columns of both sides of an operator; no column may be on both."""
    for name in right:
        if name in left:
            cursor.fail(f"the grouping column `{name}` is on both sides of `{operator.value}`", operator)
    return left + right


def _one(cursor: Cursor) -> Groups:
    """Read one name, or groups in parentheses."""
    token = cursor.token
    if cursor.at("("):
        cursor.take()
        groups = read_groups(cursor)
        cursor.take()
        return groups
    if token.kind == "dotted" and not cursor.at_call():
        fail_dotted(cursor, token)
    if token.kind not in ("name", "quoted") or cursor.at_call():
        _unexpected(cursor)
    check_plain_name(cursor, token)
    return [(cursor.take().value,)]


def _unexpected(cursor: Cursor) -> NoReturn:
    """Raise the error for a token that cannot stand in a grouping side."""
    token = cursor.token
    shown = cursor.text[token.start : token.stop]
    if cursor.at(")"):
        cursor.fail("a grouping factor is missing here", token, allowed=_ALLOWED)
    if cursor.at("+"):
        cursor.fail(
            "two grouping factors are added",
            token,
            allowed=_ALLOWED,
            remedy="write one term for each: `(x | a) + (x | b)`",
        )
    if cursor.at("|", "||"):
        cursor.fail(
            f"a second `{shown}` in one grouped term",
            token,
            allowed="one bar: effects on its left, a grouping factor on its right",
        )
    if cursor.at_call():
        cursor.fail(
            f"`{shown}(...)` in a grouping side",
            token,
            allowed=_ALLOWED,
            remedy="compute the grouping column before the fit and use its name",
        )
    cursor.fail(f"unexpected `{shown}` in a grouping side", token, allowed=_ALLOWED)
