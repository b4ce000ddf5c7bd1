"""Tests of the check that no effect varies twice for one grouping factor."""

from __future__ import annotations

import pytest

from multilevel.language import parse_formula
from tests.language.faults import fault


@pytest.mark.parametrize(
    ("text", "asked", "underlined"),
    [
        ("y ~ (1 | g) + (1 | g)", "the grouped term `(1 | g)` is there twice", "(1 | g)"),
        ("y ~ (x | g) + (1 + x || g)", "the grouped term `(1 + x || g)` is there twice", "(1 + x || g)"),
        (
            "y ~ (x | g) + homdiag(x | g)",
            "the grouped term `homdiag(1 + x | g)` is there twice",
            "homdiag(x | g)",
        ),
        ("y ~ cs(x | g) + us(x | g)", "the grouped term `(1 + x | g)` is there twice", "us(x | g)"),
        ("y ~ (1 | a/b) + (1 | b:a)", "the grouped term `(1 | b:a)` is there twice", "(1 | b:a)"),
        ("y ~ (1 | g) + (x | g)", "`1` varies between the levels of `g` in two grouped terms", "(x | g)"),
        (
            "y ~ (0 + x | g) + (x || g)",
            "`x` varies between the levels of `g` in two grouped terms",
            "(x || g)",
        ),
    ],
)
def test_faults_point_at_the_later_term(text: str, asked: str, underlined: str) -> None:
    assert fault(text) == (asked, underlined)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("y ~ (1 | g) + (0 + x | g)", 2),
        ("y ~ (x | g) + (x | h)", 2),
        ("y ~ (1 | a) + (1 | a:b)", 2),
        ("y ~ (1 | g) + homdiag(x | g)", 2),
        ("y ~ (1 | g) + cs(x | g)", 2),
        ("y ~ (a:b | g) + (0 + a | g)", 2),
    ],
)
def test_different_effects_may_share_a_group(text: str, count: int) -> None:
    assert len(parse_formula(text).groups) == count


def test_split_terms_are_checked_too() -> None:
    with pytest.raises(ValueError, match="there twice"):
        parse_formula("y ~ (x || g) + (1 | g)", lme4_compat=True)
