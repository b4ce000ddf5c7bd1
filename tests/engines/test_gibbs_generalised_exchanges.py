"""Redraws of nested effects given their totals: which pairs, exact draws, densities by dense algebra."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from multilevel.engines.gibbs_generalised.chain import GeneralisedPlan
from multilevel.model.priors import HalfNormal, InverseWishart, Normal
from tests.engines.gibbs_generalised_cases import Case, bound, prior_state

IW = InverseWishart(9, [[2.0, 0.5], [0.5, 2.0]])
NESTED = Case(
    "y ~ x + (x | g) + (x | s)",
    "poisson",
    {"fixed": Normal(0, 1), "g": IW, "s": {"sd": HalfNormal(1)}},
)


@pytest.mark.parametrize(
    ("formula", "pairs"),
    [
        ("y ~ x + (1 | g) + (1 | s)", [(0, 1, 2)]),
        ("y ~ x + (1 | s) + (1 | g)", [(1, 0, 2)]),
        ("y ~ x + (x | g) + (1 | s)", [(0, 1, 0)]),
        ("y ~ x + (1 | g) + (x | s)", [(0, 1, 3)]),
        ("y ~ x + (1 | g) + (1 | h)", []),
        ("y ~ x + (1 | g) + (0 + x | s)", []),
    ],
)
def test_pairs_are_nested_terms_whose_columns_fit(formula: str, pairs: list[tuple[int, int, int]]) -> None:
    """Outer and inner term, and how many sds walk: none where only a part of the outer's columns fits."""
    plan = GeneralisedPlan(*bound(Case(formula, "poisson", {"fixed": Normal(0, 1)})))
    assert [(move.outer, move.inner, move.walk_size) for move in plan.exchanges] == pairs


def test_outer_effects_given_totals_are_drawn_exactly() -> None:
    """Mean and covariance of 3,000 draws of the first level's against the normal equations; five errors."""
    plan, rng = GeneralisedPlan(*bound(NESTED)), np.random.default_rng(3)
    state, (move,) = prior_state(plan, rng), plan.exchanges
    eta, draws = plan.problem.predictor(state.beta, state.effects), []
    totals = state.effects[1][[0, 3]] + state.effects[0][0]
    for _ in range(3000):
        effects = list(state.effects)
        move.draw(list(state.terms), effects, rng, None)
        draws.append(effects[0][0])
    np.testing.assert_allclose(plan.problem.predictor(state.beta, effects), eta, atol=1e-10)
    P, Q = (np.linalg.inv(half @ half.T) for half in (s.sds[:, None] * s.L for s in state.terms))
    covariance = np.linalg.inv(P + 2.0 * Q)
    sd = np.sqrt(np.diagonal(covariance))
    error = (np.mean(draws, axis=0) - covariance @ Q @ totals.sum(axis=0)) / sd
    assert np.abs(error).max() < 5.0 / np.sqrt(3000)
    found = np.cov(np.array(draws).T) / np.outer(sd, sd)
    np.testing.assert_allclose(found, covariance / np.outer(sd, sd), atol=5.0 * np.sqrt(2.0 / 3000))


def test_the_density_of_sds_given_totals_is_the_dense_one() -> None:
    """Differences between points: totals in a level share a part, ``D_outer``; the rest has ``D_inner``."""
    plan, rng = GeneralisedPlan(*bound(NESTED)), np.random.default_rng(4)
    state, (move,) = prior_state(plan, rng), plan.exchanges
    parent = np.arange(6) % 3
    T = state.effects[1] + state.effects[0][parent]
    states = (state.terms[0], state.terms[1])

    def dense(x: np.ndarray) -> float:
        scaled = [s.sds * np.exp(own) for s, own in zip(states, (x[:2], x[2:]), strict=True)]
        D, E = (np.diag(sds) @ s.L @ s.L.T @ np.diag(sds) for s, sds in zip(states, scaled, strict=True))
        total = float(x.sum()) + sum(
            step.log_prior(type(s)(sds, s.L), 1.0)
            for step, s, sds in zip(plan.terms, states, scaled, strict=True)
        )
        V = np.kron(np.ones((2, 2)), D) + np.kron(np.eye(2), E)
        return total + sum(
            float(multivariate_normal.logpdf(T[parent == level].reshape(-1), np.zeros(4), V))
            for level in range(3)
        )

    points = 0.4 * rng.normal(size=(6, 4))
    sums = move.sums(T)
    ours = np.array([move.log_density(states, sums, x) for x in points])
    theirs = np.array([dense(x) for x in points])
    np.testing.assert_allclose(ours - ours[0], theirs - theirs[0], rtol=1e-9, atol=1e-9)
    assert move.log_density(states, sums, np.full(4, 40.0)) == -np.inf
