"""Predictions with standard errors and intervals that say what varies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from multilevel.design.design import NewRows
from multilevel.errors import DataError, OptionError
from multilevel.inference.ddf import degrees_of_freedom, quadratic_forms, quantile
from multilevel.inference.effects import linear_predictor, training_effects, training_index
from multilevel.results import Columns, Fit, Groups
from multilevel.results.options import check_choice, check_flag, check_level
from multilevel.results.posterior import Result

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]


def predict(
    fit: Fit,
    rows: NewRows | None = None,
    *,
    groups: Groups | Mapping[str, Groups] = "known",
    interval: float | None = None,
    observation: bool = False,
    precision: Floats | None = None,
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
        zero. A mapping gives one of these for each grouping factor, "known" for those not named.
    interval
        Coverage of the interval, or ``None`` for predictions alone.
    observation
        Whether the interval is for a single observation (adds the residual variance) instead of a mean.
    precision
        ``(n_new,)`` precision weights of new rows, one by default.

    Returns
    -------
    Column prediction; with an interval also std_error, lower, upper, and ``varies``, which names what the
    standard error contains.

    Raises
    ------
    DataError
        If ``groups="known"`` and a row has a level that the data of the fit do not have.
    OptionError
        If a keyword has a value that is not allowed, or a single observation is asked for without an
        interval.

    Notes
    -----
    The interval uses the normal distribution for known groups. Otherwise it uses Student's t: only the
    part of the variance that is due to the coefficients is taken as uncertain, with the degrees of freedom
    of ``fit.options.ddf`` (the group and residual variances are taken as known), so that for a typical
    group it equals the interval of the same combination of coefficients. Least squares without groups
    gives the exact interval.
    """
    check_flag("observation", observation)
    kinds = kinds_of_terms(fit, groups)
    level = None if interval is None else check_level("interval", interval)
    if observation and level is None:
        raise OptionError(
            "observation=True was asked without an interval",
            allowed="observation=True changes the interval only",
            remedy="interval=0.9",
        )
    X, offset, index, Z = _arrays(fit, rows, kinds)
    prediction = linear_predictor(fit, X, offset, index, Z)
    if level is None:
        return {"prediction": prediction}
    if "known" in kinds:
        variance = fit.solution.groups.prediction_variance(X, index, Z)
    else:
        variance = quadratic_forms(X, fit.solution.vcov_beta)
    variance = np.maximum(variance, 0.0)
    extra = _new_group_variance(fit, kinds, Z)
    if observation:
        weights = precision if rows is not None else fit.design.precision_weights
        extra = extra + fit.sigma**2 / (1.0 if weights is None else weights)
    df = _degrees(fit, kinds, X, variance, extra, observation=observation)
    std_error = np.sqrt(variance + extra)
    half = quantile(df, level) * std_error
    return {
        "prediction": prediction,
        "std_error": std_error,
        "lower": prediction - half,
        "upper": prediction + half,
        "varies": [what_varies(kinds, observation=observation)] * prediction.size,
    }


def kinds_of_terms(fit: Result, groups: Groups | Mapping[str, Groups]) -> tuple[Groups, ...]:
    """Return "known", "new" or "typical" for each grouped term, or raise `OptionError`."""
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


def _arrays(
    fit: Fit, rows: NewRows | None, kinds: Sequence[Groups]
) -> tuple[Floats, Floats | None, tuple[Ints, ...], tuple[Floats, ...]]:
    """Return the arrays of the rows to predict; terms that are not known have index -1."""
    if rows is None:
        X, offset = fit.design.fixed.X, fit.design.offset
        index, Z = training_index(fit), training_effects(fit)
    else:
        X, offset, index, Z = rows.X, rows.offset, rows.index, rows.Z
        refuse_unknown(fit, rows, kinds)
    left_out = np.full(X.shape[0], -1, dtype=np.int32)
    index = tuple(i if kind == "known" else left_out for i, kind in zip(index, kinds, strict=True))
    return X, offset, index, Z


def refuse_unknown(fit: Result, rows: NewRows, kinds: Sequence[Groups]) -> None:
    """Raise `DataError` naming the levels that "known" groups need and the data do not have."""
    wanted = {
        fit.design.factors[block.factor].name
        for block, kind in zip(fit.design.terms, kinds, strict=True)
        if kind == "known"
    }
    absent = [name for name, labels in rows.unknown.items() if not labels and name in wanted]
    if absent:
        raise DataError(
            f"groups='known', but the new rows do not say their level of {_list(absent)}",
            allowed="new rows with every grouping column",
            remedy="give the column, or use groups='new' or groups='typical'",
        )
    faults = [(name, labels) for name, labels in rows.unknown.items() if name in wanted]
    if faults:
        found = "; ".join(f"`{name}`: {_some(labels)}" for name, labels in faults)
        raise DataError(
            f"groups='known', but the fit has not seen these levels: {found}",
            allowed="levels that are in the data of the fit",
            remedy="groups='new' (interval contains the variance between groups), or groups='typical'",
        )


def _list(names: Sequence[str]) -> str:
    """Return names as a list in backticks."""
    return ", ".join(f"`{name}`" for name in names)


def _some(labels: Sequence[str]) -> str:
    """Return the first five labels, and how many more there are."""
    shown = ", ".join(labels[:5])
    return shown if len(labels) <= 5 else f"{shown} and {len(labels) - 5} more"


def _new_group_variance(fit: Fit, kinds: Sequence[Groups], Z: Sequence[Floats]) -> Floats:
    """Return ``sum z' T z`` over the terms whose groups are new."""
    total = np.zeros(1)
    for kind, effects, T in zip(kinds, Z, fit.solution.covariances, strict=True):
        if kind == "new":
            total = total + quadratic_forms(effects, T)
    return total


def _degrees(
    fit: Fit,
    kinds: Sequence[Groups],
    X: Floats,
    variance: Floats,
    extra: Floats,
    *,
    observation: bool,
) -> Floats:
    """Return degrees of freedom of the prediction error, see the notes of `predict`."""
    if "known" in kinds:
        return np.full(X.shape[0], np.inf)
    df = degrees_of_freedom(fit, X)
    if not kinds and observation:
        return df
    part = np.divide(variance, variance + extra, out=np.ones_like(variance), where=variance > 0)
    return np.asarray(df / part**2)


def what_varies(kinds: Sequence[Groups], *, observation: bool) -> str:
    """Return what a standard error contains: "coefficients + group effects + residual"."""
    parts = ["coefficients"]
    if "known" in kinds:
        parts.append("estimated group effects")
    if "new" in kinds:
        parts.append("new group effects")
    if observation:
        parts.append("residual")
    return " + ".join(parts)
