"""A piece of a right side: terms, intercept, grouped terms and offsets, and how two pieces are joined."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NoReturn

from multilevel.language.cursor import Cursor
from multilevel.language.expression import Expression
from multilevel.language.grouping import Groups
from multilevel.language.terms import (
    MAX_FACTORS,
    MAX_TERMS,
    Terms,
    TermSet,
    TooManyTermsError,
    by_degree,
    power,
    term_text,
    union,
)
from multilevel.language.tokens import Token

MAX_GROUPED_TERMS = 200


@dataclass(frozen=True, slots=True)
class Bar:
    """A grouped term as written: effects, a bar, grouping factors.

    Parameters
    ----------
    effects
        The left side, written out.
    groups
        The right side, written out.
    structure
        "us", "diag", "homdiag", "cs", or "||" for a double bar.
    start, stop
        Characters of the text, with the parentheses and the structure's name.
    """

    effects: Terms
    groups: Groups
    structure: str
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Side:
    """What a piece of a right side says.

    Parameters
    ----------
    terms
        Its terms without the intercept.
    intercept
        ``None`` if the piece says nothing of it.
    bars, offsets
        Grouped terms and expressions of offsets.
    start, stop
        Characters of the text.
    """

    start: int
    stop: int
    terms: TermSet = field(default_factory=dict)
    intercept: bool | None = None
    bars: tuple[Bar, ...] = ()
    offsets: tuple[Expression, ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether it has terms and nothing else, so that it can stand in an interaction."""
        return self.intercept is None and not self.bars and not self.offsets

    def written_out(self) -> Terms:
        """Return its terms with the intercept, which is there unless the piece takes it out."""
        return Terms(self.intercept is not False, by_degree(self.terms))


def added(cursor: Cursor, left: Side, right: Side) -> Side:
    if len(left.bars) + len(right.bars) > MAX_GROUPED_TERMS:
        cursor.fail_between(
            "too many grouped terms", right.start, right.stop, allowed=f"at most {MAX_GROUPED_TERMS}"
        )
    return Side(
        left.start,
        right.stop,
        _combined(cursor, union, left, right),
        left.intercept if right.intercept is None else right.intercept,
        left.bars + right.bars,
        left.offsets + right.offsets,
    )


def taken_away(cursor: Cursor, left: Side, right: Side, sign: Token) -> Side:
    """Return ``left - right``; every term that is taken away must be there."""
    if right.bars or right.offsets or right.intercept is False:
        what = "a grouped term" if right.bars else "an offset" if right.offsets else "0"
        cursor.fail_between(
            f"{what} is taken away with `-`",
            sign.start,
            right.stop,
            allowed="terms and 1 may follow `-`",
            remedy="leave it out, or write `+`",
        )
    for key, term in right.terms.items():
        if key not in left.terms:
            cursor.fail_between(
                f"`{term_text(term)}` is taken away but is not among the terms before it",
                sign.start,
                right.stop,
                allowed=", ".join(term_text(t) for t in left.terms.values()),
            )
    kept = {key: term for key, term in left.terms.items() if key not in right.terms}
    intercept = False if right.intercept else left.intercept
    return replace(left, stop=right.stop, terms=kept, intercept=intercept)


def interacted(
    cursor: Cursor, operator: Token, combine: Callable[[TermSet, TermSet], TermSet], left: Side, right: Side
) -> Side:
    for side in (left, right):
        _check_plain(cursor, side, operator)
    return Side(left.start, right.stop, _combined(cursor, combine, left, right))


def _check_plain(cursor: Cursor, side: Side, operator: Token) -> None:
    """Raise if something other than terms stands beside an interaction's operator."""
    if side.is_plain:
        return
    if side.bars:
        what, remedy = "a grouped term", "join grouped terms with `+`"
    elif side.offsets:
        what, remedy = "an offset", "join offsets with `+`"
    else:
        what, remedy = "the constant 0 or 1", "join 0 and 1 with `+`"
    cursor.fail_between(
        f"{what} stands beside `{operator.value}`",
        side.start,
        side.stop,
        allowed="names and calls",
        remedy=remedy,
    )


def _combined(
    cursor: Cursor, combine: Callable[[TermSet, TermSet], TermSet], left: Side, right: Side
) -> TermSet:
    """Combine two sets of terms; report the limits at the place where they are passed."""
    try:
        return combine(left.terms, right.terms)
    except TooManyTermsError:
        _fail_size(cursor, left.start, right.stop)


def _fail_size(cursor: Cursor, start: int, stop: int) -> NoReturn:
    cursor.fail_between(
        "written out, this has too many terms",
        start,
        stop,
        allowed=f"at most {MAX_TERMS} terms of at most {MAX_FACTORS} factors",
    )


def raised(cursor: Cursor, operator: Token, base: Side, exponent: Token) -> Side:
    """Return ``base ^ exponent``, the terms and their interactions up to an order.

    Raises
    ------
    FormulaError
        If the exponent is not a whole number, or the base is one term: that was meant as a power.
    """
    _check_plain(cursor, base, operator)
    if exponent.kind != "number" or not exponent.value.isdecimal() or int(exponent.value) < 1:
        cursor.fail("the order of interactions must be a whole number", exponent, allowed="1, 2, 3, ...")
    if len(base.terms) == 1:
        shown = cursor.text[base.start : base.stop]
        cursor.fail_between(
            f"`{operator.value}` between terms means interactions, and one term has none with itself",
            base.start,
            exponent.stop,
            remedy=f"write `I({shown} ** {exponent.value})` or `poly({shown}, {exponent.value})` for a power",
        )
    try:
        terms = power(base.terms, int(exponent.value))
    except TooManyTermsError:
        _fail_size(cursor, base.start, exponent.stop)
    return Side(base.start, exponent.stop, terms)
