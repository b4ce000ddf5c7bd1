"""Where everything of a drawing stands: quantities in rows below their parents, plates round them, arrows."""

from __future__ import annotations

from dataclasses import dataclass, field

from multilevel.model.labels import SPARE, runs, text_width, width
from multilevel.model.plates import Plate, plates_of
from multilevel.model.quantities import Quantities, Quantity

HEIGHT, SMALL = 40.0, 30.0
"""Heights of variables, and of parameters and constants."""
BETWEEN, STRIP, PADDING = 34.0, 24.0, 12.0
"""Space for arrows between rows; a plate's strip with its label; a plate's space below."""
STEP, ASIDE, MARGIN = 10.0, 38.0, 16.0
"""Width by which a plate is wider than one inside; from a variable to its parameters; round the page."""
LABEL = 12.0
"""Height of the letters of plates."""


@dataclass(slots=True)
class Shape:
    """A quantity on the page, by its centre."""

    quantity: Quantity
    width: float
    height: float
    x: float = 0.0
    y: float = 0.0


@dataclass(frozen=True, slots=True)
class Box:
    """A plate on the page, with the left end and the base line of its label."""

    plate: Plate
    left: float
    top: float
    right: float
    bottom: float
    label: tuple[float, float]


@dataclass(slots=True, eq=False)
class Column:
    """Plates inside each other and what stands in them, one variable below the other on a common axis.

    Parameters
    ----------
    top
        The outermost plate.
    names
        Its variables, from the top to the bottom.
    lanes
        How many arrows run on its right side.
    """

    top: Plate
    names: tuple[str, ...]
    axis: float = 0.0
    left: float = 0.0
    content: float = 0.0
    right: float = 0.0
    lanes: int = 0


@dataclass(slots=True)
class Page:
    """A drawing as it is laid out.

    Parameters
    ----------
    shapes
        By the names of the quantities.
    columns
        From left to right; the last may be that of the rows, which stands below the others.
    row
        Row of each variable, and of the constants and parameters beside it.
    tops, bottoms, bands
        Upper and lower end of each row, and the height above it at which arrows cross the page.
    """

    found: Quantities
    shapes: dict[str, Shape]
    columns: list[Column]
    row: dict[str, int] = field(default_factory=dict)
    beside: dict[str, tuple[list[str], list[str]]] = field(default_factory=dict)
    tops: list[float] = field(default_factory=list)
    bottoms: list[float] = field(default_factory=list)
    bands: list[float] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)

    def column_of(self, name: str) -> Column:
        """Return the column in which a quantity stands."""
        home = self.home(name)
        return next(column for column in self.columns if home in column.names)

    def home(self, name: str) -> str:
        """Return the variable beside which a quantity stands; of a variable itself."""
        if name not in self.beside:
            return next(one for one, sides in self.beside.items() if name in sides[0] + sides[1])
        return name


def page_of(found: Quantities, lanes: dict[int, int] | None = None) -> Page:
    """Return the layout of a model's quantities.

    Parameters
    ----------
    found
        The quantities.
    lanes
        How many arrows run on the right side of each column, by its place.
    """
    columns = [Column(top, tuple(top.everything())) for top in plates_of(found)]
    for place, column in enumerate(columns):
        column.lanes = (lanes or {}).get(place, 0)
    page = Page(found, {row.name: _shape(row) for row in found.rows}, columns)
    _set_beside(page)
    _set_rows(page)
    _set_heights(page)
    for column in columns:
        _set_widths(page, column)
    _set_axes(page)
    _place(page)
    return page


def _shape(row: Quantity) -> Shape:
    """Return a quantity's shape, wide enough for its label."""
    variable = row.role in ("latent variable", "observed variable")
    height = HEIGHT if variable else SMALL
    return Shape(row, max(height, width(runs(row.name)) + 20.0), height)


def _set_beside(page: Page) -> None:
    """Put each parameter on the left side and each constant on the right side of its first child."""
    users: dict[str, list[str]] = {}
    for row in page.found.rows:
        for parent in row.parents:
            users.setdefault(parent, []).append(row.name)
    variables = {name for column in page.columns for name in column.names}
    page.beside = {name: ([], []) for column in page.columns for name in column.names}
    for row in reversed(page.found.rows):
        if row.name not in variables:
            side = 1 if row.role == "constant" and row.index else 0
            # What several variables use stands lowest, so that its other arrows leave downwards.
            place = 0 if len(users[row.name]) == 1 else len(page.beside[users[row.name][0]][side])
            page.beside[users[row.name][0]][side].insert(place, row.name)


def _set_rows(page: Page) -> None:
    """Give each variable a row below those of its parents and of what stands above it in its column."""
    rows, beside = page.row, page.beside
    parents = {row.name: [p for p in row.parents if p in beside] for row in page.found.rows}
    for _ in range(len(beside) + 1):
        for column in page.columns:
            above = -1
            for name in column.names:
                above = max([above, *(rows.get(p, -1) for p in parents[name] if p not in column.names)]) + 1
                rows[name] = above
    last = page.columns[-1].names[-1]
    rows[last] = max(rows.values()) if len(page.columns) == 1 else 1 + max(
        (row for name, row in rows.items() if name != last), default=-1
    )  # fmt: skip
    for column in page.columns[:-1]:
        outside = [p for name in parents for p in parents[name] if name != last
                   and (name in column.names) != (p in column.names)]  # fmt: skip
        shift = 0 if outside else rows[last] - 1 - max(rows[name] for name in column.names)
        for name in column.names:
            rows[name] += shift
    for name, sides in beside.items():
        for one in (*sides[0], *sides[1]):
            rows[one] = rows[name]


