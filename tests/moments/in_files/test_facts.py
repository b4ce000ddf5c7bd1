"""Facts of Parquet files: exact of few rows, from metadata and a sample of many."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from multilevel.data.sources import open_source
from multilevel.design.blueprint_outline import outline_of
from multilevel.language import parse_formula
from multilevel.moments.in_files import facts as module
from multilevel.moments.in_files.facts import facts_of_files
from multilevel.moments.products import Facts
from tests.moments.engine_cases import CASES, Case, rows
from tests.moments.in_files.test_products import written


def facts(folder: Path, case: Case) -> Facts:
    """Return the facts of the files of a folder."""
    source = open_source(folder)
    return facts_of_files(source, outline_of(parse_formula(case.formula), source.schema, **case.options))


def test_few_rows_are_all_read(tmp_path: Path) -> None:
    case = CASES["missing and weights"]
    table = rows(case)
    found = facts(written(tmp_path, table), case)
    whole = table.dropna(subset=["y", "x", "g", "h"])
    used = whole[whole["n"] > 0]
    assert not found.sampled
    assert (found.n_input, found.n_used, found.lost) == (600, len(used), 600 - len(whole))
    assert found.missing == {"x": 2, "g": 1, "h": 2, "y": 1}
    for name, column in {"x": "x", "response": "y"}.items():
        values = used[column]
        own = [getattr(found, what)[name] for what in ("mean", "deviation", "low", "high")]
        np.testing.assert_allclose(own, [values.mean(), values.std(ddof=0), values.min(), values.max()])
    assert (found.low["frequency_weights"], found.high["frequency_weights"]) == (0.0, 2.0)


def test_many_rows_are_sampled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WHOLE", 100)
    monkeypatch.setattr(module, "SAMPLE", 40)
    case = Case("y ~ x + f + late + (1 | g)")
    table = rows(case, 3000)
    table["late"] = 0.0
    table.loc[2999, "late"] = 5.0
    table.loc[2998, "x"] = None
    table.loc[47, "x"] = 40.0
    table.loc[1500, "f"] = "only once"
    found = facts(written(tmp_path, table, group=50), case)
    assert found.sampled
    assert (found.n_input, found.n_used, found.missing) == (3000, 3000, {"x": 1})
    assert abs(found.mean["x"]) < 0.2 and abs(found.deviation["x"] - 1.0) < 0.2
    assert found.high["x"] == 40.0
    assert found.deviation["late"] > 0.0 and found.high["late"] == 5.0
    assert found.levels == {"f": ("a", "b b", "c", "only once")}


def test_levels_are_those_of_used_rows_in_order(tmp_path: Path) -> None:
    case = Case("y ~ f + b + C(k) + d + (1 | g)", {"missing": "drop"})
    table = rows(case)
    table["d"] = pd.Categorical(["high", "low", "mid"] * 200, ["low", "mid", "high"], ordered=True)
    table.loc[5, "f"], table.loc[5, "y"] = "of a row without a response", None
    found = facts(written(tmp_path, table), case)
    assert found.levels == {
        "f": ("a", "b b", "c"),
        "b": ("False", "True"),
        "k": ("0.5", "2", "11"),
        "d": ("low", "mid", "high"),
    }


def test_all_rows_are_read_if_the_sample_has_none_to_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WHOLE", 100)
    monkeypatch.setattr(module, "SAMPLE", 10)
    case = Case("y ~ x + (1 | g)", {"missing": "drop"})
    table = rows(case)
    table.loc[np.arange(600) % 50 < 20, "x"] = None
    found = facts(written(tmp_path, table, group=50), case)
    assert (found.sampled, found.n_used, found.missing) == (False, 360, {"x": 240})


@pytest.mark.parametrize(
    ("first", "second", "levels"),
    [
        (["mid", "high"], ["low", "mid", "high"], ("low", "mid", "high")),
        (["high", "mid"], ["low", "mid", "high"], ("high", "low", "mid")),
        (None, ["low", "mid", "high"], ("high", "low", "mid")),
    ],
)
def test_declared_orders_of_several_files_are_kept_where_they_agree(
    first: list[str] | None, second: list[str], levels: tuple[str, ...], tmp_path: Path
) -> None:
    case = Case("y ~ d + (1 | g)")
    table = rows(case)
    for number, order in enumerate((first, second)):
        part = table.assign(d=np.resize(order or ["mid", "high"], len(table)).astype(object))
        if order is not None:
            part["d"] = pd.Categorical(part["d"], order, ordered=True)
        part.to_parquet(tmp_path / f"{number}.parquet")
    assert facts(tmp_path, case).levels == {"d": levels}
