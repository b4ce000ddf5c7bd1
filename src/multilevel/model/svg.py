"""A plate diagram as SVG text: shapes, plates and arrows of a page."""

from __future__ import annotations

import math
from xml.sax.saxutils import escape, quoteattr

from multilevel.model.labels import SIZE, SMALLER, drawn_width, runs
from multilevel.model.layout import LABEL, MARGIN, Box, Page, Shape
from multilevel.model.quantities import Quantities
from multilevel.model.routes import Arrow, Point, arrows_of

INK, LINE, PLATE = "#1c2733", "#4a5a6a", "#7d93ab"
FILLS = {
    "constant": "#f1efe8",
    "parameter": "#ffffff",
    "latent variable": "#ffffff",
    "observed variable": "#c9d8e8",
}
"""The page is a white card, so that a drawing reads the same on light and dark backgrounds."""
HEAD, CORNER = 8.0, 7.0
"""Length of an arrow's head; how much its corners are rounded."""


def svg(found: Quantities) -> str:
    """Return the plate diagram of a model's quantities.

    Parameters
    ----------
    found
        The quantities, each after its parents.

    Returns
    -------
    str
        An SVG document. Variables are circles (as wide as their names need), shaded if observed; parameters
        have a double line, constants are boxes with corners; plates carry the name of their factor. The
        distribution of each shows under the pointer.

    Examples
    --------
    >>> import multilevel as ml
    >>> svg(ml.graph("y ~ Normal(mu, sigma)").quantities())[:46]
    '<svg xmlns="http://www.w3.org/2000/svg" role="'
    """
    page, arrows = arrows_of(found)
    width, height = _size(page, arrows)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="Helvetica, Arial, sans-serif">',
        f'<rect width="{width:.0f}" height="{height:.0f}" rx="8" fill="#ffffff"/>',
        *(_plate(box) for box in page.boxes),
        *(_arrow(arrow) for arrow in arrows),
        *(_shape(shape) for shape in page.shapes.values()),
        "</svg>",
    ]
    return "\n".join(lines)


def _size(page: Page, arrows: tuple[Arrow, ...]) -> Point:
    """Return the width and height of the page."""
    xs = [shape.x + shape.width / 2.0 for shape in page.shapes.values()] + [box.right for box in page.boxes]
    xs += [point[0] for arrow in arrows for point in arrow.points]
    ys = [shape.y + shape.height / 2.0 for shape in page.shapes.values()] + [box.bottom for box in page.boxes]
    return math.ceil(max(xs) + MARGIN), math.ceil(max(ys) + MARGIN)


def _plate(box: Box) -> str:
    """Return a plate with its label."""
    width, height = box.right - box.left, box.bottom - box.top
    return (
        f'<g class="plate" data-name={quoteattr(", ".join(box.plate.index))}>'
        f'<rect x="{box.left:.1f}" y="{box.top:.1f}" width="{width:.1f}" height="{height:.1f}" rx="9" '
        f'fill="#3b6ea5" fill-opacity="0.05" stroke="{PLATE}"/>'
        f'<text x="{box.label[0]:.1f}" y="{box.label[1]:.1f}" font-size="{LABEL:g}" font-style="italic" '
        f'fill="{LINE}">{escape(box.plate.label)}</text></g>'
    )


def _shape(shape: Shape) -> str:
    """Return a quantity with its label, and its distribution as the text under the pointer."""
    row = shape.quantity
    index = f"[{', '.join(row.index)}]" if row.index and row.role == "latent variable" else ""
    title = f"{row.name}{index}: {row.role}" + (f" ~ {row.distribution}" if row.distribution else "")
    outlines = [_outline(shape, 0.0, FILLS[row.role])]
    if row.role == "parameter":
        outlines.append(_outline(shape, 3.0, "none"))
    return (
        f"<g class={quoteattr(row.role)} data-name={quoteattr(row.name)}><title>{escape(title)}</title>"
        f"{''.join(outlines)}{_label(shape)}</g>"
    )


def _outline(shape: Shape, inset: float, fill: str) -> str:
    """Return the outline of a shape, or a line inside it."""
    width, height = shape.width - 2.0 * inset, shape.height - 2.0 * inset
    radius = 2.0 if shape.quantity.role == "constant" else height / 2.0
    thin = 0.8 if inset or shape.quantity.role == "constant" else 1.4
    return (
        f'<rect x="{shape.x - width / 2.0:.1f}" y="{shape.y - height / 2.0:.1f}" width="{width:.1f}" '
        f'height="{height:.1f}" rx="{radius:.1f}" fill="{fill}" stroke="{INK}" stroke-width="{thin}"/>'
    )


def _label(shape: Shape) -> str:
    """Return the name of a quantity in the middle of its shape."""
    pieces, lowered, parts = [], False, runs(shape.quantity.name)
    for text, below in parts:
        shift = 4 * (below - lowered)
        moved = f' dy="{shift}"' if shift else ""
        size = f' font-size="{SIZE * SMALLER:g}"' if below else ""
        pieces.append(f"<tspan{moved}{size}>{escape(text)}</tspan>")
        lowered = below
    left = shape.x - drawn_width(parts) / 2.0
    return (
        f'<text x="{left:.1f}" y="{shape.y + 4.8:.1f}" font-size="{SIZE:g}" xml:space="preserve" '
        f'fill="{INK}">{"".join(pieces)}</text>'
    )


def _arrow(arrow: Arrow) -> str:
    """Return an arrow with rounded corners and its head."""
    *_, before, end = arrow.points
    length = math.dist(before, end) or 1.0
    along = ((end[0] - before[0]) / length, (end[1] - before[1]) / length)
    neck = (end[0] - HEAD * along[0], end[1] - HEAD * along[1])
    side = (-along[1] * HEAD * 0.42, along[0] * HEAD * 0.42)
    head = [end, (neck[0] + side[0], neck[1] + side[1]), (neck[0] - side[0], neck[1] - side[1])]
    return (
        f'<g class="arrow" data-from={quoteattr(arrow.source)} data-to={quoteattr(arrow.target)}>'
        f'<path d="{_path((*arrow.points[:-1], neck))}" fill="none" stroke="{LINE}" stroke-width="1.2"/>'
        f'<polygon points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in head)}" fill="{LINE}"/></g>'
    )


def _path(points: tuple[Point, ...]) -> str:
    """Return a way with rounded corners as the text of a path."""
    text = f"M{points[0][0]:.1f},{points[0][1]:.1f}"
    for one, corner, other in zip(points, points[1:], points[2:], strict=False):
        start, stop = _towards(corner, one), _towards(corner, other)
        text += f" L{start[0]:.1f},{start[1]:.1f}"
        text += f" Q{corner[0]:.1f},{corner[1]:.1f} {stop[0]:.1f},{stop[1]:.1f}"
    return f"{text} L{points[-1][0]:.1f},{points[-1][1]:.1f}"


def _towards(corner: Point, other: Point) -> Point:
    """Return the point where the rounding of a corner begins or ends."""
    length = math.dist(corner, other) or 1.0
    part = min(CORNER, length / 2.0) / length
    return corner[0] + part * (other[0] - corner[0]), corner[1] + part * (other[1] - corner[1])
