"""Models for calibration: parameters drawn from their priors and data from them, by NumPy and SciPy alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

import multilevel as ml

Floats = NDArray[np.float64]
Rng = np.random.Generator


@dataclass(frozen=True, slots=True)
class Truth:
    """One draw of all parameters from the prior.

    Parameters
    ----------
    beta
        ``(p,)`` coefficients.
    sds, correlations
        ``(k,)`` and ``(k, k)``.
    sigma
        ``(m,)`` residual sd of each group, all the same in most models.
    law
        Unknown parameters of the law of the residual sds, by their names in the posterior.
    """

    beta: Floats
    sds: Floats
    correlations: Floats
    sigma: Floats
    law: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Case:
    """A model of groups ``g`` of equal size, its coefficients those of the effects.

    Parameters
    ----------
    formula, priors, options
        For `multilevel.sample`.
    draw
        Draws parameters from the same priors.
    groups, size
        How many groups, and rows in each.
    effects
        ``k``: 1 for intercepts, 2 with ``x``, 3 with ``x`` and ``z``.
    varies
        Whether each group has its own residual sd.
    """

    formula: str
    priors: Mapping[str, Any]
    draw: Callable[[Rng], Truth]
    groups: int = 8
    size: int = 6
    effects: int = 2
    varies: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Simulated:
    """Data of one replication: group of each row, columns of the effects, group effects, response."""

    group: NDArray[np.int64]
    X: Floats
    effects: Floats
    y: Floats

    def table(self) -> dict[str, Any]:
        """Return the columns as a user has them."""
        columns = {"y": self.y, "g": [f"g{j:02d}" for j in self.group]}
        return columns | {name: self.X[:, at] for at, name in ((1, "x"), (2, "z")) if at < self.X.shape[1]}

    def log_likelihood(self, beta: Floats, effects: Floats, sigma: Floats) -> Floats:
        """Return ``(n,)`` log likelihoods: coefficients ``(n, p)``, effects ``(n, m, k)``, sds ``(n, m)``.

        A quantity of parameters and data: its rank shows faults that those of the parameters do not
        (Modrak et al. 2023, "Simulation-based calibration checking ... with custom test quantities").
        """
        both = beta[:, None, :] + effects
        mean = np.einsum("ra,nra->nr", self.X, both[:, self.group])
        sd = sigma[:, self.group]
        return np.asarray(-np.log(sd).sum(axis=1) - 0.5 * (((self.y - mean) / sd) ** 2).sum(axis=1))


def simulate(case: Case, truth: Truth, rng: Rng) -> Simulated:
    """Return data drawn from a model; covariates are standard normal."""
    group = np.repeat(np.arange(case.groups), case.size)
    X = np.column_stack([np.ones(group.size), rng.standard_normal((group.size, case.effects - 1))])
    root = truth.sds[:, None] * np.linalg.cholesky(truth.correlations)
    effects = rng.standard_normal((case.groups, case.effects)) @ root.T
    mean = (X * (truth.beta + effects[group])).sum(axis=1)
    return Simulated(group, X, effects, mean + truth.sigma[group] * rng.standard_normal(group.size))


# The laws

MEAN, COVARIANCE = np.array([1.0, -0.5]), np.array([[1.0, 0.3], [0.3, 0.5]])
COEFFICIENTS = ml.MVNormal(MEAN, COVARIANCE)
SCALE = np.array([[2.0, 0.5], [0.5, 1.0]])


def coefficients(rng: Rng) -> Floats:
    """Draw two coefficients."""
    return MEAN + np.linalg.cholesky(COVARIANCE) @ rng.standard_normal(2)


def inverse_gamma(rng: Rng, shape: float, scale: float, size: int = 1) -> Floats:
    """Draw variances."""
    return np.asarray(scale / rng.gamma(shape, size=size))


def inverse_wishart(rng: Rng) -> tuple[Floats, Floats]:
    """Draw sds and correlations whose covariance matrix is inverse-Wishart."""
    D = stats.invwishart.rvs(6, SCALE, random_state=rng)
    sds = np.sqrt(np.diagonal(D))
    return sds, D / np.outer(sds, sds)


def alike(r: float, k: int = 2) -> Floats:
    """Return a matrix with one correlation."""
    return np.asarray(np.full((k, k), r) + (1.0 - r) * np.eye(k))


def lkj(rng: Rng, eta: float, k: int) -> Floats:
    """Draw a 2 by 2 or 3 by 3 matrix from the LKJ distribution by partial correlations on a vine.

    Lewandowski, Kurowicka and Joe (2009), section 2.4: those of level ``l`` are ``2 Beta(b, b) - 1`` with
    ``b = eta + (k - 1 - l) / 2``.
    """
    a = 2.0 * rng.beta(eta + 0.5 * (k - 2), eta + 0.5 * (k - 2), size=k - 1) - 1.0
    if k == 2:
        return alike(float(a[0]))
    b = 2.0 * rng.beta(eta, eta) - 1.0
    last = b * np.sqrt((1.0 - a[0] ** 2) * (1.0 - a[1] ** 2)) + a[0] * a[1]
    return np.array([[1.0, a[0], a[1]], [a[0], 1.0, last], [a[1], last, 1.0]])


# The models of Bayesian hierarchical regression, by their numbers in the model list


def draw_b1(rng: Rng) -> Truth:
    """Normal coefficients, inverse-Wishart covariances, inverse-gamma residual variance."""
    sds, R = inverse_wishart(rng)
    return Truth(coefficients(rng), sds, R, np.repeat(np.sqrt(inverse_gamma(rng, 3.0, 2.0)), 8))


def draw_b3(rng: Rng) -> Truth:
    """Half-Cauchy sds, LKJ correlation, half-normal residual sd."""
    sds = np.abs(np.tan(0.5 * np.pi * rng.uniform(size=2)))
    return Truth(coefficients(rng), sds, lkj(rng, 2.0, 2), np.repeat(abs(rng.standard_normal()), 8))


def draw_b3_three(rng: Rng) -> Truth:
    """Three effects with half-normal sds."""
    beta, sds = rng.normal(0.0, 2.0, 3), np.abs(rng.standard_normal(3))
    return Truth(beta, sds, lkj(rng, 1.5, 3), np.repeat(abs(rng.standard_normal()), 10))


def draw_b6(rng: Rng) -> Truth:
    """One variance, inverse-gamma, and one correlation, uniform."""
    sd = np.sqrt(inverse_gamma(rng, 3.0, 2.0))
    sigma = np.sqrt(inverse_gamma(rng, 3.0, 2.0))
    return Truth(
        coefficients(rng), np.repeat(sd, 2), alike(float(rng.uniform(-1.0, 1.0))), np.repeat(sigma, 8)
    )


def draw_b9(rng: Rng) -> Truth:
    """Residual variances of groups, inverse-gamma with known shape and scale."""
    sds, R = inverse_wishart(rng)
    return Truth(coefficients(rng), sds, R, np.sqrt(inverse_gamma(rng, 4.0, 3.0, 8)))


def draw_b9_unknown(rng: Rng) -> Truth:
    """The same with unknown shape and scale, both gamma."""
    sds, R = inverse_wishart(rng)
    shape, scale = rng.gamma(12.0, 1.0 / 3.0), rng.gamma(9.0, 1.0 / 3.0)
    sigma = np.sqrt(inverse_gamma(rng, shape, scale, 8))
    return Truth(coefficients(rng), sds, R, sigma, {"shape(sigma2)": shape, "scale(sigma2)": scale})


def draw_b10(rng: Rng) -> Truth:
    """Log-normal residual sds of groups: normal mean and inverse-gamma variance of their logs."""
    sds, R = inverse_wishart(rng)
    mu, spread = 0.5 * rng.standard_normal(), float(np.sqrt(inverse_gamma(rng, 3.0, 0.5)[0]))
    sigma = np.exp(mu + spread * rng.standard_normal(8))
    return Truth(coefficients(rng), sds, R, sigma, {"mean(log sigma)": mu, "sd(log sigma)": spread})


OWN_SDS: Mapping[str, Any] = {"residual_groups": "g"}

CASES: Mapping[str, Case] = {
    "B1": Case(
        "y ~ x + (x | g)",
        {"fixed": COEFFICIENTS, "g": ml.InverseWishart(6, SCALE), "sigma2": ml.InverseGamma(3, 2)},
        draw_b1,
    ),
    "B3": Case(
        "y ~ x + (x | g)",
        {
            "fixed": COEFFICIENTS,
            "g": {"sd": ml.HalfCauchy(1), "correlation": ml.LKJ(2)},
            "sigma": ml.HalfNormal(1),
        },
        draw_b3,
    ),
    "B3, three effects": Case(
        "y ~ x + z + (x + z | g)",
        {
            "fixed": ml.Normal(0, 2),
            "g": {"sd": ml.HalfNormal(1), "correlation": ml.LKJ(1.5)},
            "sigma": ml.HalfNormal(1),
        },
        draw_b3_three,
        groups=10,
        effects=3,
    ),
    "B6": Case(
        "y ~ x + cs(x | g)",
        {
            "fixed": COEFFICIENTS,
            "g": {"variance": ml.InverseGamma(3, 2), "correlation": ml.Uniform(-1, 1)},
            "sigma2": ml.InverseGamma(3, 2),
        },
        draw_b6,
    ),
    "B9": Case(
        "y ~ x + (x | g)",
        {"fixed": COEFFICIENTS, "g": ml.InverseWishart(6, SCALE), "sigma2": ml.InverseGamma(4, 3)},
        draw_b9,
        varies=True,
        options=OWN_SDS,
    ),
    "B9, law unknown": Case(
        "y ~ x + (x | g)",
        {
            "fixed": COEFFICIENTS,
            "g": ml.InverseWishart(6, SCALE),
            "sigma2": ml.Hierarchical(ml.InverseGamma, shape=ml.Gamma(12, 3), scale=ml.Gamma(9, 3)),
        },
        draw_b9_unknown,
        varies=True,
        options=OWN_SDS,
    ),
    "B10": Case(
        "y ~ x + (x | g)",
        {
            "fixed": COEFFICIENTS,
            "g": ml.InverseWishart(6, SCALE),
            "sigma": ml.Hierarchical(ml.LogNormal, mu=ml.Normal(0, 0.5), variance=ml.InverseGamma(3, 0.5)),
        },
        draw_b10,
        varies=True,
        options=OWN_SDS,
    ),
}
