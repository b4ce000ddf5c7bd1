"""Adaptive importance sampling with multivariate t proposals, and its diagnostics."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

Floats = NDArray[np.float64]
LogDensity = Callable[[Floats], Floats]

DF = 6.0
"""Degrees of freedom of the proposals: tails heavier than those of posteriors of log sds."""
PILOT = 1000
MOST_ROUNDS = 8
GOOD_EFFICIENCY = 0.5


WIDE_SHARE, WIDE_SCALE = 0.2, 2.5
"""Share and scale of a wider component: log sds have an exponential tail on the side of zero."""


@dataclass(frozen=True, slots=True, eq=False)
class Proposal:
    """A multivariate t distribution mixed with a wider one about the same centre.

    Parameters
    ----------
    location
        ``(d,)``.
    factor
        ``(d, d)`` lower factor of the scale matrix.
    df
        Degrees of freedom.
    wide
        Share of the wider component.
    """

    location: Floats
    factor: Floats
    df: float = DF
    wide: float = WIDE_SHARE

    def draw(self, rng: np.random.Generator, n: int) -> Floats:
        """Return ``(n, d)`` draws."""
        stretch = np.sqrt(self.df / rng.chisquare(self.df, n))
        stretch[rng.random(n) < self.wide] *= WIDE_SCALE
        z = rng.standard_normal((n, self.location.size)) * stretch[:, None]
        return np.asarray(self.location + z @ self.factor.T)

    def logpdf(self, x: Floats) -> Floats:
        """Return the log density at ``(n, d)`` points."""
        d, df = self.location.size, self.df
        z = np.linalg.solve(self.factor, (x - self.location).T)
        squares = (z * z).sum(axis=0)
        constant = gammaln((df + d) / 2) - gammaln(df / 2) - d / 2 * np.log(df * np.pi)
        constant -= np.log(np.diagonal(self.factor)).sum()
        narrow = np.log1p(-self.wide) - (df + d) / 2 * np.log1p(squares / df)
        wide = np.log(self.wide) - d * np.log(WIDE_SCALE)
        wide = wide - (df + d) / 2 * np.log1p(squares / (df * WIDE_SCALE**2))
        return np.asarray(constant + np.logaddexp(narrow, wide))


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """Weighted points.

    Parameters
    ----------
    x
        ``(n, d)``.
    log_weights
        ``(n,)`` log density less log proposal.
    pareto_k
        Shape of the tail of the weights (Vehtari, Simpson, Gelman, Yao and Gabry 2024): below 0.7 averages
        can be trusted.
    """

    x: Floats
    log_weights: Floats
    pareto_k: float

    @property
    def is_empty(self) -> bool:
        """Whether no point has a positive density."""
        return not bool(np.isfinite(self.log_weights).any())

    @property
    def weights(self) -> Floats:
        """Weights that sum to one."""
        w = np.exp(self.log_weights - self.log_weights.max())
        return np.asarray(w / w.sum())

    @property
    def effective(self) -> float:
        """Kish's effective number of points."""
        w = self.weights
        return float(1.0 / (w @ w))

    @property
    def log_mean_weight(self) -> float:
        """Log of the mean weight: the log of the integral of the density."""
        top = self.log_weights.max()
        return float(top + np.log(np.mean(np.exp(self.log_weights - top))))


def adapt(
    log_density: LogDensity,
    proposal: Proposal,
    rng: np.random.Generator,
    *,
    most_rounds: int = MOST_ROUNDS,
) -> tuple[Proposal, int]:
    """Move and shape the proposal by the weighted moments of pilot draws until it is efficient.

    Returns
    -------
    The proposal, and how many points were evaluated.
    """
    best, best_efficiency, evaluated = proposal, -1.0, 0
    for _ in range(most_rounds):
        pool = weigh(log_density, proposal, rng, PILOT)
        evaluated += PILOT
        if pool.is_empty:
            break
        efficiency = pool.effective / PILOT
        if efficiency > best_efficiency:
            best, best_efficiency = proposal, efficiency
        if efficiency > GOOD_EFFICIENCY:
            break
        proposal = _moment_proposal(pool, proposal)
    return best, evaluated


def _moment_proposal(pool: Pool, old: Proposal) -> Proposal:
    """Return a t distribution with the weighted moments, drawn towards the old one if uncertain."""
    w = np.minimum(pool.weights, 10.0 / np.sqrt(pool.x.shape[0] * max(pool.effective, 1.0)))
    w = w / w.sum()
    mean = w @ pool.x
    centred = pool.x - mean
    covariance = (centred * w[:, None]).T @ centred
    trust = pool.effective / (pool.effective + 5.0 * pool.x.shape[1])
    old_covariance = old.factor @ old.factor.T * old.df / (old.df - 2.0)
    covariance = trust * covariance + (1.0 - trust) * old_covariance
    scale = np.linalg.cholesky(covariance * (old.df - 2.0) / old.df)
    return replace(old, location=mean, factor=scale)


def weigh(log_density: LogDensity, proposal: Proposal, rng: np.random.Generator, n: int) -> Pool:
    """Return ``n`` weighted draws of the proposal."""
    x = proposal.draw(rng, n)
    return pooled(x, log_density(x), proposal)


def pooled(x: Floats, values: Floats, proposal: Proposal) -> Pool:
    """Return points ``(n, d)`` that a proposal drew, weighted by the log density's values ``(n,)`` there."""
    log_weights = values - proposal.logpdf(x)
    log_weights[~np.isfinite(log_weights)] = -np.inf
    return Pool(x, log_weights, pareto_shape(log_weights))


def resample(pool: Pool, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return ``n`` numbers of points, drawn by their weights (systematic), in random order."""
    edges = np.cumsum(pool.weights)
    at = (rng.random() + np.arange(n)) / n * edges[-1]
    return np.asarray(rng.permutation(np.minimum(np.searchsorted(edges, at), edges.size - 1)))


def pareto_shape(log_weights: Floats) -> float:
    """Return the shape of a generalised Pareto distribution fitted to the largest weights.

    Zhang and Stephens (2009), with the weakly informative adjustment and the tail length of Vehtari et al.
    (2024), appendix C and section 3. Infinite if no weight is positive.
    """
    n = log_weights.size
    if not np.isfinite(log_weights).any():
        return float("inf")
    tail = int(min(0.2 * n, 3.0 * np.sqrt(n)))
    ordered = np.sort(log_weights - log_weights.max())
    cutoff = np.exp(ordered[-tail - 1])
    excess = np.exp(ordered[-tail:]) - cutoff
    if tail < 5 or not excess[0] >= 0.0 or excess[-1] <= 0.0 or not np.isfinite(cutoff):
        return float("inf") if tail < 5 else 0.0
    excess = np.maximum(excess, np.finfo(np.float64).tiny)
    m = 30 + int(np.sqrt(tail))
    quarter = excess[int(tail / 4 + 0.5) - 1]
    b = 1.0 / excess[-1] + (1.0 - np.sqrt(m / (np.arange(1, m + 1) - 0.5))) / (3.0 * quarter)
    k = np.log1p(-b[:, None] * excess).mean(axis=1)
    profile = tail * (np.log(-b / k) - k - 1.0)
    w = np.exp(profile - profile.max())
    b_hat = w @ b / w.sum()
    shape = float(np.log1p(-b_hat * excess).mean())
    return (tail * shape + 10.0 * 0.5) / (tail + 10.0)
