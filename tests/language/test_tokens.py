"""Tests of the cutting of text into tokens."""

from __future__ import annotations

import pytest

from multilevel.language.tokens import MAX_CHARACTERS, MAX_DEPTH, tokenize
from tests.language.faults import fault


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a+b", [("name", "a"), ("operator", "+"), ("name", "b")]),
        ("x||g", [("name", "x"), ("operator", "||"), ("name", "g")]),
        ("x**2", [("name", "x"), ("operator", "**"), ("number", "2")]),
        (".5 1. 1e-3", [("number", ".5"), ("number", "1."), ("number", "1e-3")]),
        ("contr.sum", [("dotted", "contr.sum")]),
        ("`a b`", [("quoted", "a b")]),
        (r'"a\"b\x28"', [("string", 'a"b(')]),
        ("größe", [("name", "größe")]),
        ("gro\u0308ße", [("name", "gro\u0308ße")]),
        ("身長", [("name", "身長")]),
        (" \n\t\u00a0x", [("name", "x")]),
        ("", []),
    ],
)
def test_tokens(text: str, expected: list[tuple[str, str]]) -> None:
    *tokens, end = tokenize(text)
    assert [(token.kind, token.value) for token in tokens] == expected
    assert end.kind == "end"


def test_tokens_know_their_place_in_characters() -> None:
    text = "größe + `a b` * 身長"
    assert [text[t.start : t.stop] for t in tokenize(text)] == ["größe", "+", "`a b`", "*", "身長", ""]


@pytest.mark.parametrize(
    ("text", "asked", "underlined"),
    [
        ("y ~ `a", "a backtick is not closed", "`"),
        ("y ~ ``", "a column name in backticks is empty", "``"),
        ("y ~ `a\0`", "a NUL character has no meaning in a formula", "\0"),
        ("y ~ `a\\`", "a column name ends with a backslash", "\\"),
        ("y ~ \0", "a NUL character has no meaning in a formula", "\0"),
        ("y ~ \ud800", "U+D800 has no meaning in a formula", "\ud800"),
        ("y ~ x − z", "`−` has no meaning in a formula", "−"),
        ("y ~ 2x", "`2x` begins with a digit but is not a number", "2x"),
        ("y ~ 'a", "a quote is not closed", "'"),
        ("y ~ 'a\n'", "a quote is not closed", "'"),
        (r"y ~ '\q'", "a backslash in quotes", "\\"),
        (r"y ~ '\x00'", r"`\x00` is no character", r"\x00"),
        (r"y ~ '\ud800'", r"`\ud800` is no character", r"\ud800"),
        (r"y ~ '\Uffffffff'", r"`\Uffffffff` is no character", r"\Uffffffff"),
        ("y ~ log(f'{x}')", "the text in quotes has the prefix `f`", "f"),
        ("y ~ (x", "`(` is not closed", "("),
        ("y ~ x)", "`)` closes nothing", ")"),
        ("y ~ (x]", "`]` does not match `(`", "]"),
        ("y ~ " + "1" * 41, "a number with 41 characters", "1" * 40),
    ],
)
def test_faults_point_at_the_character(text: str, asked: str, underlined: str) -> None:
    assert fault(text) == (asked, underlined)


def test_too_many_characters() -> None:
    text = "y ~ x" + " " * MAX_CHARACTERS
    assert fault(text)[0] == f"the formula has {len(text)} characters"


def test_brackets_may_be_nested_up_to_the_limit() -> None:
    assert tokenize("(" * MAX_DEPTH + "x" + ")" * MAX_DEPTH)[-1].kind == "end"
    text = "y ~ " + "(" * (MAX_DEPTH + 1) + "x" + ")" * (MAX_DEPTH + 1)
    assert fault(text) == ("brackets are nested too deep", "(")


def test_a_typographic_character_is_named_with_the_plain_one() -> None:
    with pytest.raises(ValueError, match="try: write `-`"):
        tokenize("y ~ x − 1")
