"""Predictions of generalised models on the scale of the response."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from multilevel.inference.averages import averaged, mean_over, share_of_zeros
from multilevel.inference.classes import class_probabilities
from multilevel.inference.effects import family_numbers
from multilevel.inference.observations import Observations, observed
from multilevel.inference.on_link import WantedRows, estimation_variance, group_variance, predictor
from multilevel.model.families import Ordinal, link_of
from multilevel.model.families import slope as slope_of
from multilevel.results import Fit

Floats = NDArray[np.float64]


@np.errstate(over="ignore", invalid="ignore")
def on_response_scale(
    fit: Fit, rows: WantedRows, level: float | None, *, observation: bool
) -> dict[str, Floats]:
    """Return mean responses, with intervals of the mean or of single observations.

    Notes
    -----
    See `multilevel.inference.predict.predict`. Far outside the data means may be infinite; `predict` warns.
    """
    family = fit.design.family
    if isinstance(family, Ordinal):
        return class_probabilities(fit, rows, level, observation=observation)
    eta = predictor(fit, rows)
    spread = np.broadcast_to(group_variance(fit, rows, ("average",)), eta.shape)
    zeros = share_of_zeros(rows.inflation, family_numbers(fit).inflation, eta.size)
    mean, slope = averaged(str(family.link), eta, spread)
    prediction = (1.0 - zeros) * mean
    if level is None:
        return {"prediction": prediction}
    if rows.inflation is not None and not observation:
        new = group_variance(fit, rows, ("new",)) * ((1.0 - zeros) * slope) ** 2
        std_error = np.sqrt(_inflated_variance(fit, rows, rows.inflation, zeros, mean, slope) + new)
        return {"prediction": prediction} | _about(fit, prediction, std_error, level)
    variance = estimation_variance(fit, rows) + group_variance(fit, rows, ("new",))
    if observation:
        sd = np.sqrt(variance + spread)
        wanted = Observations(family, family_numbers(fit).values, eta, sd, zeros, rows.trials)
        return {"prediction": prediction} | _shares(observed(wanted, level), rows.trials)
    lower, upper = _transformed(fit, eta, float(ndtri((1 + level) / 2)) * np.sqrt(variance), spread)
    return {
        "prediction": prediction,
        "std_error": np.abs(slope) * np.sqrt(variance),
        "lower": lower,
        "upper": upper,
    }


def _transformed(fit: Fit, eta: Floats, half: Floats, spread: Floats) -> tuple[Floats, Floats]:
    """Return the mean at the ends of an interval of the linear predictor, the smaller first."""
    link = str(fit.design.family.link)
    one, other = (mean_over(link, eta + sign * half, spread) for sign in (-1.0, 1.0))
    lower, upper = np.minimum(one, other), np.maximum(one, other)
    around = np.abs(eta) < half  # contains a linear predictor of zero
    if link == "sqrt":
        lower = np.where(around, spread, lower)
    if link == "inverse":  # the mean has no bound on the side of zero
        end = 1.0 / (eta + np.sign(eta) * half)
        lower = np.where(around, np.where(eta > 0, end, -np.inf), lower)
        upper = np.where(around, np.where(eta > 0, np.inf, end), upper)
    return lower, upper


def _shares(found: tuple[Floats, Floats, Floats], trials: Floats | None) -> dict[str, Floats]:
    """Return sds and limits of observations; of the share of successes where there are trials."""
    per = np.ones(1) if trials is None else trials
    return {"std_error": found[0] / per, "lower": found[1] / per, "upper": found[2] / per}


def _inflated_variance(
    fit: Fit, rows: WantedRows, inflation: Floats, zeros: Floats, mean: Floats, slope: Floats
) -> Floats:
    """Return variances of means with extra zeros, by the delta method."""
    by_zeros = -(zeros * (1.0 - zeros) * mean)[:, None] * inflation
    others = np.zeros((mean.size, family_numbers(fit).values.size))
    move = ((1.0 - zeros) * slope)[:, None]
    gradient = np.column_stack([move * rows.X, by_zeros, others])
    found = fit.solution.groups.response_variance(gradient, rows.index, [move * Z for Z in rows.Z])
    return np.maximum(found, 0.0)


def _about(fit: Fit, mean: Floats, std_error: Floats, level: float) -> dict[str, Floats]:
    """Return the interval of a mean whose link is normal with the standard error by the delta method."""
    link = str(fit.design.family.link)
    eta = link_of(link, mean)
    steepness = np.abs(slope_of(link, eta))
    half = np.divide(std_error, steepness, out=np.zeros_like(mean), where=steepness > 0)
    lower, upper = _transformed(fit, eta, float(ndtri((1 + level) / 2)) * half, np.zeros_like(eta))
    return {"std_error": std_error, "lower": lower, "upper": upper}
