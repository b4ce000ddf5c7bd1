"""Tests of the tree of an expression: its text and its columns."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multilevel.language import parse_expression
from multilevel.language.expression import (
    Binary,
    Call,
    Column,
    Constant,
    Expression,
    Unary,
    columns_of,
    expression_text,
)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("x", "x"),
        ("`x`", "x"),
        ("`wait time`", "`wait time`"),
        ("class", "`class`"),
        ("log( x+1 )", "log(x + 1)"),
        ("I(x^2)", "I(x ** 2)"),
        ("I(x^2+1)", "I(x ** 2 + 1)"),
        ("I(-x^2)", "I(-x ** 2)"),
        ("I((-x)^2)", "I((-x) ** 2)"),
        ("I(x^-1)", "I(x ** -1)"),
        ("I(x^y^z)", "I(x ** y ** z)"),
        ("I((x^y)^z)", "I((x ** y) ** z)"),
        ("I(a-(b-c))", "I(a - (b - c))"),
        ("I((a-b)-c)", "I(a - b - c)"),
        ("I(a/(b*c))", "I(a / (b * c))"),
        ("I(--x)", "I(x)"),
        ("I(- + -  - x)", "I(-x)"),
        ("I(x - -1)", "I(x - -1)"),
        ("I(007*x + 0.10)", "I(7 * x + 0.1)"),
        ("poly(x, 2, raw=TRUE)", "poly(x, 2, raw=True)"),
        ("bs(x, knots=[1, -2.50])", "bs(x, knots=[1, -2.5])"),
        ("C(f, contr.sum())", "C(f, contr.sum)"),
        ('C(f, Treatment("b"))', "C(f, Treatment('b'))"),
        ('C(f, Treatment("b (new)"))', r"C(f, Treatment('b \x28new\x29'))"),
        ("log(`a b` + yield)", "log(`a b` + `yield`)"),
    ],
)
def test_canonical_text_and_its_rereading(text: str, canonical: str) -> None:
    expression = parse_expression(text)
    assert expression_text(expression) == canonical
    assert parse_expression(canonical) == expression


def test_columns_in_order_of_first_use() -> None:
    assert columns_of(parse_expression("I(b + log(a) * b - `c d`)")) == ("b", "a", "c d")


def test_options_hold_no_columns() -> None:
    assert columns_of(parse_expression("C(Treatment, Treatment('a'))")) == ("Treatment",)


def test_positions_do_not_make_expressions_different() -> None:
    assert Column("x", 3) == Column("x", 8)


numbers = st.integers(-1000, 1000) | st.floats(-1e6, 1e6, allow_nan=False)
leaves: st.SearchStrategy[Expression] = st.builds(Column, st.sampled_from("abc")) | st.builds(
    Constant, numbers
)
trees = st.recursive(
    leaves,
    lambda inner: (
        st.builds(Binary, st.sampled_from(["+", "-", "*", "/", "**"]), inner, inner)
        | st.builds(Unary, st.just("-"), inner)
        | st.builds(lambda argument: Call("log", (argument,)), inner)
    ),
    max_leaves=8,
)


def same_tree(ours: Expression, theirs: ast.expr) -> bool:
    """Compare with the tree that Python reads in the same text (a sign before a number is the number's)."""
    match ours, theirs:
        case Column(name), ast.Name(other):
            return name == other
        case Constant(value), ast.Constant(other):
            return value == other
        case Constant(value), ast.UnaryOp(ast.USub(), ast.Constant(other)):
            return value == -other
        case Unary(_, operand), ast.UnaryOp(ast.USub(), other):
            return same_tree(operand, other)
        case Binary(operator, left, right), ast.BinOp(first, kind, second):
            names = {"+": ast.Add, "-": ast.Sub, "*": ast.Mult, "/": ast.Div, "**": ast.Pow}
            return isinstance(kind, names[operator]) and same_tree(left, first) and same_tree(right, second)
        case Call(name, (argument,)), ast.Call(ast.Name(other), [inner]):
            return name == other and same_tree(argument, inner)
    return False


@given(trees)
def test_python_reads_the_text_as_the_same_tree(tree: Expression) -> None:
    assert same_tree(tree, ast.parse(expression_text(tree), mode="eval").body)
