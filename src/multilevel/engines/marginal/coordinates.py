"""The few numbers that the marginal engine samples, on the whole real line, and what they stand for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit

from multilevel.design.bound_priors import BoundPriors, TermPriors
from multilevel.model.priors import LKJ, Decov, Fixed, FixedMatrix, factor_from_partial
from multilevel.model.priors.one_correlation import (
    OneCorrelation,
    alike_factor,
    eigenvalues_of,
    lowest_correlation,
)
from multilevel.moments import Moments, TermBlock

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Values:
    """What a batch of points stands for, in the units of the data.

    Parameters
    ----------
    sds
        For each term ``(n, k)``.
    factors
        For each term ``(n, k, k)``: Cholesky factor of the correlation matrix.
    sigma
        ``(n,)``.
    coefficients
        ``(n, s)``: those that are sampled.
    log_jacobian
        ``(n,)``: log volume element from the points to sds, correlations and sigma.
    """

    sds: tuple[Floats, ...]
    factors: tuple[Floats, ...]
    sigma: Floats
    coefficients: Floats
    log_jacobian: Floats


@dataclass(frozen=True, slots=True)
class TermPlace:
    """Where a term's numbers stand in a point.

    Parameters
    ----------
    sds
        Position of each effect's log sd, -1 where it is fixed.
    fixed
        ``(k,)`` the fixed sds.
    partial
        First of the partial correlations (on the scale of atanh), -1 if none is sampled.
    factor
        ``(k, k)`` Cholesky factor of the correlation matrix where it is not sampled.
    common
        Position of the number of the one correlation of all effects, -1 if none is sampled.
    low, high
        Between what that correlation lies.
    """

    sds: tuple[int, ...]
    fixed: Floats
    partial: int
    factor: Floats
    common: int = -1
    low: float = -1.0
    high: float = 1.0

    @property
    def size(self) -> int:
        """Effects of the term."""
        return len(self.sds)

    @property
    def n_partial(self) -> int:
        """How many partial correlations are sampled."""
        return self.size * (self.size - 1) // 2 if self.partial >= 0 else 0

    def common_factor(self, z: Floats) -> tuple[Floats, Floats]:
        """Return factors ``(n, k, k)`` at the numbers of the one correlation, and ``log dr/dz``.

        ``r = low + (high - low) u`` with ``u = 1 / (1 + exp(-z))``, so ``dr/dz = (high - low) u (1 - u)``.
        The eigenvalues ``1 + (k - 1) r`` and ``1 - r`` are taken from ``u`` and ``1 - u`` with all their
        digits; their derivatives are ``(k - 1) dr/dz`` and ``-dr/dz``.
        """
        k, width = self.size, self.high - self.low
        at_low = 0.0 if self.low == lowest_correlation(k) else 1.0 + (k - 1) * self.low
        mean = at_low + (k - 1) * width * expit(z)
        contrast = (1.0 - self.high) + width * expit(-z)
        return alike_factor(mean, contrast, k), np.log(width) + log_expit(z) + log_expit(-z)

    def common_number(self, L: Floats) -> float:
        """Return the number of the one correlation of a Cholesky factor: ``z = log(u / (1 - u))``.

        A correlation outside the bounds, or at one of them, is taken to be just inside.
        """
        mean, contrast = eigenvalues_of(L)
        at_low = 0.0 if self.low == lowest_correlation(self.size) else 1.0 + (self.size - 1) * self.low
        above = (float(mean) - at_low) / (self.size - 1)
        below = float(contrast) - (1.0 - self.high)
        least = 1e-12 * (self.high - self.low)
        return float(np.log(max(above, least)) - np.log(max(below, least)))


@dataclass(frozen=True, slots=True)
class Coordinates:
    """Names and places of the sampled numbers.

    Parameters
    ----------
    names
        ``(d,)`` for messages: ``"log sd(subject, days)"``.
    terms
        Place of each term.
    sigma
        Position of log sigma, -1 if it is known.
    known_sigma
        The known residual sd.
    coefficients
        Numbers of the (centred) coefficients that are sampled: those whose prior is neither flat nor normal
        nor a point.
    first_coefficient
        Position of the first of them.
    """

    names: tuple[str, ...]
    terms: tuple[TermPlace, ...]
    sigma: int
    known_sigma: float
    coefficients: tuple[int, ...]
    first_coefficient: int

    def values(self, x: Floats) -> Values:
        """Return what the points ``(n, d)`` stand for."""
        n = x.shape[0]
        jacobian = np.zeros(n)
        sds, factors = [], []
        for place in self.terms:
            sd = np.tile(place.fixed, (n, 1))
            for a, position in enumerate(place.sds):
                if position >= 0:
                    sd[:, a] = np.exp(x[:, position])
            for position in set(place.sds) - {-1}:
                jacobian += x[:, position]
            sds.append(sd)
            z = x[:, place.partial : place.partial + place.n_partial]
            if place.n_partial:
                partial = np.tanh(z)
                factors.append(factor_from_partial(partial))
                jacobian += _log_partial_jacobian(partial, z, place.size)
            elif place.common >= 0:
                L, log_slope = place.common_factor(x[:, place.common])
                factors.append(L)
                jacobian += log_slope
            else:
                factors.append(np.broadcast_to(place.factor, (n, place.size, place.size)))
        sigma = np.full(n, self.known_sigma)
        if self.sigma >= 0:
            sigma = np.exp(x[:, self.sigma])
            jacobian += x[:, self.sigma]
        last = self.first_coefficient + len(self.coefficients)
        return Values(tuple(sds), tuple(factors), sigma, x[:, self.first_coefficient : last], jacobian)

    def point(self, sds: Sequence[Floats], partials: Sequence[Floats], sigma: float, beta: Floats) -> Floats:
        """Return the point that stands for given values (one set of them).

        ``partials`` has for each term its partial correlations, or its one correlation alone.
        """
        x = np.zeros(len(self.names))
        for place, sd, partial in zip(self.terms, sds, partials, strict=True):
            for a, position in enumerate(place.sds):
                if position >= 0:
                    x[position] = np.log(sd[a])
            if place.n_partial:
                x[place.partial : place.partial + place.n_partial] = np.arctanh(partial)
            elif place.common >= 0:
                r, k = float(partial[0]), place.size
                x[place.common] = place.common_number(alike_factor(1.0 + (k - 1) * r, 1.0 - r, k))
        if self.sigma >= 0:
            x[self.sigma] = np.log(sigma)
        for i, number in enumerate(self.coefficients):
            x[self.first_coefficient + i] = beta[number]
        return x


def _log_partial_jacobian(partial: Floats, z: Floats, k: int) -> Floats:
    """Return the log volume element from atanh partial correlations to correlations below the diagonal.

    Lewandowski, Kurowicka and Joe (2009), section 2: ``dR = prod (1 - r^2)^((k - j - 2) / 2) dr`` for the
    partial correlation given ``j`` others, and ``dr = (1 - r^2) dz``.
    """
    j = np.array([j for i in range(1, k) for j in range(i)])
    log_rest = -2.0 * (np.abs(z) + np.log1p(np.exp(-2.0 * np.abs(z))) - np.log(2.0))  # log(1 - tanh(z)^2)
    return np.asarray(log_rest @ ((k - j - 2) / 2.0 + 1.0))


def coordinates_of(moments: Moments, priors: BoundPriors) -> Coordinates:
    """Choose the sampled numbers of a model under its priors."""
    names: list[str] = []
    places = []
    for block, prior in zip(moments.blocks, priors.terms, strict=True):
        places.append(term_place(block, prior, names))
    sigma, known = -1, 1.0
    if moments.known_sigma is not None:
        known = moments.known_sigma
    elif isinstance(priors.sigma, Fixed):
        known = float(priors.sigma.value)
    else:
        sigma = len(names)
        names.append("log sigma")
    first = len(names)
    sampled = sampled_coefficients(priors)
    names += [f"coefficient {priors.names[i]}" for i in sampled]
    return Coordinates(tuple(names), tuple(places), sigma, known, sampled, first)


def sampled_coefficients(priors: BoundPriors) -> tuple[int, ...]:
    """Return the numbers of the coefficients whose priors allow no exact integration and are not points."""
    _, _, exact = priors.coefficient_normal()
    if not isinstance(priors.coefficients, tuple):
        return ()
    return tuple(
        i for i, prior in enumerate(priors.coefficients) if not exact[i] and not isinstance(prior, Fixed)
    )


def term_place(block: TermBlock, prior: TermPriors, names: list[str]) -> TermPlace:
    """Return where a term's numbers stand, adding their names."""
    k = block.size
    if isinstance(prior.covariance, FixedMatrix):
        sd = np.sqrt(np.diagonal(prior.covariance.value))
        return TermPlace((-1,) * k, sd, -1, np.linalg.cholesky(prior.covariance.value / np.outer(sd, sd)))
    fixed = np.zeros(k)
    positions: list[int] = []
    for a, name in enumerate(block.names):
        own = (
            None
            if prior.covariance is not None or isinstance(prior.sds, Decov)
            else prior.sds[min(a, len(prior.sds) - 1)]
        )
        if isinstance(own, Fixed):
            fixed[a] = own.value
            positions.append(-1)
        elif block.covariance.one_sd and a > 0:
            positions.append(positions[0])
        else:
            positions.append(len(names))
            names.append(f"log sd({block.group}, {name})")
    partial, factor = -1, np.eye(k)
    if isinstance(prior.correlation, OneCorrelation):
        names.append(f"logit correlation({block.group}, {', '.join(block.names)})")
        low, high = prior.correlation.bounds
        return TermPlace(tuple(positions), fixed, -1, factor, len(names) - 1, low, high)
    if isinstance(prior.correlation, Fixed):
        r = prior.correlation.value
        factor = alike_factor(1.0 + (k - 1) * r, 1.0 - r, k)
    elif prior.covariance is not None or isinstance(prior.correlation, LKJ):
        partial = len(names)
        names += [
            f"atanh correlation({block.group}, {block.names[i]}, {block.names[j]})"
            for i in range(1, k)
            for j in range(i)
        ]
    return TermPlace(tuple(positions), fixed, partial, factor)
