"""The door of the room: the text of a formula becomes a model. Nothing is ever evaluated."""

from __future__ import annotations

from functools import lru_cache

from multilevel.errors import OptionError
from multilevel.language.arguments import check_column
from multilevel.language.calls import read_sum
from multilevel.language.cursor import Cursor
from multilevel.language.expression import Call, Column, Expression, columns_of, expression_text
from multilevel.language.overlap import GroupedEffects, check_overlap
from multilevel.language.pieces import too_deep
from multilevel.language.right import read_side, unexpected
from multilevel.language.screening import screened
from multilevel.language.side import Bar, Side
from multilevel.language.terms import Terms, term_text
from multilevel.model import Covariance, GroupTerm, Model

_COVARIANCE = {
    "us": Covariance.UNSTRUCTURED,
    "diag": Covariance.DIAGONAL,
    "||": Covariance.DIAGONAL,
    "homdiag": Covariance.SCALAR,
    "cs": Covariance.COMPOUND_SYMMETRIC,
    "ar1": Covariance.AUTOREGRESSIVE,
    "rw1": Covariance.RANDOM_WALK,
}


def parse_formula(text: str, *, lme4_compat: bool = False) -> Model:
    """Read a formula in lme4's language.

    Parameters
    ----------
    text
        For example ``"reaction ~ days + (days | subject)"``.
    lme4_compat
        Whether ``(x || g)`` is split into ``(1 | g) + (0 + x | g)`` before anything else, as lme4 does by
        default. Otherwise it means effects without correlations, as ``diag(x | g)``. The two differ if a
        factor stands on the left.

    Returns
    -------
    Model
        The intercept is written out, interactions are written out, nested groups are separate terms.
        ``variables`` lists the columns of the response, the fixed part, each grouped term's effects and
        grouping factors, and the offsets, in that order.

    Raises
    ------
    FormulaError
        If the text is not a formula; the error points at the character.
    OptionError
        If ``text`` is not text.

    Examples
    --------
    >>> model = parse_formula("reaction ~ days + (days | subject)")
    >>> model.fixed, model.groups[0].effects, model.groups[0].group
    ('1 + days', '1 + days', 'subject')
    """
    if not isinstance(text, str):
        raise OptionError(
            f"a formula must be text; found {type(text).__name__}",
            remedy='write it in quotes: "y ~ x + (x | g)"',
        )
    return _parsed(str(text), bool(lme4_compat))


@lru_cache(maxsize=256)
def _parsed(text: str, lme4_compat: bool) -> Model:
    try:
        return _model(text, lme4_compat)
    except RecursionError:
        raise too_deep(text) from None


def _model(text: str, lme4_compat: bool) -> Model:
    """Read response and right side, and put the model together."""
    cursor = screened(text)
    response, trials = _response(cursor)
    side = _right_side(cursor)
    fixed = side.written_out()
    grouped = [term for bar in side.bars for term in _grouped(bar, lme4_compat)]
    if not fixed.intercept and not fixed.terms and not grouped:
        cursor.fail_between(
            "the model has no terms", side.start, side.stop, remedy="write `y ~ 1` for a mean"
        )
    response_text = expression_text(response)
    parts = [(fixed, side.start, side.stop)]
    parts += [(item.effects, item.term.position, item.stop) for item in grouped]
    for terms, start, stop in parts:
        if any(term_text(term) == response_text for term in terms.terms):
            cursor.fail_between(f"the response `{response_text}` is also a term", start, stop)
    check_overlap(cursor, grouped)
    return Model(
        text,
        response_text,
        fixed.text,
        tuple(item.term for item in grouped),
        tuple(expression_text(offset) for offset in side.offsets),
        _variables(response, trials, fixed, grouped, side.offsets),
        trials="" if trials is None else expression_text(trials),
    )


def _response(cursor: Cursor) -> tuple[Expression, Expression | None]:
    """Read the left side and its `~`: one column, or one call that gives one number a row; and its trials."""
    first = cursor.token
    if cursor.at_end():
        cursor.fail("the formula is empty", first, remedy="write `response ~ terms`")
    if not any(token.kind == "operator" and token.value == "~" for token in cursor.tokens):
        cursor.fail("the formula has no `~`", first, remedy="write `response ~ terms`")
    if cursor.at("~"):
        cursor.fail("the response is missing", first, remedy="write a column before the `~`")
    trials = None
    if _is_prop(cursor):
        response, trials = _successes_and_trials(cursor)
    else:
        response = read_sum(cursor)
    stop = cursor.tokens[cursor.place - 1].stop
    if not cursor.at("~"):
        shown = cursor.text[cursor.token.start : cursor.token.stop]
        cursor.fail(f"unexpected `{shown}` in the response", cursor.token, allowed="one column, or one call")
    check_column(cursor, response, first.start, stop)
    if not isinstance(response, Column | Call):
        cursor.fail_between(
            "the response is arithmetic",
            first.start,
            stop,
            allowed="one column, or one call",
            remedy=f"write `I({expression_text(response)})`; for shares of trials `prop(successes, trials)`",
        )
    cursor.take()
    return response, trials


def _is_prop(cursor: Cursor) -> bool:
    """Return whether the response is written `prop(successes, trials)`."""
    here, after = cursor.token, cursor.tokens[min(cursor.place + 1, len(cursor.tokens) - 1)]
    return here.kind == "name" and here.value == "prop" and after.value == "("


def _successes_and_trials(cursor: Cursor) -> tuple[Expression, Expression]:
    """Read `prop(successes, trials)`; trials may be one number."""
    cursor.take()
    cursor.take()
    found = []
    for closing in (",", ")"):
        start = cursor.token
        expression = read_sum(cursor)
        check_column(cursor, expression, start.start, cursor.tokens[cursor.place - 1].stop)
        found.append(expression)
        if not cursor.at(closing):
            cursor.fail("`prop` needs successes and trials", cursor.token, allowed="prop(successes, trials)")
        cursor.take()
    return found[0], found[1]


def _right_side(cursor: Cursor) -> Side:
    """Read everything after the `~`."""
    if cursor.at_end():
        cursor.fail("the right side is empty", cursor.token, remedy="write `1` for an intercept alone")
    side = read_side(cursor)
    if not cursor.at_end():
        unexpected(cursor)
    return side


def _grouped(bar: Bar, lme4_compat: bool) -> list[GroupedEffects]:
    """Return the grouped terms that one bar stands for: one for each grouping factor, or more if split."""
    sides = [bar.effects]
    covariance = _COVARIANCE[bar.structure]
    if lme4_compat and bar.structure == "||":
        covariance = Covariance.UNSTRUCTURED
        sides = [Terms(True, ())] if bar.effects.intercept else []
        sides += [Terms(False, (term,)) for term in bar.effects.terms]
    return [
        GroupedEffects(GroupTerm(effects.text, group, covariance, bar.start), effects, bar.stop)
        for effects in sides
        for group in bar.groups
    ]


def _variables(
    response: Expression,
    trials: Expression | None,
    fixed: Terms,
    grouped: list[GroupedEffects],
    offsets: tuple[Expression, ...],
) -> tuple[str, ...]:
    """Return every column in order: response, trials, fixed part, each term's effects, factors, offsets."""
    names = [*columns_of(response), *(columns_of(trials) if trials is not None else ()), *fixed.columns]
    for item in grouped:
        names += [*item.effects.columns, *item.term.factors]
    for offset in offsets:
        names += columns_of(offset)
    return tuple(dict.fromkeys(names))
