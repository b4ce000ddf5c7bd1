"""Drawings: well-formed, everything drawn once, and nothing on top of anything else."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ET

import pytest

from multilevel.model.labels import SPARE, runs, text_width, width
from multilevel.model.layout import LABEL
from multilevel.model.svg import svg
from tests.model.drawn_models import drawn_models, random_graph

SPACE = "{http://www.w3.org/2000/svg}"
MODELS = {**drawn_models(), **{f"seed {seed}": random_graph(seed) for seed in range(40)}}
ROLES = ("constant", "parameter", "latent variable", "observed variable")
Rectangle = tuple[float, float, float, float]


class Drawn:
    """What an SVG document holds, read back from its text."""

    def __init__(self, text: str) -> None:
        self.root = ET.fromstring(text)
        groups = self.root.findall(f"{SPACE}g")
        self.shapes = {g.get("data-name"): g for g in groups if g.get("class") in ROLES}
        self.plates = [g for g in groups if g.get("class") == "plate"]
        self.arrows = [g for g in groups if g.get("class") == "arrow"]

    def labels(self) -> list[Rectangle]:
        """Return the rectangles of the plates' labels, as wide as their letters are at most."""
        found = []
        for plate in self.plates:
            text = plate.find(f"{SPACE}text")
            x, y = float(text.get("x")), float(text.get("y"))
            found.append((x, y - LABEL, x + SPARE * text_width(text.text, LABEL), y + 3.0))
        return found


def rectangle(group: ET.Element) -> Rectangle:
    """Return left, top, right and bottom of a group's first rectangle."""
    one = group.find(f"{SPACE}rect")
    x, y, w, h = (float(one.get(name)) for name in ("x", "y", "width", "height"))
    return x, y, x + w, y + h


def apart(one: Rectangle, other: Rectangle) -> bool:
    return one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]


def inside(one: Rectangle, other: Rectangle) -> bool:
    return one[0] >= other[0] and one[1] >= other[1] and one[2] <= other[2] and one[3] <= other[3]


def corners(arrow: ET.Element) -> list[tuple[float, float]]:
    """Return the points of an arrow's path, and its tip."""
    numbers = re.findall(r"-?[\d.]+", arrow.find(f"{SPACE}path").get("d"))
    points = list(zip(map(float, numbers[::2]), map(float, numbers[1::2]), strict=True))
    tip = arrow.find(f"{SPACE}polygon").get("points").split()[0].split(",")
    return [*points, (float(tip[0]), float(tip[1]))]


def crosses(points: list[tuple[float, float]], box: Rectangle) -> bool:
    """Return whether a way goes through a rectangle, by points two pixels apart."""
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        steps = max(2, int(max(abs(x1 - x0), abs(y1 - y0)) / 2.0))
        for k in range(steps + 1):
            x, y = x0 + (x1 - x0) * k / steps, y0 + (y1 - y0) * k / steps
            if box[0] < x < box[2] and box[1] < y < box[3]:
                return True
    return False


@pytest.fixture(scope="module", params=list(MODELS))
def case(request):
    found = MODELS[request.param].quantities()
    return found, Drawn(svg(found))


def test_one_shape_for_each_quantity_with_its_role(case):
    found, drawn = case
    assert {name: group.get("class") for name, group in drawn.shapes.items()} == {
        row.name: row.role for row in found.rows
    }


def test_one_plate_for_each_factor_and_one_for_the_rows(case):
    found, drawn = case
    variables = [row for row in found.rows if row.role in ROLES[2:]]
    assert sorted(plate.get("data-name") for plate in drawn.plates) == sorted(
        {", ".join(row.index) for row in variables}
    )


def test_the_arrows_are_those_of_the_graph(case):
    found, drawn = case
    wanted = [(parent, row.name) for row in found.rows for parent in row.parents]
    assert sorted((arrow.get("data-from"), arrow.get("data-to")) for arrow in drawn.arrows) == sorted(wanted)


