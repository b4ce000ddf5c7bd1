"""A model written as text: names in backticks where they need them, and the whole formula."""

from __future__ import annotations

import keyword
import re
import unicodedata

from multilevel.model.parts import ModelParts
from multilevel.model.terms import Covariance, GroupTerm

_PLAIN = re.compile(r"[^\W\d]\w*")
_WORDS = {
    Covariance.SCALAR: "homdiag",
    Covariance.COMPOUND_SYMMETRIC: "cs",
    Covariance.AUTOREGRESSIVE: "ar1",
    Covariance.RANDOM_WALK: "rw1",
}


def quoted(name: str) -> str:
    """Return a column's name as formula text, in backticks if it could be read as anything else.

    Plain identifiers stay as they are. Python keywords, names with a double underscore in front and names
    that Unicode's NFKC normalisation would change get backticks too, so that the text means the same column
    to any reader.

    Examples
    --------
    >>> quoted("days"), quoted("wait time"), quoted("class")
    ('days', '`wait time`', '`class`')
    """
    plain = (
        _PLAIN.fullmatch(name) is not None
        and name.isidentifier()
        and not keyword.iskeyword(name)
        and name not in ("TRUE", "FALSE")
        and not name.startswith("__")
        and (name.isascii() or unicodedata.normalize("NFKC", name) == name)
    )
    return name if plain else f"`{name}`"


def term_text(term: GroupTerm) -> str:
    """Return one grouped term as formula text.

    Examples
    --------
    >>> term_text(GroupTerm("1 + days", ("subject",)))
    '(1 + days | subject)'
    """
    group = ":".join(quoted(name) for name in term.factors)
    if term.covariance is Covariance.DIAGONAL:
        return f"({term.effects} || {group})"
    return f"{_WORDS.get(term.covariance, '')}({term.effects} | {group})"


def formula_text(model: ModelParts) -> str:
    """Return the canonical formula of a model; parsed again it gives an equal model.

    Only ``Model.text`` and the positions of the terms can differ.

    Examples
    --------
    >>> from multilevel.model import Model
    >>> formula_text(Model("", "y", "1 + x", (GroupTerm("1", ("g", "h")),), ("log(z)",)))
    'y ~ 1 + x + offset(log(z)) + (1 | g:h)'
    """
    offsets = [f"offset({expression})" for expression in model.offsets]
    parts = [model.fixed, *offsets, *(term_text(term) for term in model.groups)]
    return f"{model.response} ~ {' + '.join(parts)}"


def split_terms(text: str, separator: str = "+") -> list[str]:
    """Return the pieces of a canonical text between separators outside of brackets, quotes and backticks.

    Examples
    --------
    >>> split_terms("1 + log(x + 1) + `a + b`:c")
    ['1', 'log(x + 1)', '`a + b`:c']
    >>> split_terms("`a:b`:c", ":")
    ['`a:b`', 'c']
    """
    pieces, start, depth, quote = [], 0, 0, ""
    for at, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
        elif character in "`'\"":
            quote = character
        elif character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
        elif character == separator and depth == 0:
            pieces.append(text[start:at].strip())
            start = at + 1
    return [*pieces, text[start:].strip()]


def effect_name(columns: str) -> str:
    """Return the name that designs give to a product of columns of numbers: plain names, no backticks.

    Examples
    --------
    >>> effect_name(""), effect_name("`wait time`:x"), effect_name("log(`wait time`)")
    ('Intercept', 'wait time:x', 'log(`wait time`)')
    """
    plain = (each[1:-1] if each.startswith("`") else each for each in split_terms(columns, ":"))
    return ":".join(plain) or "Intercept"
