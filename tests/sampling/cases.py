"""Models whose exact posterior is known by quadrature: what to sample, and what must come out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

import numpy as np
from scipy import stats

import multilevel as ml
from tests.sampling.quadrature import Axis, Floats, Moments, intercepts, line, slopes

Names = Mapping[str, Callable[[ml.Posterior], Floats]]


def named(name: str) -> Callable[[ml.Posterior], Floats]:
    """Return what reads the draws of a parameter."""
    return lambda post: post.draws[name]


def effect(group: int) -> Callable[[ml.Posterior], Floats]:
    """Return what reads the draws of a group's first effect."""
    return lambda post: post.sampled.effects[0][:, :, group, 0]


def half_cauchy(x: Floats, scale: float) -> Floats:
    return np.asarray(stats.halfcauchy.logpdf(x, scale=scale))


def root_of_inverse_gamma(x: Floats, shape: float, scale: float) -> Floats:
    """Return the log density of an sd whose square is inverse-gamma."""
    return np.asarray(stats.invgamma.logpdf(x**2, shape, scale=scale) + np.log(2.0 * x))


@dataclass(frozen=True, slots=True)
class Case:
    """A model for the samplers, and the same model for the quadrature.

    ``longer`` is how many times as many draws a Markov chain needs, where it mixes slowly.
    """

    formula: str
    data: Callable[[], Any]
    priors: Mapping[str, Any]
    exact: Callable[[], Moments]
    names: Names
    options: Mapping[str, Any] = field(default_factory=dict)
    longer: int = 1


# One level: sleepstudy without its subjects


def sleep_arrays() -> tuple[Floats, Floats]:
    table = ml.datasets.load("sleepstudy")
    days = table["days"].to_numpy(float)
    return table["reaction"].to_numpy(float), np.column_stack([np.ones(days.size), days])


def exact_line(log_sigma: Callable[[Floats], Floats], axis: Axis) -> Moments:
    y, X = sleep_arrays()
    return line(y, X, np.array([250.0, 0.0]), np.array([40.0, 5.0]), log_sigma, axis)


LINE_PRIORS = {"Intercept": ml.Normal(250, 40), "days": ml.Normal(0, 5)}
LINE_NAMES = {"beta[0]": named("Intercept"), "beta[1]": named("days"), "sigma": named("sigma")}


def one_level(
    sigma: Mapping[str, Any], log_sigma: Callable[[Floats], Floats], axis: Axis, **options: Any
) -> Case:
    return Case(
        "reaction ~ days",
        partial(ml.datasets.load, "sleepstudy"),
        {**LINE_PRIORS, **sigma},
        partial(exact_line, log_sigma, axis),
        LINE_NAMES,
        options,
    )


# Two levels: a varying intercept

UNEQUAL = (2, 3, 9, 4, 7, 5, 2, 6)


@cache
def unequal_groups() -> Mapping[str, Any]:
    """Return eight groups of unequal size."""
    rng = np.random.default_rng(8)
    group = np.repeat(np.arange(len(UNEQUAL)), UNEQUAL)
    effects = rng.normal(0.0, 1.5, len(UNEQUAL))
    return {"y": 3.0 + effects[group] + rng.normal(0.0, 1.0, group.size), "g": [f"g{j}" for j in group]}


def exact_unequal(log_prior: Callable[[Floats, Floats], Floats], axes: tuple[Axis, Axis]) -> Moments:
    y = np.split(unequal_groups()["y"], np.cumsum(UNEQUAL)[:-1])
    means, within = np.array([part.mean() for part in y]), sum(float(((p - p.mean()) ** 2).sum()) for p in y)
    return intercepts(means, np.array(UNEQUAL, dtype=float), within, (0.0, 5.0), log_prior, axes)


INTERCEPT_NAMES = {
    "mu": named("Intercept"),
    "tau": named("sd(g, Intercept)"),
    "sigma": named("sigma"),
    "b[0]": effect(0),
    f"b[{len(UNEQUAL) - 1}]": effect(-1),
}