def test_no_shape_lies_on_another_or_on_a_label(case):
    _, drawn = case
    boxes = [*map(rectangle, drawn.shapes.values()), *drawn.labels()]
    for one, other in itertools.combinations(boxes, 2):
        assert apart(one, other)


def test_names_fit_into_their_shapes(case):
    _, drawn = case
    for name, group in drawn.shapes.items():
        left, _, right, _ = rectangle(group)
        assert width(runs(name)) <= right - left - 8.0
        assert "".join(group.find(f"{SPACE}text").itertext()) == "".join(text for text, _ in runs(name))


def test_variables_and_columns_stand_in_their_plates_and_in_no_plate_of_others(case):
    found, drawn = case
    plates = {plate.get("data-name"): rectangle(plate) for plate in drawn.plates}
    for row in found.rows:
        box = rectangle(drawn.shapes[row.name])
        if row.index:
            assert inside(box, plates[", ".join(row.index)])
        else:
            assert all(apart(box, plate) for plate in plates.values())


def test_plates_lie_inside_each_other_or_apart(case):
    _, drawn = case
    for one, other in itertools.combinations(map(rectangle, drawn.plates), 2):
        assert apart(one, other) or inside(one, other) or inside(other, one)


def test_arrows_cross_neither_shapes_nor_labels(case):
    _, drawn = case
    for arrow in drawn.arrows:
        points = corners(arrow)
        ends = {arrow.get("data-from"), arrow.get("data-to")}
        for name, group in drawn.shapes.items():
            assert name in ends or not crosses(points, rectangle(group)), (ends, name)
        assert not any(crosses(points, label) for label in drawn.labels()), ends


def test_arrows_begin_and_end_at_their_shapes(case):
    _, drawn = case
    for arrow in drawn.arrows:
        points = corners(arrow)
        for end, name in ((points[0], arrow.get("data-from")), (points[-1], arrow.get("data-to"))):
            left, top, right, bottom = rectangle(drawn.shapes[name])
            assert left - 0.6 <= end[0] <= right + 0.6
            assert top - 0.6 <= end[1] <= bottom + 0.6


def test_parents_stand_above_their_children(case):
    found, drawn = case
    middle = {name: sum(rectangle(group)[1::2]) / 2.0 for name, group in drawn.shapes.items()}
    variables = {row.name for row in found.rows if row.role in ROLES[2:]}
    for row in found.rows:
        assert all(middle[parent] < middle[row.name] for parent in row.parents if parent in variables)


def test_everything_is_on_the_page(case):
    _, drawn = case
    page = tuple(float(number) for number in drawn.root.get("viewBox").split())
    for group in (*drawn.shapes.values(), *drawn.plates):
        assert inside(rectangle(group), page)
    for arrow in drawn.arrows:
        assert all(0.0 <= x <= page[2] and 0.0 <= y <= page[3] for x, y in corners(arrow))


def test_the_distribution_stands_under_the_pointer():
    drawn = Drawn(svg(MODELS["apps"].quantities()))
    titles = {name: group.find(f"{SPACE}title").text for name, group in drawn.shapes.items()}
    assert titles["A"] == "A[app]: latent variable ~ Normal(P[publisher], sigma_A)"
    assert titles["sigma"] == "sigma: parameter"


def test_parameters_have_a_double_line_and_observed_variables_are_shaded():
    drawn = Drawn(svg(MODELS["apps"].quantities()))
    lines = {name: group.findall(f"{SPACE}rect") for name, group in drawn.shapes.items()}
    assert {name: len(found) for name, found in lines.items() if len(found) == 2}.keys() == {
        "mu", "gamma", "sigma_P", "sigma_A", "sigma_D", "sigma",
    }  # fmt: skip
    assert lines["stars"][0].get("fill") != lines["A"][0].get("fill")


def test_short_names_are_in_circles():
    box = rectangle(Drawn(svg(MODELS["apps"].quantities())).shapes["A"])
    assert box[2] - box[0] == box[3] - box[1]
