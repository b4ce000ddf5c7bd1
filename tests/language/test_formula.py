"""Tests of the door: formulas in, models out."""

from __future__ import annotations

import sys
import timeit

import pytest

from multilevel.errors import FormulaError, OptionError
from multilevel.language import parse_formula
from multilevel.model import Covariance, GroupTerm, Model
from tests.language.faults import fault


def test_sleepstudy() -> None:
    text = "reaction ~ days + (days | subject)"
    term = GroupTerm("1 + days", ("subject",), Covariance.UNSTRUCTURED, 18)
    assert parse_formula(text) == Model(
        text, "reaction", "1 + days", (term,), (), ("reaction", "days", "subject")
    )


@pytest.mark.parametrize(
    ("text", "response", "fixed", "groups"),
    [
        ("y ~ 1", "y", "1", []),
        ("y ~ x", "y", "1 + x", []),
        ("y ~ (1 | g)", "y", "1", ["g"]),
        ("y ~ 0 + (1 | g)", "y", "0", ["g"]),
        ("y ~ -1 + x + (1 | g)", "y", "0 + x", ["g"]),
        ("y ~ offset(z)", "y", "1", []),
        ("log(y + 1) ~ x", "log(y + 1)", "1 + x", []),
        ("(y) ~ x", "y", "1 + x", []),
        ("`my y` ~ `a:b`", "`my y`", "1 + `a:b`", []),
        ("y ~ x + (1 | state/district/school) + (1 | background)", "y", "1 + x",
         ["state", "state:district", "state:district:school", "background"]),
        ("y\n  ~ x\n  + (1\n  | g)", "y", "1 + x", ["g"]),
        ("größe ~ 身長 + (1 | grüppe)", "größe", "1 + 身長", ["grüppe"]),
        ("class ~ yield + (1 | lambda)", "`class`", "1 + `yield`", ["lambda"]),
    ],
)  # fmt: skip
def test_models(text: str, response: str, fixed: str, groups: list[str]) -> None:
    model = parse_formula(text)
    assert (model.response, model.fixed) == (response, fixed)
    assert [term.group for term in model.groups] == groups
    assert model.text == text


def test_variables_in_order_of_response_fixed_groups_offsets() -> None:
    model = parse_formula("log(y) ~ offset(o + x) + (z | g/h) + a:`b c` + (1 | k)")
    assert model.variables == ("y", "a", "b c", "z", "g", "h", "k", "o", "x")


def test_composed_and_decomposed_names_stay_as_written() -> None:
    assert parse_formula("y ~ größe").variables == ("y", "größe")
    assert parse_formula("y ~ gro\u0308ße").variables == ("y", "gro\u0308ße")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(x1*x2 || g)", [("1", "g"), ("0 + x1", "g"), ("0 + x2", "g"), ("0 + x1:x2", "g")]),
        ("(x || a/b)", [("1", "a"), ("1", "a:b"), ("0 + x", "a"), ("0 + x", "a:b")]),
        ("(0 + x + z || g)", [("0 + x", "g"), ("0 + z", "g")]),
        ("(1 || g)", [("1", "g")]),
    ],
)
def test_the_double_bar_is_split_for_lme4(text: str, expected: list[tuple[str, str]]) -> None:
    terms = parse_formula(f"y ~ {text}", lme4_compat=True).groups
    assert [(term.effects, term.group) for term in terms] == expected
    assert {term.covariance for term in terms} == {Covariance.UNSTRUCTURED}


def test_the_double_bar_is_diagonal_by_default() -> None:
    terms = parse_formula("y ~ (x || a/b)").groups
    assert [(term.effects, term.group) for term in terms] == [("1 + x", "a"), ("1 + x", "a:b")]
    assert {term.covariance for term in terms} == {Covariance.DIAGONAL}


def test_lme4_compat_leaves_diag_alone() -> None:
    (term,) = parse_formula("y ~ diag(x | g)", lme4_compat=True).groups
    assert term.covariance is Covariance.DIAGONAL


@pytest.mark.parametrize(
    ("text", "asked", "underlined"),
    [
        ("", "the formula is empty", ""),
        ("  \n ", "the formula is empty", ""),
        ("~ x", "the response is missing", "~"),
        ("y ~ ", "the right side is empty", ""),
        ("y + x", "the formula has no `~`", "y"),
        ("y + 1 ~ x", "the response is arithmetic", "y + 1"),
        ("a, b ~ x", "unexpected `,` in the response", ","),
        ("y | g ~ x", "unexpected `|` in the response", "|"),
        ("1 ~ x", "the response is arithmetic", "1"),
        ("'y' ~ x", "found 'y' where a column must stand", "'y'"),
        ("C(y) ~ x", "`C()` gives a factor, so it must be a whole term", "C(y)"),
        ("y ~ 0", "the model has no terms", "0"),
        ("y ~ x + y", "the response `y` is also a term", "x + y"),
        ("y ~ x + (y | g)", "the response `y` is also a term", "(y | g)"),
    ],
)
def test_faults(text: str, asked: str, underlined: str) -> None:
    assert fault(text) == (asked, underlined)


@pytest.mark.parametrize("text", ["cbind(s, f) ~ x + (1 | g)", "s / n ~ x + (1 | g)"])
def test_successes_of_trials_as_elsewhere_are_told_how_to_be_written(text: str) -> None:
    with pytest.raises(FormulaError, match=r"try: .*`prop\(successes, trials\)`"):
        parse_formula(text)


def test_the_whole_message() -> None:
    with pytest.raises(FormulaError) as caught:
        parse_formula("y ~ x +\n    os.system('x')")
    assert str(caught.value) == (
        "`os.system` is not a function of formulas\n"
        "        os.system('x')\n"
        "        ^^^^^^^^^\n"
        "  allowed: log, log2, log10, log1p, exp, expm1, sqrt, abs, sin, cos, tan, I, center, scale,"
        " poly, bs, cr, cc, C, offset\n"
        "  try: compute the column before the fit and use its name"
    )


@pytest.mark.parametrize("text", [None, 3, b"y ~ x", ["y ~ x"]])
def test_a_formula_is_text(text: object) -> None:
    with pytest.raises(OptionError, match="a formula must be text; found"):
        parse_formula(text)  # type: ignore[arg-type]


def test_a_full_stack_gives_a_formula_error() -> None:
    text = "y ~ " + "(" * 49 + "log(x)" + ")" * 49
    parse_formula("y ~ x")

    def descend(depth: int) -> None:
        if depth:
            descend(depth - 1)
        else:
            parse_formula(text)

    frames = 0
    frame = sys._getframe()
    while frame is not None:
        frames, frame = frames + 1, frame.f_back  # type: ignore[assignment]
    with pytest.raises(FormulaError, match="nested too deep for the stack"):
        descend(sys.getrecursionlimit() - frames - 60)


def test_reading_is_quick_and_the_second_time_quicker() -> None:
    texts = iter(f"reaction ~ days + (days | subject{i})" for i in range(200))
    first = min(timeit.repeat(lambda: parse_formula(next(texts)), number=1, repeat=200))
    again = min(
        timeit.repeat(lambda: parse_formula("reaction ~ days + (days | subject)"), number=100, repeat=5)
    )
    assert first < 0.5e-3
    assert again / 100 < 20e-6
