"""New responses drawn from a fit."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from multilevel.errors import OptionError
from multilevel.inference.effects import (
    family_numbers,
    fitted_of_used_rows,
    in_caller_rows,
    predictor_of_used_rows,
    zeros_of_used_rows,
)
from multilevel.results import Fit
from multilevel.results.options import check_choice

Floats = NDArray[np.float64]

ANY_MEAN = ("gaussian", "student", "ordinal")
"""Families whose means may be negative."""


def simulate(
    fit: Fit, n: int = 1, *, seed: int | np.random.Generator, groups: Literal["new", "known"] = "new"
) -> Floats:
    """Return new responses for the rows of the fit, at the estimates.

    Parameters
    ----------
    fit
        A fit.
    n
        How many responses to draw, at least 1.
    seed
        A whole number, or a NumPy generator, which is advanced.
    groups
        "new": group effects are drawn afresh from their distribution for every response. "known": they
        stay at their conditional means.

    Returns
    -------
    ``(n, n_input)`` responses on the scale of the model's response, one row for each; NaN for rows of the
    caller's table that were left out. Residuals have variance ``sigma^2 / precision weight``. Numbers of
    successes where there are trials (those of the rows), class numbers from 1 of an ordinal response, counts
    with their extra zeros.

    Raises
    ------
    OptionError
        If a keyword has a value that is not allowed, or the fit has frequency weights: such a row stands
        for several observations, which would differ; or if a drawn mean is one that the family does not
        allow (links identity and inverse).
    """
    check_choice("groups", groups, ("new", "known"))
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
        raise OptionError(f"n={n!r} is not a number of responses", allowed="1, 2, ...", remedy="n=1")
    fit.design.require_single_rows("simulated responses")
    fit.design.require_rows("simulated responses")
    if fit.design.frequency_weights is not None:
        raise OptionError(
            "simulate was asked of a fit with frequency weights",
            allowed="one observation for each row",
            remedy="repeat the rows in the table and fit again without frequency_weights",
        )
    rng = generator(seed)
    if fit.solution.family_numbers is not None:
        return in_caller_rows(fit, _generalised(fit, n, rng, new=groups == "new"))
    design = fit.design
    noise = np.full(design.n_rows, fit.sigma)
    if design.precision_weights is not None:
        noise = noise / np.sqrt(design.precision_weights)
    drawn = noise * rng.standard_normal((n, design.n_rows))
    if groups == "known":
        return in_caller_rows(fit, drawn + fitted_of_used_rows(fit))
    _add_new_groups(fit, drawn, rng)
    return in_caller_rows(fit, drawn)


def _add_new_groups(fit: Fit, drawn: Floats, rng: np.random.Generator) -> None:
    """Add to each row of ``(n, n_rows)`` the linear predictors with group effects drawn afresh."""
    design = fit.design
    drawn += design.fixed.X @ fit.solution.beta
    if design.offset is not None:
        drawn += design.offset
    for block, T in zip(design.terms, fit.solution.covariances, strict=True):
        factor = design.factors[block.factor]
        root = _root(T)
        for row in drawn:
            b = rng.standard_normal((len(factor.levels), T.shape[0])) @ root.T
            row += np.einsum("ij,ij->i", block.Z, b[factor.index])


def _generalised(fit: Fit, n: int, rng: np.random.Generator, *, new: bool) -> Floats:
    """Return ``(n, n_rows)`` responses of a generalised model."""
    design, parameters = fit.design, family_numbers(fit).values
    eta = np.zeros((n, design.n_rows))
    if new:
        _add_new_groups(fit, eta, rng)
    else:
        eta += predictor_of_used_rows(fit)
    zeros = zeros_of_used_rows(fit)
    drawn = np.empty_like(eta)
    for row, predictors in zip(drawn, eta, strict=True):
        mu = design.family.mean(predictors)
        if design.family.name not in ANY_MEAN and np.any(mu < 0):
            raise OptionError(
                f"simulate drew a mean of {float(mu.min()):.3g}: {design.family.text()} has none below 0",
                allowed="models whose link keeps means in their range, such as log",
            )
        row[:] = design.family.draw(rng, mu, parameters, design.trials)
    if design.inflation is not None:
        drawn[rng.random(drawn.shape) < zeros] = 0.0
    return drawn


def generator(seed: object) -> np.random.Generator:
    """Return a generator from a seed, or raise `OptionError`."""
    if isinstance(seed, np.random.Generator):
        return seed
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise OptionError(
            f"seed={seed!r} is not a seed",
            allowed="a whole number from 0, or a numpy.random.Generator",
            remedy="seed=1",
        )
    return np.random.default_rng(int(seed))


def _root(T: Floats) -> Floats:
    """Return ``A`` with ``A A' = T`` for a positive semi-definite ``T``."""
    values, vectors = np.linalg.eigh(T)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))
