"""The layout of drawings; that nothing touches anything else is in test_svg.py."""

from __future__ import annotations

import pytest

from multilevel.model.layout import page_of
from tests.model.drawn_models import drawn_models

MODELS = drawn_models()


def test_rows_of_the_page():
    page = page_of(MODELS["apps"].quantities())
    assert {name: page.row[name] for name in ("P", "A", "D", "stars")} == {"P": 0, "A": 1, "D": 1, "stars": 2}
    assert page.row["sigma_A"] == page.row["A"]


def test_parameters_stand_left_and_columns_right_of_their_child():
    shapes = page_of(MODELS["apps"].quantities()).shapes
    assert shapes["mu"].x < shapes["P"].x < shapes["size"].x
    assert shapes["mu"].y < shapes["gamma"].y < shapes["sigma_P"].y
    assert shapes["gamma"].y == shapes["P"].y


def test_nested_variables_stand_on_one_axis_and_crossed_ones_beside_them():
    shapes = page_of(MODELS["five levels"].quantities()).shapes
    assert {shapes[name].x for name in "SDCKT"} == {shapes["S"].x}
    assert shapes["B"].x > shapes["S"].x
    assert shapes["B"].y == shapes["T"].y
    assert shapes["score"].x == pytest.approx((shapes["B"].x + shapes["T"].x) / 2.0)


def test_a_parent_in_another_column_stands_above():
    page = page_of(MODELS["two parents"].quantities())
    assert page.row["N"] < page.row["U"]
    assert page.column_of("N") is not page.column_of("U")
    assert page.home("su") == "U"


def test_what_two_variables_use_stands_lowest():
    page = page_of(MODELS["two ways"].quantities())
    assert page.beside["d"] == (["b", "e", "sigma_d"], ["log(size)"])


def test_lanes_make_room():
    found = MODELS["branches"].quantities()
    assert page_of(found, {0: 3}).columns[0].right == page_of(found).columns[0].right + 36.0
