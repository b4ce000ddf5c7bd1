"""Pictures of all levels of a grouping factor: effects by rank, the three poolings, weights by size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from multilevel.inference.intervals import pooling_by_size, ranked_effects
from multilevel.inference.pooling import levels_by_size
from multilevel.plots.canvas import (
    BLUE,
    GREY,
    MOST_LABELS,
    ORANGE,
    SKY,
    axes_for,
    dot_size,
    levels_axis,
    response_of,
)
from multilevel.results import Columns, Fit
from multilevel.results.posterior import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDE = 20.0
"""Largest group over smallest, from where on sizes are drawn on a logarithmic axis."""


def caterpillar(
    result: Result,
    *,
    group: str | None = None,
    term: str | None = None,
    level: float = 0.95,
    ax: Axes | None = None,
) -> Axes:
    """Draw one effect of every level of a grouping factor with its interval, from the lowest to the highest.

    Parameters
    ----------
    result
        A fit or a posterior.
    group, term
        Grouping factor and effect, by default the first.
    level
        Coverage of the intervals: of a fit given its estimates, of a posterior equal-tailed.
    ax
        Axes to draw on; by default those of a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    OptionError
        If there is no such effect, ``level`` is not a coverage, or Matplotlib is absent.

    Examples
    --------
    >>> import multilevel as ml
    >>> fit = ml.fit("mathach ~ ses + (ses | school)", ml.datasets.load("mathachieve"))
    >>> ml.plots.caterpillar(fit, term="ses").get_ylabel()
    '160 levels of school'
    """
    table = ranked_effects(result, group=group, term=term, level=level)
    m = len(table["level"])
    ax = axes_for(ax, width=6.0, height=min(9.0, max(2.5, 1.2 + 0.18 * m)))
    ax.axvline(0.0, color=GREY, linewidth=0.8, zorder=1)
    ax.hlines(
        table["rank"], table["lower"], table["upper"], color=SKY, linewidth=1.6 if m <= 100 else 0.7, zorder=2
    )
    ax.scatter(table["estimate"], table["rank"], s=dot_size(m), color=BLUE, zorder=3)
    levels_axis(ax, table["level"], table["group"][0])
    ax.set_xlabel(f"effect on {table['term'][0]} of {_scale(result)}, {100 * level:.3g}% intervals")
    return ax


def poolings(fit: Fit, *, term: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw complete, no and partial pooling of one effect of every level, the smallest level at the bottom.

    The upright line is complete pooling; open circles are levels alone, full ones levels in the model, each
    with one standard error to both sides.

    Parameters
    ----------
    fit
        A fit of a linear model with one grouping factor.
    term
        An effect, by default the first.
    ax
        Axes to draw on; by default those of a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    OptionError
        If the model is not linear or has not exactly one grouping factor, there is no such effect, or
        Matplotlib is absent.

    Examples
    --------
    >>> import multilevel as ml
    >>> fit = ml.fit("wait ~ afternoon + (afternoon | cafe)", ml.datasets.load("cafes"))
    >>> ml.plots.poolings(fit, term="afternoon").get_xlabel()
    'wait: afternoon, one standard error to each side'
    """
    table = levels_by_size(fit, term=term)
    m = len(table["level"])
    ax = axes_for(ax, width=6.0, height=min(9.0, max(2.5, 1.6 + 0.22 * m)))
    ax.axvline(table["complete"][0], color=GREY, linewidth=1.2, label="complete pooling", zorder=1)
    looks = (
        ("none", BLUE, "none", 0.18, "no pooling"),
        ("partial", ORANGE, ORANGE, -0.18, "partial pooling"),
    )
    for name, edge, face, shift, label in looks:
        place = np.asarray(table["rank"]) + (shift if m <= MOST_LABELS else 0.0)
        at, lower, upper = (
            np.array(table[column], dtype=np.float64) for column in (name, f"{name}_lower", f"{name}_upper")
        )
        known = ~np.isnan(at)
        ax.hlines(
            place[known], lower[known], upper[known], color=edge, linewidth=1.0, alpha=_line(m), zorder=2
        )
        ax.scatter(
            at[known],
            place[known],
            s=0.7 * dot_size(m),
            facecolors=face,
            edgecolors=edge,
            label=label,
            zorder=3,
        )
    levels_axis(
        ax, [f"{name} ({n})" for name, n in zip(table["level"], table["n"], strict=True)], _by_size(table)
    )
    ax.set_xlabel(f"{response_of(fit)}: {table['term'][0]}, one standard error to each side")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, frameon=False, fontsize="small")
    return ax


def _by_size(table: Columns) -> str:
    """Return the name of the axis of levels by size."""
    return (
        f"{table['group'][0]} (rows)"
        if len(table["level"]) <= MOST_LABELS
        else f"{table['group'][0]}, by size"
    )


def _line(m: int) -> float:
    """Return how opaque each of ``m`` lines is."""
    return 0.8 if m <= MOST_LABELS else 0.3


def pooling_weights(
    result: Result, *, group: str | None = None, term: str | None = None, ax: Axes | None = None
) -> Axes:
    """Draw the pooling weight of every level against its number of rows.

    Parameters
    ----------
    result
        A fit or a posterior.
    group, term
        Grouping factor and effect, by default the first.
    ax
        Axes to draw on; by default those of a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    OptionError
        If there is no such effect, or Matplotlib is absent.

    Examples
    --------
    >>> import multilevel as ml
    >>> fit = ml.fit("mathach ~ ses + (ses | school)", ml.datasets.load("mathachieve"))
    >>> ml.plots.pooling_weights(fit).get_xlabel()
    'rows of the level of school'
    """
    table = pooling_by_size(result, group=group, term=term)
    n = np.asarray(table["n"])
    ax = axes_for(ax)
    few = len(n) <= 100
    ax.scatter(n, table["pooling"], s=dot_size(len(n)), color=BLUE, alpha=0.7 if few else 0.4, linewidths=0)
    if n.max() > WIDE * n.min():
        ax.set_xscale("log")
    ax.set_ylim(-0.02, 1.02)
    ax.set_xlabel(f"rows of the level of {table['group'][0]}")
    ax.set_ylabel(f"weight of the level's own data: {table['term'][0]}")
    return ax


def _scale(result: Result) -> str:
    """Return what effects are added to: the response or its linear predictor."""
    family = result.design.family
    response = response_of(result)
    return response if family.link == "identity" else f"{response} ({family.link} scale)"
