"""Used rows of one batch, and the columns of a design there."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from multilevel.design.blueprint import Coded, LazyColumn, Outline
from multilevel.design.blueprint_outline import outline_of
from multilevel.errors import DataError
from multilevel.language import parse_formula
from multilevel.moments.in_files.batches import Kind
from multilevel.moments.in_files.values import RowValues, Used, cells_of, level_codes, used_rows

KINDS: dict[str, Kind] = {
    "y": "number",
    "x": "number",
    "f": "text",
    "b": "boolean",
    "k": "number",
    "g": "whole",
}
BATCH = pa.record_batch(
    {
        "y": [1.0, 2.0, None, 4.0, 5.0],
        "x": [2.0, float("nan"), 3.0, 4.0, 0.0],
        "f": ["a", "b", "a", "b", "c"],
        "b": [True, False, True, False, True],
        "k": [0.5, 2.0, 2.0, 11.0, 0.5],
        "g": [1, 2, 3, 4, 5],
    }
)


def outline(formula: str = "y ~ x + f + b + C(k) + (1 | g)", **options: str) -> Outline:
    """Return the outline of a formula."""
    schema = {name: "number" if kind == "whole" else kind for name, kind in KINDS.items()}
    return outline_of(parse_formula(formula), schema, **options)  # type: ignore[arg-type]


def used(formula: str = "y ~ x + f + b + C(k) + (1 | g)", **options: str) -> Used:
    """Return the used rows of the batch."""
    return used_rows(BATCH, outline(formula, **options), KINDS)


def test_rows_without_a_value_are_left_out() -> None:
    found = used()
    assert (found.n_input, found.n, found.lost, dict(found.missing)) == (5, 3, 2, {"x": 1, "y": 1})
    assert found.wholes["g"].tolist() == [1, 4, 5] and found.root is None


def test_rows_of_weight_zero_are_left_out_but_not_lost() -> None:
    found = used("y ~ f + (1 | g)", precision_weights="x", frequency_weights="k")
    assert (found.n, found.lost, found.n_observations) == (2, 2, 11.5)
    np.testing.assert_allclose(found.root, np.sqrt([1.0, 44.0]))
    np.testing.assert_allclose(found.log_weights, 0.5 * np.log(2.0) + 11.0 * np.log(4.0))


def test_columns_are_products_of_expressions_and_codings() -> None:
    coded = Coded(("f", "k"), ((("a", "0.5"), 1.0), (("b", "11"), -2.0)))
    columns = [LazyColumn("m", ("x", "log(x + 1)"), coded), LazyColumn("b", ("I(b * 2)",)), LazyColumn("1")]
    cells = cells_of(columns, {"f": ("a", "b", "c"), "k": ("0.5", "2", "11")})
    values = RowValues(used(), cells)
    np.testing.assert_allclose(values.column(columns[0]), [2 * np.log(3), -8 * np.log(5), 0.0])
    np.testing.assert_allclose(values.column(columns[1]), [2.0, 0.0, 2.0])
    np.testing.assert_allclose(values.column(columns[2]), [1.0, 1.0, 1.0])


def test_levels_that_are_not_known_are_refused() -> None:
    found = used()
    assert level_codes(found, "b", ("False", "True")).tolist() == [1, 0, 1]
    for name, levels in {"f": ("a", "b"), "b": ("True",), "k": ("0.5", "2")}.items():
        with pytest.raises(DataError, match="a level that was not there"):
            level_codes(found, name, levels)
