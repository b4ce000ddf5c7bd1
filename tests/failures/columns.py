"""Section B: columns that are missing, infinite, mistyped or strangely named."""

from __future__ import annotations

import unicodedata
from typing import Any

import numpy as np
import pandas as pd

import multilevel as ml
from tests.failures.cases import ROWS, Case, Data, as_pandas, at, like, table

SAME = like("y ~ x + (1 | g)")


def without_row_7(fit: ml.Fit) -> None:
    """Row 7 is counted, and has no fitted value; the rest is as if it had never been there."""
    assert (fit.n_rows, fit.design.n_input) == (ROWS - 1, ROWS)
    assert sum(fit.design.missing.values()) == 1
    assert np.flatnonzero(np.isnan(fit.fitted)).tolist() == [7]
    data = {name: np.delete(column, 7) for name, column in table()().items()}
    other = ml.fit("y ~ x + (1 | g)", data)
    assert abs(fit.loglik - other.loglik) < 1e-9
    np.testing.assert_allclose(
        as_pandas(fit.fixed_effects)["estimate"], other.fixed_effects["estimate"], rtol=1e-12
    )


def renamed(**names: str) -> Any:
    """Return a maker of the base data with some columns renamed."""
    return lambda: {names.get(name, name): column for name, column in table()().items()}


def typed(dtype: Any, *columns: str) -> Any:
    """Return a maker of the base data with some columns as a pandas type."""
    return table(**{name: lambda base, n=name: pd.Series(base[n]).astype(dtype) for name in columns})


def twin_names() -> Data:
    """Return two columns whose names look alike: ``ö`` as one character, and as ``o`` with a mark."""
    data = renamed(y="größe")()
    return data | {unicodedata.normalize("NFD", "größe"): np.ones(ROWS)}


