"""Tests of the reader of the right side."""

from __future__ import annotations

import pytest

from multilevel.language import parse_formula
from multilevel.model import Covariance
from tests.language.faults import fault

SUCCESSIVE = "`ar1` is for the effects of successive times, and its left side"


@pytest.mark.parametrize(
    ("text", "effects", "covariance"),
    [
        ("(1 | g)", "1", Covariance.UNSTRUCTURED),
        ("(x | g)", "1 + x", Covariance.UNSTRUCTURED),
        ("(0 + x | g)", "0 + x", Covariance.UNSTRUCTURED),
        ("(x - 1 | g)", "0 + x", Covariance.UNSTRUCTURED),
        ("(x*z | g)", "1 + x + z + x:z", Covariance.UNSTRUCTURED),
        ("(x || g)", "1 + x", Covariance.DIAGONAL),
        ("us(x | g)", "1 + x", Covariance.UNSTRUCTURED),
        ("diag(0 + log(x) | g)", "0 + log(x)", Covariance.DIAGONAL),
        ("homdiag(x | g)", "1 + x", Covariance.SCALAR),
        ("cs(0 + f | g)", "0 + f", Covariance.COMPOUND_SYMMETRIC),
        ("((x | g))", "1 + x", Covariance.UNSTRUCTURED),
    ],
)
def test_grouped_terms(text: str, effects: str, covariance: Covariance) -> None:
    (term,) = parse_formula(f"y ~ {text}").groups
    assert (term.effects, term.covariance, term.factors) == (effects, covariance, ("g",))


def test_a_structure_spreads_over_nested_groups() -> None:
    terms = parse_formula("y ~ homdiag(x | a/b)").groups
    assert [(t.group, t.covariance) for t in terms] == [("a", Covariance.SCALAR), ("a:b", Covariance.SCALAR)]


def test_several_offsets() -> None:
    model = parse_formula("y ~ offset(log(n)) + x + offset(10*m - 1)")
    assert model.offsets == ("log(n)", "10 * m - 1")
    assert model.fixed == "1 + x"
    assert model.variables == ("y", "x", "n", "m")


@pytest.mark.parametrize(
    ("text", "asked", "underlined"),
    [
        ("y ~ x | g", "`|` stands outside of parentheses", "|"),
        ("y ~ x || g", "`||` stands outside of parentheses", "||"),
        ("y ~ (x) + 1 | g", "`|` stands outside of parentheses", "|"),
        ("y ~ .", "`.` for all other columns is not supported", "."),
        ("y ~ [a ~ b]", "stages in `[...]` are not supported", "["),
        ("y ~ x ~ z", "a second `~`", "~"),
        ("y ~ (x ~ z)", "a second `~`", "~"),
        ("y ~ x +", "the formula ends where a term is missing", ""),
        ("y ~ ()", "the parentheses are empty", "()"),
        ("y ~ x z", "unexpected `z` among the terms", "z"),
        ("y ~ x, z", "unexpected `,` among the terms", ","),
        ("y ~ * x", "unexpected `*` among the terms", "*"),
        ("y ~ a %in% b", "unexpected `%` among the terms", "%"),
        ("y ~ {x}", "unexpected `{` among the terms", "{"),
        ("y ~ 'a'", "unexpected `'a'` among the terms", "'a'"),
        ("y ~ 2 + x", "the number 2 stands among the terms", "2"),
        ("y ~ 1.0 + x", "the number 1.0 stands among the terms", "1.0"),
        ("y ~ (0 | g)", "no effects are left on the left side of the bar", "0"),
        ("y ~ (x - x - 1 | g)", "no effects are left on the left side of the bar", "x - x - 1"),
        ("y ~ ( | g)", "the left side of the bar is empty", "|"),
        ("y ~ ((1 | g) | h)", "the left side of a bar holds another grouped term", "(1 | g)"),
        ("y ~ (x + offset(z) | g)", "the left side of a bar holds an offset", "x + offset(z)"),
        ("y ~ diag(x || g)", "`||` inside `diag()`", "||"),
        ("y ~ us(x)", "`us()` holds no bar", "us"),
        ("y ~ cs(x)", "`cs()` holds no bar", "cs"),
        ("y ~ cs(x || g)", "`||` inside `cs()`", "||"),
        ("y ~ toep(x | g)", "the covariance structure `toep` is not in this version", "toep"),
        ("y ~ ar1(x | g)", f"{SUCCESSIVE} has an intercept", "x"),
        ("y ~ ar1(1 | g)", f"{SUCCESSIVE} has an intercept", "1"),
        ("y ~ ar1(0 + x + z | g)", f"{SUCCESSIVE} is not one column", "0 + x + z"),
        ("y ~ ar1(0 + log(x) | g)", f"{SUCCESSIVE} is not one column", "0 + log(x)"),
        ("y ~ exp(t | g)", "the covariance structure `exp` is not in this version", "exp"),
        ("y ~ x (1 | g)", "the covariance structure `x` is not in this version", "x"),
        ("y ~ mm(1 | g) + foo(x)", "the covariance structure `mm` is not in this version", "mm"),
        ("y ~ offset(2)", "an offset without a column", "2"),
        (
            "y ~ offset(poly(x, 2))",
            "`poly()` gives several columns, so it must be a whole term",
            "poly(x, 2)",
        ),
        ("y ~ offset(x, z)", "unexpected `,` among the terms", ","),
        ("y ~ offset()", "unexpected `)` inside a call", ")"),
    ],
)
def test_faults(text: str, asked: str, underlined: str) -> None:
    assert fault(text) == (asked, underlined)


def test_an_unknown_structure_lists_the_known_ones() -> None:
    with pytest.raises(ValueError) as caught:
        parse_formula("y ~ toep(x | g)")
    assert str(caught.value) == (
        "the covariance structure `toep` is not in this version\n"
        "    y ~ toep(x | g)\n"
        "        ^^^^\n"
        "  allowed: (x | g), (x || g), us(x | g), diag(x | g), homdiag(x | g), cs(x | g),"
        " ar1(0 + time | g), rw1(0 + time | g)\n"
        "  try: if `toep` is a column, write `+` after it"
    )


def test_a_spline_of_mgcv_is_told_from_a_covariance_structure() -> None:
    with pytest.raises(ValueError) as caught:
        parse_formula("y ~ cs(x, 5)")
    assert str(caught.value) == (
        "`cs()` holds no bar\n"
        "    y ~ cs(x, 5)\n"
        "        ^^\n"
        "  allowed: cs(x | g)\n"
        "  try: write `cr(x, df=5)` or `bs(x, df=5)` for a spline"
    )
