"""Tests of models written as text."""

from __future__ import annotations

from dataclasses import replace

import pytest

from multilevel.language import parse_formula
from multilevel.model import Covariance, GroupTerm, Model, formula_text, quoted, term_text


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("x", "x"),
        ("_x1", "_x1"),
        ("größe", "größe"),
        ("gro\u0308ße", "`gro\u0308ße`"),
        ("ﬁt", "`ﬁt`"),
        ("class", "`class`"),
        ("True", "`True`"),
        ("TRUE", "`TRUE`"),
        ("__x__", "`__x__`"),
        ("a b", "`a b`"),
        ("a.b", "`a.b`"),
        ("1", "`1`"),
        ("x²", "`x²`"),
        ("", "``"),
    ],
)
def test_quoted(name: str, expected: str) -> None:
    assert quoted(name) == expected


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        (GroupTerm("1 + x", ("g",)), "(1 + x | g)"),
        (GroupTerm("1 + x", ("g",), Covariance.DIAGONAL), "(1 + x || g)"),
        (GroupTerm("0 + x", ("a b", "c"), Covariance.SCALAR), "homdiag(0 + x | `a b`:c)"),
        (GroupTerm("0 + f", ("g",), Covariance.COMPOUND_SYMMETRIC), "cs(0 + f | g)"),
    ],
)
def test_term_text(term: GroupTerm, expected: str) -> None:
    assert term_text(term) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("y~x", "y ~ 1 + x"),
        ("y~(x|g)", "y ~ 1 + (1 + x | g)"),
        ("y~-1+(x||a/b)", "y ~ 0 + (1 + x || a) + (1 + x || a:b)"),
        (
            "log(y)~a*b+offset(log(n))+homdiag(0+x|g)",
            "log(y) ~ 1 + a + b + a:b + offset(log(n)) + homdiag(0 + x | g)",
        ),
        ("`my y`~class+(1|`my g`)", "`my y` ~ 1 + `class` + (1 | `my g`)"),
        ("y ~ C(f, contr.treatment('b)'))", r"y ~ 1 + C(f, contr.treatment('b\x29'))"),
    ],
)
def test_formula_text_reads_as_the_same_model(text: str, expected: str) -> None:
    model = parse_formula(text)
    assert formula_text(model) == expected
    assert plain(parse_formula(expected)) == plain(model)


def plain(model: Model) -> Model:
    """Return a model without its text and positions."""
    return replace(model, text="", groups=tuple(replace(term, position=0) for term in model.groups))
