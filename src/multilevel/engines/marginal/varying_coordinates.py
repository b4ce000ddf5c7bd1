"""The sampled numbers of a model whose residual sds differ between groups, and what they stand for."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import polygamma

from multilevel.design.bound_priors import BoundPriors, ResidualLaw, ResidualPriors
from multilevel.engines.marginal.coordinates import Coordinates, Values, coordinates_of
from multilevel.engines.solution import Solution
from multilevel.model.priors import Fixed, Flat, MVNormal, ScalarPrior
from multilevel.moments import Moments

Floats = NDArray[np.float64]

START_SD = 0.4
"""Sd of log residual sds where the data say nothing of it."""


@dataclass(frozen=True, slots=True)
class LawPlace:
    """Where the two parameters of the law of residual sds stand in a point.

    A positive parameter stands there as its logarithm; the scale of an inverse gamma law beside an unknown
    shape as ``log(scale / shape)``, about the log of the variances, which the data know best.

    Parameters
    ----------
    law
        As in `ResidualPriors`.
    first, second
        Positions, -1 where a parameter is known.
    known
        Values of the known ones.
    """

    law: ResidualLaw
    first: int
    second: int
    known: tuple[float, float]

    @property
    def tied(self) -> bool:
        """Whether the second stands there relative to the first."""
        return self.law == "inverse_gamma" and self.first >= 0 and self.second >= 0

    def values(self, x: Floats) -> tuple[Floats, Floats]:
        """Return both parameters ``(n, 2)`` and the log volume element ``(n,)`` at points ``(n, d)``."""
        law, jacobian = np.tile(self.known, (x.shape[0], 1)), np.zeros(x.shape[0])
        if self.first >= 0:
            law[:, 0] = x[:, self.first]
            if self.law == "inverse_gamma":
                jacobian += x[:, self.first]
                law[:, 0] = np.exp(x[:, self.first])
        if self.second >= 0:
            log = x[:, self.second] + (x[:, self.first] if self.tied else 0.0)
            jacobian += log
            law[:, 1] = np.exp(log)
        return law, jacobian

    def fill_point(self, law: tuple[float, float], out: Floats) -> None:
        """Write given parameters into a point ``(d,)``."""
        if self.first >= 0:
            out[self.first] = np.log(law[0]) if self.law == "inverse_gamma" else law[0]
        if self.second >= 0:
            out[self.second] = np.log(law[1]) - (np.log(law[0]) if self.tied else 0.0)

    def fill_gradient(self, by_first: Floats, by_log_second: Floats, first: Floats, out: Floats) -> None:
        """Write the gradient, volume element included, into ``(n, d)``.

        Parameters
        ----------
        by_first, by_log_second
            ``(n,)`` gradient by the first parameter and by the logarithm of the second.
        first
            ``(n,)`` values of the first parameter.
        """
        by_second = by_log_second + (1.0 if self.second >= 0 else 0.0)
        if self.first >= 0:
            out[:, self.first] = by_first
            if self.law == "inverse_gamma":
                out[:, self.first] = first * by_first + 1.0 + (by_second if self.tied else 0.0)
        if self.second >= 0:
            out[:, self.second] = by_second


@dataclass(frozen=True, slots=True, eq=False)
class VaryingCoordinates:
    """Names and places of the sampled numbers: of the terms, of the law, and of all coefficients not held.

    The coefficients ``c`` that have the priors are ``centre + spread @ x``, so that ``x`` is about standard
    normal.

    Parameters
    ----------
    names
        ``(d,)`` for messages.
    terms
        The numbers of the terms, which come first.
    law
        Place of the law's parameters.
    free
        Numbers of the coefficients that are sampled, which come last.
    centre
        ``(p,)``: values of the held coefficients, and estimates of the others.
    spread
        ``(p, s)``.
    """

    names: tuple[str, ...]
    terms: Coordinates
    law: LawPlace
    free: tuple[int, ...]
    centre: Floats
    spread: Floats

    @property
    def first_coefficient(self) -> int:
        """Position of the first coefficient."""
        return len(self.names) - len(self.free)

    @property
    def log_volume(self) -> float:
        """Log volume element from the points to the sampled coefficients."""
        return float(np.log(np.diagonal(self.spread[list(self.free)])).sum())

    def term_values(self, x: Floats) -> Values:
        """Return the terms' sds and correlations at points ``(n, d)``."""
        return self.terms.values(x[:, : len(self.terms.names)])

    def coefficients(self, x: Floats) -> Floats:
        """Return the coefficients that have the priors, ``(n, p)``."""
        return np.asarray(self.centre + x[:, self.first_coefficient :] @ self.spread.T)


