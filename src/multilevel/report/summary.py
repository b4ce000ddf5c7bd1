"""The summary that printing a fit shows."""

from __future__ import annotations

import textwrap

from multilevel.report.grids import plain, printable
from multilevel.report.sections import (
    coefficient_grid,
    family_grid,
    headline,
    inflation_grid,
    measures,
    remarks,
    sizes,
    variance_grid,
)
from multilevel.results import Fit

WIDTH = 96


def summary(fit: Fit) -> str:
    """Return the summary of a fit as plain text.

    Examples
    --------
    The first lines for the sleepstudy data::

        Linear mixed model by REML
        reaction ~ days + (days | subject)

        180 rows; subject 18 levels
        -2 restricted log-likelihood 1743.628; AIC 1755.628; BIC 1774.786; 6 parameters
    """
    lines = [headline(fit), *wrapped(fit.formula), "", *wrapped(sizes(fit)), *wrapped(measures(fit)), ""]
    for grid in (variance_grid(fit), coefficient_grid(fit), family_grid(fit), inflation_grid(fit)):
        if grid.rows:
            lines += [*plain(grid), ""]
    for sentence in remarks(fit):
        lines += wrapped(sentence)
    return "\n".join(lines).rstrip()


def wrapped(text: str) -> list[str]:
    """Return a text as lines of at most ``WIDTH`` characters."""
    return textwrap.wrap(printable(text), WIDTH, break_long_words=False, break_on_hyphens=False)
