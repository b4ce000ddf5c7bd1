"""Where pictures are drawn: Matplotlib when it is needed, empty axes without decoration, and the colours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from multilevel.errors import OptionError
from multilevel.results.posterior import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito (2008): told apart by readers with any of the common deficiencies of colour vision.
BLUE, ORANGE, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
SKY, AMBER, BLACK = "#56B4E9", "#E69F00", "#000000"
GREY, PALE = "#767676", "#BFBFBF"
SERIES = (BLUE, ORANGE, GREEN, PURPLE, AMBER, SKY, BLACK)

MOST_LABELS = 50
"""Levels that are named on an axis; above it their number is told."""


def pyplot() -> Any:
    """Return ``matplotlib.pyplot``.

    Raises
    ------
    OptionError
        Matplotlib cannot be imported.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise OptionError(
            f"pictures need Matplotlib, which cannot be imported ({error})",
            allowed="the tables of the pictures, multilevel.plots.tables, which do not need it",
            remedy='pip install "multilevel[plots]"',
        ) from error
    return plt


def axes_for(ax: Axes | None, *, width: float = 6.0, height: float = 4.5) -> Axes:
    """Return the axes given, or those of a new figure (sizes in inches), with two frame lines."""
    plt = pyplot()
    if ax is None:
        _, ax = plt.subplots(figsize=(width, height), layout="constrained")
    bare(ax)
    return ax


def panels(rows: int, columns: int, *, width: float, height: float) -> tuple[Figure, Sequence[Axes]]:
    """Return a new figure and its axes, row by row."""
    figure, grid = pyplot().subplots(rows, columns, figsize=(width, height), layout="constrained")
    for ax in grid.flat:
        bare(ax)
    return figure, list(grid.flat)


def bare(ax: Axes) -> None:
    """Take the upper and the right line of the frame away."""
    ax.spines[["top", "right"]].set_visible(False)


def dot_size(n: int) -> float:
    """Return the area of each of ``n`` points in square points: smaller where there are many."""
    return float(min(36.0, max(2.0, 2400.0 / max(n, 1))))


def response_of(result: Result) -> str:
    """Return the name of the response as readers know it, without the quotes of a formula."""
    return result.model.response.replace("`", "")


def levels_axis(ax: Axes, labels: Sequence[Any] | NDArray[Any], name: str) -> None:
    """Name the levels 1, 2, ... of a vertical axis, or tell how many there are if they are too many."""
    if len(labels) <= MOST_LABELS:
        ax.set_yticks(range(1, len(labels) + 1), list(labels))
        ax.set_ylabel(name)
    else:
        ax.set_yticks([])
        ax.set_ylabel(f"{len(labels)} levels of {name}")
    ax.set_ylim(0.25, len(labels) + 0.75)
