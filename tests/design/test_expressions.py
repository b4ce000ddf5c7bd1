"""Tests of evaluating expressions."""

from __future__ import annotations

import numpy as np
import pytest

from multilevel.design.expressions import State, evaluate
from multilevel.design.scope import Factor, Scope
from multilevel.errors import DataError, FormulaError
from tests.design.cases import scope

S = scope()
X = S.numbers("x")
W = S.numbers("wait time")
B = np.arange(12) % 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x", X),
        ("`wait time`", W),
        ("log(x)", np.log(X)),
        ("log(x + 1) / 2", np.log(X + 1) / 2),
        ("I(x ** 2 - 3 * `wait time`)", X**2 - 3 * W),
        ("I(-x)", -X),
        ("sqrt(x)", np.sqrt(X)),
        ("log2(x)", np.log2(X)),
        ("log10(x)", np.log10(X)),
        ("log1p(x)", np.log1p(X)),
        ("exp(x)", np.exp(X)),
        ("expm1(x)", np.expm1(X)),
        ("abs(-x)", X),
        ("sin(x) + cos(x) + tan(x)", np.sin(X) + np.cos(X) + np.tan(X)),
        ("I(b * 2)", 2.0 * B),
        ("center(x)", X - X.mean()),
        ("scale(x)", (X - X.mean()) / X.std(ddof=1)),
        ("scale(x, ddof=0)", (X - X.mean()) / X.std()),
        ("scale(log(x), center=False)", np.log(X) / np.sqrt((np.log(X) ** 2).sum() / 11)),
    ],
)
def test_an_expression_has_the_value_that_numpy_gives(text: str, expected: np.ndarray) -> None:
    np.testing.assert_allclose(evaluate(text, S, {}), expected, rtol=1e-14)


def test_a_factor_stays_a_factor() -> None:
    assert isinstance(evaluate("f", S, {}), Factor)


@pytest.mark.parametrize(
    ("text", "columns"),
    [("poly(x, 3)", 3), ("poly(x, degree=2, raw=True)", 2), ("bs(x, df=5)", 5), ("cr(x, df=4)", 4)],
)
def test_a_basis_has_several_columns_and_is_the_same_for_new_rows(text: str, columns: int) -> None:
    state: State = {}
    fitted = _columns(evaluate(text, S, state))
    part = Scope(
        {name: value[3:6] for name, value in S.columns.items() if isinstance(value, np.ndarray)},
        frozenset(),
        3,
    )
    again = _columns(evaluate(text, part, state))
    assert fitted.shape == (12, columns)
    np.testing.assert_allclose(again, fitted[3:6], rtol=1e-12, atol=1e-14)


def _columns(value: object) -> np.ndarray:
    """Return the columns of a basis that is an array or a mapping of columns."""
    pieces = getattr(value, "__wrapped__", value)
    if isinstance(pieces, dict):
        return np.column_stack([column for key, column in pieces.items() if not str(key).startswith("__")])
    return np.asarray(pieces)


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("log(x - 1)", ["`log(x - 1)` is not a finite number in 1 of 12 rows", "used row 0"]),
        ("I(1 / `wait time`)", ["not a finite number in 1 of 12 rows"]),
        ("exp(x * 100)", ["not a finite number"]),
        ("I(f * 2)", ["computes with `f`, which is not numeric", "on its own, as a factor"]),
        ("log(f)", ["computes with `f`"]),
        ("bs(x, df=1)", ["cannot be computed"]),
        ("log(nope)", ["uses `nope`"]),
    ],
)
def test_what_cannot_be_computed_is_a_data_error(text: str, pieces: list[str]) -> None:
    with pytest.raises(DataError) as caught:
        evaluate(text, S, {})
    for piece in pieces:
        assert piece in str(caught.value)


@pytest.mark.parametrize(
    "text", ["__import__('os')", "x.__class__", "open('f')", "[x for x in (1, 2)]", "x; x", "f(x)"]
)
def test_nothing_but_the_grammar_is_evaluated(text: str) -> None:
    with pytest.raises(FormulaError):
        evaluate(text, S, {})