def _set_heights(page: Page) -> None:
    """Set the upper and lower end of each row."""
    n = max(page.row.values()) + 1
    heights = [HEIGHT] * n
    for name, sides in page.beside.items():
        stack = max(len(sides[0]), len(sides[1])) * (SMALL + 6.0)
        heights[page.row[name]] = max(heights[page.row[name]], stack)
    starts = [max((_count(page, c, r, first=True) for c in page.columns), default=0) for r in range(n)]
    ends = [max((_count(page, c, r, first=False) for c in page.columns), default=0) for r in range(n)]
    y = MARGIN
    for r in range(n):
        page.bands.append(y - 8.0 if r else y)
        y += STRIP * starts[r] + (0.0 if r else 4.0)
        page.tops.append(y)
        y += heights[r]
        page.bottoms.append(y)
        spread = BETWEEN + (26.0 if r == n - 2 and len(page.columns) > 2 else 0.0)
        y += PADDING * ends[r] + spread


def _count(page: Page, column: Column, row: int, *, first: bool) -> int:
    """Return how many plates of a column begin, or end, at a row."""
    return sum(_span(page, plate)[0 if first else 1] == row for plate in column.top.walk())


def _span(page: Page, plate: Plate) -> tuple[int, int]:
    """Return the first and the last row of a plate."""
    rows = [page.row[name] for name in plate.everything()]
    return min(rows), max(rows)


def _set_widths(page: Page, column: Column) -> None:
    """Set how far a column reaches to both sides of its axis, at zero."""
    reach = 0.0
    for name in column.names:
        half = page.shapes[name].width / 2.0
        constants = [page.shapes[one].width for one in page.beside[name][1]]
        reach = max(reach, half + (ASIDE + max(constants) if constants else 0.0))
    depth = _depth(column.top)
    column.content = reach + 6.0
    column.right = column.content + 12.0 * column.lanes + 4.0 + STEP * depth
    column.left = _left(page, column.top)


def _depth(plate: Plate) -> int:
    """Return how many plates stand inside each other."""
    return 1 + max((_depth(one) for one in plate.inside), default=0)


def _left(page: Page, plate: Plate) -> float:
    """Return the left end of a plate on an axis at zero; labels stand left of what comes from above."""
    widest = max(page.shapes[name].width / 2.0 for name in plate.everything())
    label = SPARE * text_width(plate.label, LABEL) + 26.0
    inner = min((_left(page, one) for one in plate.inside), default=0.0)
    return min(-widest - 14.0, -label, inner - STEP)


def _gutter(page: Page, column: Column) -> float:
    """Return how much room the parameters at a column's left side need."""
    widths = [page.shapes[one].width for name in column.names for one in page.beside[name][0]]
    return ASIDE + max(widths) if widths else 0.0


def _set_axes(page: Page) -> None:
    """Put the columns side by side, and that of the rows below the middle of the others."""
    beside = page.columns[:-1] or page.columns
    x = MARGIN
    for column in beside:
        x += _gutter(page, column)
        column.axis = x - column.left
        x = column.axis + column.right + 30.0
    if len(page.columns) > 1:
        last = page.columns[-1]
        last.axis = (beside[0].axis + beside[-1].axis) / 2.0
        least = MARGIN + _gutter(page, last) - last.left
        for column in page.columns:
            column.axis += max(0.0, least - last.axis) if column is not last else 0.0
        last.axis = max(last.axis, least)


def _place(page: Page) -> None:
    """Set the places of all shapes and boxes."""
    for column in page.columns:
        for name in column.names:
            row, shape = page.row[name], page.shapes[name]
            middle = (page.tops[row] + page.bottoms[row]) / 2.0
            shape.x, shape.y = column.axis, middle
            for side, names in enumerate(page.beside[name]):
                for place, one in enumerate(names):
                    other = page.shapes[one]
                    other.y = middle + (place - (len(names) - 1) / 2.0) * (SMALL + 6.0)
                    other.x = (
                        column.axis + shape.width / 2.0 + ASIDE + other.width / 2.0
                        if side
                        else column.axis + column.left - ASIDE - other.width / 2.0
                    )
        _box(page, column, column.top, 0)


def _box(page: Page, column: Column, plate: Plate, depth: int) -> None:
    """Add the box of a plate and of those inside."""
    first, last = _span(page, plate)
    spans = [_span(page, one) for one in plate.walk()]
    starts, ends = sum(one[0] == first for one in spans), sum(one[1] == last for one in spans)
    top, bottom = page.tops[first] - STRIP * starts, page.bottoms[last] + PADDING * ends
    left = column.axis + _left(page, plate)
    page.boxes.append(
        Box(plate, left, top, column.axis + column.right - STEP * depth, bottom, (left + 8.0, top + 16.0))
    )
    for one in plate.inside:
        _box(page, column, one, depth + 1)
