"""The tables of variance components and of correlations."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from multilevel.design import EffectsTerm
from multilevel.model import Covariance
from multilevel.moments.serial import grid_of
from multilevel.results import Columns, Fit

RESIDUAL = "Residual"
ROUNDING = 1e-12
"""A correlation this near one is one."""


def variance_components(fit: Fit) -> Columns:
    """Return the sds of the group effects and of the residual.

    Returns
    -------
    Columns group, term, sd, variance, share. ``share`` is the variance over the sum of the column, zero if
    that sum is zero; the variance of a slope is counted as it stands, per squared unit of its predictor.

    A serial term has one row under the name of its column: the sd of its effects, or of a random walk that of
    its steps over one unit of time.

    In linear models the last row has group "Residual" and term "". With precision weights it is that of a
    row of weight one; if the residual sds are known row by row, it is their root mean square.

    In generalised models the effects are those of the linear predictor. A residual on that scale is there
    for Student responses with identity link alone (their scale, ``sigma``); without it, the shares are those
    among the group effects.
    """
    group, term, variance = [], [], []
    for block, T in zip(fit.design.terms, fit.solution.covariances, strict=True):
        names = block.names if block.times is None else (block.times.column,)
        group += [fit.design.factors[block.factor].name] * len(names)
        term += list(names)
        values = np.diag(T) if block.times is None else serial_variance(block, T)
        variance += [max(float(v), 0.0) for v in values]  # rounding may leave -1e-20
    if has_residual(fit):
        group, term, variance = [*group, RESIDUAL], [*term, ""], [*variance, residual_variance(fit)]
    every = np.array(variance)
    total = float(every.sum())
    return {
        "group": group,
        "term": term,
        "sd": np.sqrt(every),
        "variance": every,
        "share": every / total if total > 0 else np.zeros_like(every),
    }


def has_residual(fit: Fit) -> bool:
    """Return whether the response has a residual on the scale of the group effects."""
    family = fit.design.family
    return family.link == "identity" and family.name in ("gaussian", "student")


def residual_variance(fit: Fit) -> float:
    """Return the residual variance of a row of weight one, or the mean of those known row by row."""
    weights = fit.design.precision_weights
    if fit.design.residual_sd is None or weights is None:
        return fit.sigma**2
    if fit.design.summary is not None:
        return fit.sigma**2 * fit.design.summary.inverse_weight
    return fit.sigma**2 * float(np.mean(1 / weights))


def correlations(fit: Fit) -> Columns:
    """Return the estimated correlations between the effects of the same group.

    Returns
    -------
    Columns group, term_1, term_2, correlation, covariance: a row for each pair of effects of a term that has
    correlations. A pair with a zero variance has no correlation and no row. An autoregression has one row, of
    the two times that are closest: ``time`` and ``time + 1``. A random walk has none.
    """
    rows = []
    for block, T in zip(fit.design.terms, fit.solution.covariances, strict=True):
        if not block.covariance.correlated:
            continue
        name, sd = fit.design.factors[block.factor].name, np.sqrt(np.maximum(np.diag(T), 0.0))
        if block.times is not None:
            rows += serial_correlation(block, T, name)
            continue
        for a in range(len(block.names)):
            for b in range(a + 1, len(block.names)):
                if sd[a] > 0 and sd[b] > 0:
                    value = float(T[a, b] / (sd[a] * sd[b]))
                    value = float(np.sign(value)) if abs(value) > 1 - ROUNDING else value
                    rows.append((name, block.names[a], block.names[b], value, float(T[a, b])))
    return {
        "group": [row[0] for row in rows],
        "term_1": [row[1] for row in rows],
        "term_2": [row[2] for row in rows],
        "correlation": np.array([row[3] for row in rows], dtype=np.float64),
        "covariance": np.array([row[4] for row in rows], dtype=np.float64),
    }


def serial_variance(block: EffectsTerm, T: NDArray[np.float64]) -> list[float]:
    """Return, in a list, the variance of an autoregression's effects, or of a random walk's steps."""
    if block.covariance is not Covariance.RANDOM_WALK or block.times is None:
        return [float(T[0, 0])]
    return [float(T[0, 0]) / grid_of(block.times.values).step]


def serial_correlation(
    block: EffectsTerm, T: NDArray[np.float64], group: str
) -> list[tuple[str, str, str, float, float]]:
    """Return the row of an autoregression, if its effects vary; none of a random walk."""
    if block.times is None or block.covariance is Covariance.RANDOM_WALK or not T[0, 0] > 0.0:
        return []
    gaps = np.diff(block.times.values)
    at = int(np.argmin(gaps))
    value = float(np.clip(T[at, at + 1] / np.sqrt(T[at, at] * T[at + 1, at + 1]), -1.0, 1.0))
    later = f"{block.times.column} + {gaps[at]:g}"
    return [(group, block.times.column, later, value, float(T[at, at + 1]))]