STRINGS = pd.array(["yes", "no"] * (ROWS // 2), dtype=object)

CASES = [
    Case(
        "B14",
        "missing response",
        "y ~ x + (1 | g)",
        table(y=at("y", 7, np.nan)),
        ml.MissingValuesWarning,
        ("1 of 100 rows left out", "y 1 (rows 7)", 'missing="error"'),
        without_row_7,
    ),
    Case(
        "B14",
        "missing response, dropped on request",
        "y ~ x + (1 | g)",
        table(y=at("y", 7, np.nan)),
        right=without_row_7,
        options={"missing": "drop"},
    ),
    Case(
        "B14",
        "missing predictor, refused on request",
        "y ~ x + (1 | g)",
        table(x=at("x", 7, np.nan)),
        ml.DataError,
        ("the column `x` is missing in 1 of 100 rows (rows 7)", "try: fill them", 'missing="drop"'),
        options={"missing": "error"},
    ),
    Case(
        "B15",
        "missing group",
        "y ~ x + (1 | g)",
        table(g=at("g", 7, None)),
        ml.DataError,
        ("the grouping column `g` is missing in 1 of 100 rows (rows 7)", 'missing="drop"'),
    ),
    Case(
        "B15",
        "missing group, dropped on request",
        "y ~ x + (1 | g)",
        table(g=at("g", 7, None)),
        right=without_row_7,
        options={"missing": "drop"},
    ),
    Case(
        "B16",
        "a column all missing",
        "y ~ x + (1 | g)",
        table(x=np.full(ROWS, np.nan)),
        ml.DataError,
        ("every value is missing in the column `x`", "try:"),
    ),
    Case(
        "B16",
        "a column of nothing",
        "y ~ x + (1 | g)",
        table(x=[None] * ROWS),
        ml.DataError,
        ("every value is missing in the column `x`",),
    ),
    Case(
        "B17",
        "infinite response",
        "y ~ x + (1 | g)",
        table(y=at("y", 7, np.inf)),
        ml.DataError,
        ("the column `y` is inf in row 7", "allowed: finite numbers", "try:"),
    ),
    Case(
        "B18",
        "infinite predictor",
        "y ~ x + (1 | g)",
        table(x=at("x", 7, -np.inf)),
        ml.DataError,
        ("the column `x` is -inf in row 7",),
    ),
    Case(
        "B18",
        "logarithm of a negative number",
        "y ~ log(x) + (1 | g)",
        table(),
        ml.DataError,
        ("`log(x)` is not a finite number", "rows", "try:"),
    ),
    Case("B19", "groups as numbers", "y ~ x + (1 | g)", table(g=np.repeat(np.arange(10), 10)), right=SAME),
    Case("B19", "groups as halves", "y ~ x + (1 | g)", table(g=np.repeat(np.arange(10) / 2, 10)), right=SAME),
    Case("B19", "categorical groups", "y ~ x + (1 | g)", typed("category", "g"), right=SAME),
    Case(
        "B20",
        "response of texts",
        "y ~ x + (1 | g)",
        table(y=STRINGS),
        ml.DataError,
        ("the response `y` is not numeric: it has the levels 'no', 'yes'", "binomial", "ordinal"),
    ),
    Case(
        "B20",
        "categorical response",
        "y ~ x + (1 | g)",
        table(y=lambda base: pd.Categorical(STRINGS)),
        ml.DataError,
        ("the response `y` is not numeric",),
    ),
    Case(
        "B21",
        "a matrix as a column",
        "y ~ x + (1 | g)",
        table(x=np.ones((ROWS, 2))),
        ml.DataError,
        ("the column `x` is matrix-valued, of shape (100, 2)", "try: give each of its columns"),
        libraries=("dict",),
    ),
    Case(
        "B21",
        "lists in a column",
        "y ~ x + (1 | g)",
        table(x=[[1.0, 2.0]] * ROWS),
        ml.DataError,
        ("`x`", "try:"),
    ),
    Case(
        "B22",
        "a name that is not there",
        "y ~ xx + (1 | g)",
        table(),
        ml.DataError,
        ("the table has no column `xx`", "allowed: the columns `y`, ", "did you mean `xx` -> `x`"),
    ),
    Case(
        "B23",
        "a name of the caller's own",
        "y ~ nope + (1 | g)",
        table(),
        ml.DataError,
        ("the table has no column `nope`", "allowed: the columns"),
    ),
    Case("B27", "nullable types of pandas", "y ~ x + (1 | g)", typed("Float64", "x", "y"), right=SAME),
    Case("B27", "arrow types of pandas", "y ~ x + (1 | g)", typed("double[pyarrow]", "x", "y"), right=SAME),
    Case("B27", "arrow texts of pandas", "y ~ x + (1 | g)", typed("string[pyarrow]", "g"), right=SAME),
    Case(
        "B27",
        "nullable booleans",
        "y ~ b + (1 | g)",
        table(b=lambda base: pd.array(base["x"] > 0, dtype="boolean")),
    ),
    Case(
        "B27",
        "nullable whole numbers with a gap",
        "y ~ x + (1 | g)",
        table(x=lambda base: pd.array([None, *range(99)], dtype="Int64")),
        ml.MissingValuesWarning,
        ("x 1 (rows 0)",),
    ),
    Case(
        "B28",
        "names that are not ASCII",
        "größe ~ x + (1 | grüppe)",
        renamed(y="größe", g="grüppe"),
        right=SAME,
    ),
    Case(
        "B28",
        "the other Unicode form in the formula",
        unicodedata.normalize("NFD", "größe ~ x + (1 | g)"),
        renamed(y="größe"),
        right=SAME,
    ),
    Case(
        "B28",
        "two names that look alike",
        "größe ~ x + (1 | g)",
        twin_names,
        ml.DataError,
        ("`größe` is ambiguous: 2 columns look alike", "try: rename"),
    ),
    Case(
        "B29",
        "blanks in backticks",
        "`my y` ~ `the x` + (1 | `a g`)",
        renamed(y="my y", x="the x", g="a g"),
        right=SAME,
    ),
    Case(
        "B29",
        "blanks without backticks",
        "y ~ the x + (1 | g)",
        renamed(x="the x"),
        ml.FormulaError,
        ("unexpected `x`", "^", "try: if it is one name with blanks, put it in backticks: `the x`"),
    ),
    Case(
        "B30", "columns named like functions", "sum ~ C + (1 | I)", renamed(y="sum", x="C", g="I"), right=SAME
    ),
    Case(
        "B30",
        "columns named like calls",
        "log ~ p + (1 | poly)",
        renamed(y="log", x="p", g="poly"),
        right=SAME,
    ),
    Case("B30", "a column named 1", "y ~ `1` + (1 | g)", renamed(x="1"), right=SAME),
]
