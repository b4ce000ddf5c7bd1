"""Covariance matrices given the effects: densities and draws against direct computations."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import scipy.stats

from multilevel.engines.gibbs.correlations import log_sech2
from multilevel.engines.gibbs.metropolis import Walk
from multilevel.engines.gibbs.terms import (
    AlikeTerm,
    GammaTerm,
    HeldTerm,
    TermState,
    TermStep,
    WalkTerm,
    WishartTerm,
    term_step,
)
from multilevel.engines.marginal.coordinates import coordinates_of
from multilevel.engines.marginal.density import term_log_prior
from multilevel.errors import DesignError
from multilevel.inference.convergence import ess_mean
from multilevel.model.priors import (
    LKJ,
    Exponential,
    Fixed,
    FixedMatrix,
    Flat,
    HalfCauchy,
    HalfNormal,
    InverseGamma,
    InverseWishart,
    ScaledInverseWishart,
    Uniform,
    Wishart,
)
from tests.engines.gibbs_cases import Floats, covariance_of, model_of, some_terms

FULL, DIAGONAL = "reaction ~ days + (days | subject)", "reaction ~ days + (days || subject)"
SHARED = "reaction ~ days + homdiag(days | subject)"
ALIKE = "reaction ~ days + cs(days | subject)"
ONE = "reaction ~ days + (1 | subject)"
SCALE = [[2.0, 0.3], [0.3, 1.0]]
IG = InverseGamma(2, 3)

CASES: dict[str, tuple[str, Any, type[TermStep], int]] = {
    "inverse-Wishart": (FULL, InverseWishart(5, SCALE), WishartTerm, 0),
    "Wishart": (FULL, Wishart(5, SCALE), WishartTerm, 0),
    "scaled": (FULL, ScaledInverseWishart(5, SCALE), WishartTerm, 0),
    "inverse-Wishart of one": (ONE, InverseWishart(5, 2), WishartTerm, 0),
    "inverse gamma": (DIAGONAL, {"variance": IG}, GammaTerm, 0),
    "inverse gamma and fixed": (DIAGONAL, {"variance": {"Intercept": IG, "days": Fixed(4)}}, GammaTerm, 0),
    "inverse gamma, shared": (SHARED, {"variance": IG}, GammaTerm, 0),
    "flat": (ONE, {"sd": Flat()}, GammaTerm, 0),
    "half-Cauchy, LKJ": (FULL, {"sd": HalfCauchy(2), "correlation": LKJ(2)}, WalkTerm, 3),
    "inverse gamma, LKJ": (FULL, {"variance": IG, "correlation": LKJ(1)}, WalkTerm, 3),
    "known correlation": (FULL, {"sd": HalfNormal(2), "correlation": Fixed(0.4)}, WalkTerm, 2),
    "known sd": (FULL, {"sd": {"Intercept": Fixed(2), "days": Exponential(1)}}, WalkTerm, 2),
    "exponential, shared": (SHARED, {"sd": Exponential(1)}, WalkTerm, 1),
    "some fixed": (DIAGONAL, {"sd": {"Intercept": Fixed(2), "days": Exponential(1)}}, WalkTerm, 1),
    "alike, inverse gamma": (ALIKE, {"variance": IG, "correlation": LKJ(2)}, AlikeTerm, 1),
    "alike, bounded": (ALIKE, {"variance": IG, "correlation": Uniform(0, 0.9)}, AlikeTerm, 1),
    "alike, known correlation": (ALIKE, {"variance": IG, "correlation": Fixed(0.4)}, AlikeTerm, 0),
    "alike, exponential": (ALIKE, {"sd": Exponential(1), "correlation": LKJ(3)}, WalkTerm, 2),
    "alike, exponential, bounded": (
        ALIKE,
        {"sd": Exponential(1), "correlation": Uniform(-1, 0)},
        WalkTerm,
        2,
    ),
    "alike, known sd": (ALIKE, {"sd": Fixed(2)}, WalkTerm, 1),
    "alike, all known": (ALIKE, {"sd": Fixed(2), "correlation": Fixed(0.4)}, HeldTerm, 0),
    "matrix known": (FULL, FixedMatrix(SCALE), HeldTerm, 0),
    "sds known": (DIAGONAL, {"sd": Fixed(2)}, HeldTerm, 0),
    "all known": (FULL, {"sd": Fixed(2), "correlation": Fixed(0.4)}, HeldTerm, 0),
}


def case(name: str) -> tuple[TermStep, Any, Any]:
    """Return the step of a case, the term's priors, and its place."""
    formula, given, _, _ = CASES[name]
    moments, priors = model_of(formula, "sleepstudy", {"subject": given})
    place = coordinates_of(moments, priors).terms[0]
    return term_step(priors.terms[0], moments.blocks[0], place, 18), priors.terms[0], place


def effects_of(k: int, m: int = 18) -> Floats:
    """Return effects of ``m`` groups."""
    return np.random.default_rng(7).normal(size=(m, k)) * np.arange(1, k + 1)


