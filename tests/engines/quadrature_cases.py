"""Small data sets of every family with one factor, and their likelihood by sums over a fine grid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

import multilevel as ml
from multilevel.answers import bound
from multilevel.data import read_table
from multilevel.design import Design, columns_needed
from multilevel.engines.laplace.problem import LaplaceProblem
from multilevel.engines.laplace.start import start_vector
from multilevel.results import FitOptions

Floats = NDArray[np.float64]

GROUPS = 12
ROWS = 6


def data() -> dict[str, NDArray[np.generic]]:
    """Return 72 rows of 12 groups with a response for each family."""
    rng = np.random.default_rng(20261121)
    n = GROUPS * ROWS
    g = np.repeat(np.arange(GROUPS), ROWS)
    x, z = rng.normal(size=n), rng.normal(size=n)
    b = rng.normal(size=(GROUPS, 3)) * [0.8, 0.5, 0.4]
    eta = 0.3 + 0.5 * x + b[g, 0] + b[g, 1] * x + b[g, 2] * z
    mu, share = np.exp(eta), special.expit(eta)
    noise = rng.logistic(size=n)
    return {
        "g": np.array([f"g{k}" for k in g]),
        "x": x,
        "z": z,
        "offset": 0.2 * rng.normal(size=n),
        "times": rng.integers(1, 4, size=n).astype(np.float64),
        "yes": (rng.random(n) < share).astype(np.float64),
        "successes": rng.binomial(7, share).astype(np.float64),
        "trials": np.full(n, 7.0),
        "count": rng.poisson(mu).astype(np.float64),
        "spread": rng.negative_binomial(2, 2 / (2 + mu)).astype(np.float64),
        "zeros": (rng.random(n) < 0.7) * rng.poisson(mu).astype(np.float64),
        "size": rng.gamma(2, mu / 2),
        "skewed": rng.wald(mu, 2.0),
        "part": np.clip(rng.beta(3 * share, 3 * (1 - share)), 1e-3, 1 - 1e-3),
        "real": eta + rng.standard_t(4, size=n),
        "grade": 1.0 + (eta + noise > 0) + (eta + noise > 1.0),
    }


@dataclass(frozen=True, slots=True)
class Case:
    """A response, its family, and what else the model has."""

    response: str
    family: str
    link: str = ""
    inflation: str = ""
    tail: str = ""
    frequency: bool = False

    def __str__(self) -> str:
        """Name of the case."""
        parts = (self.family, self.link, "inflated" * bool(self.inflation), "offset" * bool(self.tail))
        return "-".join(part for part in (*parts, "frequency" * self.frequency) if part)

    def design(self, grouped: str) -> Design:
        """Return the design with a grouped term."""
        named = ml.families.REGISTRY[self.family]
        family = named(link=self.link) if self.link else named()  # type: ignore[arg-type]
        model = ml.formula(
            f"{self.response} ~ x{self.tail} + {grouped}",
            family=family,
            zero_inflation=self.inflation or None,
        )
        weights = "times" if self.frequency else None
        options = FitOptions(
            family=family.name,
            link=family.link,
            zero_inflation=model.inflation or None,
            method="laplace",
            ddf="none",
            frequency_weights=weights,
        )
        return bound(model, read_table(data(), columns_needed(model, frequency_weights=weights)), options)


CASES = (
    Case("yes", "bernoulli"),
    Case("yes", "bernoulli", link="probit"),
    Case("prop(successes, trials)", "binomial"),
    Case("prop(successes, trials)", "beta_binomial"),
    Case("count", "poisson", tail=" + offset(offset)"),
    Case("count", "poisson", frequency=True),
    Case("spread", "negative_binomial"),
    Case("spread", "negative_binomial_linear"),
    Case("zeros", "poisson", inflation="~ x"),
    Case("zeros", "negative_binomial", inflation="~ 1"),
    Case("size", "gamma", link="log"),
    Case("skewed", "inverse_gaussian", link="log"),
    Case("part", "beta"),
    Case("real", "student"),
    Case("grade", "ordinal"),
    Case("grade", "ordinal", link="probit"),
)


def point(problem: LaplaceProblem, seed: int = 3) -> Floats:
    """Return a vector near the start of the search, no entry of it at an optimum."""
    x = start_vector(problem.design, problem.layout)
    return np.asarray(x + 0.1 * np.random.default_rng(seed).normal(size=x.size))


def dense_value(problem: LaplaceProblem, x: Floats, *, step: float, reach: float = 9.0) -> float:
    """Return -2 log-likelihood by the trapezoidal rule over a grid of standard normal effects.

    The rule's error falls faster than any power of the step for integrands that are smooth and vanish at
    the ends.
    """
    design, here = problem.design, problem.places
    beta = problem.layout.scaling.fixed.back @ x[here.coefficients]
    eta = design.fixed.X @ beta + (0.0 if design.offset is None else design.offset)
    if design.family.name == "ordinal":  # thresholds belong to shifted columns
        eta = eta - problem.layout.scaling.fixed.centre @ beta
    zi = None
    if design.inflation is not None:
        zi = design.inflation.X @ (problem.layout.inflation.back @ x[here.inflation])
    b = [
        term.back @ T @ term.back.T
        for term, T in zip(problem.layout.scaling.terms, problem.relative(x), strict=True)
    ]
    root = np.linalg.cholesky(_block_diagonal(b))
    k = root.shape[0]
    axis = np.arange(-reach, reach + step / 2, step)
    u = np.stack(np.meshgrid(*[axis] * k, indexing="ij"), axis=-1).reshape(-1, k)
    prior = stats.norm.logpdf(u).sum(axis=1) + k * np.log(step)
    Z = np.concatenate([term.Z for term in design.terms], axis=1)
    parameters = problem.natural(x) if design.family.name == "ordinal" else np.exp(x[here.auxiliary])
    times = np.ones_like(eta) if design.frequency_weights is None else design.frequency_weights
    total = 0.0
    for level in range(len(design.factors[0].levels)):
        log = prior.copy()
        for i in np.flatnonzero(design.factors[0].index == level):
            trials = 1.0 if design.trials is None else design.trials[i]
            shifted = eta[i] + u @ (root.T @ Z[i])
            inflated = None if zi is None else float(zi[i])
            log += times[i] * log_density(design, design.y[i], shifted, parameters, trials, inflated)
        total += special.logsumexp(log)
    return float(-2.0 * total)


def _block_diagonal(parts: list[Floats]) -> Floats:
    whole = np.zeros((sum(part.shape[0] for part in parts),) * 2)
    at = 0
    for part in parts:
        whole[at : at + part.shape[0], at : at + part.shape[0]] = part
        at += part.shape[0]
    return whole


def log_density(
    design: Design, y: float, eta: Floats, parameters: Floats, trials: float, zi: float | None
) -> Floats:
    """Return log densities of one response at linear predictors, by SciPy's distributions."""
    name, link = design.family.name, design.family.link
    if name == "ordinal":
        cuts = np.concatenate([[-np.inf], parameters, [np.inf]])
        below = {"logit": special.expit, "probit": special.ndtr}[link]
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(below(cuts[int(y)] - eta) - below(cuts[int(y) - 1] - eta)))
    inverse: Mapping[str, object] = {
        "logit": special.expit, "probit": special.ndtr, "log": np.exp, "identity": np.asarray
    }  # fmt: skip
    mu = inverse[link](eta)  # type: ignore[operator]
    a = float(parameters[0]) if parameters.size else 0.0
    if name in ("bernoulli", "binomial"):
        rest = special.expit(-eta) if link == "logit" else special.ndtr(-eta)
        return np.asarray(
            special.xlogy(y, mu) + special.xlogy(trials - y, rest) + np.log(special.binom(trials, y))
        )
    found = {
        "poisson": lambda: stats.poisson.logpmf(y, mu),
        "negative_binomial": lambda: stats.nbinom.logpmf(y, a, a / (a + mu)),
        "negative_binomial_linear": lambda: stats.nbinom.logpmf(y, mu / a, 1.0 / (1.0 + a)),
        "gamma": lambda: stats.gamma.logpdf(y, 1.0 / a, scale=mu * a),
        "inverse_gaussian": lambda: stats.invgauss.logpdf(y, mu * a, scale=1.0 / a),
        "beta": lambda: stats.beta.logpdf(y, mu * a, (1.0 - mu) * a),
        "beta_binomial": lambda: stats.betabinom.logpmf(y, trials, mu * a, (1.0 - mu) * a),
        "student": lambda: stats.t.logpdf(y, parameters[1], loc=mu, scale=a),
    }[name]()
    if zi is None:
        return np.asarray(found)
    with np.errstate(divide="ignore"):  # far from the data a density is zero
        return np.asarray(np.log(special.expit(-zi) * np.exp(found) + special.expit(zi) * (y == 0)))
