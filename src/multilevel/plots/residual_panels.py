"""The four panels of residuals: against fitted values, normal quantiles, their spread, and by group."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from multilevel.inference.residual_checks import residual_rows, residual_trend, residuals_by_group
from multilevel.plots.canvas import BLUE, GREY, ORANGE, SKY, dot_size, levels_axis, panels
from multilevel.results import Columns, Fit
from multilevel.results.posterior import Result
from multilevel.results.questions import ResidualKind

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def residuals(
    result: Result, *, kind: ResidualKind | None = None, group: str | None = None, seed: int = 0
) -> Figure:
    """Draw the residuals in four panels, or three without groups.

    Against fitted values with their running mean; against normal quantiles; the root of their size against
    fitted values, with its running mean; and the median and quartiles of each level of a grouping factor.

    Parameters
    ----------
    result
        A fit or a posterior.
    kind
        As in `Fit.residuals_of`; by default "quantile" of a fit, which are standard normal where the model
        holds, and "response" of a posterior.
    group
        A grouping factor, by default the first.
    seed
        For quantile residuals of responses in whole numbers.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    OptionError
        If there are no residuals of that kind, no such grouping factor, or Matplotlib is absent.

    Examples
    --------
    >>> import multilevel as ml
    >>> fit = ml.fit("mathach ~ ses + (ses | school)", ml.datasets.load("mathachieve"))
    >>> [ax.get_xlabel() for ax in ml.plots.residuals(fit).axes][:2]
    ['fitted value', 'expected of a normal distribution']
    """
    rows = residual_rows(result, kind=kind, seed=seed)
    grouped = group is not None or bool(result.design.factors)
    levels = residuals_by_group(result, rows, group=group) if grouped else None
    name = f"{kind or ('quantile' if isinstance(result, Fit) else 'response')} residual"
    figure, axes = panels(2, 2, width=9.0, height=7.5)
    trend = residual_trend(rows)
    _draw_against_fitted(axes[0], rows, trend, "residual", name)
    axes[0].axhline(0.0, color=GREY, linewidth=0.8, zorder=1)
    _draw_quantiles(axes[1], rows, name)
    _draw_against_fitted(axes[2], rows, trend, "spread", f"root of the absolute {name}")
    if levels is None:
        axes[3].remove()
    else:
        _draw_levels(axes[3], levels, name)
    return figure


def _draw_against_fitted(ax: Axes, rows: Columns, trend: Columns, column: str, name: str) -> None:
    """Draw a column against the fitted values, with its running mean."""
    n = len(rows["fitted"])
    ax.scatter(rows["fitted"], rows[column], s=dot_size(n), color=BLUE, alpha=_alpha(n), linewidths=0)
    ax.plot(trend["fitted"], trend[column], color=ORANGE, linewidth=1.8, zorder=3)
    ax.set_xlabel("fitted value")
    ax.set_ylabel(name)


def _draw_quantiles(ax: Axes, rows: Columns, name: str) -> None:
    """Draw the residuals against normal quantiles, and the line on which they should be."""
    expected, n = np.asarray(rows["expected"]), len(rows["expected"])
    ends = [float(expected.min()), float(expected.max())]
    ax.plot(ends, ends, color=GREY, linewidth=1.0, zorder=1)
    ax.scatter(expected, rows["residual"], s=dot_size(n), color=BLUE, alpha=_alpha(n), linewidths=0, zorder=2)
    ax.set_xlabel("expected of a normal distribution")
    ax.set_ylabel(name)


def _draw_levels(ax: Axes, levels: Columns, name: str) -> None:
    """Draw the median and the quartiles of each level."""
    m = len(levels["level"])
    ax.axvline(0.0, color=GREY, linewidth=0.8, zorder=1)
    ax.hlines(
        levels["rank"],
        levels["lower"],
        levels["upper"],
        color=SKY,
        alpha=1.0 if m <= 50 else 0.5,
        linewidth=2.0 if m <= 50 else 0.7,
        zorder=2,
    )
    ax.scatter(levels["median"], levels["rank"], s=dot_size(m), color=BLUE, zorder=3)
    levels_axis(ax, levels["level"], levels["group"][0])
    ax.set_xlabel(f"{name}: median and quartiles")


def _alpha(n: int) -> float:
    """Return how opaque each of ``n`` points is."""
    return 0.8 if n <= 300 else 0.4 if n <= 5000 else 0.15
