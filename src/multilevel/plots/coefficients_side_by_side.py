"""The picture of coefficients with intervals, of one result or of several side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from multilevel.inference.intervals import coefficient_intervals
from multilevel.plots.canvas import GREY, SERIES, axes_for
from multilevel.plots.tables import labelled
from multilevel.results.posterior import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MARKERS = "osD^vP*"


def coefficients(
    results: Result | Mapping[str, Result], *, terms: Sequence[str] | None = None, ax: Axes | None = None
) -> Axes:
    """Draw coefficients with their intervals.

    Parameters
    ----------
    results
        A fit or a posterior, or several by label.
    terms
        Which coefficients, from the top down; by default all but the intercept.
    ax
        Axes to draw on; by default those of a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    OptionError
        If no result has such a coefficient, or Matplotlib is absent.

    Examples
    --------
    >>> import multilevel as ml
    >>> fit = ml.fit("mathach ~ ses + (ses | school)", ml.datasets.load("mathachieve"))
    >>> ml.plots.coefficients(fit).get_xlabel()
    'coefficient, 95% intervals'
    """
    named = labelled(results)
    table = coefficient_intervals(named, terms=terms)
    order = list(dict.fromkeys(table["term"]))
    ax = axes_for(ax, width=6.0, height=max(2.0, 1.0 + len(order) * (0.25 + 0.14 * len(named))))
    ax.axvline(0.0, color=GREY, linewidth=0.8, zorder=1)
    whose, row = np.array(table["result"]), np.array([order.index(term) for term in table["term"]])
    for i, label in enumerate(named):
        own = whose == label
        place = row[own] + (i - (len(named) - 1) / 2) * 0.6 / len(named)
        colour = SERIES[i % len(SERIES)]
        lower, upper = (np.asarray(table[name])[own] for name in ("lower", "upper"))
        ax.hlines(place, lower, upper, color=colour, linewidth=1.8, zorder=2)
        ax.scatter(
            np.asarray(table["estimate"])[own],
            place,
            s=28.0,
            color=colour,
            marker=MARKERS[i % len(MARKERS)],
            zorder=3,
            label=label,
        )
    ax.set_yticks(range(len(order)), order)
    ax.set_ylim(len(order) - 0.5, -0.5)
    levels = dict.fromkeys(f"{100 * result.options.level:.3g}%" for result in named.values())
    ax.set_xlabel(f"coefficient, {' and '.join(levels)} intervals")
    if len(named) > 1:
        ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=min(len(named), 3), frameon=False)
    return ax
