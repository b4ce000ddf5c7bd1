"""The ways of arrows; that they cross no label is in test_svg.py."""

from __future__ import annotations

from multilevel.model.routes import arrows_of
from tests.model.drawn_models import drawn_models

MODELS = drawn_models()


def ways(name):
    page, arrows = arrows_of(MODELS[name].quantities())
    return page, {(arrow.source, arrow.target): arrow.points for arrow in arrows}


def test_an_only_parent_right_above_is_reached_straight():
    page, found = ways("cafes")
    (x0, y0), (x1, y1) = found["a, b", "wait"]
    assert x0 == x1 == page.shapes["wait"].x
    assert (y0, y1) == (page.shapes["a, b"].y + 20.0, page.shapes["wait"].y - 20.0)


def test_parameters_point_at_the_middle():
    page, found = ways("cafes")
    start, end = found["a_mean", "a, b"]
    one, other = page.shapes["a_mean"], page.shapes["a, b"]
    slope = (end[1] - start[1]) / (end[0] - start[0])
    assert start == (one.x + one.width / 2.0, one.y)
    assert abs(start[1] + slope * (other.x - start[0]) - other.y) < 1e-6


def test_what_passes_a_variable_goes_round_it_on_the_right():
    page, found = ways("two ways")
    for source in ("a", "d", "log(size)"):
        assert max(x for x, _ in found[source, "y"]) > page.shapes["c"].x + page.shapes["c"].width / 2.0
    lanes = [max(x for x, _ in found[source, "y"]) for source in ("a", "d", "log(size)")]
    assert len(set(lanes)) == 3


def test_arrows_into_one_variable_end_apart():
    _, found = ways("apps")
    assert found["A", "stars"][-1] != found["D", "stars"][-1]