def varying_coordinates(
    moments: Moments, priors: BoundPriors, residual: ResidualPriors, solution: Solution
) -> VaryingCoordinates:
    """Choose the sampled numbers of a model under its priors.

    Parameters
    ----------
    solution
        Estimates with one residual sd, about which the coefficients are placed.
    """
    p = moments.p
    alone = replace(priors, coefficients=(Flat(),) * p)
    terms = coordinates_of(moments, alone)
    names = list(terms.names)
    positions, known = [], []
    for name, prior, positive in zip(
        residual.names,
        (residual.first, residual.second),
        (residual.law == "inverse_gamma", True),
        strict=True,
    ):
        held = isinstance(prior, Fixed)
        positions.append(-1 if held else len(names))
        known.append(float(prior.value) if isinstance(prior, Fixed) else 1.0)
        if not held:
            names.append(f"log {name}" if positive else name)
    centre = priors.to_centred @ solution.beta
    covariance = priors.to_centred @ solution.vcov_beta @ priors.to_centred.T
    free = []
    for i, prior in enumerate(_scalar_priors(priors)):
        if isinstance(prior, Fixed):
            centre[i] = prior.value
        else:
            free.append(i)
    spread = np.zeros((p, len(free)))
    spread[free] = np.linalg.cholesky(covariance[np.ix_(free, free)])
    names += [f"coefficient {priors.names[i]}" for i in free]
    place = LawPlace(residual.law, positions[0], positions[1], (known[0], known[1]))
    return VaryingCoordinates(tuple(names), terms, place, tuple(free), centre, spread)


def _scalar_priors(priors: BoundPriors) -> tuple[ScalarPrior, ...]:
    """Return the coefficients' own priors; flat ones stand for a joint normal."""
    if isinstance(priors.coefficients, MVNormal):
        return (Flat(),) * len(priors.names)
    return priors.coefficients


def start_law(
    residual: ResidualPriors, log_variances: Floats, dof: Floats, sigma: float
) -> tuple[float, float]:
    """Return parameters of the law from the variances within groups, inside the support of their priors.

    The logarithm of a variance estimated on ``f`` degrees of freedom varies by about ``2 / f``.

    Parameters
    ----------
    log_variances, dof
        Of the groups that have some, in squared units of the user.
    sigma
        Residual sd of all groups together.
    """
    middle, spread = float(np.log(sigma)), START_SD
    if log_variances.size > 2:
        middle = 0.5 * float(np.average(log_variances, weights=dof))
        excess = float(np.var(log_variances) - np.mean(2.0 / dof))
        spread = 0.5 * np.sqrt(max(excess, 0.04))
    if residual.law == "log_normal":
        return _inside(residual.first, middle), _inside(residual.second, float(spread))
    shapes = np.exp(np.linspace(np.log(0.3), np.log(100.0), 200))
    shape = float(shapes[np.argmin(np.abs(polygamma(1, shapes) - 4.0 * spread**2))])
    shape = _inside(residual.first, shape)
    return shape, _inside(residual.second, shape * float(np.exp(2.0 * middle)))


def _inside(prior: ScalarPrior, value: float) -> float:
    """Return the value moved inside the prior's support, or the value at which it is held."""
    if isinstance(prior, Fixed):
        return float(prior.value)
    low, high = prior.bounds
    if np.isfinite(low) and np.isfinite(high):
        return float(np.clip(value, low + 0.05 * (high - low), high - 0.05 * (high - low)))
    return value
