"""What residual plots show: residuals by fitted value and normal quantile, their spread, and by group."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from multilevel.errors import OptionError
from multilevel.inference.effects import fitted
from multilevel.inference.posterior_tables import posterior_fitted, posterior_residuals
from multilevel.inference.residual_kinds import residuals_of
from multilevel.results import Columns, Fit
from multilevel.results.posterior import Result
from multilevel.results.questions import ResidualKind

Floats = NDArray[np.float64]

MOST_BINS, LEAST_ROWS = 20, 20
"""Of the trend: at most so many bins, of at least so many rows where there are enough."""


def residual_rows(result: Result, *, kind: ResidualKind | None = None, seed: int = 0) -> Columns:
    """Return fitted value and residual of each used row.

    Parameters
    ----------
    result
        A fit or a posterior.
    kind
        As in `Fit.residuals_of`; by default "quantile", which are standard normal where the model holds. Of a
        posterior "response" alone.
    seed
        For quantile residuals of responses in whole numbers.

    Returns
    -------
    Columns row (position in the caller's table, from 0), fitted, residual, expected, spread. ``expected`` is
    the normal quantile of the residual's rank, ``(rank - 1/2) / n``, times the residuals' root mean square if
    they are of kind "response"; ``spread`` is the root of the absolute residual.

    Raises
    ------
    OptionError
        If there are no residuals of that kind.
    """
    rows = result.design.rows
    if isinstance(result, Fit):
        kind = kind or "quantile"
        random = kind == "quantile" and result.design.family.discrete
        residual = residuals_of(result, kind, seed=seed if random else None)[rows]
        value = fitted(result)[rows]
    else:
        if kind not in (None, "response"):
            raise OptionError(f"kind={kind!r} was asked of a posterior", allowed="'response'")
        kind = "response"
        residual, value = posterior_residuals(result)[rows], posterior_fitted(result)[rows]
    expected = np.empty(residual.size)
    expected[np.argsort(residual, kind="stable")] = ndtri((np.arange(residual.size) + 0.5) / residual.size)
    if kind == "response":
        expected = expected * np.sqrt(np.mean(residual**2))
    return {
        "row": rows,
        "fitted": value,
        "residual": residual,
        "expected": expected,
        "spread": np.sqrt(np.abs(residual)),
    }


def residual_trend(rows: Columns) -> Columns:
    """Return means of the residuals and of their spread in bins of the fitted value.

    Parameters
    ----------
    rows
        The table of `residual_rows`.

    Returns
    -------
    Columns fitted, residual, spread: means over bins of (nearly) equally many rows, up to 20.
    """
    value = np.asarray(rows["fitted"])
    bins = max(1, min(MOST_BINS, value.size // LEAST_ROWS))
    parts = np.array_split(np.argsort(value, kind="stable"), bins)
    return {
        name: np.array([np.asarray(rows[name])[part].mean() for part in parts])
        for name in ("fitted", "residual", "spread")
    }


def residuals_by_group(result: Result, rows: Columns, *, group: str | None = None) -> Columns:
    """Return quartiles of the residuals of each level of a grouping factor, by their median.

    Parameters
    ----------
    result
        A fit or a posterior with groups.
    rows
        Its table of `residual_rows`.
    group
        A grouping factor, by default the first.

    Returns
    -------
    Columns group, level, rank (from 1), n, lower, median, upper: the quartiles.

    Raises
    ------
    OptionError
        If there is no such grouping factor.
    """
    known = {factor.name: factor for factor in result.design.factors}
    name = next(iter(known), None) if group is None else group
    if name is None or name not in known:
        raise OptionError(
            f"residuals by group={group!r} were asked",
            allowed=", ".join(repr(one) for one in known) or "models with a grouped term, (1 | g)",
        )
    factor, residual = known[name], np.asarray(rows["residual"])
    counts = np.bincount(factor.index)
    parts = np.split(residual[np.argsort(factor.index, kind="stable")], np.cumsum(counts)[:-1])
    quartiles = np.array([np.quantile(part, [0.25, 0.5, 0.75]) for part in parts])
    order = np.argsort(quartiles[:, 1], kind="stable")
    return {
        "group": [name] * len(order),
        "level": [factor.levels[j] for j in order],
        "rank": np.arange(1, len(order) + 1),
        "n": counts[order],
        "lower": quartiles[order, 0],
        "median": quartiles[order, 1],
        "upper": quartiles[order, 2],
    }
