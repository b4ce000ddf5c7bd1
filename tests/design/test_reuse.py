"""Tests of the warning about labels that begin again inside each level of another factor."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from multilevel.data import datasets
from multilevel.errors import GroupingWarning
from tests.design.cases import base, bound_with_warnings


def schools(*, nested: bool, seed: int = 0, unequal: bool = False) -> dict[str, Any]:
    """Return 20 schools with up to 4 classes of 6 pupils; classes are different ones or the same."""
    rng = np.random.default_rng(seed)
    school, label = (at.ravel() for at in np.meshgrid(np.arange(20), np.arange(4), indexing="ij"))
    if unequal:
        kept = label < 2 + school % 3
        school, label = school[kept], label[kept]
    effect = rng.normal(size=school.size) if nested else rng.normal(size=4)[label]
    rows = np.repeat(np.arange(school.size), 6)
    y = rng.normal(size=20)[school[rows]] + effect[rows] + 0.7 * rng.normal(size=rows.size)
    return {"y": y, "x": rng.normal(size=rows.size), "school": school[rows], "class": label[rows] + 1}


CROSSED = "y ~ x + (1 | school) + (1 | class)"


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("unequal", [False, True])
def test_classes_numbered_within_schools_are_warned_of(seed: int, unequal: bool) -> None:
    _, caught = bound_with_warnings(CROSSED, schools(nested=True, seed=seed, unequal=unequal))
    (warning,) = caught
    assert warning.category is GroupingWarning
    text = str(warning.message)
    assert "`class` ids repeat inside `school`" in text
    assert "did you mean `(1 | school/class)`?" in text


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("unequal", [False, True])
def test_factors_that_are_crossed_in_truth_are_not(seed: int, unequal: bool) -> None:
    assert bound_with_warnings(CROSSED, schools(nested=False, seed=seed, unequal=unequal))[1] == []


@pytest.mark.parametrize(
    "formula", ["y ~ x + (1 | school/class)", "y ~ x + (1 | school) + (1 | class) + (1 | school:class)"]
)
def test_a_model_that_has_the_combinations_is_not_warned_of(formula: str) -> None:
    assert bound_with_warnings(formula, schools(nested=True))[1] == []


def test_the_example_of_two_classes_in_five_schools() -> None:
    g = base()["g"]
    data = base(school=[f"s{at // 2}" for at in g], **{"class": g % 2 + 1})
    _, caught = bound_with_warnings(CROSSED, data)
    assert "`class` ids repeat inside `school`" in str(caught[0].message)


@pytest.mark.parametrize(
    ("name", "formula", "warned"),
    [
        ("pastes", "strength ~ 1 + (1 | batch) + (1 | cask)", True),
        ("pastes", "strength ~ 1 + (1 | batch) + (1 | sample)", False),
        ("penicillin", "diameter ~ 1 + (1 | plate) + (1 | sample)", False),
        ("machines", "score ~ 1 + (1 | worker) + (1 | machine)", False),
        ("insteval", "y ~ service + (1 | s) + (1 | d) + (1 | dept)", False),
        ("verbagg", "anger ~ 1 + (1 | id) + (1 | item)", False),
        ("cake", "angle ~ 1 + (1 | recipe) + (1 | replicate)", False),
        ("grouseticks", "ticks ~ 1 + (1 | brood) + (1 | location)", False),
    ],
)
def test_the_classics_are_told_apart(name: str, formula: str, warned: bool) -> None:
    assert len(bound_with_warnings(formula, datasets.load(name))[1]) == int(warned)


def test_a_response_without_noise_inside_classes_is_judged_too() -> None:
    data = schools(nested=True)
    code = np.asarray(data["school"]) * 7919 % 13 + np.asarray(data["class"]) * np.asarray(data["school"]) % 5
    _, caught = bound_with_warnings("y ~ 1 + (1 | school) + (1 | class)", {**data, "y": code.astype(float)})
    assert len(caught) == 1