@pytest.mark.parametrize("name", CASES)
def test_the_prior_decides_the_step(name: str) -> None:
    step, _, _ = case(name)
    assert (type(step), step.walk_size) == CASES[name][2:]


WALKS = [name for name, row in CASES.items() if row[2] is WalkTerm]


@pytest.mark.parametrize("name", WALKS)
def test_the_density_of_a_walk_is_that_of_effects_and_prior(name: str) -> None:
    """Differences between random points, with the volume of log sds and atanh partial correlations."""
    step, prior, place = case(name)
    assert isinstance(step, WalkTerm)
    b = effects_of(place.size)
    found, expected = [], []
    for x in np.random.default_rng(1).normal(size=(50, step.walk_size)):
        state = step.state(x)
        np.testing.assert_allclose(step.point(state), x, atol=1e-9)
        found.append(step.log_density(x, b.T @ b, b.shape[0], 1.0))
        sds = state.sds[:1] if CASES[name][0] in (SHARED, ALIKE) else state.sds
        direct = term_log_prior(prior, sds[None], state.L[None], np.ones(1))[0]
        direct += scipy.stats.multivariate_normal(np.zeros(place.size), covariance_of(state)).logpdf(b).sum()
        n_sds = step.walk_size - place.n_partial - (place.common >= 0)
        volume = log_sech2(x[n_sds:]).sum()
        if place.common >= 0:  # of the logistic function, whose slope is that of tanh(z / 2) but for a factor
            volume = log_sech2(x[n_sds:] / 2.0).sum()
        expected.append(direct + x[:n_sds].sum() + volume)
    np.testing.assert_allclose(np.diff(found), np.diff(expected), rtol=1e-9, atol=1e-8)


def test_an_effect_whose_sd_is_known_to_be_zero_is_left_out() -> None:
    moments, priors = model_of(DIAGONAL, "sleepstudy", {"subject": {"sd": {"days": Fixed(0.0)}}})
    place = coordinates_of(moments, priors).terms[0]
    step = term_step(priors.terms[0], moments.blocks[0], place, 18)
    assert isinstance(step, WalkTerm)
    b = effects_of(2) * [1.0, 0.0]
    x = np.array([[0.3], [1.1]])
    found = [step.log_density(point, b.T @ b, 18, 1.0) for point in x]
    sds = np.exp(x[:, 0])
    expected = scipy.stats.norm(0, sds[:, None]).logpdf(b[:, 0]).sum(axis=1) + x[:, 0]
    expected += priors.terms[0].sds[0].logpdf(sds)
    assert found[1] - found[0] == pytest.approx(expected[1] - expected[0])


@pytest.mark.statistics
@pytest.mark.parametrize("name", ["inverse-Wishart", "Wishart", "scaled", "inverse-Wishart of one"])
def test_inverse_wishart_draws_follow_the_full_conditional(name: str) -> None:
    """``IW(df + m, scale + sum b b')``: its mean, from 4,000 draws."""
    step, prior, place = case(name)
    b, rng = effects_of(place.size), np.random.default_rng(1)
    state = TermState(np.ones(place.size), np.eye(place.size))
    draws = [covariance_of(step.draw(state, b.T @ b, 18, 1.0, rng, None)) for _ in range(4000)]
    expected = InverseWishart(prior.covariance.df + 18, prior.covariance.scale + b.T @ b).mean
    np.testing.assert_allclose(np.mean(draws, axis=0), expected, rtol=0.03, atol=0.03)


@pytest.mark.statistics
@pytest.mark.parametrize(
    "name", ["inverse gamma", "inverse gamma and fixed", "inverse gamma, shared", "flat"]
)
def test_inverse_gamma_draws_follow_the_full_conditional(name: str) -> None:
    """``IG(shape + m / 2, scale + sum b^2 / 2)``, by Kolmogorov and Smirnov; what is fixed stays."""
    step, _, place = case(name)
    b, rng = effects_of(place.size), np.random.default_rng(1)
    squares = (b * b).sum(axis=0)
    state = TermState(np.full(place.size, 2.0), np.eye(place.size))
    draws = np.array([step.draw(state, b.T @ b, 18, 1.0, rng, None).sds for _ in range(3000)]) ** 2
    shape, scale = (-0.5, 0.0) if name == "flat" else (2.0, 3.0)
    law = scipy.stats.invgamma(shape + 9, scale=scale + squares[0] / 2)
    if "shared" in name:
        law = scipy.stats.invgamma(shape + 18, scale=scale + squares.sum() / 2)
        np.testing.assert_array_equal(draws[:, 0], draws[:, 1])
    assert scipy.stats.kstest(draws[:, 0], law.cdf).pvalue > 0.01
    if "fixed" in name:
        np.testing.assert_array_equal(draws[:, 1], 4.0)


ALIKES = [name for name, row in CASES.items() if row[2] is AlikeTerm]


