"""Draws from the priors of a generalised model: its family's parameters, thresholds, and responses."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from multilevel.design.bound_priors import LARGEST_SD, LEAST_SD
from multilevel.design.family_priors import FamilyPriors, NamedPrior
from multilevel.engines.draws import FamilyDraws
from multilevel.errors import OptionError
from multilevel.inference.posterior_draws import Drawn
from multilevel.inference.posterior_generalised import drawn_responses, shares_of_zeros

Floats = NDArray[np.float64]

ROUNDS = 200
"""Times that thresholds out of order are drawn again before their priors are refused."""


def draw_family(
    priors: FamilyPriors, beta: Floats, rng: np.random.Generator, *, ordinal: bool
) -> FamilyDraws:
    """Draw the parameters of a family and the coefficients of zero inflation from their priors.

    Parameters
    ----------
    priors
        Proper priors.
    beta
        ``(s, p)`` coefficients, which the thresholds' priors may depend on.
    rng
        Source of randomness.
    ordinal
        Whether the parameters are thresholds. Their prior is the product of the given ones where they are in
        order. Other parameters are held between 1e-150 and 1e150, as residual sds of groups are.

    Returns
    -------
    FamilyDraws
        In one chain.

    Raises
    ------
    OptionError
        If the priors hardly ever give thresholds in order.
    """
    draws = beta.shape[0]
    if ordinal:
        values = _in_order(priors.parameters, draws, rng)
        if priors.centre is not None:
            values = values + (beta @ priors.centre)[:, None]
    else:
        values = np.clip(_each(priors.parameters, draws, rng), LEAST_SD, LARGEST_SD)
    inflation = _each(priors.inflation, draws, rng)
    zeros = tuple(name for name, _ in priors.inflation)
    return FamilyDraws(priors.names, values[None], zeros, inflation[None])


def _each(priors: tuple[NamedPrior, ...], draws: int, rng: np.random.Generator) -> Floats:
    """Return ``(draws, len(priors))`` independent draws."""
    found = np.empty((draws, len(priors)))
    for at, (_, prior) in enumerate(priors):
        found[:, at] = prior.draw(rng, draws)
    return found


def _in_order(priors: tuple[NamedPrior, ...], draws: int, rng: np.random.Generator) -> Floats:
    """Return draws that ascend: sorted where all have one prior, else drawn until they do."""
    found = _each(priors, draws, rng)
    if all(prior == priors[0][1] for _, prior in priors[1:]):
        return np.sort(found, axis=1)
    for _ in range(ROUNDS):
        wrong = np.flatnonzero((np.diff(found, axis=1) <= 0.0).any(axis=1))
        if wrong.size == 0:
            return found
        found[wrong] = _each(priors, wrong.size, rng)
    raise OptionError(
        "prior_predictive: the priors of the thresholds hardly ever give them in ascending order",
        allowed="priors under which " + " < ".join(f"`{name}`" for name, _ in priors) + " is not rare",
        remedy="one prior for all thresholds, or centres that ascend",
    )


@np.errstate(over="ignore", divide="ignore", invalid="ignore")
def family_responses(drawn: Drawn, eta: Floats, rng: np.random.Generator) -> Floats:
    """Draw a response of each used row for each draw of the parameters.

    Parameters
    ----------
    drawn
        One chain of draws, with a family.
    eta
        ``(s, n)`` linear predictors.
    rng
        Source of randomness.

    Returns
    -------
    ``(s, n)``: numbers of successes where there are trials, class numbers from 1, counts with extra zeros.

    Raises
    ------
    OptionError
        If a mean is one that the family does not allow, or a response is not a finite number.
    """
    design, family = drawn.design, drawn.sampled.family
    assert family is not None
    columns = None if design.inflation is None else design.inflation.X
    found = np.empty_like(eta)
    for s in range(eta.shape[0]):
        share = shares_of_zeros(family.inflation[0, s : s + 1], columns)
        zeros = share[0] if isinstance(share, np.ndarray) else None
        found[s] = drawn_responses(drawn, eta[s], family.values[0, s], zeros, design.trials, rng)
    wide = int((~np.isfinite(found)).any(axis=1).sum())
    if wide:
        raise OptionError(
            f"prior_predictive: responses of {wide} of {eta.shape[0]} draws are too large for a number",
            allowed="priors under which responses are finite numbers",
            remedy="narrower priors",
        )
    return found
