"""Names of quantities as labels of a drawing: Greek letters, subscripts, and how wide they are."""

from __future__ import annotations

import re
import unicodedata

from multilevel.model.symbols import GREEK

Run = tuple[str, bool]
"""A piece of a label, and whether it is a subscript."""

SIZE = 14.0
"""Height of the letters in pixels."""
SMALLER = 0.75
"""Size of a subscript relative to the label."""

SPARE = 1.12
"""Room for fonts that are wider than Helvetica."""

_SPECIAL = {"lambda": "LAMDA", "Lambda": "LAMDA"}
_WIDTHS = {
    character: size / 1000.0
    for size, characters in {
        222: "ijl'", 278: " !,./:;I[]ft|\\", 333: "()-r`{}", 389: "*", 500: "ckvsxyzJ",
        556: "0123456789abdeghnopquL?_$#", 584: "+<=>~", 611: "FTZ", 667: "ABEKPSVXY&",
        722: "CDHNRUw", 778: "GOQ", 833: "mM", 889: "%", 944: "W", 1015: "@",
    }.items()
    for character in characters
}  # fmt: skip
"""Widths of Helvetica's characters, which Arial shares, relative to the size."""


def runs(name: str) -> tuple[Run, ...]:
    """Return the pieces of a name: ``sigma_P`` is a Greek letter with a subscript.

    Examples
    --------
    >>> runs("sigma_P"), runs("a, b_x")
    ((('σ', False), ('P', True)), (('a, b', False), ('x', True)))
    """
    found: list[Run] = []
    for place, one in enumerate(name.split(", ")):
        found += [(", ", False)] if place else []
        match = re.fullmatch(r"([^\W\d_]+)(\d*)((?:_\w+)?)((?:\[\d+\])?)", one)
        letters = match[1] if match else ""
        if match is None or (letters not in GREEK and len(letters) > 1):
            found.append((one.strip("`"), False))
            continue
        below = ",".join(part for part in (match[2], match[3][1:], match[4].strip("[]")) if part)
        found += [(_letter(letters), False), *([(_letter(below), True)] if below else [])]
    return _joined(found)


def _joined(found: list[Run]) -> tuple[Run, ...]:
    """Return the pieces with neighbours of one kind joined."""
    joined: list[Run] = []
    for text, below in found:
        if joined and joined[-1][1] == below:
            joined[-1] = (joined[-1][0] + text, below)
        else:
            joined.append((text, below))
    return tuple(joined)


def _letter(word: str) -> str:
    """Return a Greek letter by its name, other words as they are."""
    if word not in GREEK:
        return word
    case = "CAPITAL" if word[0].isupper() else "SMALL"
    return unicodedata.lookup(f"GREEK {case} LETTER {_SPECIAL.get(word, word.upper())}")


def width(pieces: tuple[Run, ...]) -> float:
    """Return how wide a label is at most in pixels, in Helvetica and fonts a little wider."""
    return SPARE * drawn_width(pieces)


def drawn_width(pieces: tuple[Run, ...]) -> float:
    """Return how wide a label is in Helvetica, in pixels."""
    return sum(text_width(text, SIZE * SMALLER if below else SIZE) for text, below in pieces)


def text_width(text: str, size: float) -> float:
    """Return how wide a text is in Helvetica, in pixels.

    Examples
    --------
    >>> text_width("app", 10.0)
    16.68
    """
    return round(sum(map(_relative, text)) * size, 2)


def _relative(character: str) -> float:
    """Return the width of a character relative to the size of the letters."""
    found = _WIDTHS.get(character)
    if found is not None:
        return found
    return 1.05 if unicodedata.east_asian_width(character) in "WF" else 0.65
