"""Parts of saved files: options with arrays, tables with every kind of column, formats."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from multilevel.data.table import Column, Table
from multilevel.errors import StorageError
from multilevel.results.archive import Archive
from multilevel.results.posterior_options import SampleOptions
from multilevel.results.stored_parts import (
    as_text,
    check_format,
    numbers,
    options_in,
    options_out,
    table_in,
    table_out,
)


def test_options_keep_names_numbers_and_arrays() -> None:
    arrays: dict[str, Any] = {}
    given = SampleOptions(offset=np.arange(3.0), residual_sd=np.float64(2), precision_weights="w", draws=99)
    plain = options_out(given, arrays)
    assert list(arrays) == ["options/offset"]
    found = SampleOptions(**options_in(plain, Archive({}, arrays)))
    assert (found.residual_sd, found.precision_weights, found.draws) == (2.0, "w", 99)
    np.testing.assert_array_equal(found.offset, [0, 1, 2])


def test_tables_keep_columns_and_labels() -> None:
    column = Column("g", np.array([1, -1, 0], dtype=np.int32), ("a", "b"), ordered=True, whole=True)
    arrays: dict[str, Any] = {}
    header = table_out(Table({"g": column}, 3, "polars", np.array(["r", 2, 3.5], dtype=object)), arrays)
    found = table_in(header, Archive(header, arrays))
    assert (found.library, found.row_labels.tolist()) == ("polars", ["r", 2, "3.5"])
    again = found.columns["g"]
    np.testing.assert_array_equal(again.values, column.values)
    assert (again.levels, again.ordered, again.boolean, again.whole) == (("a", "b"), True, False, True)


def test_numbers_and_texts_are_checked() -> None:
    archive = Archive({}, {"a": np.zeros((2, 2))})
    assert numbers(archive, "a", ndim=2).shape == (2, 2)
    with pytest.raises(ValueError, match="a holds 2-dimensional float64"):
        numbers(archive, "a")
    with pytest.raises(TypeError, match="None is not a text"):
        as_text(None)


def test_formats() -> None:
    header = {"format": "a", "format_version": 1}
    check_format(Path("f"), header, "a", 1)
    with pytest.raises(StorageError, match="its format is 'a'"):
        check_format(Path("f"), header, "b", 1)
    with pytest.raises(StorageError, match="has format version 1") as caught:
        check_format(Path("f"), header, "a", 2)
    assert caught.value.remedy == "load it with the version that wrote it, or fit the model again"
    with pytest.raises(StorageError, match="or sample again"):
        check_format(Path("f"), header, "a", 2, "posterior")
