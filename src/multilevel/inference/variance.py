"""The tables of variance components and of correlations."""

from __future__ import annotations

import numpy as np

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

    In linear models the last row has group "Residual" and term "". With precision weights it is that of a
    row of weight one; if the residual sds are known row by row, it is their root mean square.

    In generalised models the effects are those of the linear predictor. A residual on that scale is there
    for Student responses with identity link alone (their scale, ``sigma``); without it, the shares are those
    among the group effects.
    """
    group, term, variance = [], [], []
    for block, T in zip(fit.design.terms, fit.solution.covariances, strict=True):
        group += [fit.design.factors[block.factor].name] * len(block.names)
        term += list(block.names)
        variance += [max(float(v), 0.0) for v in np.diag(T)]  # rounding may leave -1e-20
    if has_residual(fit):
        group, term, variance = [*group, RESIDUAL], [*term, ""], [*variance, residual_variance(fit)]
    values = np.array(variance)
    total = float(values.sum())
    return {
        "group": group,
        "term": term,
        "sd": np.sqrt(values),
        "variance": values,
        "share": values / total if total > 0 else np.zeros_like(values),
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
    return fit.sigma**2 * float(np.mean(1 / weights))


def correlations(fit: Fit) -> Columns:
    """Return the estimated correlations between the effects of the same group.

    Returns
    -------
    Columns group, term_1, term_2, correlation, covariance: a row for each pair of effects of a term that has
    correlations. A pair with a zero variance has no correlation and no row.
    """
    rows = []
    for block, T in zip(fit.design.terms, fit.solution.covariances, strict=True):
        if not block.covariance.correlated:
            continue
        name, sd = fit.design.factors[block.factor].name, np.sqrt(np.maximum(np.diag(T), 0.0))
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
