"""The tables that the pictures show, under the names of the pictures, in the library of the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from multilevel.data.give_back import to_library
from multilevel.inference import densities, intervals, predictive_checks, residual_checks
from multilevel.inference import shrinkage as planes
from multilevel.inference.pooling import levels_by_size
from multilevel.inference.shrinkage import COVERAGES, Places
from multilevel.results import Fit
from multilevel.results.posterior import Posterior, Result
from multilevel.results.questions import Frame, ResidualKind

__all__ = [
    "caterpillar",
    "coefficients",
    "ellipses",
    "lkj",
    "pooling_weights",
    "poolings",
    "predictive",
    "prior_posterior",
    "residual_groups",
    "residual_trend",
    "residuals",
    "shrinkage",
]


def shrinkage(
    result: Result, *, x: str | None = None, y: str | None = None, at: Places | None = None
) -> Frame:
    """Return where each group stands by itself and where the model puts it.

    Columns group, level, n, x_none, y_none, x_partial, y_partial; arguments and errors are those of the
    picture.

    Examples
    --------
    >>> import multilevel as ml
    >>> fit = ml.fit("reaction ~ days + (days | subject)", ml.datasets.load("sleepstudy"))
    >>> ml.plots.tables.shrinkage(fit).head(2).round(1)
         group level   n  x_none  y_none  x_partial  y_partial
    0  subject   308  10   244.2    21.8      253.7       19.7
    1  subject   309  10   205.1     2.3      211.0        1.8
    """
    return to_library(planes.shrinkage(result, x=x, y=y, at=at), result.table.library)


def ellipses(
    result: Result,
    *,
    x: str | None = None,
    y: str | None = None,
    at: Places | None = None,
    coverages: Sequence[float] = COVERAGES,
) -> Frame:
    """Return the ellipses of the picture of shrinkage, which hold given shares of new groups.

    Columns coverage, x, y, width, height (the whole axes), angle of the first axis in degrees.

    Examples
    --------
    >>> import multilevel as ml
    >>> fit = ml.fit("wait ~ afternoon + (afternoon | cafe)", ml.datasets.load("cafes"))
    >>> ml.plots.tables.ellipses(fit, coverages=[0.5, 0.99])["coverage"].tolist()
    [0.5, 0.99]
    """
    columns = planes.ellipses(result, x=x, y=y, at=at, coverages=coverages)
    return to_library(columns, result.table.library)


def poolings(fit: Fit, *, term: str | None = None) -> Frame:
    """Return complete, no and partial pooling of one effect of every level, by the number of its rows.

    Columns group, level, term, n, rank, complete, none, none_lower, none_upper, partial, partial_lower,
    partial_upper, with one standard error to each side.

    Examples
    --------
    >>> import multilevel as ml
    >>> fit = ml.fit("wait ~ afternoon + (afternoon | cafe)", ml.datasets.load("cafes"))
    >>> table = ml.plots.tables.poolings(fit, term="afternoon")
    >>> table[["level", "complete", "none", "partial"]].head(1).round(2)
      level  complete  none  partial
    0     1     -1.14 -1.13    -1.17
    """
    return to_library(levels_by_size(fit, term=term), fit.table.library)


def caterpillar(
    result: Result, *, group: str | None = None, term: str | None = None, level: float = 0.95
) -> Frame:
    """Return one effect of every level, from the lowest to the highest, with intervals.

    Columns group, level, term, rank, estimate, lower, upper.

    Examples
    --------
    >>> import multilevel as ml
    >>> fit = ml.fit("wait ~ afternoon + (afternoon | cafe)", ml.datasets.load("cafes"))
    >>> ml.plots.tables.caterpillar(fit)[["level", "estimate", "lower", "upper"]].head(1).round(2)
      level  estimate  lower  upper
    0     5     -1.79  -2.18   -1.4
    """
    columns = intervals.ranked_effects(result, group=group, term=term, level=level)
    return to_library(columns, result.table.library)


def pooling_weights(result: Result, *, group: str | None = None, term: str | None = None) -> Frame:
    """Return the pooling weight of one effect of every level beside its number of rows.

    Columns group, level, term, n, pooling.

    Examples
    --------
    >>> import multilevel as ml
    >>> fit = ml.fit("wait ~ afternoon + (afternoon | cafe)", ml.datasets.load("cafes"))
    >>> ml.plots.tables.pooling_weights(fit)[["level", "n", "pooling"]].head(1).round(2)
      level   n  pooling
    0     1  10     0.96
    """
    return to_library(intervals.pooling_by_size(result, group=group, term=term), result.table.library)


def coefficients(results: Result | Mapping[str, Result], *, terms: Sequence[str] | None = None) -> Frame:
    """Return the coefficients of one or several results: columns result, term, estimate, lower, upper.

    Examples
    --------
    >>> import multilevel as ml
    >>> fit = ml.fit("wait ~ afternoon + (afternoon | cafe)", ml.datasets.load("cafes"))
    >>> ml.plots.tables.coefficients({"cafes": fit}).round(2)
      result       term  estimate  lower  upper
    0  cafes  afternoon     -1.14  -1.45  -0.83
    """
    named = labelled(results)
    library = next(iter(named.values())).table.library if named else "pandas"
    return to_library(intervals.coefficient_intervals(named, terms=terms), library)


def labelled(results: Result | Mapping[str, Result]) -> Mapping[str, Result]:
    """Return results by label; a single one has its formula."""
    return results if isinstance(results, Mapping) else {results.formula: results}


def residuals(result: Result, *, kind: ResidualKind | None = None, seed: int = 0) -> Frame:
    """Return each used row's fitted value and residual: columns row, fitted, residual, expected, spread.

    Examples
    --------
    >>> import multilevel as ml
    >>> fit = ml.fit("wait ~ afternoon + (afternoon | cafe)", ml.datasets.load("cafes"))
    >>> len(ml.plots.tables.residuals(fit))
    200
    """
    return to_library(residual_checks.residual_rows(result, kind=kind, seed=seed), result.table.library)


def residual_trend(result: Result, *, kind: ResidualKind | None = None, seed: int = 0) -> Frame:
    """Return means of residuals and spreads in bins of the fitted value: columns fitted, residual, spread.

    Examples
    --------
    >>> import multilevel as ml
    >>> fit = ml.fit("wait ~ afternoon + (afternoon | cafe)", ml.datasets.load("cafes"))
    >>> len(ml.plots.tables.residual_trend(fit))
    10
    """
    rows = residual_checks.residual_rows(result, kind=kind, seed=seed)
    return to_library(residual_checks.residual_trend(rows), result.table.library)


def residual_groups(
    result: Result, *, group: str | None = None, kind: ResidualKind | None = None, seed: int = 0
) -> Frame:
    """Return quartiles of the residuals of each level: group, level, rank, n, lower, median, upper.

    Examples
    --------
    >>> import multilevel as ml
    >>> fit = ml.fit("wait ~ afternoon + (afternoon | cafe)", ml.datasets.load("cafes"))
    >>> len(ml.plots.tables.residual_groups(fit))
    20
    """
    rows = residual_checks.residual_rows(result, kind=kind, seed=seed)
    return to_library(residual_checks.residuals_by_group(result, rows, group=group), result.table.library)


def predictive(
    result: Result,
    *,
    n: int = 50,
    seed: int | np.random.Generator = 0,
    groups: Literal["known", "new"] = "known",
) -> Frame:
    """Return the distribution of the response and of replicated ones: source, draw, value, density.

    Examples
    --------
    >>> import multilevel as ml
    >>> fit = ml.fit("wait ~ afternoon + (afternoon | cafe)", ml.datasets.load("cafes"))
    >>> ml.plots.tables.predictive(fit, n=3)["draw"].unique().tolist()
    [0, 1, 2, 3]
    """
    columns = predictive_checks.predictive_check(result, n=n, seed=seed, groups=groups)
    return to_library(columns, result.table.library)


def prior_posterior(posterior: Posterior, name: str, *, draws: int = 20_000, seed: int = 0) -> Frame:
    """Return the density of a parameter before and after the data: columns source, value, density.

    Examples
    --------
    >>> import multilevel as ml
    >>> post = ml.sample("reaction ~ days + (days | subject)", ml.datasets.load("sleepstudy"), seed=1)
    >>> ml.plots.tables.prior_posterior(post, "days")["source"].unique().tolist()
    ['prior', 'posterior']
    """
    columns = densities.prior_and_posterior(posterior, name, draws=draws, seed=seed)
    return to_library(columns, posterior.table.library)


def lkj(etas: Sequence[float] = (0.5, 1.0, 2.0, 4.0), *, size: int = 2) -> Frame:
    """Return the density of one correlation under LKJ for several shapes: eta, correlation, density.

    Examples
    --------
    >>> import multilevel as ml
    >>> float(ml.plots.tables.lkj([1.0])["density"].max())
    0.5
    """
    return to_library(densities.lkj_densities(etas, size=size), "pandas")