def two_level(
    priors: Mapping[str, Any], log_prior: Callable[[Floats, Floats], Floats], axes: tuple[Axis, Axis]
) -> Case:
    return Case(
        "y ~ 1 + (1 | g)",
        unequal_groups,
        {"Intercept": ml.Normal(0, 5), **priors},
        partial(exact_unequal, log_prior, axes),
        INTERCEPT_NAMES,
    )


def exact_schools() -> Moments:
    table = ml.datasets.load("eight_schools")
    return intercepts(
        table["effect"].to_numpy(float),
        table["sd"].to_numpy(float) ** -2.0,
        0.0,
        (0.0, 5.0),
        lambda tau, sigma: half_cauchy(tau, 5.0),
        (Axis(1e-6, 1e4, 4001), Axis(1.0, 1.0, 1)),
    )


# Two levels: a varying intercept and slope, ten days of each of 18 subjects


def exact_slopes(
    log_prior: Callable[[Floats, Floats, Floats, Floats], Floats], axes: tuple[Axis, Axis | None, Axis, Axis]
) -> Moments:
    y, X = sleep_arrays()
    X, Y = X[:10], y.reshape(18, 10).T
    estimates = np.linalg.lstsq(X, Y, rcond=None)[0]
    within = float(((Y - X @ estimates) ** 2).sum())
    prior = np.array([250.0, 10.0]), np.array([50.0, 10.0])
    return slopes(estimates.T, X.T @ X, (within, 18 * 8), prior, log_prior, axes)


SD_NAMES = {
    "beta[0]": named("Intercept"),
    "beta[1]": named("days"),
    "tau[0]": named("sd(subject, Intercept)"),
    "sigma": named("sigma"),
}
TWO_SDS = {**SD_NAMES, "tau[1]": named("sd(subject, days)")}
RHO = named("correlation(subject, Intercept, days)")
NONE, RANGE = Axis(0.0, 0.0, 1), Axis(-0.999, 0.999, 33, bounded=True)
INTERCEPT_SD, SLOPE_SD, SIGMA = Axis(0.3, 250.0, 41), Axis(0.8, 40.0, 37), Axis(17.0, 40.0, 25)


def varying(
    formula: str,
    priors: Mapping[str, Any],
    log_prior: Callable[[Floats, Floats, Floats, Floats], Floats],
    axes: tuple[Axis, Axis | None, Axis, Axis],
    names: Names,
    *,
    longer: int = 1,
) -> Case:
    return Case(
        formula,
        partial(ml.datasets.load, "sleepstudy"),
        {"Intercept": ml.Normal(250, 50), "days": ml.Normal(10, 10), **priors},
        partial(exact_slopes, log_prior, axes),
        names,
        longer=longer,
    )


def inverse_wishart(tau0: Floats, tau1: Floats, rho: Floats) -> Floats:
    """Return the log density, but for a constant, of sds and correlation of an inverse-Wishart matrix.

    ``D ~ IW(5, S)``: ``-(5 + 2 + 1) / 2 log det(D) - tr(S D^-1) / 2``, and the volume element of ``D`` in
    sds and correlation, ``4 (tau0 tau1)^2``.
    """
    off = rho * tau0 * tau1
    det = (tau0 * tau1) ** 2 - off**2
    trace = (600.0 * tau1**2 - 2.0 * 20.0 * off + 60.0 * tau0**2) / det
    return np.asarray(-4.0 * np.log(det) - 0.5 * trace + 2.0 * np.log(tau0 * tau1))


