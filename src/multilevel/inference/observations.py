"""Intervals of single observations of generalised models: mixtures over the linear predictor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from multilevel.inference.averages import AT_ONCE, normal_nodes
from multilevel.model.families import Family, slope

Floats = NDArray[np.float64]

EXACT = 1e-10
"""Error of a quantile's probability that ends the search."""
STEPS = 200
"""Steps of a search; about ten are usual for continuous responses, the log of the count for others."""


@dataclass(frozen=True, slots=True, eq=False)
class Observations:
    """The predictive distribution of some rows.

    Parameters
    ----------
    family, parameters
        Of the fit.
    eta, sd
        ``(n,)`` mean and sd of the linear predictor, which is taken as normal.
    zeros
        ``(n,)`` shares of extra zeros.
    trials
        ``(n,)`` or ``None``.
    """

    family: Family
    parameters: Floats
    eta: Floats
    sd: Floats
    zeros: Floats
    trials: Floats | None

    def part(self, some: slice) -> Observations:
        """Return some of the rows."""
        trials = None if self.trials is None else self.trials[some]
        return Observations(
            self.family, self.parameters, self.eta[some], self.sd[some], self.zeros[some], trials
        )

    def sharpness(self) -> float:
        """Return how fast the distribution function changes over the linear predictor, see `normal_nodes`.

        The largest sd of a linear predictor over that of an observation on the link scale, within three sds.
        """
        found = float(self.sd.max(initial=0.0))
        for place in (-3.0, -1.5, 0.0, 1.5, 3.0):
            eta = self.eta + place * self.sd
            spread = np.sqrt(self.family.variance(_means(self, eta), self.parameters, self.trials))
            steepness = np.abs(slope(str(self.family.link), eta))
            if self.trials is not None:
                steepness = steepness * self.trials
            sharp = np.divide(self.sd * steepness, spread, out=np.zeros_like(spread), where=spread > 0)
            found = max(found, 0.6 * float(np.nan_to_num(sharp).max(initial=0.0)))
        return found


def observed(rows: Observations, level: float) -> tuple[Floats, Floats, Floats]:
    """Return sds and limits of single observations.

    Parameters
    ----------
    rows
        The predictive distribution.
    level
        Coverage of the equal-tailed interval.

    Returns
    -------
    ``(n,)`` sds, lower and upper limits; of the number of successes where there are trials. Limits of whole
    numbers are whole: the smallest with at least the probability (1 - level) / 2 or (1 + level) / 2 below
    or at them, so that the interval covers at least ``level``.
    """
    n = rows.eta.size
    sd, lower, upper = np.empty(n), np.empty(n), np.empty(n)
    nodes, weights = normal_nodes(rows.sharpness())
    step = max(1, AT_ONCE // nodes.size)
    for start in range(0, n, step):
        some = slice(start, start + step)
        part = rows.part(some)
        mu = _means(part, part.eta[:, None] + part.sd[:, None] * nodes)
        trials = None if part.trials is None else part.trials[:, None]
        sd[some] = _sd(part, mu, trials, weights)

        def below(
            y: Floats, part: Observations = part, mu: Floats = mu, trials: Floats | None = trials
        ) -> Floats:
            inside = part.family.cdf(y[:, None], mu, part.parameters, trials) @ weights
            return np.asarray(np.where(y >= 0, part.zeros, 0.0) + (1.0 - part.zeros) * inside)

        search = _whole_quantile if part.family.discrete else _quantile
        for p, limit in (((1 - level) / 2, lower), ((1 + level) / 2, upper)):
            limit[some] = search(below, part, p)
    return sd, lower, upper


def _sd(part: Observations, mu: Floats, trials: Floats | None, weights: Floats) -> Floats:
    """Return the sd of an observation: variance within and between means."""
    variance = part.family.variance(mu, part.parameters, trials)
    mean = mu if trials is None else mu * trials
    kept = 1.0 - part.zeros
    second = kept * ((variance + mean * mean) @ weights)
    first = kept * (mean @ weights)
    return np.asarray(np.sqrt(np.maximum(second - first * first, 0.0)))


def _whole_quantile(below: Callable[[Floats], Floats], part: Observations, p: float) -> Floats:
    """Return the smallest whole numbers with probability ``p`` or more at or below them, by bisection."""
    short = np.full(part.eta.shape, -1.0)  # has less than p
    enough = np.maximum(np.ceil(_means(part, part.eta)), 1.0) if part.trials is None else part.trials.copy()
    for _ in range(STEPS):
        low = below(enough) < p - EXACT
        if not low.any():
            break
        short = np.where(low, enough, short)
        enough = np.where(low, 2.0 * enough, enough)
    while np.any(enough - short > 1.0):
        middle = np.floor((short + enough) / 2.0)
        low = below(middle) < p - EXACT
        short, enough = np.where(low, middle, short), np.where(low, enough, middle)
    return enough


def _quantile(below: Callable[[Floats], Floats], part: Observations, p: float) -> Floats:
    """Return quantiles of continuous responses, by the Illinois rule in a coordinate without ends."""
    back, there = _coordinate(part.family)
    centre = there(_means(part, part.eta))
    width = 1.0
    if part.family.name in ("gaussian", "student"):
        width = float(part.parameters[0])
    low, high = centre - width, centre + width
    for _ in range(STEPS):
        under, over = below(back(low)) > p, below(back(high)) < p
        if not (under.any() or over.any()):
            break
        width *= 2.0
        low, high = np.where(under, low - width, low), np.where(over, high + width, high)
    at_low, at_high = below(back(low)) - p, below(back(high)) - p
    before = np.zeros(low.shape)
    for _ in range(STEPS):
        gap = at_high - at_low
        share = np.divide(-at_low, gap, out=np.full_like(gap, 0.5), where=gap > 0)
        new = low + np.clip(share, 0.0, 1.0) * (high - low)
        at_new = below(back(new)) - p
        if np.all((np.abs(at_new) < EXACT) | (high - low <= 1e-12 * (1.0 + np.abs(new)))):
            break
        side = np.where(at_new < 0, -1.0, 1.0)
        twice = np.where(side == before, 0.5, 1.0)  # the end that stays twice is drawn in
        low, high = np.where(side < 0, new, low), np.where(side < 0, high, new)
        at_low, at_high = (
            np.where(side < 0, at_new, at_low * twice),
            np.where(side < 0, at_high * twice, at_new),
        )
        before = side
    return back(new)


def _means(part: Observations, eta: Floats) -> Floats:
    """Return means at linear predictors; those that the family does not allow become tiny."""
    mu = part.family.mean(eta)
    if part.family.link in ("identity", "inverse") and part.family.name not in ("gaussian", "student"):
        return np.asarray(np.where(mu > 0, mu, 1e-12))
    return mu


def _coordinate(family: Family) -> tuple[Callable[[Floats], Floats], Callable[[Floats], Floats]]:
    """Return a map from the real line onto the range of a continuous response, and its inverse."""
    if family.name in ("gamma", "inverse_gaussian"):
        return np.exp, np.log
    if family.name == "beta":
        return lambda x: np.asarray(expit(x)), lambda y: np.asarray(logit(y))
    return lambda x: x, lambda y: y
