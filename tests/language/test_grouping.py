"""Tests of the grouping side of a bar."""

from __future__ import annotations

import pytest

from multilevel.language import parse_formula
from tests.language.faults import fault


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("g", ["g"]),
        ("`my g`", ["my g"]),
        ("yield", ["yield"]),
        ("a:b", ["a:b"]),
        ("b:a", ["b:a"]),
        ("a/b", ["a", "a:b"]),
        ("a/b/c", ["a", "a:b", "a:b:c"]),
        ("a*b", ["a", "b", "a:b"]),
        ("a:b/c", ["a:b", "a:b:c"]),
        ("a/(b:c)", ["a", "a:b:c"]),
        ("a/(b*c)", ["a", "a:b", "a:c", "a:b:c"]),
        ("(a*b)/c", ["a", "b", "a:b", "a:b:c"]),
        ("((a))", ["a"]),
    ],
)
def test_written_out(text: str, expected: list[str]) -> None:
    assert [term.group for term in parse_formula(f"y ~ (1 | {text})").groups] == expected


@pytest.mark.parametrize(
    ("text", "asked", "underlined"),
    [
        ("y ~ (1 | )", "a grouping factor is missing here", ")"),
        ("y ~ (1 | a:)", "a grouping factor is missing here", ")"),
        ("y ~ (1 | a + b)", "two grouping factors are added", "+"),
        ("y ~ (1 | g | h)", "a second `|` in one grouped term", "|"),
        ("y ~ (1 || g || h)", "a second `||` in one grouped term", "||"),
        ("y ~ (1 | log(g))", "`log(...)` in a grouping side", "log"),
        ("y ~ (1 | 1)", "unexpected `1` in a grouping side", "1"),
        ("y ~ (1 | 'g')", "unexpected `'g'` in a grouping side", "'g'"),
        ("y ~ (1 | a - b)", "unexpected `-` in a grouping side", "-"),
        ("y ~ (1 | a b)", "unexpected `b` in a grouping side", "b"),
        ("y ~ (1 | a/a)", "the grouping column `a` is on both sides of `/`", "/"),
        ("y ~ (1 | a:b:a)", "the grouping column `a` is on both sides of `:`", ":"),
        ("y ~ (1 | a*b*c*d*e*f*g)", "one term has too many grouping factors", "*"),
    ],
)
def test_faults(text: str, asked: str, underlined: str) -> None:
    assert fault(text) == (asked, underlined)
