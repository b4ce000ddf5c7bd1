"""New responses drawn from a fit."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from multilevel.errors import OptionError
from multilevel.inference.effects import fitted_of_used_rows, in_caller_rows
from multilevel.results import Fit
from multilevel.results.options import check_choice

Floats = NDArray[np.float64]


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
    caller's table that were left out. Residuals have variance ``sigma^2 / precision weight``.

    Raises
    ------
    OptionError
        If a keyword has a value that is not allowed, or the fit has frequency weights: such a row stands
        for several observations, which would differ.
    """
    check_choice("groups", groups, ("new", "known"))
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
        raise OptionError(f"n={n!r} is not a number of responses", allowed="1, 2, ...", remedy="n=1")
    if fit.design.frequency_weights is not None:
        raise OptionError(
            "simulate was asked of a fit with frequency weights",
            allowed="one observation for each row",
            remedy="repeat the rows in the table and fit again without frequency_weights",
        )
    rng = generator(seed)
    design = fit.design
    noise = np.full(design.n_rows, fit.sigma)
    if design.precision_weights is not None:
        noise = noise / np.sqrt(design.precision_weights)
    drawn = noise * rng.standard_normal((n, design.n_rows))
    if groups == "known":
        return in_caller_rows(fit, drawn + fitted_of_used_rows(fit))
    drawn += design.fixed.X @ fit.solution.beta
    if design.offset is not None:
        drawn += design.offset
    for block, T in zip(design.terms, fit.solution.covariances, strict=True):
        factor = design.factors[block.factor]
        root = _root(T)
        for row in drawn:
            b = rng.standard_normal((len(factor.levels), T.shape[0])) @ root.T
            row += np.einsum("ij,ij->i", block.Z, b[factor.index])
    return in_caller_rows(fit, drawn)


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
