"""Tests of choosing the rows: missing, infinite and weightless ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from multilevel.errors import DataError, MissingValuesWarning, OptionError
from tests.design.cases import ROWS, base, bound, bound_with_warnings

NAN = float("nan")


def gaps(column: str, *rows: int, value: float = NAN) -> dict[str, np.ndarray]:
    """Return a column of the base data with a value replaced in some rows."""
    values = np.array(base()[column], dtype=np.float64)
    values[list(rows)] = value
    return {column: values}


def test_rows_with_missing_values_are_reported_once_by_column() -> None:
    data = base(**gaps("y", 3, 7), **gaps("x", 3, 11))
    design, caught = bound_with_warnings("y ~ x + (1 | g)", data)
    (warning,) = caught
    assert warning.category is MissingValuesWarning
    assert str(warning.message) == (
        "3 of 100 rows left out because of missing values: y 2, x 2 (rows 3, 7, 11); "
        'missing="drop" leaves them out silently, missing="error" refuses'
    )
    assert dict(design.missing) == {"y": 2, "x": 2}
    assert design.n_rows == 97
    assert design.n_input == 100
    assert design.rows.tolist() == [row for row in range(ROWS) if row not in (3, 7, 11)]
    np.testing.assert_array_equal(design.y, data["y"][design.rows])
    np.testing.assert_array_equal(design.fixed.X[:, 1], data["x"][design.rows])


def test_rows_are_named_by_the_labels_of_the_caller() -> None:
    frame = pd.DataFrame(base(**gaps("x", 2)), index=[f"row{at}" for at in range(ROWS)])
    _, caught = bound_with_warnings("y ~ x + (1 | g)", frame)
    assert "(rows row2)" in str(caught[0].message)


def test_rows_are_dropped_silently_on_request_and_counted() -> None:
    design = bound("y ~ x + (1 | g)", base(**gaps("y", 3), **gaps("g", 5)), missing="drop")
    assert dict(design.missing) == {"y": 1, "g": 1}
    assert design.n_rows == 98


@pytest.mark.parametrize(
    ("columns", "options", "pieces"),
    [
        (
            gaps("g", 5),
            {},
            ["the grouping column `g` is missing in 1 of 100 rows (rows 5)", 'missing="drop"'],
        ),
        (
            gaps("x", 1, 2, 3, 4, 5, 6),
            {"missing": "error"},
            ["`x` is missing in 6 of 100 rows (rows 1, 2, 3, 4, 5, ...)"],
        ),
        (gaps("x", *range(ROWS)), {}, ["every value is missing in the column `x`"]),
        (gaps("g", *range(ROWS)), {"missing": "drop"}, ["every value is missing in the column `g`"]),
        (gaps("y", 4, value=np.inf), {}, ["the column `y` is inf in row 4"]),
        (
            gaps("x", 4, 9, value=-np.inf),
            {"missing": "drop"},
            ["`x` is -inf in row 4 (and infinite in 1 more rows)"],
        ),
        (gaps("g", 4, value=np.inf), {}, ["the column `g` is inf in row 4"]),
        (
            {**gaps("x", *range(50)), **gaps("y", *range(50, ROWS))},
            {},
            ["no rows are left: all 100", "`y` 50, `x` 50"],
        ),
        ({"g": [None, *"abc" * 33]}, {}, ["the grouping column `g` is missing in 1 of 100"]),
    ],
)
@pytest.mark.filterwarnings("ignore::multilevel.errors.MissingValuesWarning")
def test_values_that_may_not_be_missing_are_an_error(
    columns: dict[str, Any], options: dict[str, Any], pieces: list[str]
) -> None:
    with pytest.raises(DataError) as caught:
        bound("y ~ x + (1 | g)", base(**columns), **options)
    for piece in pieces:
        assert piece in str(caught.value)


def test_rows_of_weight_zero_are_left_out_silently() -> None:
    weights = np.r_[np.zeros(50), np.full(50, 2.0)]
    design = bound("y ~ x + (1 | g)", base(w=weights), precision_weights="w")
    assert design.n_rows == 50
    assert design.rows.tolist() == list(range(50, 100))
    assert design.precision_weights is not None
    assert (design.precision_weights == 2.0).all()
    assert design.factors[0].levels == ("5", "6", "7", "8", "9")
    assert dict(design.missing) == {}


def test_a_missing_offset_leaves_its_row_out() -> None:
    design, caught = bound_with_warnings("y ~ x + (1 | g)", base(o=np.r_[NAN, np.ones(99)]), offset="o")
    assert design.n_rows == 99
    assert "o 1 (rows 0)" in str(caught[0].message)
    assert design.offset is not None
    assert design.offset.shape == (99,)


def test_a_column_that_is_not_used_may_have_missing_values() -> None:
    assert bound("y ~ x + (1 | g)", base(z=np.full(ROWS, NAN))).n_rows == ROWS


def test_another_word_is_refused() -> None:
    with pytest.raises(OptionError, match="missing='ignore'"):
        bound("y ~ x + (1 | g)", base(), missing="ignore")
