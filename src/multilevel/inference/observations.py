"""Intervals of single observations of generalised models: mixtures over the linear predictor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, ndtri

from multilevel.inference.averages import AT_ONCE, normal_nodes
from multilevel.model.families import Family, slope

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Below = Callable[[Floats, Ints], Floats]
"""A function of numbers in rows with some positions."""

EXACT = 1e-10
"""Error of a quantile's probability that ends the search."""
STEPS = 200
"""Steps of a search; about ten are usual."""


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
        found = 1.5 * float(self.sd.max(initial=0.0))
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
        sd[some] = _sd(part, mu, weights)

        def below(y: Floats, at: Ints, part: Observations = part, mu: Floats = mu) -> Floats:
            trials = None if part.trials is None else part.trials[at, None]
            inside = part.family.cdf(y[:, None], mu[at], part.parameters, trials) @ weights
            zeros = part.zeros[at]
            return np.asarray(np.where(y >= 0, zeros, 0.0) + (1.0 - zeros) * inside)

        search = _whole_quantile if part.family.discrete else _quantile
        for p, limit in (((1 - level) / 2, lower), ((1 + level) / 2, upper)):
            limit[some] = search(below, part, sd[some], p)
    return sd, lower, upper


def _sd(part: Observations, mu: Floats, weights: Floats) -> Floats:
    """Return the sd of an observation: variance within and between means."""
    trials = None if part.trials is None else part.trials[:, None]
    variance = part.family.variance(mu, part.parameters, trials)
    mean = mu if trials is None else mu * trials
    kept = 1.0 - part.zeros
    second = kept * ((variance + mean * mean) @ weights)
    first = kept * (mean @ weights)
    return np.asarray(np.sqrt(np.maximum(second - first * first, 0.0)))


def _whole_quantile(below: Below, part: Observations, sd: Floats, p: float) -> Floats:
    """Return the smallest whole numbers with probability ``p`` or more at or below them, by bisection."""
    mean = _means(part, part.eta) * (1.0 if part.trials is None else part.trials)
    most = np.full(mean.shape, np.inf) if part.trials is None else part.trials
    enough = np.clip(np.rint(mean + ndtri(p) * sd), 0.0, most)  # has p or more, in the end
    short = enough - 1.0  # has less
    step = np.maximum(np.ceil(0.1 * sd), 1.0)
    at = np.arange(enough.size)
    while (at := at[below(enough[at], at) < p - EXACT]).size:
        short[at] = enough[at]
        enough[at], step[at] = np.minimum(enough[at] + step[at], most[at]), 2.0 * step[at]
    at = np.flatnonzero(short >= 0)
    while (at := at[below(short[at], at) >= p - EXACT]).size:
        enough[at] = short[at]
        short[at], step[at] = np.maximum(short[at] - step[at], -1.0), 2.0 * step[at]
        at = at[short[at] >= 0]
    while (at := np.flatnonzero(enough - short > 1.0)).size:
        middle = np.floor((short[at] + enough[at]) / 2.0)
        low = below(middle, at) < p - EXACT
        short[at], enough[at] = np.where(low, middle, short[at]), np.where(low, enough[at], middle)
    return np.asarray(enough)


def _quantile(below: Below, part: Observations, sd: Floats, p: float) -> Floats:
    """Return quantiles of continuous responses in a coordinate without ends."""
    back, there = _coordinate(part.family)
    mean = _means(part, part.eta)
    centre = there(mean)
    width = np.full(centre.shape, 1.0)
    if part.family.name in ("gaussian", "student"):
        width = np.where(np.isfinite(sd), sd, part.parameters[0])

    def error(x: Floats, at: Ints) -> Floats:
        return below(back(x), at) - p

    everywhere = np.arange(centre.size)
    low, high = centre - width, centre + width
    at_low, at_high = error(low, everywhere), error(high, everywhere)
    for _ in range(STEPS):
        under, over = np.flatnonzero(at_low > 0), np.flatnonzero(at_high < 0)
        if not (under.size or over.size):
            break
        width = 2.0 * width
        low[under], high[over] = low[under] - width[under], high[over] + width[over]
        at_low[under], at_high[over] = error(low[under], under), error(high[over], over)
    return back(_root(error, low, high, at_low, at_high))


def _root(error: Below, low: Floats, high: Floats, at_low: Floats, at_high: Floats) -> Floats:
    """Return zeros of a rising function between two ends with their values, by the Illinois rule."""
    found, before = low.copy(), np.zeros(low.shape)
    at = np.arange(low.size)
    for _ in range(STEPS):
        gap = at_high[at] - at_low[at]
        share = np.divide(-at_low[at], gap, out=np.full_like(gap, 0.5), where=gap > 0)
        new = low[at] + np.clip(share, 0.0, 1.0) * (high[at] - low[at])
        found[at], value = new, error(new, at)
        rises = value < 0
        stays = np.where(np.where(rises, -1.0, 1.0) == before[at], 0.5, 1.0)  # an end that stays twice
        low[at], high[at] = np.where(rises, new, low[at]), np.where(rises, high[at], new)
        at_low[at], at_high[at] = (
            np.where(rises, value, at_low[at] * stays),
            np.where(rises, at_high[at] * stays, value),
        )
        before[at] = np.where(rises, -1.0, 1.0)
        at = at[(np.abs(value) >= EXACT) & (high[at] - low[at] > 1e-12 * (1.0 + np.abs(new)))]
        if not at.size:
            break
    return found


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
