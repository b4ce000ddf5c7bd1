"""The tables of group effects and group coefficients; fitted values and residuals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from multilevel.engines.solution import FamilyNumbers
from multilevel.model.families import Ordinal
from multilevel.results import Columns, Fit
from multilevel.results.posterior import Result

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]


def group_effects(fit: Fit) -> Columns:
    """Return the effects of every level of every grouping factor, given the data.

    Returns
    -------
    Columns group, level, term, estimate, sd, pooling: conditional mean and sd of each effect given the
    data and the estimates, and ``pooling = 1 - Var(b | y) / Var(b)``, the weight that the group's own data
    have against the whole: 1 is no pooling, 0 complete pooling. For one factor and ``(1 | g)`` it is
    ``s2 / (s2 + s2_j / n_j)``. Zero where the variance of the effect is zero.
    """
    group: list[str] = []
    level, term, estimate, sd, pooling = [], [], [], [], []
    for b, block in enumerate(fit.design.terms):
        factor, k = fit.design.factors[block.factor], len(block.names)
        m = len(factor.levels)
        spread = np.diagonal(fit.solution.groups.covariances(b), axis1=1, axis2=2)
        prior = np.broadcast_to(np.diag(fit.solution.covariances[b]), (m, k))
        kept = np.divide(spread, prior, out=np.ones((m, k)), where=prior > 0)
        group += [factor.name] * (m * k)
        level.append(np.repeat(np.array(factor.levels, dtype=object), k))
        term.append(np.tile(np.array(block.names, dtype=object), m))
        estimate.append(modes(fit, b).ravel())
        sd.append(np.sqrt(np.maximum(spread, 0.0)).ravel())
        pooling.append(np.clip(1 - kept, 0.0, 1.0).ravel())
    return {
        "group": group,
        "level": _joined_text(level),
        "term": _joined_text(term),
        "estimate": np.concatenate([np.empty(0), *estimate]),
        "sd": np.concatenate([np.empty(0), *sd]),
        "pooling": np.concatenate([np.empty(0), *pooling]),
    }


def group_coefficients(fit: Fit) -> Columns:
    """Return for every level the coefficients that vary: fixed part plus group effect.

    Returns
    -------
    Columns group, level, term, estimate. An effect without a fixed coefficient of the same name varies
    about zero. Coefficients that do not vary within a factor are not repeated.
    """
    fixed = dict(zip(fit.design.fixed.names, fit.solution.beta, strict=True))
    group: list[str] = []
    level, term, estimate = [], [], []
    for b, block in enumerate(fit.design.terms):
        factor, k = fit.design.factors[block.factor], len(block.names)
        m = len(factor.levels)
        centre = np.array([fixed.get(name, 0.0) for name in block.names])
        group += [factor.name] * (m * k)
        level.append(np.repeat(np.array(factor.levels, dtype=object), k))
        term.append(np.tile(np.array(block.names, dtype=object), m))
        estimate.append((centre + modes(fit, b)).ravel())
    return {
        "group": group,
        "level": _joined_text(level),
        "term": _joined_text(term),
        "estimate": np.concatenate([np.empty(0), *estimate]),
    }


def modes(fit: Fit, term: int) -> Floats:
    """Return the ``(m, k)`` conditional means of a term's effects, kept on the fit."""
    return fit.once(f"modes of term {term}", lambda: fit.solution.groups.modes(term))


def linear_predictor(
    fit: Fit, X: Floats, offset: Floats | None, index: Sequence[Ints], Z: Sequence[Floats]
) -> Floats:
    """Return ``X beta + offset + sum_b z' b``; an index of -1 leaves a term out of a row."""
    value = np.asarray(X @ fit.solution.beta)
    if offset is not None:
        value = value + offset
    for b, (levels, effects) in enumerate(zip(index, Z, strict=True)):
        shift = np.einsum("ij,ij->i", effects, modes(fit, b)[levels])
        value = value + np.where(levels >= 0, shift, 0.0)
    return value


def training_index(fit: Fit) -> tuple[Ints, ...]:
    """Return the level number of each used row, for each grouped term."""
    return tuple(fit.design.factors[block.factor].index for block in fit.design.terms)


def training_effects(fit: Fit) -> tuple[Floats, ...]:
    """Return the effect columns of each grouped term."""
    return tuple(block.Z for block in fit.design.terms)


def fitted(fit: Fit) -> Floats:
    """Return ``X beta + offset + Z b`` for each row of the caller's table, NaN where it was left out.

    Of a generalised model: the mean response there, see `fitted_of_used_rows`.
    """
    fit.design.require_single_rows("fitted values")
    return in_caller_rows(fit, fitted_of_used_rows(fit))


def residuals(fit: Fit) -> Floats:
    """Return response less fitted value for each row of the caller's table, NaN where it was left out.

    The response is the share of successes where there are trials.
    """
    design = fit.design
    design.require_single_rows("residuals")
    y = design.y if design.trials is None else design.y / design.trials
    return in_caller_rows(fit, y - fitted_of_used_rows(fit))


def fitted_of_used_rows(fit: Fit) -> Floats:
    """Return ``(n,)`` fitted values of the used rows, kept on the fit.

    Mean responses given the group effects: probabilities where there are trials, extra zeros included, and
    the mean class number of an ordinal response.
    """
    return fit.once("fitted", lambda: _mean_response(fit, predictor_of_used_rows(fit)))


def _mean_response(fit: Fit, eta: Floats) -> Floats:
    """Return the mean response of the used rows at their linear predictors."""
    family = fit.design.family
    if isinstance(family, Ordinal):
        p = family.probabilities(eta, family_numbers(fit).values)
        return np.asarray(p @ np.arange(1.0, p.shape[1] + 1.0))
    return (1.0 - zeros_of_used_rows(fit)) * family.mean(eta)


def family_numbers(fit: Fit) -> FamilyNumbers:
    """Return the family's parameters at the estimates; a linear model has its residual sd."""
    found = fit.solution.family_numbers
    if found is not None:
        return found
    nothing = np.zeros(0)
    return FamilyNumbers(("sigma",), np.array([fit.sigma]), np.zeros(1), (), nothing, np.zeros((0, 0)))


def zeros_of_used_rows(fit: Fit) -> Floats:
    """Return ``(n,)`` shares of extra zeros of the used rows."""
    inflation = fit.design.inflation
    if inflation is None:
        return np.zeros(fit.design.n_rows)
    return np.asarray(expit(inflation.X @ family_numbers(fit).inflation))


def predictor_of_used_rows(fit: Fit) -> Floats:
    """Return ``(n,)`` linear predictors of the used rows, kept on the fit."""
    design = fit.design
    design.require_rows("fitted values and residuals")
    return fit.once(
        "predictor",
        lambda: linear_predictor(
            fit, design.fixed.X, design.offset, training_index(fit), training_effects(fit)
        ),
    )


def in_caller_rows(fit: Result, values: Floats) -> Floats:
    """Return ``(..., n_input)`` values from ``(..., n)``, NaN where a row was left out."""
    full = np.full((*values.shape[:-1], fit.design.n_input), np.nan)
    full[..., fit.design.rows] = values
    return full


def _joined_text(parts: list[NDArray[np.object_]]) -> list[str]:
    """Return the entries of several text arrays as one list."""
    return [entry for part in parts for entry in part.tolist()]
