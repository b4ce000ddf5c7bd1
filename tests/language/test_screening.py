"""Tests of the first look: unknown functions, all at once."""

from __future__ import annotations

import pytest

from multilevel.language import FUNCTIONS, parse_formula
from tests.language.faults import fault

ALLOWED = ", ".join((*FUNCTIONS, "offset"))


@pytest.mark.parametrize(
    ("text", "asked", "underlined"),
    [
        ("y ~ foo(x)", "`foo` is not a function of formulas", "foo"),
        ("y ~ foo(x) + bar(foo(z))", "`foo`, `bar` are not functions of formulas", "foo"),
        ("y ~ np.log(x)", "`np.log` is not a function of formulas", "np.log"),
        ("y ~ x.astype(z)", "`x.astype` is not a function of formulas", "x.astype"),
        ("y ~ (1 | factor(g))", "`factor` is not a function of formulas", "factor"),
        ("cbind(a, b) ~ x", "`cbind` is not a function of formulas", "cbind"),
        ("y ~ prop(a, b)", "`prop` is not a function of formulas", "prop"),
        ("y ~ log(x) + (1 | g) + Log(z)", "`Log` is not a function of formulas", "Log"),
    ],
)
def test_unknown_functions(text: str, asked: str, underlined: str) -> None:
    assert fault(text) == (asked, underlined)


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("y ~ np.log(x)", "write `log(...)`"),
        ("y ~ squrt(x)", "write `sqrt(...)`"),
        ("y ~ ns(x, 3)", "write `cr(x, df=5)` or `bs(x, df=5)` for a spline"),
        ("y ~ whatever(x)", "compute the column before the fit and use its name"),
        ("y ~ prop(a, b)", "successes out of trials are a response: prop(successes, trials) ~ ..."),
    ],
)
def test_the_remedy_fits_the_function(text: str, remedy: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_formula(text)
    assert str(caught.value).endswith(f"\n  allowed: {ALLOWED}\n  try: {remedy}")


def test_a_column_named_like_a_function_is_a_column() -> None:
    assert parse_formula("sum ~ log + I + C + (us | offset)").variables == (
        "sum", "log", "I", "C", "us", "offset"
    )  # fmt: skip
