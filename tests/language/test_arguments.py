"""Tests of the check of a call's arguments against the whitelist."""

from __future__ import annotations

import pytest

from multilevel.language import parse_expression
from tests.language.faults import fault


@pytest.mark.parametrize(
    "text",
    [
        "poly(x)",
        "poly(x, 2)",
        "poly(x, degree=2)",
        "poly(x, 2, True)",
        "scale(x, center=False)",
        "scale(x, 3.5, False, 0)",
        "bs(x, 5, degree=2, include_intercept=True, lower_bound=-1, upper_bound=1e3)",
        "bs(x, knots=[1, 2], extrapolation='clip')",
        "cr(x, df=4, constraints='center')",
        "cc(log(x), knots=[0.5])",
        "C(f)",
        "C(f, Sum)",
        "C(f, contr.helmert(scale=True))",
        "C(f, contr.poly(scores=[1, 2, 4]))",
        "C(f, contrasts=contr.treatment(base='b'), levels=['b', 'a'])",
        "C(f, contr.treatment(2))",
        "I(scale(x) ** 2)",
    ],
)
def test_accepted(text: str) -> None:
    assert parse_expression(text)


@pytest.mark.parametrize(
    ("text", "asked", "underlined"),
    [
        ("y ~ log()", "`log()` needs a column as its first argument", "log"),
        ("y ~ log(x=z)", "`log()` needs a column as its first argument", "log"),
        ("y ~ log(2)", "`log()` is given no column", "2"),
        ("y ~ log('a')", "found 'a' where a column must stand", "'a'"),
        ("y ~ log(TRUE)", "found True where a column must stand", "TRUE"),
        ("y ~ log([1, 2])", "found [1, 2] where a column must stand", "[1, 2]"),
        ("y ~ log(x, 2)", "`log()` has too many arguments", "2"),
        ("y ~ log(x, base=2)", "`log()` has no option `base`", "base=2"),
        ("y ~ poly(x, 0)", "the option `degree` does not accept this", "0"),
        ("y ~ poly(x, 1000000)", "the option `degree` does not accept this", "1000000"),
        ("y ~ poly(x, 2.0)", "the option `degree` does not accept this", "2.0"),
        ("y ~ poly(x, TRUE)", "the option `degree` does not accept this", "TRUE"),
        ("y ~ poly(x, z)", "the option `degree` does not accept this", "z"),
        ("y ~ poly(x, raw=1)", "the option `raw` does not accept this", "raw=1"),
        ("y ~ poly(x, 2, degree=3)", "the option `degree` is given twice", "degree=3"),
        ("y ~ poly(x, raw=True, 2)", "an argument without keyword follows one with a keyword", "2"),
        (
            "y ~ bs(x, extrapolation='no')",
            "the option `extrapolation` does not accept this",
            "extrapolation='no'",
        ),
        ("y ~ bs(x, knots=[])", "the option `knots` does not accept this", "knots=[]"),
        ("y ~ bs(x, knots=['a'])", "the option `knots` does not accept this", "knots=['a']"),
        ("y ~ C(f, 'contr.sum')", "the option `contrasts` does not accept this", "'contr.sum'"),
        ("y ~ C(f, levels=['a', 'a'])", "the option `levels` does not accept this", "levels=['a', 'a']"),
        ("y ~ C(f, Sum, ['a'])", "`C()` has too many arguments", "['a']"),
        ("y ~ C(f, contr.sum(2))", "`contr.sum()` has too many arguments", "2"),
        ("y ~ scale(poly(x, 2))", "`poly()` gives several columns, so it must be a whole term", "poly(x, 2)"),
        ("y ~ I(C(f) + 1)", "`C()` gives a factor, so it must be a whole term", "C(f) + 1"),
        ("y ~ log(contr.sum)", "the contrast `contr.sum` stands outside of `C()`", "contr.sum"),
        ("poly(y, 2) ~ x", "`poly()` gives several columns, so it must be a whole term", "poly(y, 2)"),
    ],
)
def test_faults_underline_the_argument(text: str, asked: str, underlined: str) -> None:
    assert fault(text) == (asked, underlined)


def test_the_error_shows_what_is_allowed() -> None:
    with pytest.raises(ValueError, match=r"allowed: poly\(column, degree=\.\.\., raw=\.\.\.\)"):
        parse_expression("poly(x, 2, True, 4)")
    with pytest.raises(ValueError, match="allowed: a whole number from 1 to 1000"):
        parse_expression("poly(x, 0)")
    with pytest.raises(ValueError, match="allowed: 'raise' 'clip' 'na' 'zero' 'extend'"):
        parse_expression("bs(x, extrapolation=3)")
