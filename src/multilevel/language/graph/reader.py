"""The reader of a graph's text: statements `left ~ Distribution(...)`. Nothing is ever evaluated."""

from __future__ import annotations

import math
from collections.abc import Collection
from difflib import get_close_matches
from typing import NoReturn

from multilevel.errors import FormulaError
from multilevel.language.arguments import check_column
from multilevel.language.calls import read_call
from multilevel.language.cursor import Cursor, check_plain_name, fail_dotted
from multilevel.language.expression import Column, Expression
from multilevel.language.graph.distributions import DISTRIBUTIONS, PRIORS, refuse_link
from multilevel.language.graph.tree import Argument, Atom, Columns, Name, Product, Statement, Sum, Use
from multilevel.language.pieces import too_deep
from multilevel.language.tokens import MAX_CHARACTERS, Token
from multilevel.model.distributions import INVERSE_LINKS

MAX_PRODUCTS = 1000
_ALLOWED = "names, nodes such as A[app], numbers, + - * and parentheses"
_RESERVED = ("True", "False", "None", "TRUE", "FALSE")
_STATEMENT = "y ~ Normal(A[group] + b * x, sigma)"


def read_statements(text: str) -> tuple[Cursor, tuple[Statement, ...]]:
    """Read the statements of a graph.

    Parameters
    ----------
    text
        One statement a line or after a semicolon; ``#`` begins a comment.

    Returns
    -------
    Cursor
        For errors that point into the text.
    tuple of Statement
        In the order of the text.

    Raises
    ------
    FormulaError
        With a caret under the fault.

    Examples
    --------
    >>> _, found = read_statements("y ~ Normal(a[g], sigma); a[g] ~ Normal(0, tau)")
    >>> [statement.names for statement in found]
    [('y',), ('a',)]
    """
    if len(text) > MAX_CHARACTERS:
        raise FormulaError(
            f"the graph has {len(text)} characters",
            text=text,
            position=MAX_CHARACTERS,
            allowed=f"at most {MAX_CHARACTERS}",
        )
    try:
        cursor = Cursor(_without_comments(text))
        statements = []
        while True:
            while cursor.at(";"):
                cursor.take()
            if cursor.at_end():
                break
            statements.append(_statement(cursor))
    except RecursionError:
        raise too_deep(text) from None
    if not statements:
        cursor.fail("the graph has no statement", cursor.token, allowed=_STATEMENT)
    return cursor, tuple(statements)


def _without_comments(text: str) -> str:
    """Return the text with blanks in place of comments, so that places stay."""
    lines = []
    for line in text.split("\n"):
        quote, end = "", len(line)
        for at, character in enumerate(line):
            if quote:
                quote = "" if character == quote else quote
            elif character in "`\"'":
                quote = character
            elif character == "#":
                end = at
                break
        lines.append(line[:end] + " " * (len(line) - end))
    return "\n".join(lines)


def _statement(cursor: Cursor) -> Statement:
    """Read one statement, which must end with its line or a semicolon."""
    first = cursor.token
    names, listed, index, response = _left(cursor)
    stop = cursor.tokens[cursor.place - 1].stop
    if not cursor.at("~"):
        shown = cursor.text[cursor.token.start : cursor.token.stop]
        asked = f"unexpected `{shown}` before the `~`" if shown else "the statement ends before its `~`"
        remedy = "write `~` between the two sides" if shown in ("=", "<", "==", "<-") else ""
        cursor.fail(asked, cursor.token, allowed=_STATEMENT, remedy=remedy)
    cursor.take()
    call = cursor.token
    name = _distribution(cursor)
    arguments = _arguments(cursor, name)
    end = cursor.tokens[cursor.place - 1].stop
    after = cursor.token
    if not cursor.at_end() and not cursor.at(";") and "\n" not in cursor.text[end : after.start]:
        cursor.fail(
            "the statement goes on after its distribution",
            after,
            allowed=_STATEMENT,
            remedy="put everything inside the parentheses, or begin a new line",
        )
    return Statement(names, listed, index, response, name, arguments, first.start, stop, call.start, end)


def _left(cursor: Cursor) -> tuple[tuple[str, ...], bool, tuple[str, ...], Expression | None]:
    """Read a left side: its names, whether they were listed, its index, and a response that is a call."""
    if cursor.at("["):
        opening = cursor.take()
        names = [_name(cursor).value]
        while cursor.at(","):
            cursor.take()
            names.append(_name(cursor).value)
        _close(cursor, "]")
        if len(set(names)) < len(names):
            cursor.fail("a name stands in the list twice", opening)
        if not cursor.at("["):
            cursor.fail("a list of names without an index", opening, allowed="[a, b][school] ~ MVNormal(...)")
        return tuple(names), True, _index(cursor), None
    start = cursor.token.start
    if cursor.at_call():
        call = read_call(cursor)
        check_column(cursor, call, start, cursor.tokens[cursor.place - 1].stop)
        return ("",), False, (), call
    name = _name(cursor)
    index = _index(cursor) if cursor.at("[") else ()
    return (name.value,), False, index, None


