"""Probabilities of the classes of an ordinal response."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, ndtri

from multilevel.errors import OptionError
from multilevel.inference.averages import averaged
from multilevel.inference.effects import family_numbers
from multilevel.inference.on_link import WantedRows, group_variance, predictor
from multilevel.results import Fit

Floats = NDArray[np.float64]


def class_probabilities(
    fit: Fit, rows: WantedRows, level: float | None, *, observation: bool
) -> dict[str, Floats]:
    """Return columns ``p(class)``, the probability of each class in each row.

    With an interval also ``std_error(class)``, ``lower(class)`` and ``upper(class)``: standard errors by the
    delta method, limits normal on the logit scale of the probability.

    Raises
    ------
    OptionError
        If a single observation is asked for.
    """
    if observation:
        raise OptionError(
            "observation=True was asked of an ordinal response",
            allowed="the probability of each class, which says all about a single observation",
            remedy="observation=False",
        )
    eta = predictor(fit, rows)
    spread = group_variance(fit, rows, ("average",))
    link, thresholds = str(fit.design.family.link), family_numbers(fit).values
    below = [averaged(link, cut - eta, spread) for cut in thresholds]
    zero, one = np.zeros_like(eta), np.ones_like(eta)
    p = np.diff(np.column_stack([zero, *(value for value, _ in below), one]), axis=1)
    slopes = np.column_stack([zero, *(slope for _, slope in below), zero])
    found: dict[str, Floats] = {}
    for c, name in enumerate(fit.design.classes):
        found[f"p({name})"] = p[:, c]
        if level is not None:
            std_error = np.sqrt(_variance(fit, rows, slopes, c))
            spare = np.maximum(p[:, c] * (1.0 - p[:, c]), np.finfo(np.float64).tiny)
            half = ndtri((1 + level) / 2) * std_error / spare
            found[f"std_error({name})"] = std_error
            found[f"lower({name})"] = expit(logit(p[:, c]) - half)
            found[f"upper({name})"] = expit(logit(p[:, c]) + half)
    return found


def _variance(fit: Fit, rows: WantedRows, slopes: Floats, c: int) -> Floats:
    """Return the variances of the probability of class ``c`` from slopes at the thresholds around it."""
    move = (slopes[:, c] - slopes[:, c + 1])[:, None]  # by the linear predictor
    by_thresholds = np.zeros((slopes.shape[0], slopes.shape[1]))
    by_thresholds[:, c], by_thresholds[:, c + 1] = -slopes[:, c], slopes[:, c + 1]
    gradient = np.column_stack([move * rows.X, by_thresholds[:, 1:-1]])
    found = fit.solution.groups.response_variance(gradient, rows.index, [move * Z for Z in rows.Z])
    return np.asarray(np.maximum(found, 0.0) + move[:, 0] ** 2 * group_variance(fit, rows, ("new",)))
