"""Beta and beta-binomial responses: shares that vary more than counts of one probability."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, betaln, digamma, expit, gammaln, xlog1py, xlogy

from multilevel.model.families.binomial import Binomial
from multilevel.model.families.family import Family, Floats, LinkName, falling_root, refuse_rows

FARTHEST = 36.0
"""Logits of the best means of rows are sought between minus and plus this."""


@dataclass(frozen=True, slots=True)
class Beta(Family):
    """Shares between 0 and 1 with variance ``mu (1 - mu) / (1 + phi)`` (Ferrari and Cribari-Neto 2004)."""

    name: ClassVar[str] = "beta"
    code: ClassVar[int] = 6
    links: ClassVar[tuple[LinkName, ...]] = ("logit", "probit", "cloglog")
    parameters: ClassVar[tuple[str, ...]] = ("phi",)
    spread: ClassVar[str] = "variance mu (1 - mu) / (1 + phi)"

    def check(self, y: Floats, trials: Floats | None, name: str, rows: NDArray[np.int64]) -> None:
        """Require numbers strictly between 0 and 1."""
        refuse_rows(
            (y <= 0) | (y >= 1),
            y,
            name,
            rows,
            "is not between 0 and 1",
            "numbers above 0 and below 1",
            "shares of known totals are prop(successes, trials) with family='beta_binomial'",
        )

    def start(self, y: Floats, trials: Floats | None) -> Floats:
        """Return the shares, drawn towards their mean."""
        return np.asarray(0.5 * y + 0.5 * y.mean())

    def start_parameters(self, y: Floats, mu: Floats, trials: Floats | None) -> Floats:
        """Return phi from the variance of the shares."""
        ratio = float(np.sum(mu * (1.0 - mu)) / max(float(np.sum((y - mu) ** 2)), 1e-300))
        return np.array([min(max(ratio - 1.0, 0.2), 1e6)])

    def variance(self, mu: Floats, parameters: Floats, trials: Floats | None) -> Floats:
        """Return ``mu (1 - mu) / (1 + phi)``."""
        return np.asarray(mu * (1.0 - mu) / (1.0 + parameters[0]))

    def draw(self, rng: np.random.Generator, mu: Floats, parameters: Floats, trials: Floats | None) -> Floats:
        """Draw shares, none of them rounded to 0 or 1."""
        return np.clip(_shares(rng, mu, parameters[0]), np.finfo(np.float64).tiny, 1.0 - 2.0**-53)

    def cdf(self, y: Floats, mu: Floats, parameters: Floats, trials: Floats | None) -> Floats:
        """Return the beta distribution function."""
        return np.asarray(betainc(mu * parameters[0], (1.0 - mu) * parameters[0], np.clip(y, 0.0, 1.0)))

    def deviance(self, y: Floats, mu: Floats, parameters: Floats, trials: Floats | None) -> Floats | None:
        """Return the deviance at the same phi; the best mean is not the share itself.

        It is where ``digamma(m phi) - digamma((1 - m) phi) = logit(y)`` (Espinheira, Ferrari and Cribari-Neto
        2008, equation 6).
        """
        phi = parameters[0]

        def log_density(m: Floats) -> Floats:
            one, other = m * phi, (1.0 - m) * phi
            return np.asarray(xlogy(one, y) + xlog1py(other, -y) - betaln(one, other))

        def slope(eta: Floats) -> Floats:
            return np.asarray(
                np.log(y) - np.log1p(-y) - digamma(expit(eta) * phi) + digamma(expit(-eta) * phi)
            )

        best = expit(falling_root(slope, np.full(y.shape, -FARTHEST), np.full(y.shape, FARTHEST)))
        return np.asarray(2.0 * (log_density(best) - log_density(mu)))


@dataclass(frozen=True, slots=True)
class BetaBinomial(Binomial):
    """Successes of ``n`` trials whose probability varies from row to row, beta with precision ``phi``."""

    name: ClassVar[str] = "beta_binomial"
    code: ClassVar[int] = 7
    parameters: ClassVar[tuple[str, ...]] = ("phi",)
    spread: ClassVar[str] = "n trials, variance n mu (1 - mu) (n + phi) / (1 + phi)"
    special_cases: ClassVar[tuple[str, ...]] = ("binomial",)

    def start_parameters(self, y: Floats, mu: Floats, trials: Floats | None) -> Floats:
        """Return a middling precision."""
        return np.array([10.0])

    def at_end(self, parameters: Floats, y: Floats, trials: Floats | None) -> bool:
        """Return whether phi is so large that the successes are as good as binomial."""
        return bool(parameters[0] > 1e4 * (1.0 if trials is None else float(trials.max())))

    def variance(self, mu: Floats, parameters: Floats, trials: Floats | None) -> Floats:
        """Return ``n mu (1 - mu) (phi + n) / (phi + 1)``."""
        n = np.ones_like(mu) if trials is None else trials
        return np.asarray(n * mu * (1.0 - mu) * (parameters[0] + n) / (parameters[0] + 1.0))

    def draw(self, rng: np.random.Generator, mu: Floats, parameters: Floats, trials: Floats | None) -> Floats:
        """Draw numbers of successes."""
        p = _shares(rng, mu, parameters[0])
        return np.asarray(
            rng.binomial(1 if trials is None else trials.astype(np.int64), p).astype(np.float64)
        )

    def cdf(self, y: Floats, mu: Floats, parameters: Floats, trials: Floats | None) -> Floats:
        """Return the distribution function, a sum over the numbers of successes up to ``y``."""
        y, mu, n = np.broadcast_arrays(y, mu, 1.0 if trials is None else trials)
        one, other = mu * parameters[0], (1.0 - mu) * parameters[0]
        total = np.zeros(mu.shape)
        for k in range(int(min(y.max(initial=-1.0), n.max(initial=0.0))) + 1):
            rest = np.maximum(n - k, 0.0)
            ways = gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(rest + 1.0)
            share = np.exp(ways + betaln(one + k, other + rest) - betaln(one, other))
            total += np.where((k <= y) & (k <= n), share, 0.0)
        return np.asarray(np.minimum(total, 1.0))

    def deviance(self, y: Floats, mu: Floats, parameters: Floats, trials: Floats | None) -> Floats | None:
        """Return the deviance at the same phi; the best probability is not the share of successes.

        It is where the log density's derivative crosses zero; rows without successes, or without failures,
        are certain at the probabilities 0 and 1.
        """
        phi, n = parameters[0], np.ones_like(mu) if trials is None else trials

        def log_density(one: Floats, other: Floats) -> Floats:
            return np.asarray(betaln(y + one, n - y + other) - betaln(one, other))

        def slope(eta: Floats) -> Floats:
            one, other = expit(eta) * phi, expit(-eta) * phi
            return np.asarray(digamma(y + one) - digamma(one) - digamma(n - y + other) + digamma(other))

        eta = falling_root(slope, np.full(y.shape, -FARTHEST), np.full(y.shape, FARTHEST))
        inside = (y > 0) & (y < n)
        best = np.where(inside, log_density(expit(eta) * phi, expit(-eta) * phi), 0.0)
        return np.asarray(2.0 * (best - log_density(mu * phi, (1.0 - mu) * phi)))


def _shares(rng: np.random.Generator, mu: Floats, phi: float) -> Floats:
    """Draw beta variables, also at means that are 0 or 1 but for rounding."""
    least = 1e-300
    return np.asarray(rng.beta(np.maximum(mu * phi, least), np.maximum((1.0 - mu) * phi, least)))
