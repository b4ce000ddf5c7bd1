"""Tests of the reading of single expressions and sides."""

from __future__ import annotations

import pytest

from multilevel.language import Call, Column, expression_variables, parse_expression, parse_terms
from multilevel.language.pieces import too_deep
from tests.language.faults import fault


def test_an_expression() -> None:
    assert parse_expression("log(`a b`)") == Call("log", (Column("a b"),))
    assert parse_expression("x + 1")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("x", ("x",)), ("log(b + a) * b", ("b", "a")), ("poly(`x y`, 2)", ("x y",)), ("C(f, Sum)", ("f",))],
)
def test_variables(text: str, expected: tuple[str, ...]) -> None:
    assert expression_variables(text) == expected


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("", "the formula ends in the middle of an expression"),
        ("3", "the expression names no column"),
        ("'a'", "found 'a' where a column must stand"),
        ("contr.sum", "the contrast `contr.sum` stands outside of `C()`"),
        ("x ~ z", "a second `~`"),
        ("x z", "unexpected `z` among the terms"),
        ("1 + poly(x, 2)", "`poly()` gives several columns, so it must be a whole term"),
        ("open('x')", "`open` is not a function of formulas"),
    ],
)
def test_expression_faults(text: str, asked: str) -> None:
    assert fault(text, parse_expression)[0] == asked
    assert fault(text, expression_variables)[0] == asked


def test_factors_of_terms_carry_their_expressions() -> None:
    ((factor, _),) = parse_terms("0 + log(x):z").terms
    assert (factor.text, factor.expression) == ("log(x)", Call("log", (Column("x"),)))


@pytest.mark.parametrize("text", ["x + (1 | g)", "x + offset(z)"])
def test_a_side_has_no_grouped_terms_or_offsets(text: str) -> None:
    assert fault(text, parse_terms)[0] == "grouped terms and offsets cannot stand here"


def test_a_full_stack_is_a_formula_error() -> None:
    assert "nested too deep" in str(too_deep("y ~ x"))
