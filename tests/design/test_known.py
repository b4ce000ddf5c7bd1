"""Tests of weights, offsets and known residual sds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from multilevel.data import read_table
from multilevel.design.known import Known, read_known, row_label
from multilevel.errors import DataError, OptionError

TABLE = read_table(
    {"w": [1.0, 0.0, 4.0], "bad": [1.0, -1.0, -2.0], "gap": [1.0, None, 2.0], "t": ["a", "b", "c"]},
    ["w", "bad", "gap", "t"],
)
NOTHING: dict[str, Any] = {
    "precision_weights": None,
    "frequency_weights": None,
    "offset": None,
    "residual_sd": None,
}


def known(**options: Any) -> Known:
    """Read options, the others not given."""
    return read_known(TABLE, **{**NOTHING, **options})


@pytest.mark.parametrize("given", ["w", [1.0, 0.0, 4.0], np.array([1, 0, 4])])
@pytest.mark.parametrize("option", ["precision_weights", "frequency_weights", "offset"])
def test_a_column_or_an_array_gives_a_number_for_each_row(option: str, given: Any) -> None:
    np.testing.assert_array_equal(getattr(known(**{option: given}), option), [1, 0, 4])


def test_a_number_is_an_offset_for_every_row() -> None:
    np.testing.assert_array_equal(known(offset=2).offset, [2, 2, 2])


def test_a_known_residual_sd_stays_a_number() -> None:
    found = known(residual_sd=2, precision_weights="w")
    assert found.residual_sd == 2.0
    np.testing.assert_array_equal(found.precision_weights, [1, 0, 4])


def test_residual_sds_of_rows_become_precision_weights() -> None:
    found = known(residual_sd=[1.0, 2.0, 4.0])
    assert found.residual_sd == 1.0
    np.testing.assert_array_equal(found.precision_weights, [1, 1 / 4, 1 / 16])


@pytest.mark.parametrize(
    ("options", "error", "piece"),
    [
        ({"precision_weights": "bad"}, DataError, "`precision_weights` is -1 in row 1 (and in 1 more rows)"),
        ({"frequency_weights": "gap"}, DataError, "`frequency_weights` is nan in row 1"),
        ({"precision_weights": [1, np.inf, 1]}, DataError, "is inf in row 1"),
        ({"precision_weights": [1, 1]}, DataError, "has shape (2,), the table has 3 rows"),
        ({"precision_weights": [0, 0, 0]}, DataError, "zero in every row"),
        ({"precision_weights": 2}, OptionError, "the single value 2"),
        ({"precision_weights": "t"}, DataError, "`t`, which is not numeric"),
        ({"offset": ["a", "b", "c"]}, DataError, "`offset` is not numeric"),
        ({"residual_sd": 0}, DataError, "`residual_sd` is 0"),
        ({"residual_sd": "w"}, DataError, "`residual_sd` is 0 in row 1"),
        ({"residual_sd": [1, 1, 1], "precision_weights": "w"}, OptionError, "were both given"),
    ],
)
def test_what_cannot_be_known_is_refused(options: dict[str, Any], error: type[Exception], piece: str) -> None:
    with pytest.raises(error) as caught:
        known(**options)
    assert piece in str(caught.value)


def test_rows_are_called_by_their_labels() -> None:
    assert row_label(TABLE, 2) == "2"
