"""Integrals over the effects of groups agree with sums over fine grids, family by family."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit, logsumexp

from multilevel.inference.group_densities_generalised import generalised_plan, integrated_densities
from multilevel.results.posterior import Posterior
from tests.inference.generalised_posteriors import made
from tests.inference.test_posterior_generalised import DATA, values, zeros

SOME = (0, 120, 299)
"""Draws that are compared."""
Density = Callable[[Posterior, int, np.ndarray], np.ndarray]


def bernoulli(post: Posterior, s: int, eta: np.ndarray) -> np.ndarray:
    """Return log probabilities of the rows at a draw and linear predictors ``(..., n)``."""
    return np.where(post.design.y == 1, -np.logaddexp(0, -eta), -np.logaddexp(0, eta))


def binomial(post: Posterior, s: int, eta: np.ndarray) -> np.ndarray:
    return stats.binom.logpmf(post.design.y, post.design.trials, expit(eta))


def negative_binomial(post: Posterior, s: int, eta: np.ndarray) -> np.ndarray:
    theta = values(post)[s, 0]
    return stats.nbinom.logpmf(post.design.y, theta, theta / (theta + np.exp(eta)))


def student(post: Posterior, s: int, eta: np.ndarray) -> np.ndarray:
    sigma, nu = values(post)[s]
    return stats.t.logpdf(post.design.y, nu, eta, sigma)


def inflated(post: Posterior, s: int, eta: np.ndarray) -> np.ndarray:
    y, share = post.design.y, zeros(post)[s]
    rest = np.log1p(-share) + stats.poisson.logpmf(y, np.exp(eta))
    return np.where(y == 0, np.logaddexp(np.log(share), rest), rest)


def poisson(post: Posterior, s: int, eta: np.ndarray) -> np.ndarray:
    return stats.poisson.logpmf(post.design.y, np.exp(eta))


def ordinal(post: Posterior, s: int, eta: np.ndarray) -> np.ndarray:
    ends = np.concatenate([[-np.inf], values(post)[s], [np.inf]])
    at = post.design.y.astype(int)
    return np.log(expit(ends[at] - eta) - expit(ends[at - 1] - eta))


def fixed_part(post: Posterior, s: int, held: tuple[str, ...] = ()) -> np.ndarray:
    """Return linear predictors at a draw with the effects of some factors."""
    sampled, design = post.sampled, post.design
    eta = sampled.coefficients.reshape(post.n_draws, -1)[s] @ design.fixed.X.T
    if design.offset is not None:
        eta = eta + design.offset
    for block, effects in zip(design.terms, sampled.effects, strict=True):
        factor = design.factors[block.factor]
        if factor.name in held:
            b = effects.reshape(post.n_draws, *effects.shape[2:])[s]
            eta = eta + (b[factor.index] * block.Z).sum(axis=1)
    return np.asarray(eta)


def grid(sd: float, points: int) -> tuple[np.ndarray, np.ndarray]:
    """Return nodes and log weights of a trapezoidal rule for a normal effect, seven sds to each side."""
    z = np.linspace(-7, 7, points)
    return sd * z, stats.norm.logpdf(z) + np.log(z[1] - z[0])


def by_level(post: Posterior, name: str, rows: np.ndarray) -> np.ndarray:
    """Return sums over the rows ``(..., n)`` of each level of a factor."""
    factor = next(f for f in post.design.factors if f.name == name)
    member = (factor.index[:, None] == np.arange(len(factor.levels))).astype(float)
    return np.asarray(rows @ member)


def densities(post: Posterior, name: str) -> Any:
    """Return what is found, and its sentence."""
    number = [factor.name for factor in post.design.factors].index(name)
    return integrated_densities(post, generalised_plan(post.design, number))


ONE: dict[str, tuple[str, str, str | None, Density]] = {
    "bernoulli": ("yes ~ x + (1 | g)", "bernoulli", None, bernoulli),
    "exposure": ("count ~ x + offset(exposure) + (1 | g)", "poisson", None, poisson),
    "negative binomial": ("count ~ x + (1 | g)", "negative_binomial", None, negative_binomial),
    "Student": ("real ~ x + (1 | g)", "student", None, student),
    "zero inflation": ("zeros ~ x + (1 | g)", "poisson", "~ x", inflated),
    "ordinal": ("class ~ x + (1 | g)", "ordinal", None, ordinal),
    "crossed": ("prop(hits, trials) ~ x + (1 | g) + (1 | i)", "binomial", None, binomial),
    "no coefficients": ("count ~ 0 + (1 | g)", "poisson", None, poisson),
}


@pytest.mark.parametrize("name", ONE)
def test_one_effect(name: str) -> None:
    formula, family, inflation, density = ONE[name]
    post = made(formula, DATA, family, zero_inflation=inflation)
    found = densities(post, "g")
    assert found.values.shape == (300, 12)
    for s in SOME:
        b, log_weights = grid(post.sampled.sds[0].ravel()[s], 801)
        rows = density(post, s, fixed_part(post, s, ("i",)) + b[:, None])
        expected = logsumexp(by_level(post, "g", rows) + log_weights[:, None], axis=0)
        # 15 nodes: five digits for normal-like integrands, three for the heavy tails of Student's t
        assert found.values[s] == pytest.approx(expected, abs=2e-2 if name == "Student" else 1e-4)
    held = "; those of `i` are held at each draw." if name == "crossed" else "."
    assert found.sentence.endswith(held)
    assert found.sentence.startswith("Effects of `g` are integrated out by adaptive quadrature")


def test_two_effects_that_are_correlated() -> None:
    post = made("prop(hits, trials) ~ x + (x | g)", DATA, "binomial")
    R = post.sampled.correlations[0].copy()
    R[:, :, 0, 1] = R[:, :, 1, 0] = -0.6
    post = dataclasses.replace(post, sampled=dataclasses.replace(post.sampled, correlations=(R,)))
    found = densities(post, "g").values
    for s in SOME:
        sds = post.sampled.sds[0].reshape(-1, 2)[s]
        z, log_weights = grid(1.0, 121)
        one, two = (side.ravel() for side in np.meshgrid(z, z))
        b = np.stack([sds[0] * one, sds[1] * (-0.6 * one + 0.8 * two)])
        rows = binomial(post, s, fixed_part(post, s) + (post.design.terms[0].Z @ b).T)
        weights = (log_weights[:, None] + log_weights).ravel()
        expected = logsumexp(by_level(post, "g", rows) + weights[:, None], axis=0)
        assert found[s] == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("family", ["poisson", "negative_binomial"])
def test_a_factor_and_the_one_nested_in_it(family: str) -> None:
    post = made("count ~ x + (1 | h) + (1 | g) + (1 | i)", DATA, family)
    density = poisson if family == "poisson" else negative_binomial
    found = densities(post, "h")
    names = [factor.name for factor in post.design.factors]
    sds = {name: post.sampled.sds[names.index(name)].ravel() for name in names}
    parent = np.arange(12) // 3
    for s in SOME:
        outer, outer_weights = grid(sds["h"][s], 121)
        inner, inner_weights = grid(sds["g"][s], 201)
        terms = np.empty((121, 4))
        for q, b in enumerate(outer):
            rows = density(post, s, fixed_part(post, s, ("i",)) + b + inner[:, None])
            integrals = logsumexp(by_level(post, "g", rows) + inner_weights[:, None], axis=0)
            terms[q] = np.bincount(parent, integrals)
        expected = logsumexp(terms + outer_weights[:, None], axis=0)
        assert found.values[s] == pytest.approx(expected, abs=1e-3)
    assert found.sentence == (
        "Effects of `h` and `g` are integrated out by adaptive quadrature;"
        " those of `i` are held at each draw."
    )
    alone = densities(post, "g")
    assert alone.sentence.endswith("those of `h`, `i` are held at each draw.")


def test_rows_that_count_several_times() -> None:
    post = made("yes ~ x + (1 | g)", DATA, "bernoulli")
    twice = dataclasses.replace(post.design, frequency_weights=np.full(post.n_rows, 2.0))
    double = dataclasses.replace(post, design=twice, memory={})
    found = densities(double, "g").values
    b, log_weights = grid(post.sampled.sds[0].ravel()[7], 801)
    rows = 2 * bernoulli(post, 7, fixed_part(post, 7) + b[:, None])
    assert found[7] == pytest.approx(
        logsumexp(by_level(post, "g", rows) + log_weights[:, None], axis=0), abs=1e-4
    )


def test_no_variance_between_groups() -> None:
    post = made("count ~ x + (1 | h) + (1 | g)", DATA, "poisson")
    sds = tuple(np.zeros_like(sd) for sd in post.sampled.sds)
    post = dataclasses.replace(post, sampled=dataclasses.replace(post.sampled, sds=sds))
    for name in ("g", "h"):
        found = densities(post, name).values
        held = ("h",) if name == "g" else ()
        expected = by_level(post, name, poisson(post, 5, fixed_part(post, 5, held)))
        assert found[5] == pytest.approx(expected, abs=1e-6)
