"""Log densities of every family by SciPy, and the points at which kernels are compared with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from multilevel.model.families import REGISTRY, Family

Floats = NDArray[np.float64]

INVERSE: Mapping[str, Callable[[Floats], Floats]] = {
    "identity": lambda eta: eta,
    "log": np.exp,
    "logit": special.expit,
    "probit": stats.norm.cdf,
    "cloglog": lambda eta: -np.expm1(-np.exp(eta)),
    "inverse": lambda eta: 1.0 / eta,
    "sqrt": np.square,
}
"""Inverse links."""

REST: Mapping[str, Callable[[Floats], Floats]] = {
    "logit": lambda eta: special.expit(-eta),
    "probit": stats.norm.sf,
    "cloglog": lambda eta: np.exp(-np.exp(eta)),
}
"""One less the mean of a share."""
SHARES = ("bernoulli", "binomial", "beta", "beta_binomial")
COUNTS = ("poisson", "negative_binomial", "negative_binomial_linear")
POSITIVE = ("gamma", "inverse_gaussian")


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Rows of a response and the numbers its density depends on.

    Parameters
    ----------
    family
        With its link.
    y, trials, eta
        ``(n,)``; ``trials`` may be ``None``.
    auxiliary
        Logs of the family's parameters, or thresholds in order.
    inflation
        ``(n,)`` linear predictor of zero inflation, or ``None``.
    """

    family: Family
    y: Floats
    trials: Floats | None
    eta: Floats
    auxiliary: Floats
    inflation: Floats | None = None


def every_family_and_link() -> list[Family]:
    """Return each family with each of its links."""
    return [kind(link=link) for kind in REGISTRY.values() for link in kind.links]


def log_density(rows: Rows) -> Floats:
    """Return ``(n,)`` log densities with every constant, by SciPy's distributions."""
    if rows.family.name == "ordinal":
        return _ordinal(rows)
    mu = INVERSE[rows.family.link](rows.eta)
    rest = REST.get(rows.family.link, lambda eta: 1.0 - mu)(rows.eta)
    plain = _density(rows.family.name, rows.y, rows.trials, mu, rest, np.exp(rows.auxiliary))
    if rows.inflation is None:
        return plain
    zero, other = special.log_expit(rows.inflation), special.log_expit(-rows.inflation)
    return np.where(rows.y == 0, np.logaddexp(zero, other + plain), other + plain)


def _density(
    name: str, y: Floats, trials: Floats | None, mu: Floats, rest: Floats, parameters: Floats
) -> Floats:
    """Return log densities at means and parameters in their usual form."""
    n = np.ones_like(y) if trials is None else trials
    a, b = [*parameters, 1.0, 1.0][:2]
    table: Mapping[str, Callable[[], Floats]] = {
        "bernoulli": lambda: stats.binom.logpmf(y, n, mu),
        "binomial": lambda: stats.binom.logpmf(y, n, mu),
        "poisson": lambda: stats.poisson.logpmf(y, mu),
        "negative_binomial": lambda: stats.nbinom.logpmf(y, a, a / (a + mu)),
        "negative_binomial_linear": lambda: stats.nbinom.logpmf(y, mu / a, 1.0 / (1.0 + a)),
        "gamma": lambda: stats.gamma.logpdf(y, 1.0 / a, scale=mu * a),
        "inverse_gaussian": lambda: stats.invgauss.logpdf(y, mu * a, scale=1.0 / a),
        "beta": lambda: stats.beta.logpdf(y, mu * a, rest * a),
        "beta_binomial": lambda: stats.betabinom.logpmf(y, n, mu * a, rest * a),
        "gaussian": lambda: stats.norm.logpdf(y, mu, a),
        "student": lambda: stats.t.logpdf(y, b, mu, a),
    }
    return np.asarray(table[name](), dtype=np.float64)


def _ordinal(rows: Rows) -> Floats:
    """Return log probabilities of classes as differences of distribution functions, the smaller tail's."""
    law = stats.logistic if rows.family.link == "logit" else stats.norm
    cuts = np.concatenate([[-np.inf], rows.auxiliary, [np.inf]])
    at = rows.y.astype(np.int64)
    lower, upper = cuts[at - 1] - rows.eta, cuts[at] - rows.eta
    swap = lower > 0
    low, high = np.where(swap, -upper, lower), np.where(swap, -lower, upper)
    return np.asarray(np.log(law.cdf(high) - law.cdf(low)), dtype=np.float64)


def random_rows(
    family: Family, rng: np.random.Generator, n: int = 60, *, spread: float = 1.0, inflated: bool = False
) -> Rows:
    """Return rows with means all over the family's range and responses drawn about them."""
    name = family.name
    trials = rng.integers(1, 12, n).astype(np.float64) if family.trials else None
    inflation = rng.normal(0, 2 * spread, n) if inflated else None
    if name == "ordinal":
        cuts = np.cumsum(np.concatenate([[-1.0], rng.uniform(0.2, 1.5, 3)]))
        eta = rng.normal(0, 2 * spread, n)
        return Rows(family, family.draw(rng, eta, cuts, None), None, eta, cuts)
    auxiliary = rng.normal(0, spread, len(family.parameters))
    if name == "student":
        auxiliary[1] = 1.0 + rng.uniform(0, 1)
    eta = rng.normal(0, 1.5 * spread, n)
    positive = name in COUNTS or name in POSITIVE
    if family.link in ("identity", "inverse") and positive:
        eta = rng.uniform(0.2, 4.0, n) ** spread
    elif family.link == "inverse":
        eta = rng.uniform(0.3, 3.0, n) * np.sign(eta)
    elif family.link == "sqrt":
        eta = rng.uniform(0.2, 4.0, n)
    mu = INVERSE[family.link](eta)
    if name in SHARES:
        mu = np.clip(mu, 1e-9, 1.0 - 1e-9)
    y = family.draw(rng, mu, np.exp(auxiliary), trials)
    if name == "beta":
        y = np.clip(y, 1e-6, 1.0 - 1e-6)
    if name in POSITIVE:
        y = np.maximum(y, 1e-6)
    return Rows(family, y, trials, eta, auxiliary, inflation)
