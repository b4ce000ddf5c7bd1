"""A chain's sweeps: exact draws of coefficients and effects, and Geweke's joint test of everything."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import scipy.linalg

from multilevel.data import datasets
from multilevel.design.design import Design
from multilevel.design.priors import bind_priors
from multilevel.engines.gibbs.chain import Plan
from multilevel.engines.gibbs.terms import TermState
from multilevel.engines.likelihood.problem import relative_covariances
from multilevel.errors import DesignError
from multilevel.model import Covariance
from multilevel.model.priors import (
    LKJ,
    Decov,
    Fixed,
    FixedMatrix,
    HalfNormal,
    InverseGamma,
    InverseWishart,
    MVNormal,
    Normal,
    StudentT,
    Uniform,
)
from multilevel.model.priors.one_correlation import OneCorrelation
from multilevel.moments import replace_response, summarise
from tests.engines.gibbs_cases import (
    Floats,
    chain_at,
    covariance_of,
    dense_model,
    model_of,
    plan_of,
    some_terms,
    users_values,
)
from tests.engines.structures import STRUCTURES, Structure, by_name, crossed, design_of, names_of


@pytest.mark.parametrize("structure", STRUCTURES, ids=names_of(STRUCTURES))
def test_theta_stands_for_the_covariances(structure: Structure) -> None:
    """``Lambda Lambda' s2`` in the user's columns is ``D``."""
    moments = summarise(design_of(structure))
    plan, terms = plan_of(moments, bind_priors(design_of(structure))), some_terms(moments)
    theta = plan.theta(tuple(terms), 0.8 / moments.scaling.y_scale)
    for t, T in enumerate(relative_covariances(moments, theta[0])):
        back = moments.scaling.terms[t].back
        np.testing.assert_allclose(0.64 * back @ T @ back.T, covariance_of(terms[t]), atol=1e-10)


@pytest.mark.statistics
@pytest.mark.parametrize("name", ["crossed k=2, 1", "two terms on one factor", "nested"])
def test_coefficients_and_effects_are_drawn_from_their_joint_distribution(name: str) -> None:
    """Mean and covariance of 3,000 draws against the dense normal equations; five standard errors."""
    design = design_of(by_name(name))
    moments, priors, dense = summarise(design), bind_priors(design), dense_model(design)
    plan, terms, sigma = plan_of(moments, priors), some_terms(moments), 0.8
    chain = chain_at(plan, terms, sigma)
    draws = []
    for _ in range(3000):
        chain.draw_means()
        beta, effects = users_values(plan, chain.state)
        draws.append(np.concatenate([beta, *(b.reshape(-1) for b in effects)]))
    A = np.hstack([dense.X, *dense.Z])
    centre, Q, _ = priors.coefficient_normal()
    blocks = [Q]
    for Z, term in zip(dense.Z, terms, strict=True):
        blocks.append(np.kron(np.eye(Z.shape[1] // term.sds.size), np.linalg.inv(covariance_of(term))))
    P = (A.T * dense.weights) @ A / sigma**2 + scipy.linalg.block_diag(*blocks)
    h = (A.T * dense.weights) @ dense.y / sigma**2
    h[: centre.size] += Q @ centre
    covariance = np.linalg.inv(P)
    sd = np.sqrt(np.diagonal(covariance))
    error = (np.mean(draws, axis=0) - np.linalg.solve(P, h)) / sd
    assert np.abs(error).max() < 5.0 / np.sqrt(3000)
    found = np.cov(np.array(draws).T) / np.outer(sd, sd)
    np.testing.assert_allclose(found, covariance / np.outer(sd, sd), atol=5.0 * np.sqrt(2.0 / 3000))


def test_draws_have_the_textbook_conditionals_of_coefficients_and_their_means() -> None:
    """Hoff (2009), section 11.2, at a known covariance matrix and sigma, from 4,000 draws.

    ``beta_j | theta ~ N(V_j (D^-1 theta + X_j'y_j / s2), V_j)`` and
    ``theta | beta ~ N(L_m (L0^-1 mu0 + m D^-1 mean(beta)), L_m)``: the rest, divided by its own root,
    has mean zero and unit covariance and is not correlated with what is given; five standard errors.
    """
    D, sigma, n = np.array([[600.0, 30.0], [30.0, 40.0]]), 25.0, 4000
    mu0, L0 = np.array([250.0, 10.0]), np.array([[400.0, 20.0], [20.0, 9.0]])
    table = datasets.load("sleepstudy")
    priors = {"fixed": MVNormal(mu0, L0), "subject": FixedMatrix(D), "sigma": Fixed(sigma)}
    moments, bound = model_of("reaction ~ days + (days | subject)", "sleepstudy", priors)
    plan, sds = plan_of(moments, bound), np.sqrt(np.diagonal(D))
    chain = chain_at(plan, [TermState(sds, np.linalg.cholesky(D / np.outer(sds, sds)))], sigma)
    theta, beta = np.empty((n, 2)), np.empty((n, 18, 2))
    for i in range(n):
        chain.draw_means()
        theta[i], (b,) = users_values(plan, chain.state)
        beta[i] = theta[i] + b
    precision = np.linalg.inv(D)
    L_m = np.linalg.inv(np.linalg.inv(L0) + 18 * precision)
    mean = beta.mean(axis=1)
    centre = (np.linalg.inv(L0) @ mu0 + 18 * mean @ precision) @ L_m
    checks = [(theta - centre, L_m, mean)]
    subjects = np.array([str(s) for s in table["subject"]])
    for j, subject in enumerate(dict.fromkeys(subjects)):
        rows = subjects == subject
        X = np.column_stack([np.ones(rows.sum()), np.asarray(table["days"], dtype=float)[rows]])
        V = np.linalg.inv(precision + X.T @ X / sigma**2)
        pull = X.T @ np.asarray(table["reaction"], dtype=float)[rows] / sigma**2
        checks.append((beta[:, j] - (theta @ precision + pull) @ V, V, theta))
    for left, covariance, given in checks:
        z = np.linalg.solve(np.linalg.cholesky(covariance), left.T).T
        u = (given - given.mean(axis=0)) / given.std(axis=0)
        assert np.abs(z.mean(axis=0)).max() < 5.0 / np.sqrt(n)
        assert np.abs(z.T @ z / n - np.eye(2)).max() < 5.0 * np.sqrt(2.0 / n)
        assert np.abs(z.T @ u / n).max() < 5.0 / np.sqrt(n)


GEWEKE: dict[str, dict[str, Any]] = {
    "one correlation, conjugate variance": {
        "g": {"variance": InverseGamma(6, 4), "correlation": LKJ(2)},
        "h": {"variance": InverseGamma(6, 4)},
        "sigma2": InverseGamma(6, 5),
    },
    "one correlation, random walks": {
        "g": {"sd": HalfNormal(1), "correlation": Uniform(-0.9, 0.6)},
        "h": {"sd": HalfNormal(0.7)},
        "sigma": HalfNormal(1),
    },
    "one correlation, in units of sigma": {
        "g": {"sd": HalfNormal(1), "correlation": LKJ(2)},
        "h": {"sd": HalfNormal(0.7)},
        "sigma": InverseGamma(6, 5),
    },
    "conjugate": {
        "g": InverseWishart(9, [[5.0, 1.0], [1.0, 3.0]]),
        "h": {"variance": InverseGamma(6, 4)},
        "sigma2": InverseGamma(6, 5),
    },
    "random walks": {
        "g": {"sd": HalfNormal(1), "correlation": LKJ(2)},
        "h": {"sd": HalfNormal(0.7)},
        "sigma": HalfNormal(1),
    },
    "in units of sigma": {
        "g": {"sd": HalfNormal(1), "correlation": LKJ(2)},
        "h": {"sd": HalfNormal(0.7)},
        "sigma": InverseGamma(6, 5),
    },
    "coefficients that walk": {
        "fixed": StudentT(9, 0, 1),
        "Intercept": Normal(0, 1),
        "g": InverseWishart(9, [[5.0, 1.0], [1.0, 3.0]]),
        "h": {"variance": InverseGamma(6, 4)},
        "sigma2": InverseGamma(6, 5),
    },
}
TINY = Structure(
    "tiny", crossed(g=3, h=2), (("g", 2, Covariance.UNSTRUCTURED), ("h", 1, Covariance.UNSTRUCTURED)), n=7
)
TINY_ALIKE = dataclasses.replace(
    TINY, terms=(("g", 2, Covariance.COMPOUND_SYMMETRIC), ("h", 1, Covariance.UNSTRUCTURED))
)
ITERATIONS = 1000


def numbers_of(terms: list[TermState], sigma: float, beta: Floats) -> Floats:
    """Return what the test looks at."""
    g, h = terms
    return np.array([*np.log(g.sds), g.L[1, 0], np.log(h.sds[0]), np.log(sigma), *beta])


def prior_draws(
    priors: Any, n: int, rng: np.random.Generator
) -> tuple[list[list[TermState]], Floats, Floats]:
    """Return covariances, sigma and coefficients drawn from their priors."""
    sigma = priors.sigma.draw(rng, n)
    g, h = priors.terms
    unit = sigma if g.relative else np.ones(n)
    if g.covariance is not None:
        D = g.covariance.draw(rng, n)
        sds = np.sqrt(np.diagonal(D, axis1=1, axis2=2))
        R = D / (sds[:, :, None] * sds[:, None, :])
    else:
        sds = (
            g.sds.draw(rng, n, 2)
            if isinstance(g.sds, Decov)
            else np.stack([prior.draw(rng, n) for prior in g.sds], axis=1)
        )
        sds = sds * unit[:, None]
        if isinstance(g.correlation, OneCorrelation):
            sds = np.repeat(sds, 2, axis=1)
            R = np.eye(2) + g.correlation.draw(rng, n)[:, None, None] * (1.0 - np.eye(2))
        else:
            R = g.correlation.draw(rng, n, 2)
    other = h.sds[0].draw(rng, n) * unit
    L = np.linalg.cholesky(R)
    terms = [[TermState(sds[i], L[i]), TermState(other[i : i + 1], np.eye(1))] for i in range(n)]
    beta = np.stack([prior.draw(rng, n) for prior in priors.coefficients], axis=1)
    return terms, sigma, beta


def drawn_response(design: Design, plan: Plan, state: Any, rng: np.random.Generator) -> Floats:
    """Return a response drawn given coefficients, effects and sigma."""
    dense = dense_model(design)
    beta, effects = users_values(plan, state)
    y = dense.X @ beta + state.sigma * rng.standard_normal(design.n_rows)
    for Z, b in zip(dense.Z, effects, strict=True):
        y += Z @ b.reshape(-1)
    return np.asarray(y)


@pytest.mark.statistics
@pytest.mark.parametrize("name", GEWEKE)
def test_the_joint_distribution_of_everything_is_that_of_the_model(name: str) -> None:
    """Geweke (2004): sweeps that alternate with new responses leave the prior as it is; 4.5 errors."""
    design = design_of(TINY_ALIKE if name.startswith("one correlation") else TINY)
    rng = np.random.default_rng(5)
    priors = bind_priors(design, {"fixed": Normal(0, 1), **GEWEKE[name]})
    if name.endswith("in units of sigma"):
        priors = dataclasses.replace(
            priors, terms=tuple(dataclasses.replace(term, relative=True) for term in priors.terms)
        )
    every, sigmas, betas = prior_draws(priors, 20_000, rng)
    direct = np.array([numbers_of(*row) for row in zip(every, sigmas, betas, strict=True)])
    moments, terms, sigma, beta = summarise(design), every[0], float(sigmas[0]), betas[0]
    seen = np.empty((ITERATIONS, direct.shape[1]))
    for i in range(ITERATIONS):
        plan = plan_of(moments, priors)
        chain = chain_at(plan, terms, sigma, seed=11, number=i)
        scaling = moments.scaling
        chain.state.gamma = np.linalg.solve(scaling.y_scale * scaling.fixed.back, beta - scaling.constant)
        chain.freeze()
        chain.sweep()
        terms, sigma, beta = chain.state.terms, chain.state.sigma, users_values(plan, chain.state)[0]
        seen[i] = numbers_of(terms, sigma, beta)
        moments = replace_response(moments, design, drawn_response(design, plan, chain.state, rng))
    for power in (1, 2):
        a, b = (direct - direct.mean(axis=0)) ** power, (seen - direct.mean(axis=0)) ** power
        error = np.hypot(batch_error(b), a.std(axis=0) / np.sqrt(len(a)))
        assert np.abs((a.mean(axis=0) - b.mean(axis=0)) / error).max() < 4.5


def batch_error(x: Floats, batches: int = 25) -> Floats:
    """Return standard errors of means of a chain ``(n, d)`` from means of batches."""
    means = x[: len(x) // batches * batches].reshape(batches, -1, x.shape[1]).mean(axis=1)
    return np.asarray(means.std(axis=0, ddof=1) / np.sqrt(batches))


def test_a_chain_that_leaves_the_numbers_says_so() -> None:
    moments, priors = model_of("reaction ~ days + (days | subject)", "sleepstudy")
    plan = plan_of(moments, priors)
    chain = chain_at(plan, some_terms(moments), np.nan)
    with pytest.raises(DesignError, match="a chain left the range of numbers"):
        chain.run(1, 1, np.array([0]))


def test_the_walk_of_one_correlation_alone_is_named_so() -> None:
    priors = {"subject": {"variance": InverseGamma(2, 100)}}
    moments, bound = model_of("reaction ~ days + cs(days | subject)", "sleepstudy", priors)
    names = list(chain_at(plan_of(moments, bound), some_terms(moments), 1.0).freeze())
    assert names == ["correlation(subject, Intercept, days)", "scale(subject, Intercept, days)", "sigma"]


def test_walks_are_named_by_what_they_draw() -> None:
    moments, priors = model_of("reaction ~ days + (days | subject)", "sleepstudy")
    names = list(chain_at(plan_of(moments, priors), some_terms(moments), 1.0).freeze())
    assert names == [
        "sd(subject, Intercept, days)",
        "scale(subject, Intercept)",
        "scale(subject, days)",
        "sigma",
    ]


@pytest.mark.parametrize("frozen", [True, False])
def test_a_chain_that_was_stored_goes_on_with_the_same_bits(frozen: bool) -> None:
    """State, walks and random numbers, also those of the native draws of group effects."""
    moments, priors = model_of(
        "reaction ~ days + (days | subject)", "sleepstudy", {"days": StudentT(3, 0, 20)}
    )
    plan = plan_of(moments, priors)
    one, other = (chain_at(plan, some_terms(moments, seed), 1.0, number=2) for seed in (1, 2))
    for sweep in range(12):
        if frozen and sweep == 6:
            one.freeze()
        one.sweep()
    other.restore({name: array.copy(order="K") for name, array in one.snapshot().items()})
    after = []
    for chain in (one, other):
        for _ in range(12):
            chain.sweep()
        after.append({name: array.tobytes() for name, array in chain.snapshot().items()})
    assert after[0] == after[1]
    assert any(name.startswith("walk coefficients days: ") for name in after[0])
