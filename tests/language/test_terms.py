"""Tests of the algebra of terms, against formulaic's own parser where it reads the same language."""

from __future__ import annotations

import time

import pytest
from formulaic import Formula

from multilevel.language import parse_terms
from multilevel.language.terms import MAX_TERMS
from tests.language.faults import fault


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x", "1 + x"),
        ("1", "1"),
        ("0", "0"),
        ("-1 + x", "0 + x"),
        ("0 + x", "0 + x"),
        ("x - 1", "0 + x"),
        ("x + -1", "0 + x"),
        ("0 + x + 1", "1 + x"),
        ("x + x", "1 + x"),
        ("a*b", "1 + a + b + a:b"),
        ("b:a + a:b", "1 + b:a"),
        ("a:b + c", "1 + c + a:b"),
        ("a*b*c", "1 + a + b + c + a:b + a:c + b:c + a:b:c"),
        ("a*b - a:b", "1 + a + b"),
        ("(a + b + c)^2", "1 + a + b + c + a:b + a:c + b:c"),
        ("(a + b)**9", "1 + a + b + a:b"),
        ("(a + b + c)^2 - (a:b + c)", "1 + a + b + a:c + b:c"),
        ("a/b", "1 + a + a:b"),
        ("a/b/c", "1 + a + a:b + a:b:c"),
        ("(a + b)/c", "1 + a + b + a:b:c"),
        ("a/(b + c)", "1 + a + a:b + a:c"),
        ("a:(b + c)", "1 + a:b + a:c"),
        ("a:a", "1 + a"),
        ("(0 + x)", "0 + x"),
        ("log(x + 1):z", "1 + log(x + 1):z"),
        ("`a b`*class", "1 + `a b` + `class` + `a b`:`class`"),
        ("+ x", "1 + x"),
    ],
)
def test_written_out(text: str, expected: str) -> None:
    terms = parse_terms(text)
    assert terms.text == expected
    assert parse_terms(expected) == terms


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "0 + x",
        "x - 1",
        "a*b",
        "a*b*c - a:b:c",
        "(a + b + c)^2",
        "(a + b + c)**3 - a",
        "a/b/c",
        "(a + b)/c",
        "a/(b + c)",
        "a:b + c",
        "a:(b + c) + log(x)",
        "poly(x, 2)*f",
        "C(f, contr.treatment('b'))",
        "`a b`:x",
        "I(x^2 + 1)",
        "log(`a b` + 1)",
        "yield + `class`",
        "C(f, Treatment('b (new) `x` {y}'))",
        "bs(x, knots=[1, -2])",
    ],
)
def test_formulaic_reads_the_canonical_text_as_the_same_terms(text: str) -> None:
    terms = parse_terms(text)
    theirs = [tuple(factor.expr.replace("`", "") for factor in term.factors) for term in Formula(terms.text)]
    ours = [tuple(_unescaped(factor.text) for factor in term) for term in terms.terms]
    assert theirs == [("1",)] * terms.intercept + ours


def _unescaped(text: str) -> str:
    """Write a factor as formulaic shows it: no backticks, brackets in quotes as they are."""
    for character in "(){}[]`%":
        text = text.replace(f"\\x{ord(character):02x}", character)
    return text.replace("`", "")


@pytest.mark.parametrize(
    "text", ["a*b", "a*b*c - a:b:c", "(a + b + c)^2", "a/b/c", "(a + b)/c", "x - 1", "a:(b + c)"]
)
def test_formulaic_expands_the_users_text_to_the_same_terms(text: str) -> None:
    ours = ["1"] * parse_terms(text).intercept + [
        ":".join(f.text for f in term) for term in parse_terms(text).terms
    ]
    assert [str(term) for term in Formula(text)] == ours


def test_columns_come_in_order_of_first_use() -> None:
    assert parse_terms("b:a + log(c + a) + d").columns == ("c", "a", "d", "b")


@pytest.mark.parametrize(
    "text",
    [
        "y ~ " + "*".join(f"x{i}" for i in range(40)),
        "y ~ (" + "+".join(f"x{i}" for i in range(40)) + ")^40",
        "y ~ " + ":".join(f"x{i}" for i in range(60)),
        "y ~ " + "+".join(f"x{i}" for i in range(MAX_TERMS + 1)),
        "y ~ " + "/".join("(" + "+".join(f"x{i}_{j}" for i in range(30)) + ")" for j in range(3)),
    ],
)
def test_explosions_are_stopped_early(text: str) -> None:
    start = time.perf_counter()
    assert fault(text)[0] == "written out, this has too many terms"
    assert time.perf_counter() - start < 2.0
