"""Rows to predict, and their linear predictors with variances: what every prediction starts from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multilevel.design.design import NewRows
from multilevel.inference.ddf import degrees_of_freedom, quadratic_forms, quantile
from multilevel.inference.effects import (
    family_numbers,
    linear_predictor,
    training_effects,
    training_index,
)
from multilevel.results import Fit, Groups

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class WantedRows:
    """Rows to predict.

    Parameters
    ----------
    X, offset
        ``(n, p)``, and ``(n,)`` or ``None``.
    index, Z
        For each grouped term ``(n,)`` level numbers, -1 where the term's effects are not known, and
        ``(n, k)`` effect columns.
    kinds
        For each grouped term which groups are meant.
    precision
        ``(n,)`` precision weights, or ``None`` for one.
    inflation
        ``(n, q)`` columns of zero inflation, or ``None``.
    trials
        ``(n,)`` trials, or ``None``.
    """

    X: Floats
    offset: Floats | None
    index: tuple[Ints, ...]
    Z: tuple[Floats, ...]
    kinds: tuple[Groups, ...]
    precision: Floats | None
    inflation: Floats | None
    trials: Floats | None


def wanted_rows(
    fit: Fit,
    rows: NewRows | None,
    kinds: tuple[Groups, ...],
    precision: Floats | None,
    trials: Floats | None,
) -> WantedRows:
    """Return new rows, or the used rows of the fit; terms that are not "known" get index -1."""
    design = fit.design
    if rows is None:
        fit.design.require_single_rows("predictions of the rows of the fit")
        X, offset, precision, trials = design.fixed.X, design.offset, design.precision_weights, design.trials
        index, Z = training_index(fit), training_effects(fit)
        inflation = None if design.inflation is None else design.inflation.X
    else:
        X, offset, index, Z, inflation = rows.X, rows.offset, rows.index, rows.Z, rows.inflation
    left_out = np.full(X.shape[0], -1, dtype=np.int32)
    index = tuple(i if kind == "known" else left_out for i, kind in zip(index, kinds, strict=True))
    return WantedRows(X, offset, index, Z, kinds, precision, inflation, trials)


def predictor(fit: Fit, rows: WantedRows) -> Floats:
    """Return ``(n,)`` linear predictors; effects that are not known count as zero."""
    return linear_predictor(fit, rows.X, rows.offset, rows.index, rows.Z)


def estimation_variance(fit: Fit, rows: WantedRows) -> Floats:
    """Return ``(n,)`` variances of the linear predictor that are due to estimation."""
    if "known" in rows.kinds and (rows.inflation is not None or fit.design.family.name == "ordinal"):
        numbers = family_numbers(fit)
        others = np.zeros((rows.X.shape[0], numbers.inflation.size + numbers.values.size))
        gradient = np.column_stack([rows.X, others])
        variance = fit.solution.groups.response_variance(gradient, rows.index, rows.Z)
    elif "known" in rows.kinds:
        variance = fit.solution.groups.prediction_variance(rows.X, rows.index, rows.Z)
    else:
        variance = quadratic_forms(rows.X, fit.solution.vcov_beta)
    return np.maximum(variance, 0.0)


def group_variance(fit: Fit, rows: WantedRows, kinds: Sequence[str]) -> Floats:
    """Return ``sum z' T z`` over the terms whose groups are of one of some kinds, ``(n,)`` or ``(1,)``."""
    total = np.zeros(1)
    for kind, effects, T in zip(rows.kinds, rows.Z, fit.solution.covariances, strict=True):
        if kind in kinds:
            total = total + quadratic_forms(effects, T)
    return total


def on_link_scale(fit: Fit, rows: WantedRows, level: float | None, *, observation: bool) -> dict[str, Floats]:
    """Return predictions of linear models, and of generalised ones on the scale of the linear predictor."""
    prediction = predictor(fit, rows)
    if level is None:
        return {"prediction": prediction}
    variance = estimation_variance(fit, rows)
    extra = group_variance(fit, rows, ("new", "average") if observation else ("new",))
    if observation:
        extra = extra + fit.sigma**2 / (1.0 if rows.precision is None else rows.precision)
    df = _degrees(fit, rows, variance, extra, observation=observation)
    std_error = np.sqrt(variance + extra)
    half = quantile(df, level) * std_error
    return {
        "prediction": prediction,
        "std_error": std_error,
        "lower": prediction - half,
        "upper": prediction + half,
    }


def _degrees(fit: Fit, rows: WantedRows, variance: Floats, extra: Floats, *, observation: bool) -> Floats:
    """Return degrees of freedom of the prediction error, see the notes of `predict`."""
    if "known" in rows.kinds:
        return np.full(rows.X.shape[0], np.inf)
    df = degrees_of_freedom(fit, rows.X)
    if not rows.kinds and observation:
        return df
    part = np.divide(variance, variance + extra, out=np.ones_like(variance), where=variance > 0)
    return np.asarray(df / part**2)
