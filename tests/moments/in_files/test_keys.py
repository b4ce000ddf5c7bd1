"""Keys as whole numbers: dense ranges by offset, others by their values, texts by codes."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from multilevel.moments.in_files.batches import FileFacts, RowGroup
from multilevel.moments.in_files.keys import DENSE, KeyPlan, TextCodes, key_plan, labels_of

PLANS = {
    "dense": ("whole", -3, 4, ("range", -3, 8)),
    "up to the limit": ("whole", 0, DENSE - 1, ("range", 0, DENSE)),
    "spread": ("whole", 0, DENSE + 300, ("hashed", 0, 0)),
    "far apart": ("whole", -(2**63), 2**63 - 1, ("hashed", 0, 0)),
    "boolean": ("boolean", None, None, ("range", 0, 2)),
    "text": ("text", None, None, ("codes", 0, 0)),
    "number": ("number", 0.5, 1.5, ("hashed", 0, 0)),
    "no statistics": ("whole", None, None, ("hashed", 0, 0)),
}


@pytest.mark.parametrize(("kind", "low", "high", "plan"), PLANS.values(), ids=PLANS)
def test_plans_of_keys(kind: str, low: int | None, high: int | None, plan: KeyPlan) -> None:
    limits = ({}, {}) if low is None or high is None else ({"g": low}, {"g": high})
    groups = (RowGroup(None, 0, 100),)  # type: ignore[arg-type]
    assert key_plan("g", FileFacts(groups, {"g": kind}, frozenset(), {}, *limits)) == plan  # type: ignore[dict-item]


def test_texts_are_numbered_as_they_come() -> None:
    encoder, other = TextCodes(), TextCodes()
    first = pa.array(["b", "ä", ""])
    assert encoder.codes(np.array([1, 0, 1, 2], np.int32), first).tolist() == [1, 0, 1, 2]
    assert encoder.codes(np.array([0], np.int32), pa.array(["b", "ä", ""])).tolist() == [0]
    assert encoder.codes(np.array([0, 2], np.int32), pa.array(["b", "ä", "", "ä"])).tolist() == [0, 2]
    assert encoder.codes(np.array([0, 1], np.int32), pa.array(["b", "ä"])).tolist() == [0, 1]
    sliced = pa.array(["x", "c", "ä", "y"], pa.large_string())[1:3]
    assert encoder.codes(np.array([0, 1], np.int32), sliced).tolist() == [3, 1]
    assert encoder.codes(np.array([0], np.int32), pa.array(["ä"], pa.string_view())).tolist() == [1]
    assert encoder.codes(np.array([], np.int32), pa.array([], pa.string())).tolist() == []
    other.codes(np.array([0], np.int32), pa.array(["new", "c"]))
    assert encoder.added(other).tolist() == [4, 3]
    assert encoder.labels().tolist() == ["b", "ä", "", "c", "new"]
    assert TextCodes().labels().tolist() == []


def test_many_texts_of_all_lengths_keep_their_numbers() -> None:
    texts = [f"{'abcdefgh' * (i % 4)}{i}" for i in range(5000)]
    encoder = TextCodes()
    places = np.arange(5000, dtype=np.int32)
    for start in range(0, 5000, 700):
        encoder.codes(places[:1], pa.array(texts[start : start + 1400]))
    assert encoder.codes(places, pa.array(texts)).tolist() == list(range(5000))
    assert encoder.labels().tolist() == texts


def test_keys_become_labels_again() -> None:
    numbers = np.array([0.5, -2.0])
    assert labels_of(numbers.view(np.int64), "number", None).tolist() == [0.5, -2.0]
    assert labels_of(np.array([2**60 + 1]), "whole", None).tolist() == [2**60 + 1]
    texts = TextCodes()
    texts.codes(np.array([0], np.int32), pa.array(["b", "a"]))
    assert labels_of(np.array([1]), "text", texts).tolist() == ["a"]
