"""Tests of the bundled data sets."""

from __future__ import annotations

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from multilevel.data import datasets
from multilevel.errors import DataError, OptionError

ROWS = {
    "cafes": 200,
    "cake": 270,
    "cbpp": 56,
    "contraception": 1934,
    "dyestuff": 30,
    "dyestuff2": 30,
    "eight_schools": 8,
    "grouseticks": 403,
    "insteval": 73421,
    "machines": 54,
    "mathachieve": 7185,
    "orthodont": 108,
    "ovary": 308,
    "pastes": 60,
    "penicillin": 144,
    "sleepstudy": 180,
    "verbagg": 7584,
}


def test_every_data_set_is_listed() -> None:
    assert datasets.names() == tuple(sorted(ROWS))


@pytest.mark.parametrize("name", ROWS)
def test_every_data_set_is_whole(name: str) -> None:
    about = datasets.describe(name)
    frame = datasets.load(name)
    assert about.n_rows == len(frame) == ROWS[name]
    assert tuple(frame.columns) == about.columns
    assert all(column == column.lower() for column in about.columns)
    assert set(about.labels) <= set(about.columns)
    assert not frame.isna().any().any()
    for column in about.columns:
        assert pd.api.types.is_numeric_dtype(frame[column]) is (column not in about.labels)
    assert about.source in str(about)


def test_ids_are_text() -> None:
    assert datasets.load("sleepstudy")["subject"].iloc[0] == "308"
    assert datasets.load("InstEval")["d"].iloc[0] == "1002"


def test_a_data_set_comes_in_the_library_asked_for() -> None:
    assert isinstance(datasets.load("pastes", library="polars"), pl.DataFrame)
    table = datasets.load("pastes", "pyarrow")
    assert isinstance(table, pa.Table)
    assert table.num_rows == 60
    with pytest.raises(OptionError, match="library"):
        datasets.load("pastes", "excel")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "piece"),
    [("slepstudy", 'did you mean "sleepstudy"'), ("dye", "allowed: cafes"), ("../x", "allowed")],
)
def test_an_unknown_name_is_an_error_with_the_nearest_ones(name: str, piece: str) -> None:
    with pytest.raises(DataError) as caught:
        datasets.load(name)
    assert piece in str(caught.value)
