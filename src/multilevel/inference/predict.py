"""Predictions with standard errors and intervals that say what varies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from multilevel.design.design import NewRows
from multilevel.errors import DataError, OptionError, OverflowWarning, warn
from multilevel.inference.on_link import on_link_scale, wanted_rows
from multilevel.inference.on_response import on_response_scale
from multilevel.results import Columns, Fit, Groups
from multilevel.results.options import check_choice, check_flag, check_level
from multilevel.results.posterior import Result
from multilevel.results.questions import Scale

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def predict(
    fit: Fit,
    rows: NewRows | None = None,
    *,
    groups: Groups | Mapping[str, Groups] = "known",
    interval: float | None = None,
    observation: bool = False,
    scale: Scale = "response",
    precision: Floats | None = None,
    trials: Floats | None = None,
) -> Columns:
    """Return predictions for new rows, or for the rows of the fit.

    Parameters
    ----------
    fit
        A fit.
    rows
        New rows bound by the fit's design; ``None`` for the used rows of the fit.
    groups
        What is predicted. "known": the mean of the groups of the data, given their estimated effects.
        "new": the mean of groups that are not in the data; the prediction is that of a typical group, the
        interval contains the variance between groups. "typical": the mean of a group whose effects are
        zero. "average": the mean over all groups of the population, ``E[g^-1(x'beta + z'b)]``; that of a
        typical group where the link is the identity, and on the scale of the link. A mapping gives one of
        these for each grouping factor, "known" for those not named.
    interval
        Coverage of the interval, or ``None`` for predictions alone.
    observation
        Whether the interval is for a single observation instead of a mean; one of an "average" comes from
        a group drawn at random.
    scale
        "response": mean responses; probabilities where there are trials; with zero inflation the mean of
        all counts, extra zeros included; the probability of each class of an ordinal response. "link":
        linear predictors (with zero inflation that of the counts). Linear models have the same on both.
    precision
        ``(n_new,)`` precision weights of new rows, one by default.
    trials
        ``(n_new,)`` trials of new rows; only for single observations.

    Returns
    -------
    Column prediction (or a column ``p(class)`` for each class); with an interval also std_error, lower,
    upper, and ``varies``, which names what the standard error contains.

    Raises
    ------
    DataError
        If ``groups="known"`` and a row has a level that the data of the fit do not have.
    OptionError
        If a keyword has a value that is not allowed, or a single observation is asked for without an
        interval.

    Warns
    -----
    OverflowWarning
        If a mean or limit on the scale of the response is too large for a number, and given as infinite.

    Notes
    -----
    Linear models: the interval uses the normal distribution for known groups. Otherwise it uses Student's
    t: only the part of the variance that is due to the coefficients is taken as uncertain, with the degrees
    of freedom of ``fit.options.ddf`` (the group and residual variances are taken as known), so that for a
    typical group it equals the interval of the same combination of coefficients. Least squares without
    groups gives the exact interval.

    Generalised models: the interval of the linear predictor is normal, at the estimated variances. On the
    scale of the response its ends are those of that interval taken through the inverse link (or through the
    average over groups, which rises and falls with the linear predictor too); the standard error is that
    of the linear predictor times the slope (delta method), so that the interval is not symmetric about the
    prediction. A single observation has the quantiles and the sd of its predictive distribution: the family
    at linear predictors that are normal with their standard error, integrated numerically; parameters of
    the family and shares of extra zeros are taken as known. Where there are trials it is the share of
    successes among the trials of the row.
    """
    check_flag("observation", observation)
    check_choice("scale", scale, get_args(Scale))
    kinds = kinds_of_terms(fit, groups)
    level = None if interval is None else check_level("interval", interval)
    if observation and level is None:
        raise OptionError(
            "observation=True was asked without an interval",
            allowed="observation=True changes the interval only",
            remedy="interval=0.9",
        )
    linear = fit.design.family.is_linear
    if observation and scale == "link" and not linear:
        raise OptionError(
            "observation=True was asked with scale='link': an observation has no linear predictor",
            allowed="scale='response'",
        )
    if rows is not None:
        refuse_unknown(fit, rows, kinds)
    else:
        fit.design.require_rows("predictions of the used rows")
    wanted = wanted_rows(fit, rows, kinds, precision, trials)
    at = on_link_scale if linear or scale == "link" else on_response_scale
    found: dict[str, Sequence[str] | Floats] = {**at(fit, wanted, level, observation=observation)}
    if at is on_response_scale:
        warn_of_overflow(fit, found, None if rows is None else np.arange(wanted.X.shape[0]))
    if level is not None:
        found["varies"] = [what_varies(kinds, observation=observation, linear=linear)] * wanted.X.shape[0]
    return found


def kinds_of_terms(fit: Result, groups: Groups | Mapping[str, Groups]) -> tuple[Groups, ...]:
    """Return "known", "new", "typical" or "average" for each grouped term, or raise `OptionError`."""
    names = [fit.design.factors[block.factor].name for block in fit.design.terms]
    if not isinstance(groups, Mapping):
        check_choice("groups", groups, get_args(Groups))
        return (groups,) * len(names)
    for name, kind in groups.items():
        if name not in names:
            raise OptionError(
                f"groups={{{name!r}: {kind!r}}}: the model has no grouping factor {name!r}",
                allowed=", ".join(repr(known) for known in dict.fromkeys(names)) or "none",
                remedy="name factors as in fit.n_groups",
            )
        check_choice(f"groups[{name!r}]", kind, get_args(Groups))
    return tuple(groups.get(name, "known") for name in names)


def refuse_unknown(fit: Result, rows: NewRows, kinds: Sequence[Groups]) -> None:
    """Raise `DataError` naming the levels that "known" groups need and the data do not have."""
    wanted = {
        fit.design.factors[block.factor].name
        for block, kind in zip(fit.design.terms, kinds, strict=True)
        if kind == "known"
    }
    family = fit.design.family
    averages = not family.is_linear and family.link != "inverse"
    average = ", groups='average'" if averages else ""
    over_groups = f"{average} (the mean over groups)" if averages else ""
    absent = [name for name, labels in rows.unknown.items() if not labels and name in wanted]
    if absent:
        raise DataError(
            f"groups='known', but the new rows do not say their level of {_list(absent)}",
            allowed="new rows with every grouping column",
            remedy=f"give the column, or use groups='new'{average} or groups='typical'",
        )
    faults = [(name, labels) for name, labels in rows.unknown.items() if name in wanted]
    if faults:
        found = "; ".join(f"`{name}`: {_some(labels)}" for name, labels in faults)
        raise DataError(
            f"groups='known', but the fit has not seen these levels: {found}",
            allowed="levels that are in the data of the fit",
            remedy=f"groups='new' (interval contains the variance between groups){over_groups}, or"
            " groups='typical'",
        )


def warn_of_overflow(fit: Result, found: Columns, numbers: Ints | None) -> None:
    """Warn of infinite predictions and limits, which the inverse link alone has without an overflow.

    Parameters
    ----------
    fit
        Of a generalised model.
    found
        Predictions.
    numbers
        ``(n,)`` numbers of the rows; ``None`` for the used rows of the data.
    """
    if fit.design.family.link == "inverse":
        return
    columns = [found[name] for name in ("prediction", "lower", "upper") if name in found]
    if not columns:
        return
    bad = np.flatnonzero(np.isinf(np.column_stack(columns)).any(axis=1))
    if bad.size == 0:
        return
    named = (fit.design.rows if numbers is None else numbers)[bad]
    shown = _some([str(int(row)) for row in named])
    warn(
        f"predict: a prediction or limit is too large for a number, and given as infinite, in row"
        f"{'' if bad.size == 1 else 's'} {shown} (counted from 0): the linear predictor is far outside what"
        ' the data have. Try: scale="link", and look at the columns of these rows',
        OverflowWarning,
    )


def _list(names: Sequence[str]) -> str:
    """Return names as a list in backticks."""
    return ", ".join(f"`{name}`" for name in names)


def _some(labels: Sequence[str]) -> str:
    """Return the first five labels, and how many more there are."""
    shown = ", ".join(labels[:5])
    return shown if len(labels) <= 5 else f"{shown} and {len(labels) - 5} more"


def what_varies(kinds: Sequence[Groups], *, observation: bool, linear: bool = True) -> str:
    """Return what a standard error contains: "coefficients + group effects + residual"."""
    parts = ["coefficients"]
    if "known" in kinds:
        parts.append("estimated group effects")
    if "new" in kinds or (observation and "average" in kinds):
        parts.append("new group effects")
    if observation:
        parts.append("residual" if linear else "observation")
    return " + ".join(parts)
