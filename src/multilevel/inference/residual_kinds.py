"""Residuals of a fit: raw, in units of their sd, by deviance, and by quantiles."""

from __future__ import annotations

from typing import get_args

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from multilevel.errors import OptionError
from multilevel.inference.effects import (
    family_numbers,
    fitted_of_used_rows,
    in_caller_rows,
    predictor_of_used_rows,
    residuals,
    zeros_of_used_rows,
)
from multilevel.inference.simulate import generator
from multilevel.results import Fit
from multilevel.results.options import check_choice
from multilevel.results.questions import ResidualKind

Floats = NDArray[np.float64]


def residuals_of(fit: Fit, kind: ResidualKind, *, seed: object = None) -> Floats:
    """Return residuals of one kind for each row of the caller's table, NaN where it was left out.

    Parameters
    ----------
    fit
        A fit.
    kind
        "response", "pearson", "deviance" or "quantile", see `Fit.residuals_of`.
    seed
        For "quantile" residuals of responses in whole numbers: a whole number, or a NumPy generator.

    Raises
    ------
    OptionError
        If a keyword has a value that is not allowed, a seed is absent or not needed, or the family has no
        deviance residuals.
    """
    check_choice("kind", kind, get_args(ResidualKind))
    random = kind == "quantile" and fit.design.family.discrete
    if random == (seed is None):
        raise OptionError(
            f"residuals of kind {kind!r} of the {fit.design.family.name} family were asked"
            + (" without a seed" if random else f" with seed={seed!r}"),
            allowed="a seed for quantile residuals of responses in whole numbers, which are drawn at random",
            remedy="seed=1" if random else "leave seed out",
        )
    if kind == "response":
        return residuals(fit)
    fit.design.require_single_rows("residuals")
    if kind == "pearson":
        return in_caller_rows(fit, _pearson(fit))
    if kind == "deviance":
        return in_caller_rows(fit, _deviance(fit))
    uniform = generator(seed).random(fit.design.n_rows) if random else np.ones(fit.design.n_rows)
    return in_caller_rows(fit, _quantile(fit, uniform))


def _pearson(fit: Fit) -> Floats:
    """Return response less mean, over the sd of the response given the group effects."""
    design = fit.design
    eta, parameters = predictor_of_used_rows(fit), family_numbers(fit).values
    mu, zeros = design.family.mean(eta), zeros_of_used_rows(fit)
    variance = (1.0 - zeros) * (design.family.variance(mu, parameters, design.trials) + zeros * mu * mu)
    weights = 1.0 if design.precision_weights is None else design.precision_weights
    scale = 1.0 if design.trials is None else design.trials
    return np.asarray((design.y - scale * fitted_of_used_rows(fit)) / np.sqrt(variance / weights))


def _deviance(fit: Fit) -> Floats:
    """Return signed roots of the rows' deviances."""
    design = fit.design
    mu = fitted_of_used_rows(fit)
    found = None
    if design.inflation is None:
        found = design.family.deviance(design.y, mu, family_numbers(fit).values, design.trials)
    if found is None:
        what, why = "family", "a class has no mean from which its distance could be measured"
        if design.inflation is not None:
            what, why = "family with zero inflation", "a zero is best explained without any mean"
        raise OptionError(
            f"deviance residuals were asked of the {design.family.name} {what}: {why}",
            allowed="'response', 'pearson' or 'quantile'",
            remedy="kind='quantile'",
        )
    weights = 1.0 if design.precision_weights is None else design.precision_weights
    scale = 1.0 if design.trials is None else design.trials
    return np.asarray(np.sign(design.y - scale * mu) * np.sqrt(np.maximum(found, 0.0) * weights))


def _quantile(fit: Fit, uniform: Floats) -> Floats:
    """Return the normal quantiles of the distribution function at the responses (Dunn and Smyth 1996)."""
    design, parameters = fit.design, family_numbers(fit).values
    if fit.solution.family_numbers is None:  # normal: the quantile is the residual itself
        return _pearson(fit)
    mu, zeros = design.family.mean(predictor_of_used_rows(fit)), zeros_of_used_rows(fit)

    def below(y: Floats) -> Floats:
        inside = design.family.cdf(y, mu, parameters, design.trials)
        return np.asarray(np.where(y >= 0, zeros, 0.0) + (1.0 - zeros) * inside)

    upper = below(design.y)
    lower = below(design.y - 1.0) if design.family.discrete else upper
    least = np.finfo(np.float64).eps / 2
    return np.asarray(ndtri(np.clip(lower + uniform * (upper - lower), least, 1.0 - least)))
