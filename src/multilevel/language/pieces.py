"""Pieces of a model's text read again: one expression, or one side without grouped terms."""

from __future__ import annotations

from functools import lru_cache

from multilevel.errors import FormulaError
from multilevel.language.arguments import check_column
from multilevel.language.calls import read_sum
from multilevel.language.expression import Call, Expression, columns_of
from multilevel.language.functions import FUNCTIONS
from multilevel.language.right import read_side, unexpected
from multilevel.language.screening import screened
from multilevel.language.terms import Terms


def parse_expression(text: str) -> Expression:
    """Read one expression of columns: a response, an offset or a factor of a term.

    Parameters
    ----------
    text
        For example ``"log(wait + 1)"``; columns with special characters stand in backticks.

    Raises
    ------
    FormulaError
        If the text is not an expression that a formula may hold.

    Examples
    --------
    >>> parse_expression("log(wait)").arguments
    (Column(name='wait', position=4),)
    """
    return _expression(text)


def expression_variables(text: str) -> tuple[str, ...]:
    """Return the columns of an expression in order of first use, as they are named in the table.

    Raises
    ------
    FormulaError
        As `parse_expression`.

    Examples
    --------
    >>> expression_variables("log(`wait time` + extra)")
    ('wait time', 'extra')
    """
    return columns_of(_expression(text))


def parse_terms(text: str) -> Terms:
    """Read one side of a formula without grouped terms: ``Model.fixed`` or ``GroupTerm.effects``.

    Parameters
    ----------
    text
        For example ``"1 + days * age"``; an intercept that is not written is there.

    Raises
    ------
    FormulaError
        If the text is not a sum of terms.

    Examples
    --------
    >>> parse_terms("1 + a * b").text
    '1 + a + b + a:b'
    """
    return _terms(text)


@lru_cache(maxsize=1024)
def _expression(text: str) -> Expression:
    try:
        cursor = screened(text)
        expression = read_sum(cursor)
    except RecursionError:
        raise too_deep(text) from None
    if not cursor.at_end():
        unexpected(cursor)
    stands_alone = isinstance(expression, Call) and expression.name in FUNCTIONS
    if not stands_alone:
        check_column(cursor, expression, 0, len(text))
    if not columns_of(expression):
        raise FormulaError("the expression names no column", text=text, position=0, length=len(text))
    return expression


@lru_cache(maxsize=256)
def _terms(text: str) -> Terms:
    try:
        cursor = screened(text)
        side = read_side(cursor)
    except RecursionError:
        raise too_deep(text) from None
    if not cursor.at_end():
        unexpected(cursor)
    if side.bars or side.offsets:
        raise FormulaError("grouped terms and offsets cannot stand here", text=text, position=0)
    return side.written_out()


def too_deep(text: str) -> FormulaError:
    """Return the error for a stack that is too full to read even a short formula."""
    return FormulaError(
        "the formula is nested too deep for the stack of the calling program", text=text[:100], position=0
    )
