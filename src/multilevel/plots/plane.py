"""The picture of shrinkage: groups by themselves, groups in the model, and the ellipses of its law."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from multilevel.inference.shrinkage import COVERAGES, Places, ellipses, plane_of
from multilevel.inference.shrinkage import shrinkage as points_of
from multilevel.plots.canvas import BLUE, GREY, ORANGE, PALE, axes_for, dot_size, response_of
from multilevel.results import Columns
from multilevel.results.posterior import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes


FAR = 4.0
"""Groups alone that are farther out than so many times the reach of the model are left beyond the picture."""


def shrinkage(
    result: Result,
    *,
    x: str | None = None,
    y: str | None = None,
    at: Places | None = None,
    coverages: Sequence[float] = COVERAGES,
    ax: Axes | None = None,
) -> Axes:
    """Draw how the model moves each group from its own least squares towards the others.

    Open circles are groups by themselves (no pooling), full ones the same groups in the model, arrows join
    them. The ellipses hold the shares ``coverages`` of new groups under the estimated bivariate normal law.
    The view ends where groups alone are very far from the model; the title tells how many lie beyond.

    Parameters
    ----------
    result
        A fit or posterior of a linear model with one grouping factor.
    x, y
        Names of two effects of the groups, by default the first two.
    at
        In place of these, two labels, each with a value for every predictor: expected responses there.
    coverages
        Shares inside the ellipses; none for no ellipses.
    ax
        Axes to draw on; by default those of a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    OptionError
        If the model is not linear or has not exactly one grouping factor, there are not two such effects or
        places, or Matplotlib is absent.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> import multilevel as ml
    >>> fit = ml.fit("reaction ~ days + (days | subject)", ml.datasets.load("sleepstudy"))
    >>> ax = ml.plots.shrinkage(fit)
    >>> len(ax.patches)
    5
    """
    points = points_of(result, x=x, y=y, at=at)
    rings = ellipses(result, x=x, y=y, at=at, coverages=coverages)
    labels = plane_of(result, x=x, y=y, at=at).labels
    ax = axes_for(ax, width=6.2, height=5.6)
    _draw_ellipses(ax, rings)
    _draw_groups(ax, points)
    outside = _look_at(ax, points, rings)
    response, factor = response_of(result), points["group"][0]
    ax.set_xlabel(f"{response}: {labels[0]}")
    ax.set_ylabel(f"{response}: {labels[1]}")
    title = f"{len(points['level'])} levels of {factor}"
    title += f", {outside} of them alone beyond the picture" if outside else ""
    ax.set_title(title, loc="left", fontsize="medium")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.06), ncols=2, frameon=False)
    return ax


def _draw_ellipses(ax: Axes, rings: Columns) -> None:
    """Draw the ellipses, each with its coverage at its upper end."""
    from matplotlib.patches import Ellipse

    numbers = (rings[name] for name in ("coverage", "x", "y", "width", "height", "angle"))
    for coverage, x, y, width, height, angle in zip(*numbers, strict=True):
        ax.add_patch(
            Ellipse((x, y), width, height, angle=angle, fill=False, edgecolor=PALE, linewidth=1.0, zorder=1)
        )
        turn = np.radians(angle)
        top = np.hypot(width * np.sin(turn), height * np.cos(turn)) / 2
        right = 0.0 if top == 0.0 else (width**2 - height**2) * np.sin(2 * turn) / (8 * top)
        ax.annotate(
            f"{100 * coverage:.3g}%",
            (x + right, y + top),
            ha="center",
            va="center",
            fontsize="x-small",
            color=GREY,
            zorder=6,
            bbox={"facecolor": ax.get_facecolor(), "edgecolor": "none", "pad": 0.4, "alpha": 0.75},
        )
    ax.autoscale_view()


def _draw_groups(ax: Axes, points: Columns) -> None:
    """Draw the groups by themselves, in the model, and arrows from one to the other."""
    m = len(points["level"])
    size = dot_size(m)
    x0, y0, x1, y1 = (
        np.array(points[name], dtype=np.float64) for name in ("x_none", "y_none", "x_partial", "y_partial")
    )
    own = ~np.isnan(x0) & ~np.isnan(y0)
    ax.quiver(
        x0[own],
        y0[own],
        (x1 - x0)[own],
        (y1 - y0)[own],
        angles="xy",
        scale_units="xy",
        scale=1.0,
        color=GREY,
        alpha=0.6 if m <= 100 else 0.25,
        width=0.0025 if m <= 100 else 0.0012,
        headwidth=5.0,
        headlength=6.0,
        headaxislength=5.0,
        zorder=3,
    )
    ax.scatter(
        x0[own], y0[own], s=size, facecolors="none", edgecolors=BLUE, zorder=4, label="alone (no pooling)"
    )
    ax.scatter(
        x1,
        y1,
        s=size,
        color=ORANGE,
        alpha=1.0 if m <= 100 else 0.6,
        zorder=5,
        label="in the model (partial pooling)",
    )


def _look_at(ax: Axes, points: Columns, rings: Columns) -> int:
    """Limit the view to the model and what is not far from it; return how many groups alone lie beyond.

    Far is more than `FAR` times as far from the centre as the model's own points and ellipses reach.
    """
    beyond = np.zeros(len(points["level"]), dtype=np.bool_)
    turn = np.radians(np.asarray(rings["angle"], dtype=np.float64))
    width, height = (np.asarray(rings[name], dtype=np.float64) for name in ("width", "height"))
    reach = {
        "x": np.hypot(width * np.cos(turn), height * np.sin(turn)) / 2,
        "y": np.hypot(width * np.sin(turn), height * np.cos(turn)) / 2,
    }
    for name, limit in (("x", ax.set_xlim), ("y", ax.set_ylim)):
        own = np.array(points[f"{name}_none"], dtype=np.float64)
        pooled = np.asarray(points[f"{name}_partial"], dtype=np.float64)
        centre = float(np.mean(pooled)) if not len(rings[name]) else float(rings[name][0])
        far = FAR * max(float(np.max(np.abs(pooled - centre))), float(np.max(reach[name], initial=0.0)))
        if far == 0.0:
            continue
        outside = np.abs(own - centre) > far
        beyond |= outside
        seen = np.concatenate([own[~outside & ~np.isnan(own)], pooled])
        low = min(float(seen.min()), centre - float(np.max(reach[name], initial=0.0)))
        high = max(float(seen.max()), centre + float(np.max(reach[name], initial=0.0)))
        limit(low - 0.05 * (high - low), high + 0.05 * (high - low))
    return int(beyond.sum())
