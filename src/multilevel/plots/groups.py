"""Pictures of all levels of a grouping factor: their effects by rank, and their pooling weights by size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from multilevel.inference.intervals import pooling_by_size, ranked_effects
from multilevel.plots.canvas import BLUE, GREY, SKY, axes_for, dot_size, levels_axis, response_of
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
