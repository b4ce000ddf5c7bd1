"""Refusals before anything is allocated: of tables and Parquet files, by bounds first and then by counts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import multilevel as ml
from multilevel.data import read_table
from multilevel.data.sources import Source, open_source
from multilevel.design import columns_needed
from multilevel.engines import refusals
from multilevel.engines.refusals import refuse_large_source, refuse_large_table
from multilevel.errors import DesignError
from multilevel.language import parse_formula

N = 20_000
RNG = np.random.default_rng(1)
ROWS = pd.DataFrame(
    {
        "y": RNG.normal(size=N),
        "x": RNG.normal(size=N),
        "few": RNG.integers(0, 10, N),
        "apart": RNG.integers(0, 10, N) * 10**12,
        "many": RNG.permutation(N),
        "text": RNG.choice(["a", "b", "c"], N),
    }
)
Machine = Callable[[int], None]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Sets how many bytes there are beside those in use."""

    def set_free(free: int) -> None:
        monkeypatch.setattr(refusals, "memory_limit", lambda: free + 1000)
        monkeypatch.setattr(refusals, "memory_in_use", lambda: 1000)

    return set_free


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Source:
    folder = tmp_path_factory.mktemp("rows")
    ROWS.to_parquet(folder / "rows.parquet")
    return open_source(folder)


def checked_table(text: str) -> None:
    model = parse_formula(text)
    refuse_large_table(model, read_table(ROWS, columns_needed(model)), what="the fit")


@pytest.mark.parametrize("text", ["y ~ x + (1 | few)", "y ~ x + (x | apart)", "y ~ text + (1 | text)"])
def test_tables_that_fit_pass_although_their_bounds_do_not(text: str, machine: Machine) -> None:
    machine(2_500_000)
    checked_table(text)


def test_tables_with_too_many_levels_are_refused(machine: Machine) -> None:
    machine(2_500_000)
    with pytest.raises(DesignError, match=r"for 20,000 levels\).*this machine has 2\.5 MB"):
        checked_table("y ~ x + (x | many)")


def test_tables_with_too_many_rows_are_refused_without_counting(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine(500_000)
    monkeypatch.setattr("multilevel.design.counts.group_factor", None)
    with pytest.raises(DesignError, match="for 20,000 rows"):
        checked_table("y ~ x + (1 | few)")


def test_small_tables_are_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusals, "job_of", None)
    checked_table("y ~ x + (1 | few)")


def checked_files(text: str, files: Source) -> None:
    refuse_large_source(parse_formula(text), files, {"missing": "drop"}, what="the fit")


def test_files_pass_by_the_metadata_where_these_settle_it(
    files: Source, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine(85_000_000)
    monkeypatch.setattr(refusals, "count_source", None)
    checked_files("y ~ x + text + (1 | few)", files)


def test_files_are_counted_where_the_metadata_do_not_settle_it(files: Source, machine: Machine) -> None:
    machine(79_000_000)
    checked_files("y ~ x + (x | apart)", files)
    with pytest.raises(DesignError, match="for 20,000 levels"):
        checked_files("y ~ x + (x | many)", files)


def test_a_model_that_is_wrong_is_left_to_the_sums(files: Source, machine: Machine) -> None:
    machine(1000)
    checked_files("y ~ nothing + (1 | few)", files)


def test_the_doors_refuse_files_and_tables(files: Source, machine: Machine) -> None:
    machine(1000)
    folder: Path = files.files[0].parent
    for data in (folder, ROWS):
        for door in (ml.fit, ml.moments, ml.sample):
            with pytest.raises(DesignError, match="needs about"):
                door("y ~ x + (1 | few)", data)  # type: ignore[operator]
