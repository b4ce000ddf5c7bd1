"""Tests of the reader of expressions inside calls."""

from __future__ import annotations

import pytest

from multilevel.language import parse_expression
from multilevel.language.calls import MAX_OPERATIONS
from tests.language.faults import fault


@pytest.mark.parametrize(
    ("text", "asked", "underlined"),
    [
        ("y ~ I(x > 3)", "unexpected `>` inside a call", ">"),
        ("y ~ I(x[1])", "unexpected `[` inside a call", "["),
        ("y ~ I((x).real)", "unexpected `.` inside a call", "."),
        ("y ~ I(().__class__)", "the parentheses are empty", "("),
        ("y ~ I(lambda x: x)", "unexpected `x` inside a call", "x"),
        ("y ~ I([x for x in z])", "a list may hold only numbers and texts", "x"),
        ("y ~ I(x if z else w)", "unexpected `if` inside a call", "if"),
        ("y ~ I(x // 2)", "unexpected `//` inside a call", "//"),
        ("y ~ I(x % 2)", "unexpected `%` inside a call", "%"),
        ("y ~ I(x := 2)", "unexpected `:` inside a call", ":"),
        ("y ~ I(a:b)", "unexpected `:` inside a call", ":"),
        ("y ~ I(x; z)", "unexpected `;` inside a call", ";"),
        ("y ~ I(*x)", "unexpected `*` inside a call", "*"),
        ("y ~ I(x +)", "unexpected `)` inside a call", ")"),
        ("y ~ log(, x)", "an argument is missing here", ","),
        ("y ~ log(offset(x))", "`offset` is not a function that can stand here", "offset"),
        ("y ~ log(us(x))", "`us` is not a function that can stand here", "us"),
        ("y ~ C(x, contr.foo)", "`contr.foo` is not a contrast", "contr.foo"),
        ("y ~ I('a' + x)", "arithmetic with 'a'", "+"),
        ("y ~ I(x + None)", "arithmetic with None", "+"),
        ("y ~ I(-'a' + x)", "a sign before 'a'", "-"),
        ("y ~ I(x + 9**9**9)", "this arithmetic on numbers has no finite value", "**"),
        ("y ~ I(x + 1/(2-2))", "this arithmetic on numbers has no finite value", "/"),
        ("y ~ I(x + (-8)**0.5)", "this arithmetic on numbers has no finite value", "**"),
        ("y ~ I(x * 1e999)", "the number `1e999` is too large", "1e999"),
        ("y ~ log(x)(z)", "unexpected `(` among the terms", "("),
        ("y ~ I(`log`(x))", "unexpected `(` inside a call", "("),
    ],
)
def test_faults_point_at_the_token(text: str, asked: str, underlined: str) -> None:
    assert fault(text) == (asked, underlined)


def test_the_caret_counts_characters_not_bytes() -> None:
    assert fault("größe ~ I(身長 + größe > 1)") == ("unexpected `>` inside a call", ">")


def test_a_comma_may_end_the_arguments() -> None:
    assert parse_expression("log(x,)") == parse_expression("log(x)")


def test_too_many_operations() -> None:
    assert parse_expression(f"I(x{' + x' * MAX_OPERATIONS})")
    text = f"y ~ I(x{' + x' * (MAX_OPERATIONS + 1)})"
    assert fault(text) == ("too many operations in one call", "+")


@pytest.mark.parametrize(
    "word", ["yield", "class", "lambda", "in", "if", "log", "I", "C", "us", "offset", "Treatment"]
)
def test_a_column_may_have_the_name_of_a_keyword_or_function(word: str) -> None:
    tree = parse_expression(f"log({word} + 1)")
    assert tree == parse_expression(f"log(`{word}` + 1)")
