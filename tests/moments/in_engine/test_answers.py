"""Answers of engines: keys of every type as levels, and sums added up by level."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from multilevel.moments.in_engine.answers import Answer, answer_of, gathered, levels_in, numbered

LIBRARIES: dict[str, Any] = {
    "polars": pl.DataFrame,
    "pyarrow": pa.table,
    "pandas": pd.DataFrame,
}
KEYS: dict[str, list[Any]] = {
    "text": ["b", "a", "b", "ä"],
    "whole": [3, -1, 3, 2**60],
    "float": [0.5, 2.0, 0.5, -1.0],
    "boolean": [True, False, True, True],
}


def answer(columns: dict[str, Any], make: Any = pl.DataFrame) -> Answer:
    """Return a table as an answer; each column but ``q`` is a key."""
    table = nw.from_native(make(columns), eager_only=True)
    return answer_of(table, {f"column {name}": name for name in columns if name != "q"})


@pytest.mark.parametrize("make", LIBRARIES.values(), ids=LIBRARIES)
@pytest.mark.parametrize("kind", KEYS)
def test_keys_keep_their_labels(kind: str, make: Any) -> None:
    found = answer({"k": KEYS[kind], "j": [1, 2, 2, 1], "q": [1.0, 2.0, 3.0, 4.0]}, make)
    levels, codes = levels_in(found, ("column k",))
    wanted = [str(label) for label in KEYS[kind]] if kind == "boolean" else KEYS[kind]
    assert codes is not None and [levels.keys[0][code] for code in codes] == wanted
    assert levels.keys[0].dtype == {"whole": np.int64, "float": np.float64}.get(kind, np.dtype(object))
    assert numbered(levels, found).tolist() == codes.tolist()
    sums = gathered(found.sums("q"), codes, levels.m)
    assert sums.tolist() == [float(sum(found.sums("q")[codes == at])) for at in range(levels.m)]
    assert found.total("q") == 10.0 and found.rows == 4


@pytest.mark.parametrize("make", LIBRARIES.values(), ids=LIBRARIES)
def test_ids_of_64_bits_are_kept(make: Any) -> None:
    ids = np.array([2**63 + 5, 7, 2**60 + 1, 2**60 + 2], dtype=np.uint64)
    levels, _ = levels_in(answer({"k": ids}, make), ("column k",))
    assert levels.keys[0].tolist() == ids.tolist()


def test_combinations_of_keys_are_levels() -> None:
    found = answer(
        {"a": [1, 2, 1, 2], "b": ["x", "x", "y", "x"], "c": [0, 0, 0, 1], "q": [1.0, 2.0, 4.0, 8.0]}
    )
    levels, codes = levels_in(found, ("column b", "column a"))
    assert codes is not None and codes.tolist() == [0, 1, 2, 1]
    assert [list(key) for key in levels.keys] == [["x", "x", "y"], [1, 2, 1]]
    assert gathered(found.sums("q"), codes, levels.m).tolist() == [1.0, 10.0, 4.0]


def test_levels_that_are_the_rows_themselves_are_not_counted() -> None:
    found = answer({"a": [1, 2], "b": ["x", "y"], "q": [1.0, 2.0]})
    levels, codes = levels_in(found, ("column b", "column a"))
    assert codes is None and levels.m == 2
    assert gathered(found.sums("q"), codes, 2).tolist() == [1.0, 2.0]


def test_levels_are_found_in_another_answer() -> None:
    one = answer({"a": [1, 2, 2], "b": ["x", "y", "x"]})
    levels, _ = levels_in(one, ("column a", "column b"))
    other = answer({"b": ["y", "z", "x", "x", "y"], "a": [2, 2, 2, 1, 1], "c": [0, 1, 2, 3, 4]})
    assert numbered(levels, other).tolist() == [1, -1, 2, 0, -1]
