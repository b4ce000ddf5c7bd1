"""The door of the three poolings: one model fitted without groups, group by group, and partially pooled."""

from __future__ import annotations

from multilevel.api import fit
from multilevel.data.give_back import to_library
from multilevel.inference.pooling import poolings
from multilevel.model import Model
from multilevel.results.options import Given, Missing
from multilevel.results.questions import Frame

__all__ = ["pooling"]


def pooling(
    model: str | Model,
    data: object,
    *,
    residual_sd: Given = None,
    precision_weights: Given = None,
    frequency_weights: Given = None,
    offset: Given = None,
    missing: Missing = "report",
    lme4_compat: bool = False,
) -> Frame:
    """Fit a linear model with one grouping factor by complete, no and partial pooling.

    Parameters
    ----------
    model, data
        As in `fit`; one grouping factor with any effects, ``"reaction ~ days + (days | subject)"``.
    residual_sd, precision_weights, frequency_weights, offset, missing, lme4_compat
        As in `fit`.

    Returns
    -------
    A table in the library of the data with a row for each level and effect: group, level, term, n (rows of
    the level), complete, none, partial, complete_std_error, none_std_error, partial_std_error, pooling,
    remark. In units of the response per unit of the effect's column.

    *Complete* is least squares without groups. *None* is least squares in which every effect is a
    coefficient of each group, with one residual variance: the indicators of the groups for ``(1 | g)``, each
    group's own regression for ``(x | g)``; blank where the group's rows do not determine the coefficient,
    and ``remark`` says so. *Partial* is the model itself, by REML. ``pooling`` is the weight of the group's
    own data, as in ``fit.random_effects``.

    Raises
    ------
    MultilevelError
        One of its kinds; `OptionError` if the model is not linear or has not exactly one grouping factor.

    Examples
    --------
    >>> import multilevel as ml
    >>> table = ml.pooling("reaction ~ days + (days | subject)", ml.datasets.load("sleepstudy"))
    >>> table[["level", "term", "n", "complete", "none", "partial"]].head(2).round(1)
      level       term   n  complete   none  partial
    0   308  Intercept  10     251.4  244.2    253.7
    1   308       days  10      10.5   21.8     19.7
    """
    found = fit(
        model,
        data,
        residual_sd=residual_sd,
        precision_weights=precision_weights,
        frequency_weights=frequency_weights,
        offset=offset,
        missing=missing,
        lme4_compat=lme4_compat,
        ddf="none",
    )
    return to_library(poolings(found), found.table.library)