CASES: Mapping[str, Case] = {
    "one level, sigma known": one_level({}, lambda sigma: 0.0 * sigma, Axis(48.0, 48.0, 1), residual_sd=48.0),
    "one level, half-Cauchy": one_level(
        {"sigma": ml.HalfCauchy(20)}, lambda sigma: half_cauchy(sigma, 20.0), Axis(25.0, 100.0, 801)
    ),
    "one level, inverse-gamma": one_level(
        {"sigma2": ml.InverseGamma(20, 20_000)},
        lambda sigma: root_of_inverse_gamma(sigma, 20.0, 20_000.0),
        Axis(20.0, 100.0, 801),
    ),
    "eight schools": Case(
        "effect ~ 1 + (1 | school)",
        partial(ml.datasets.load, "eight_schools"),
        {"Intercept": ml.Normal(0, 5), "school": {"sd": ml.HalfCauchy(5)}},
        exact_schools,
        {
            "mu": named("Intercept"),
            "tau": named("sd(school, Intercept)"),
            "b[0]": effect(0),
            "b[7]": effect(7),
        },
        {"residual_sd": "sd"},
    ),
    "intercepts, half-Cauchy": two_level(
        {"g": {"sd": ml.HalfCauchy(1)}, "sigma": ml.HalfCauchy(2)},
        lambda tau, sigma: half_cauchy(tau, 1.0) + half_cauchy(sigma, 2.0),
        (Axis(1e-5, 300.0, 701), Axis(0.3, 6.0, 301)),
    ),
    "intercepts, inverse-gamma": two_level(
        {"g": {"variance": ml.InverseGamma(2, 1)}, "sigma2": ml.InverseGamma(3, 2)},
        lambda tau, sigma: root_of_inverse_gamma(tau, 2.0, 1.0) + root_of_inverse_gamma(sigma, 3.0, 2.0),
        (Axis(0.05, 100.0, 701), Axis(0.3, 6.0, 301)),
    ),
    "slopes, half-Cauchy and LKJ": varying(
        "reaction ~ days + (days | subject)",
        {"subject": {"sd": ml.HalfCauchy(20), "correlation": ml.LKJ(2)}, "sigma": ml.HalfNormal(30)},
        lambda tau0, tau1, rho, sigma: (
            half_cauchy(tau0, 20.0)
            + half_cauchy(tau1, 20.0)
            + np.log1p(-(rho**2))
            - 0.5 * (sigma / 30.0) ** 2
        ),
        (INTERCEPT_SD, SLOPE_SD, RANGE, SIGMA),
        {**TWO_SDS, "rho": RHO},
    ),
    "slopes, inverse-Wishart": varying(
        "reaction ~ days + (days | subject)",
        {
            "subject": ml.InverseWishart(5, [[600.0, 20.0], [20.0, 60.0]]),
            "sigma2": ml.InverseGamma(2, 1000),
        },
        lambda tau0, tau1, rho, sigma: (
            inverse_wishart(tau0, tau1, rho) + root_of_inverse_gamma(sigma, 2.0, 1000.0)
        ),
        (INTERCEPT_SD, SLOPE_SD, RANGE, SIGMA),
        {**TWO_SDS, "rho": RHO},
    ),
    "slopes, uncorrelated": varying(
        "reaction ~ days + (days || subject)",
        {"subject": {"variance": ml.InverseGamma(2, 100)}, "sigma2": ml.InverseGamma(2, 1000)},
        lambda tau0, tau1, rho, sigma: (
            root_of_inverse_gamma(tau0, 2.0, 100.0)
            + root_of_inverse_gamma(tau1, 2.0, 100.0)
            + root_of_inverse_gamma(sigma, 2.0, 1000.0)
        ),
        (INTERCEPT_SD, SLOPE_SD, NONE, SIGMA),
        TWO_SDS,
    ),
    "slopes, one sd": varying(
        "reaction ~ days + homdiag(days | subject)",
        {"subject": {"sd": ml.HalfCauchy(10)}, "sigma": ml.HalfCauchy(30)},
        lambda tau0, tau1, rho, sigma: half_cauchy(tau0, 10.0) + half_cauchy(sigma, 30.0),
        (Axis(0.5, 60.0, 301), None, NONE, Axis(15.0, 50.0, 201)),
        SD_NAMES,
    ),
    "slopes, one sd and one correlation": varying(
        "reaction ~ days + cs(days | subject)",
        {
            "subject": {"variance": ml.InverseGamma(2, 100), "correlation": ml.Uniform(-1, 1)},
            "sigma2": ml.InverseGamma(2, 1000),
        },
        lambda tau0, tau1, rho, sigma: (
            root_of_inverse_gamma(tau0, 2.0, 100.0) + root_of_inverse_gamma(sigma, 2.0, 1000.0)
        ),
        (Axis(2.0, 60.0, 101), None, Axis(-0.9999, 0.999, 101, bounded=True), Axis(15.0, 50.0, 101)),
        {**SD_NAMES, "rho": RHO},
        longer=5,
    ),
}


@cache
def exact(name: str) -> Moments:
    return CASES[name].exact()