def _name(cursor: Cursor, wanted: str = "a name") -> Token:
    """Take a name."""
    token = cursor.token
    if token.kind == "dotted":
        fail_dotted(cursor, token)
    if token.kind not in ("name", "quoted"):
        _unexpected(cursor, wanted)
    check_plain_name(cursor, token)
    if token.kind == "name" and token.value in _RESERVED:
        cursor.fail(
            f"`{token.value}` stands where {wanted} must stand",
            token,
            remedy=f"if it is a column, put it in backticks: `{token.value}`",
        )
    return cursor.take()


def _index(cursor: Cursor) -> tuple[str, ...]:
    """Read the columns of an index in brackets, joined by colons or commas."""
    opening = cursor.take()
    if cursor.token.kind == "number":
        cursor.fail(
            "a number stands where the column of an index must stand",
            cursor.token,
            allowed="A[app]; of a vector b[school][0] is the first number",
        )
    columns = [_name(cursor).value]
    while cursor.at(":", ",", "/"):
        cursor.take()
        columns.append(_name(cursor).value)
    _close(cursor, "]")
    if len(set(columns)) < len(columns):
        cursor.fail("a column stands in the index twice", opening)
    return tuple(columns)


def _distribution(cursor: Cursor) -> str:
    """Take the name of a distribution."""
    token = cursor.token
    known = (*DISTRIBUTIONS, *(name for name in PRIORS if name not in DISTRIBUTIONS))
    if not cursor.at_call():
        _fail_distribution(cursor)
    if token.value not in known:
        by_lower = {"n": "Normal", "cauchy": "HalfCauchy", **{name.lower(): name for name in known}}
        near = get_close_matches(token.value.lower()[:60], by_lower, n=1)
        cursor.fail(
            f"`{token.value}` is no distribution",
            token,
            allowed=", ".join(known),
            remedy=f"write {by_lower[near[0]]}(...)" if near else "",
        )
    return cursor.take().value


def _fail_distribution(cursor: Cursor) -> NoReturn:
    """Raise the error for a right side that begins with no distribution."""
    token = cursor.token
    if cursor.at_end():
        _unexpected(cursor, "a distribution")
    shown = cursor.text[token.start : token.stop]
    cursor.fail(
        f"found `{shown}` where a distribution must stand",
        token,
        allowed=_STATEMENT,
        remedy="a formula, `y ~ x + (1 | g)`, is read by multilevel.formula",
    )


def _arguments(cursor: Cursor, distribution: str) -> tuple[Argument, ...]:
    """Read what stands in the parentheses of a distribution, ``sqrt(variance)`` after a mean among it."""
    cursor.take()
    found: list[Argument] = []
    after = ("sqrt",) if distribution == "Normal" else tuple(INVERSE_LINKS)
    if distribution in ("LogNormal", "InverseGamma"):
        after = (*INVERSE_LINKS, "sqrt")
    while not cursor.at(")"):
        mean = distribution == "Normal" and not found
        found.append(_argument(cursor, tuple(INVERSE_LINKS) if mean else after))
        if not cursor.at(","):
            break
        cursor.take()
    if cursor.at("="):
        cursor.fail(
            "the arguments of distributions stand in their order, without names",
            cursor.token,
            allowed="Normal(mean, sd)",
        )
    _close(cursor, ")")
    return tuple(found)


def _argument(cursor: Cursor, functions: Collection[str]) -> Argument:
    """Read a sum, one of some functions of a sum, or a list of arguments."""
    start = cursor.token.start
    if cursor.at("["):
        cursor.take()
        items: list[Argument] = []
        while not cursor.at("]"):
            items.append(_argument(cursor, functions))
            if not cursor.at(","):
                break
            cursor.take()
        _close(cursor, "]")
        return Argument((), tuple(items), "", start, cursor.tokens[cursor.place - 1].stop)
    function = ""
    if cursor.at_call() and cursor.token.value in functions and _is_whole(cursor):
        function = cursor.take().value
        cursor.take()
        found = _sum(cursor)
        _close(cursor, ")")
    else:
        refuse_link(cursor)
        found = _sum(cursor)
    return Argument(found, None, function, start, cursor.tokens[cursor.place - 1].stop)


def _is_whole(cursor: Cursor) -> bool:
    """Return whether the call at the cursor is all of the argument."""
    depth = 0
    for token in cursor.tokens[cursor.place + 1 :]:
        if token.kind == "operator" and token.value in "([{":
            depth += 1
        elif token.kind == "operator" and token.value in ")]}":
            depth -= 1
        elif depth == 0:
            return token.kind == "operator" and token.value in (",", ")")
        if depth < 0:
            return True
    return False


