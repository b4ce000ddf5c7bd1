"""A place in a list of tokens: look, take, and raise errors that point at a token."""

from __future__ import annotations

from typing import NoReturn, final

from multilevel.errors import FormulaError
from multilevel.language.tokens import Token, tokenize


@final
class Cursor:
    """A place in the tokens of one formula, moved on by whoever reads it.

    Parameters
    ----------
    text
        The formula; it is cut into tokens here.

    Raises
    ------
    FormulaError
        If the text cannot be cut into tokens.
    """

    __slots__ = ("operations", "place", "text", "tokens")

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokenize(text)
        self.place = 0
        self.operations = 0

    @property
    def token(self) -> Token:
        """The next token."""
        return self.tokens[self.place]

    @property
    def following(self) -> Token:
        """The token after the next one (the end stays the end)."""
        return self.tokens[min(self.place + 1, len(self.tokens) - 1)]

    def take(self) -> Token:
        """Return the next token and move past it; the end is never passed."""
        token = self.tokens[self.place]
        if token.kind != "end":
            self.place += 1
        return token

    def at(self, *operators: str) -> bool:
        """Return whether the next token is one of these operators."""
        token = self.tokens[self.place]
        return token.kind == "operator" and token.value in operators

    def at_end(self) -> bool:
        """Return whether no token is left."""
        return self.tokens[self.place].kind == "end"

    def at_call(self) -> bool:
        """Return whether the next token is a name directly before an opening parenthesis."""
        token, after = self.token, self.following
        return token.kind in ("name", "dotted") and after.kind == "operator" and after.value == "("

    def fail(self, asked: str, token: Token, *, allowed: str = "", remedy: str = "") -> NoReturn:
        """Raise the error that underlines ``token``; without a remedy, names side by side get their own."""
        raise FormulaError(
            asked,
            text=self.text,
            position=token.start,
            length=token.stop - token.start,
            allowed=allowed,
            remedy=remedy or self._remedy_of_blanks(token),
        )

    def _remedy_of_blanks(self, token: Token) -> str:
        """Return what to do if names stand side by side at a token, as those of a name with blanks do."""
        at = next((i for i, one in enumerate(self.tokens) if one.start == token.start), 0)
        first, last = at, at
        while first > 0 and self.tokens[first - 1].kind == "name":
            first -= 1
        while self.tokens[last].kind == "name" and self.tokens[last + 1].kind == "name":
            last += 1
        if token.kind != "name" or first == at:
            return ""
        name = self.text[self.tokens[first].start : self.tokens[last].stop]
        return f"if it is one name with blanks, put it in backticks: `{name}`"

    def fail_between(
        self, asked: str, start: int, stop: int, *, allowed: str = "", remedy: str = ""
    ) -> NoReturn:
        """Raise the error that underlines the characters from ``start`` to ``stop``."""
        raise FormulaError(
            asked, text=self.text, position=start, length=stop - start, allowed=allowed, remedy=remedy
        )


def fail_dotted(cursor: Cursor, token: Token) -> NoReturn:
    """Raise the error for a name with dots, which could be a column or an attribute."""
    cursor.fail(
        f"`{token.value}` has a dot",
        token,
        allowed="attributes are never looked up",
        remedy=f"if it is a column, put it in backticks: `{token.value}`",
    )


def check_plain_name(cursor: Cursor, token: Token) -> None:
    """Raise if a bare name has two underscores in front and behind, as Python's internals have."""
    if token.kind == "name" and token.value.startswith("__") and token.value.endswith("__"):
        cursor.fail(
            f"`{token.value}` looks like a name of Python's internals",
            token,
            remedy=f"if it is a column, put it in backticks: `{token.value}`",
        )
