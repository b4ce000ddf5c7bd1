"""The arrows of a drawing: the ways from parents to children, which touch no label."""

from __future__ import annotations

import math
from dataclasses import dataclass

from multilevel.model.layout import PADDING, Column, Page, Shape, page_of
from multilevel.model.quantities import Quantities

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Arrow:
    """An arrow from a parent to a child, by the corners of its way."""

    source: str
    target: str
    points: tuple[Point, ...]


def arrows_of(found: Quantities) -> tuple[Page, tuple[Arrow, ...]]:
    """Return the laid out page of a model's quantities, and its arrows.

    Parameters
    ----------
    found
        The quantities.

    Examples
    --------
    >>> import multilevel as ml
    >>> _, arrows = arrows_of(ml.graph("a[g] ~ Normal(mu, tau); y ~ Normal(a[g], sigma)").quantities())
    >>> [(arrow.source, arrow.target) for arrow in arrows]
    [('mu', 'a'), ('tau', 'a'), ('sigma', 'y'), ('a', 'y')]
    """
    first = page_of(found)
    runs = _lanes(first)
    counts = {place: len(runs[place]) for place in runs}
    page = page_of(found, counts)
    arrows: list[Arrow] = []
    for row in found.rows:
        side = [name for name in row.parents if page.home(name) == row.name]
        arrows += [_from_side(page, name, row.name) for name in side]
        above = [name for name in row.parents if name not in side]
        ways = sorted(
            ((name, _way(page, name, row.name, runs)) for name in above), key=lambda way: way[1][-1]
        )
        target = page.shapes[row.name]
        for place, (name, way) in enumerate(ways):
            entry = _entry(target, place, len(ways))
            last = way[-1]
            arrows.append(Arrow(name, row.name, (*way[:-1], *_arrival(page, row.name, last, entry))))
    return page, tuple(arrows)


def _is_below(page: Page, source: str, target: str) -> bool:
    """Return whether a variable stands right below another in the same column."""
    names = page.column_of(source).names
    if source not in names or target not in names:
        return False
    return names.index(target) == names.index(source) + 1


def _is_last(page: Page, source: str, target: str) -> bool:
    """Return whether a variable is the lowest of its column and the target the response below the columns."""
    column = page.column_of(source)
    return source == column.names[-1] and page.column_of(target) is not column and _is_response(page, target)


def _is_response(page: Page, name: str) -> bool:
    return name == page.columns[-1].names[-1]


def _lanes(page: Page) -> dict[int, list[str]]:
    """Return the quantities whose arrows run at the right side of each column, the lowest innermost."""
    found: dict[int, list[str]] = {place: [] for place in range(len(page.columns))}
    for row in page.found.rows:
        for name in row.parents:
            straight = _is_below(page, name, row.name) or _is_last(page, name, row.name)
            place = page.columns.index(page.column_of(name))
            if page.home(name) != row.name and not straight and name not in found[place]:
                found[place].append(name)
    return {place: sorted(names, key=lambda name: -page.row[name]) for place, names in found.items()}


def _way(page: Page, source: str, target: str, lanes: dict[int, list[str]]) -> tuple[Point, ...]:
    """Return the way of an arrow up to the space above its target."""
    shape, column = page.shapes[source], page.column_of(source)
    if _is_below(page, source, target):
        return ((shape.x, shape.y + shape.height / 2.0),)
    if _is_last(page, source, target):
        return ((shape.x, shape.y + shape.height / 2.0), (shape.x, _end(page, target)))
    place = page.columns.index(column)
    lane = column.axis + column.content + 8.0 + 12.0 * lanes[place].index(source)
    start = shape.x + min(12.0, shape.width / 2.0 - 8.0)
    row = page.row[source]
    below = (
        page.bottoms[row] + 4.0 + 4.0 * [name for name in lanes[place] if page.row[name] == row].index(source)
    )
    leave = (start, shape.y + _reach(shape, start - shape.x))
    arrive = _end(page, target) if _apart(page, column, target) else page.bands[page.row[target]]
    return (leave, (start, below), (lane, below), (lane, arrive))


def _apart(page: Page, column: Column, target: str) -> bool:
    """Return whether the target is the response and stands below the columns."""
    return _is_response(page, target) and page.column_of(target) is not column


def _end(page: Page, target: str) -> float:
    """Return the lower end of all plates above the row of the response."""
    row = page.row[target]
    boxes = [box.bottom for box in page.boxes if box.bottom < page.tops[row]]
    return max(boxes, default=page.bottoms[row - 1] + PADDING) + 2.0


def _entry(target: Shape, place: int, count: int) -> float:
    """Return how far from the middle of its target an arrow from above ends."""
    if count == 1:
        return 0.0
    step = min(14.0, (target.width / 2.0 + 4.0) / (count - 1), 24.0)
    return max(-12.0, -step * (count - 1) / 2.0) + step * place


def _arrival(page: Page, target: str, last: Point, entry: float) -> tuple[Point, ...]:
    """Return the end of a way: across the page above the target's row, then down."""
    shape = page.shapes[target]
    x, y = shape.x + entry, shape.y - _reach(shape, entry)
    band = page.bands[page.row[target]]
    if abs(last[0] - x) < 0.5:
        return (last, (x, y))
    if abs(last[0] - shape.x) < 0.5 and last[1] > band - 60.0 and abs(entry) <= 12.0:
        return (last, (x, y))
    return (last, (x, band), (x, y))


def _reach(shape: Shape, offset: float) -> float:
    """Return half the height of a shape at a distance from its middle; variables have round ends."""
    round_end = shape.height / 2.0
    over = abs(offset) - (shape.width / 2.0 - round_end)
    if over <= 0.0 or shape.quantity.role == "constant":
        return round_end
    return math.sqrt(max(round_end**2 - over**2, 0.0))


def _from_side(page: Page, source: str, target: str) -> Arrow:
    """Return the arrow from a parameter or constant beside a variable."""
    one, other = page.shapes[source], page.shapes[target]
    left = one.x < other.x
    start = (one.x + one.width / 2.0, one.y) if left else (one.x - one.width / 2.0, one.y)
    inside, outside = 1.0, 0.0
    for _ in range(40):
        middle = (inside + outside) / 2.0
        x, y = start[0] + middle * (other.x - start[0]), start[1] + middle * (other.y - start[1])
        if abs(x - other.x) <= other.width / 2.0 and abs(y - other.y) <= _reach(other, x - other.x):
            inside = middle
        else:
            outside = middle
    end = (start[0] + inside * (other.x - start[0]), start[1] + inside * (other.y - start[1]))
    return Arrow(source, target, (start, end))