def _sum(cursor: Cursor) -> Sum:
    """Read a sum of products; parentheses are multiplied out."""
    sign = _sign(cursor)
    products = [*_product(cursor, sign)]
    while cursor.at("+", "-"):
        products += _product(cursor, _sign(cursor))
        if len(products) > MAX_PRODUCTS:
            cursor.fail("the sum has too many summands", cursor.token, allowed=f"at most {MAX_PRODUCTS}")
    return tuple(products)


def _sign(cursor: Cursor) -> float:
    sign = 1.0
    while cursor.at("+", "-"):
        sign = -sign if cursor.take().value == "-" else sign
    return sign


def _product(cursor: Cursor, sign: float) -> Sum:
    """Read factors joined by `*`, or divided by numbers."""
    found = tuple(_times(product, sign) for product in _factor(cursor))
    while cursor.at("*", "/"):
        operator = cursor.take()
        if operator.value == "/":
            number = _number(cursor)
            if number == 0.0:
                cursor.fail("a division by zero", operator)
            found = tuple(_times(product, 1.0 / number) for product in found)
            continue
        right = _factor(cursor)
        if len(found) * len(right) > MAX_PRODUCTS:
            cursor.fail("the product has too many summands", operator, allowed=f"at most {MAX_PRODUCTS}")
        found = tuple(
            Product(a.number * b.number, (*a.atoms, *b.atoms), a.position, max(a.stop, b.stop))
            for a in found
            for b in right
        )
    if not all(math.isfinite(product.number) for product in found):
        cursor.fail_between(
            "this arithmetic on numbers has no finite value", found[0].position, found[0].stop
        )
    return found


def _times(product: Product, number: float) -> Product:
    return Product(number * product.number, product.atoms, product.position, product.stop)


def _number(cursor: Cursor) -> float:
    """Take a number, finite."""
    token = cursor.token
    if token.kind != "number":
        _unexpected(cursor, "a number (only numbers can divide)")
    value = float(token.value)
    if not math.isfinite(value):
        cursor.fail(f"the number `{token.value}` is too large", token)
    cursor.take()
    return value


def _factor(cursor: Cursor) -> Sum:
    """Read a number, a name, a node at its index, a call of columns, or a sum in parentheses."""
    token = cursor.token
    if cursor.at("("):
        cursor.take()
        inner = _sum(cursor)
        _close(cursor, ")")
        return inner
    if cursor.at("+", "-"):
        sign = _sign(cursor)
        return tuple(_times(product, sign) for product in _factor(cursor))
    if token.kind == "number":
        return (Product(_number(cursor), (), token.start, token.stop),)
    atom = _atom(cursor)
    return (Product(1.0, (atom,), token.start, cursor.tokens[cursor.place - 1].stop),)


def _atom(cursor: Cursor) -> Atom:
    token = cursor.token
    if cursor.at_call():
        if token.value == "data":
            return _marked(cursor)
        return Columns(read_call(cursor), token.start, cursor.tokens[cursor.place - 1].stop)
    name = _name(cursor)
    if not cursor.at("["):
        return Name(name.value, name.start)
    index = _index(cursor)
    component = None
    if cursor.at("["):
        cursor.take()
        number = cursor.token
        if number.kind != "number" or not number.value.isdecimal():
            _unexpected(cursor, "the number of a component, counted from 0")
        component = int(cursor.take().value)
        _close(cursor, "]")
    return Use(name.value, index, component, name.start, cursor.tokens[cursor.place - 1].stop)


def _marked(cursor: Cursor) -> Columns:
    """Read `data(x)`, a name that is a column whatever it looks like; or `data(log(x))`."""
    start = cursor.take().start
    cursor.take()
    found: Expression
    if cursor.at_call():
        found = read_call(cursor)
    else:
        name = _name(cursor)
        found = Column(name.value, name.start)
    _close(cursor, ")")
    return Columns(found, start, cursor.tokens[cursor.place - 1].stop)


def _close(cursor: Cursor, bracket: str) -> None:
    if not cursor.at(bracket):
        _unexpected(cursor, f"`{bracket}`")
    cursor.take()


def _unexpected(cursor: Cursor, wanted: str) -> NoReturn:
    """Raise the error for a token that stands where something else must."""
    token = cursor.token
    if cursor.at_end():
        cursor.fail(f"the graph ends where {wanted} must stand", token)
    shown = cursor.text[token.start : token.stop]
    if cursor.at("/", "|", ":", "^", "**"):
        cursor.fail(f"unexpected `{shown}`", token, allowed=_ALLOWED)
    cursor.fail(f"found `{shown}` where {wanted} must stand", token)
