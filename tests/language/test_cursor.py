"""Tests of the place in a list of tokens."""

from __future__ import annotations

import pytest

from multilevel.errors import FormulaError
from multilevel.language.cursor import Cursor
from tests.language.faults import fault


def test_the_end_is_never_passed() -> None:
    cursor = Cursor("x")
    assert [cursor.take().kind for _ in range(3)] == ["name", "end", "end"]
    assert cursor.at_end()
    assert cursor.following.kind == "end"


def test_looking_does_not_move() -> None:
    cursor = Cursor("log(x)")
    assert cursor.at_call()
    assert not cursor.at("(")
    assert cursor.take().value == "log"
    assert cursor.at("(", "[")


def test_an_operator_in_backticks_is_a_name() -> None:
    assert not Cursor("`+`").at("+")


def test_fail_underlines_the_token() -> None:
    cursor = Cursor("a + bcd")
    with pytest.raises(FormulaError) as caught:
        cursor.fail("no", cursor.tokens[2], allowed="this", remedy="that")
    assert str(caught.value) == "no\n    a + bcd\n        ^^^\n  allowed: this\n  try: that"


@pytest.mark.parametrize(
    ("text", "asked", "underlined"),
    [
        ("y ~ os.system", "`os.system` has a dot", "os.system"),
        ("y ~ log(x.real)", "`x.real` has a dot", "x.real"),
        ("y ~ (1 | a.b)", "`a.b` has a dot", "a.b"),
        ("y ~ __builtins__", "`__builtins__` looks like a name of Python's internals", "__builtins__"),
        ("y ~ (1 | __g__)", "`__g__` looks like a name of Python's internals", "__g__"),
    ],
)
def test_attributes_and_internal_names_are_refused(text: str, asked: str, underlined: str) -> None:
    assert fault(text) == (asked, underlined)


@pytest.mark.parametrize(
    ("text", "at", "name"),
    [("my y ~ x", 1, "my y"), ("y ~ my own x + z", 3, "my own x"), ("y ~ x + z", 4, ""), ("y ~ x 3", 3, "")],
)
def test_names_side_by_side_are_shown_in_backticks(text: str, at: int, name: str) -> None:
    cursor = Cursor(text)
    with pytest.raises(FormulaError) as caught:
        cursor.fail("no", cursor.tokens[at])
    assert caught.value.remedy == (
        f"if it is one name with blanks, put it in backticks: `{name}`" if name else ""
    )
