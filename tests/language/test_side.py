"""Tests of how pieces of a right side are joined."""

from __future__ import annotations

import pytest

from multilevel.language import parse_formula
from multilevel.language.side import MAX_GROUPED_TERMS
from tests.language.faults import fault


@pytest.mark.parametrize(
    ("text", "asked", "underlined"),
    [
        ("y ~ x - z", "`z` is taken away but is not among the terms before it", "- z"),
        ("y ~ -x", "`x` is taken away but is not among the terms before it", "-x"),
        ("y ~ x - (1 | g)", "a grouped term is taken away with `-`", "- (1 | g)"),
        ("y ~ x - offset(z)", "an offset is taken away with `-`", "- offset(z)"),
        ("y ~ x - 0", "0 is taken away with `-`", "- 0"),
        ("y ~ x:(1 | g)", "a grouped term stands beside `:`", "(1 | g)"),
        ("y ~ x*offset(z)", "an offset stands beside `*`", "offset(z)"),
        ("y ~ (1 + a)/b", "the constant 0 or 1 stands beside `/`", "(1 + a)"),
        ("y ~ 1:x", "the constant 0 or 1 stands beside `:`", "1"),
        ("y ~ (0 + a)^2", "the constant 0 or 1 stands beside `^`", "(0 + a)"),
        ("y ~ (a + b)^x", "the order of interactions must be a whole number", "x"),
        ("y ~ (a + b)^0", "the order of interactions must be a whole number", "0"),
        ("y ~ (a + b)^1.5", "the order of interactions must be a whole number", "1.5"),
        ("y ~ x^2", "`^` between terms means interactions, and one term has none with itself", "x^2"),
        ("y ~ x**2", "`**` between terms means interactions, and one term has none with itself", "x**2"),
    ],
)
def test_faults(text: str, asked: str, underlined: str) -> None:
    assert fault(text) == (asked, underlined)


def test_parentheses_round_grouped_terms_and_offsets_change_nothing() -> None:
    flat = parse_formula("y ~ x + offset(z) + (1 | g) + (1 | h)")
    deep = parse_formula("y ~ (x + (offset(z) + ((1 | g) + (1 | h))))")
    assert (flat.fixed, flat.offsets, flat.variables) == (deep.fixed, deep.offsets, deep.variables)
    assert [term.group for term in flat.groups] == [term.group for term in deep.groups]


def test_too_many_grouped_terms() -> None:
    text = "y ~ " + " + ".join(f"(1 | g{i})" for i in range(MAX_GROUPED_TERMS + 1))
    assert fault(text) == ("too many grouped terms", f"(1 | g{MAX_GROUPED_TERMS})")
