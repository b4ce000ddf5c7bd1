"""The check that no effect varies twice between the levels of one grouping factor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from multilevel.language.cursor import Cursor
from multilevel.language.terms import Factor, Terms, term_text
from multilevel.model import GroupTerm
from multilevel.model.text import term_text as grouped_text


@dataclass(frozen=True, slots=True)
class GroupedEffects:
    """A grouped term of the model with its left side written out, and where it stops in the text."""

    term: GroupTerm
    effects: Terms
    stop: int


def check_overlap(cursor: Cursor, grouped: Sequence[GroupedEffects]) -> None:
    """Raise if two grouped terms have the same effects and group, or share an effect of the same group.

    Two variances of one effect cannot be told apart. A term with one sd for all its effects may share them
    with another term; the times of `ar1` and `rw1` are other effects than the slope of the same column.

    Raises
    ------
    FormulaError
        With the caret under the later of the two terms.
    """
    whole: set[tuple[frozenset[str], frozenset[frozenset[Factor]], bool]] = set()
    single: set[tuple[frozenset[str], frozenset[Factor]]] = set()
    for item in grouped:
        group = frozenset(item.term.factors)
        effects = {frozenset(term): term_text(term) for term in item.effects.terms}
        if item.effects.intercept:
            effects[frozenset()] = "1"
        key = group, frozenset(effects), item.term.covariance.serial
        if key in whole:
            cursor.fail_between(
                f"the grouped term `{grouped_text(item.term)}` is there twice",
                item.term.position,
                item.stop,
                remedy="leave one of them out",
            )
        whole.add(key)
        if item.term.covariance.one_sd:
            continue
        shared = [text for effect, text in effects.items() if (group, effect) in single]
        if shared:
            cursor.fail_between(
                f"`{shared[0]}` varies between the levels of `{item.term.group}` in two grouped terms",
                item.term.position,
                item.stop,
                allowed="each effect once for each grouping factor",
                remedy="join the two terms; if it is the intercept, begin one left side with `0 +`",
            )
        single.update((group, effect) for effect in effects)
