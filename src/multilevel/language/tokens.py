"""The text of a formula cut into tokens that know their place; limits and brackets are checked here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, NoReturn

from multilevel.errors import FormulaError

MAX_CHARACTERS = 20_000
MAX_DEPTH = 50

Kind = Literal["name", "quoted", "dotted", "number", "string", "operator", "end"]


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a formula.

    Parameters
    ----------
    kind
        "quoted" is a name in backticks; "dotted" a name with dots, ``contr.sum``; "end" closes the list.
    value
        The name or string without its quotes; otherwise the text as written.
    start, stop
        Zero-based characters of the text that the token covers.
    """

    kind: Kind
    value: str
    start: int
    stop: int


_SCAN = re.compile(
    r"(?P<space>\s+)"
    r"|(?P<name>[^\W\d]\w*)"
    r"|(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<operator>\|\||\*\*|==|!=|<=|>=|//|[-+*/:^~|()\[\]{},=<>.%@&!;?$#\\])"
)
_ESCAPE = re.compile(r"\\([\\'\"nrt]|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})")
_ESCAPES = {"\\": "\\", "'": "'", '"': '"', "n": "\n", "r": "\r", "t": "\t"}
_CLOSERS = {")": "(", "]": "[", "}": "{"}
_LOOKALIKES = {"−": "-", "–": "-", "—": "-", "×": "*", "∣": "|", "“": '"', "”": '"', "‘": "'", "’": "'"}


def tokenize(text: str) -> tuple[Token, ...]:
    """Cut a formula into tokens; the last one is of kind "end".

    Raises
    ------
    FormulaError
        If the text is too long, nested too deep, has a character that no formula has, an open quote, or
        brackets that do not match.
    """
    if len(text) > MAX_CHARACTERS:
        _fail(
            f"the formula has {len(text)} characters",
            text[: MAX_CHARACTERS + 1],
            MAX_CHARACTERS,
            allowed=f"at most {MAX_CHARACTERS} characters",
        )
    tokens: list[Token] = []
    place = 0
    while place < len(text):
        token, place = _next_token(text, place)
        if token is not None:
            tokens.append(token)
    tokens.append(Token("end", "", len(text), len(text)))
    _check_brackets(text, tokens)
    return tuple(tokens)


def _next_token(text: str, start: int) -> tuple[Token | None, int]:
    """Read one token, or the white space (None), that starts at ``start``; return it and where it stops."""
    character = text[start]
    if character == "`":
        return _quoted_name(text, start)
    if character in "\"'":
        return _string(text, start)
    match = _SCAN.match(text, start)
    if match is None:
        _unexpected_character(text, start)
    stop = match.end()
    if match.lastgroup == "space":
        return None, stop
    if match.lastgroup == "operator":
        return Token("operator", text[start:stop], start, stop), stop
    if match.lastgroup == "number":
        return _number(text, start, stop)
    return _name(text, start, stop)


def _name(text: str, start: int, stop: int) -> tuple[Token, int]:
    """Read a name: letters, digits, underscores and combining marks, and more of them after single dots."""
    stop = _name_stop(text, stop)
    kind: Kind = "name"
    while text[stop : stop + 1] == "." and text[stop + 1 : stop + 2].isidentifier():
        kind, stop = "dotted", _name_stop(text, stop + 1)
    name = text[start:stop]
    if text[stop : stop + 1] in ("'", '"'):
        _fail(
            f"the text in quotes has the prefix `{name}`",
            text,
            start,
            stop - start,
            allowed="plain quotes: \"a\" or 'a'",
        )
    return Token(kind, name, start, stop), stop


def _name_stop(text: str, stop: int) -> int:
    """Return where the name that reaches at least to ``stop`` ends."""
    while stop < len(text) and (text[stop] == "_" or text[stop].isalnum() or f"a{text[stop]}".isidentifier()):
        stop += 1
    return stop


def _number(text: str, start: int, stop: int) -> tuple[Token, int]:
    """Read a number; a name may not begin directly after it."""
    end = _name_stop(text, stop)
    if end > stop:
        _fail(
            f"`{text[start:end]}` begins with a digit but is not a number",
            text,
            start,
            end - start,
            remedy=f"put a column name that begins with a digit in backticks: `{text[start:end]}`",
        )
    if stop - start > 40:
        _fail(f"a number with {stop - start} characters", text, start, 40, allowed="at most 40 characters")
    return Token("number", text[start:stop], start, stop), stop


