"""The first look at a text: every function that it calls must be on the whitelist."""

from __future__ import annotations

import difflib

from multilevel.language.cursor import Cursor
from multilevel.language.functions import CONTRASTS, FUNCTIONS, HINTS, STRUCTURES
from multilevel.language.right import holds_bar
from multilevel.language.tokens import Token

_KNOWN = frozenset((*FUNCTIONS, *CONTRASTS, *STRUCTURES, "offset"))


def screened(text: str) -> Cursor:
    """Cut a text into tokens and refuse every function that is not on the whitelist, all at once.

    ``prop(successes, trials)`` may be the response, and nothing else.

    Raises
    ------
    FormulaError
        Naming all the unknown functions, with the caret under the first.
    """
    cursor = Cursor(text)
    unknown = [token for token in _callees(cursor) if token.value not in _KNOWN]
    if unknown and unknown[0] is cursor.tokens[0] and unknown[0].value == "prop":
        del unknown[0]
    if unknown:
        _fail_unknown(cursor, unknown)
    return cursor


def _callees(cursor: Cursor) -> list[Token]:
    """Return the names that are directly before an opening parenthesis."""
    pairs = zip(cursor.tokens, cursor.tokens[1:], strict=False)
    return [
        token
        for token, after in pairs
        if token.kind in ("name", "dotted") and after.kind == "operator" and after.value == "("
    ]


def _fail_unknown(cursor: Cursor, unknown: list[Token]) -> None:
    """Raise one error for all unknown functions, unless the first one stands before a grouped term."""
    first = unknown[0]
    cursor.place = cursor.tokens.index(first)
    before_bar = holds_bar(cursor)
    cursor.place = 0
    if before_bar:
        return
    names = list(dict.fromkeys(token.value for token in unknown))
    shown = ", ".join(f"`{name[:60]}`" for name in names[:10]) + (", ..." if len(names) > 10 else "")
    verb = "is not a function" if len(names) == 1 else "are not functions"
    simple = first.value.rsplit(".", 1)[-1]
    near = difflib.get_close_matches(simple[:60], FUNCTIONS, n=1, cutoff=0.7)
    remedy = HINTS.get(simple) or (
        f"write `{near[0]}(...)`" if near else "compute the column before the fit and use its name"
    )
    cursor.fail(
        f"{shown} {verb} of formulas", first, allowed=", ".join((*FUNCTIONS, "offset")), remedy=remedy
    )
