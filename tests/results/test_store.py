"""Saved fits come back with every option and column; anything else is refused with the reason."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from multilevel.data.table import Column, Table
from multilevel.errors import StorageError
from multilevel.results import Fit, FitOptions, read, save, verify
from multilevel.results.archive import Archive, read_archive, write_archive
from tests.oracle import designs
from tests.oracle.fits import fit_design

TABLE = Table(
    {
        "y": Column("y", np.array([1.0, np.nan, 3.0])),
        "größe (cm)": Column("größe (cm)", np.array([0.0, 1.0, 1.0]), boolean=True),
        "g": Column("g", np.array([1, -1, 0], dtype=np.int32), ("a", "b c"), ordered=True),
    },
    3,
    "polars",
    np.array(["r1", 7, 2.5], dtype=object),
)
OPTIONS = FitOptions(
    method="ml",
    ddf="none",
    level=0.9,
    missing="drop",
    lme4_compat=True,
    precision_weights="w",
    frequency_weights=np.array([1, 2, 3]),
    offset=0.25,
    residual_sd=np.float64(2),
)


@pytest.fixture
def fit() -> Fit:
    made = fit_design(designs.slopes())
    return dataclasses.replace(made, table=TABLE, options=OPTIONS, response=made.design.y * 2)


def test_round_trip(fit: Fit, tmp_path: Path) -> None:
    save(fit, tmp_path / "fit.mlm")
    saved = read(str(tmp_path / "fit.mlm"))
    assert saved.text == fit.formula
    assert saved.criterion == fit.solution.criterion
    np.testing.assert_array_equal(saved.theta, fit.solution.theta)
    np.testing.assert_array_equal(saved.response, fit.response)
    assert (saved.table.n_rows, saved.table.library) == (3, "polars")
    assert saved.table.row_labels.tolist() == ["r1", 7, "2.5"]
    assert list(saved.table.columns) == list(TABLE.columns)
    for name, column in TABLE.columns.items():
        found = saved.table.columns[name]
        np.testing.assert_array_equal(found.values, column.values)
        assert found.values.dtype == column.values.dtype
        assert (found.name, found.levels, found.boolean, found.ordered) == (
            column.name,
            column.levels,
            column.boolean,
            column.ordered,
        )
    for name in ("method", "ddf", "level", "missing", "lme4_compat", "precision_weights", "offset"):
        assert getattr(saved.options, name) == getattr(OPTIONS, name)
    assert saved.options.residual_sd == 2.0
    assert saved.options.frequency_weights.tolist() == [1.0, 2.0, 3.0]


def test_a_fit_that_was_not_refitted_has_no_response(tmp_path: Path) -> None:
    save(fit_design(designs.nested()), tmp_path / "fit")
    saved = read(tmp_path / "fit")
    assert saved.response is None
    assert saved.table.row_labels is None


def test_saving_does_not_change_the_fit(fit: Fit, tmp_path: Path) -> None:
    save(fit, tmp_path / "a")
    save(fit, tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "other"}, "its format is 'other'"),
        ({"format_version": 2}, "has format version 2, written by multilevel"),
        ({"text": 3}, "3 is not a text"),
        ({"library": "excel"}, "the library 'excel' is not known"),
        ({"n_rows": 4}, "the column 'y' has (3,) values for 4 rows"),
        ({"criterion": "much"}, "invalid hexadecimal"),
        ({"options": {}}, "KeyError: 'precision_weights'"),
        ({"columns": 3}, "TypeError"),
    ],
)
def test_headers_that_make_no_sense(fit: Fit, tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path = tmp_path / "fit"
    save(fit, path)
    archive = read_archive(path)
    write_archive(path, Archive({**archive.header, **change}, archive.arrays))
    with pytest.raises(StorageError) as caught:
        read(path)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("member", "values", "message"),
    [
        ("theta", np.array([1, 2]), "theta holds 1-dimensional int64"),
        ("theta", np.eye(2), "theta holds 2-dimensional float64"),
        ("columns/0", np.arange(3), "the column 'y' holds int64"),
        ("columns/2", np.array([0, 1, 2], dtype=np.int32), "the column 'g' has codes outside its levels"),
    ],
)
def test_arrays_that_make_no_sense(
    fit: Fit, tmp_path: Path, member: str, values: np.ndarray, message: str
) -> None:
    path = tmp_path / "fit"
    save(fit, path)
    archive = read_archive(path)
    write_archive(path, Archive(archive.header, {**archive.arrays, member: values}))
    with pytest.raises(StorageError) as caught:
        read(path)
    assert message in str(caught.value)


def test_an_option_that_is_not_allowed_is_damage(fit: Fit, tmp_path: Path) -> None:
    path = tmp_path / "fit"
    save(fit, path)
    archive = read_archive(path)
    options = {**archive.header["options"], "level": 95}
    write_archive(path, Archive({**archive.header, "options": options}, archive.arrays))
    with pytest.raises(StorageError, match="level=95 is not a coverage"):
        read(path)


def test_verify_compares_the_criterion(fit: Fit, tmp_path: Path) -> None:
    save(fit, tmp_path / "fit")
    saved = read(tmp_path / "fit")
    verify(saved, fit.solution)
    verify(saved, dataclasses.replace(fit.solution, criterion=fit.solution.criterion * (1 + 1e-9)))
    for other in (fit.solution.criterion + 1, float("nan")):
        with pytest.raises(StorageError, match="but evaluates to"):
            verify(saved, dataclasses.replace(fit.solution, criterion=other))