def _quoted_name(text: str, start: int) -> tuple[Token, int]:
    """Read a name in backticks: any characters but a backtick, NUL and halves of surrogate pairs."""
    stop = text.find("`", start + 1)
    if stop < 0:
        _fail("a backtick is not closed", text, start, remedy="put the column name between two backticks")
    name = text[start + 1 : stop]
    if not name.strip():
        _fail("a column name in backticks is empty", text, start, stop + 1 - start)
    _check_characters(text, start, stop)
    if name.endswith("\\"):
        _fail("a column name ends with a backslash", text, stop - 1, remedy="rename the column")
    return Token("quoted", name, start, stop + 1), stop + 1


def _string(text: str, start: int) -> tuple[Token, int]:
    """Read a text in quotes, with the escapes that Python's ``repr`` writes."""
    quote, characters, place = text[start], [], start + 1
    while place < len(text) and text[place] not in (quote, "\n"):
        character, place = _string_character(text, place)
        characters.append(character)
    if place >= len(text) or text[place] != quote:
        _fail("a quote is not closed", text, start)
    _check_characters(text, start, place)
    return Token("string", "".join(characters), start, place + 1), place + 1


def _string_character(text: str, place: int) -> tuple[str, int]:
    """Read one character inside quotes, or the escape that stands for one; return where it stops."""
    if text[place] != "\\":
        return text[place], place + 1
    escape = _ESCAPE.match(text, place)
    if escape is None:
        _fail("a backslash in quotes", text, place, remedy="write two backslashes for one")
    written = escape.group(1)
    if written in _ESCAPES:
        return _ESCAPES[written], escape.end()
    code = int(written[1:], 16)
    if code == 0 or 0xD800 <= code <= 0xDFFF or code > 0x10FFFF:
        _fail(f"`{escape.group()}` is no character", text, place, escape.end() - place)
    return chr(code), escape.end()


def _check_characters(text: str, start: int, stop: int) -> None:
    """Raise if a quoted piece has a character that cannot be in any column or level name."""
    for place in range(start, stop):
        if text[place] == "\0" or "\ud800" <= text[place] <= "\udfff":
            _unexpected_character(text, place)


def _unexpected_character(text: str, place: int) -> NoReturn:
    """Raise the error for a character that starts no token."""
    character = text[place]
    shown = f"`{character}`" if character.isprintable() else f"U+{ord(character):04X}"
    if character == "\0":
        shown = "a NUL character"
    meant = _LOOKALIKES.get(character)
    remedy = f"write `{meant}`" if meant else "put a column name with special characters in backticks"
    printable = "".join(c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text)
    _fail(f"{shown} has no meaning in a formula", printable, place, remedy=remedy)


def _check_brackets(text: str, tokens: list[Token]) -> None:
    """Raise unless every bracket is closed by its partner and none is nested deeper than the limit."""
    opened: list[Token] = []
    for token in tokens:
        if token.kind != "operator":
            continue
        if token.value in ("(", "[", "{"):
            opened.append(token)
            if len(opened) > MAX_DEPTH:
                _fail(
                    "brackets are nested too deep",
                    text,
                    token.start,
                    allowed=f"at most {MAX_DEPTH} levels",
                    remedy="compute the column before the fit and use its name",
                )
        elif token.value in _CLOSERS:
            if not opened:
                _fail(f"`{token.value}` closes nothing", text, token.start)
            partner = opened.pop()
            if partner.value != _CLOSERS[token.value]:
                _fail(f"`{token.value}` does not match `{partner.value}`", text, token.start)
    if opened:
        _fail(f"`{opened[-1].value}` is not closed", text, opened[-1].start)


def _fail(
    asked: str, text: str, position: int, length: int = 1, *, allowed: str = "", remedy: str = ""
) -> NoReturn:
    raise FormulaError(asked, text=text, position=position, length=length, allowed=allowed, remedy=remedy)