@pytest.mark.statistics
@pytest.mark.parametrize("name", ALIKES)
def test_the_variance_of_effects_that_are_alike_follows_its_full_conditional(name: str) -> None:
    """``IG(shape + m k / 2, scale + sum b' R^-1 b / 2)``, ``R`` inverted outright; Kolmogorov and Smirnov."""
    step, _, place = case(name)
    b, rng = effects_of(place.size), np.random.default_rng(1)
    R = np.array([[1.0, 0.4], [0.4, 1.0]])
    state = TermState(np.full(2, 2.0), np.linalg.cholesky(R))
    drawn = [step.draw(state, b.T @ b, 18, 1.0, rng, None) for _ in range(3000)]
    sds = np.array([found.sds for found in drawn])
    np.testing.assert_array_equal(sds[:, 0], sds[:, 1])
    assert all(found.L is state.L for found in drawn)
    squares = np.einsum("ja,ab,jb->", b, np.linalg.inv(R), b)
    law = scipy.stats.invgamma(2.0 + 18, scale=3.0 + squares / 2)
    assert scipy.stats.kstest(sds[:, 0] ** 2, law.cdf).pvalue > 0.01


@pytest.mark.statistics
@pytest.mark.parametrize("name", [name for name in ALIKES if "known" not in name])
def test_the_walk_of_one_correlation_is_that_of_its_full_conditional(name: str) -> None:
    """Density at 50 points by normal densities; draws of a frozen walk against quadrature."""
    step, prior, place = case(name)
    assert isinstance(step, AlikeTerm)
    b, sds = effects_of(2), np.full(2, 1.7)

    def direct(r: float) -> float:
        D = 1.7**2 * np.array([[1.0, r], [r, 1.0]])
        law = scipy.stats.multivariate_normal(np.zeros(2), D)
        return float(law.logpdf(b).sum() + prior.correlation.logpdf(r))

    width = place.high - place.low
    z = np.random.default_rng(2).normal(size=(50, 1))
    u = 1.0 / (1.0 + np.exp(-z[:, 0]))
    expected = [direct(place.low + width * s) + np.log(s * (1.0 - s)) for s in u]
    found = [step.log_density(x, sds, b.T @ b, 18) for x in z]
    np.testing.assert_allclose(np.diff(found), np.diff(expected), rtol=1e-9, atol=1e-8)
    grid = np.linspace(place.low, place.high, 4001)[1:-1]
    weights = np.exp([direct(r) for r in grid] - np.max([direct(r) for r in grid]))
    mean = np.average(grid, weights=weights)
    sd = np.sqrt(np.average((grid - mean) ** 2, weights=weights))
    walk, rng = Walk(1), np.random.default_rng(3)
    state, seen = TermState(sds, np.linalg.cholesky([[1.0, 0.4], [0.4, 1.0]])), []
    for i in range(3000):
        if i == 500:
            walk.freeze()
        state = TermState(sds, step.draw(state, b.T @ b, 18, 1.0, rng, walk).L)
        seen.append(state.L[1, 0])
    kept = np.array(seen[500:])
    error = sd / np.sqrt(ess_mean(kept[None, :, None])[0])
    assert abs(kept.mean() - mean) < 4.0 * error
    assert kept.std() == pytest.approx(sd, rel=0.12)
    assert 0.1 < walk.rate < 0.6


@pytest.mark.parametrize("name", [name for name, row in CASES.items() if row[2] is not HeldTerm])
def test_the_prior_of_a_scaled_sd_is_that_of_the_marginal_engine(name: str) -> None:
    """Differences when the sds change and the correlations do not."""
    step, prior, place = case(name)
    moments, _ = model_of(CASES[name][0], "sleepstudy")
    state = some_terms(moments)[0]
    fixed = np.setdiff1d(np.arange(place.size), np.concatenate([np.zeros(0, int), *step.scales]))
    sds = state.sds.copy()
    sds[fixed] = place.fixed[fixed]
    L = state.L if place.n_partial else place.factor
    if place.common >= 0:
        L = place.common_factor(np.zeros(1))[0][0]
    state = TermState(sds, L)
    for members in step.scales:
        moved = state.sds.copy()
        moved[members] *= 1.7
        tried = dataclasses.replace(state, sds=moved)
        found = step.log_prior(tried, 1.0) - step.log_prior(state, 1.0)
        both = np.array([moved, state.sds])[:, : 1 if CASES[name][0] in (SHARED, ALIKE) else None]
        direct = term_log_prior(prior, both, np.array([state.L, state.L]), np.ones(2))
        assert found == pytest.approx(direct[0] - direct[1], abs=1e-9)


def test_a_flat_prior_of_two_few_groups_is_refused() -> None:
    moments, priors = model_of(ONE, "sleepstudy", {"subject": {"sd": Flat()}})
    place = coordinates_of(moments, priors).terms[0]
    with pytest.raises(
        DesignError, match="the posterior of an sd of `subject` is improper: a flat prior and 1"
    ):
        term_step(priors.terms[0], moments.blocks[0], place, 1)


def test_a_held_term_stays() -> None:
    step, _, _ = case("matrix known")
    state = TermState(np.ones(2), np.eye(2))
    assert step.draw(state, np.eye(2), 18, 1.0, np.random.default_rng(1), Walk(1)) is state
    assert step.log_prior(state, 1.0) == 0.0
