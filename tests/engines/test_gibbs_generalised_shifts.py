"""Draws along which the linear predictors stay: which columns take part, and their exact distribution."""

from __future__ import annotations

import numpy as np
import pytest

from multilevel.engines.gibbs_generalised.chain import GeneralisedPlan
from multilevel.engines.gibbs_generalised.spans import combination
from multilevel.engines.gibbs_generalised.tally import Tally
from multilevel.model.priors import Fixed, InverseWishart, Normal
from tests.engines.gibbs_generalised_cases import Case, bound, prior_state

IW = InverseWishart(9, [[2.0, 0.5], [0.5, 2.0]])


@pytest.mark.parametrize(
    ("formula", "family", "given", "columns"),
    [
        ("y ~ x + w + (1 | g)", "poisson", {}, [(0, 2)]),
        ("y ~ x + w + (x | g)", "poisson", {}, [(0, 1, 2)]),
        ("y ~ x + w + (0 + x | g)", "poisson", {}, [(1,)]),
        ("y ~ x + (1 | g) + (1 | h)", "bernoulli", {}, [(0,), (0,)]),
        ("y ~ x + (x | g)", "poisson", {"x": Fixed(0.2)}, [(0,)]),
        ("y ~ x + w + (1 | g)", "ordinal", {}, [(1, "constant")]),
        ("y ~ 0 + x + (1 | g)", "poisson", {}, []),
    ],
)
def test_columns_that_effects_can_take_over(
    formula: str, family: str, given: dict[str, object], columns: list[tuple[object, ...]]
) -> None:
    design, priors = bound(Case(formula, family, {"fixed": Normal(0, 1), **given}))
    found = []
    for move in GeneralisedPlan(design, priors).shifts:
        span = move.spanned
        found.append((*span.columns.tolist(), *(["constant"] if span.constant else [])))
    assert found == columns


def test_combinations_are_found_level_by_level() -> None:
    """``x = Z w_level``: a column of ``Z``, one constant in levels, a mixture; and one that is none."""
    rng = np.random.default_rng(1)
    level = np.repeat(np.arange(4), 5).astype(np.int32)
    Z = np.column_stack([np.ones(20), 1e3 + rng.normal(size=20)])
    own = np.array([3.0, -1.0, 0.5, 2.0])
    for x in (Z[:, 1], own[level], own[level] - 2.0 * Z[:, 1] * own[level]):
        w = combination(x, Z, level, 4)
        assert w is not None
        np.testing.assert_allclose(np.einsum("ia,ia->i", Z, w[level]), x, rtol=1e-7)
    assert combination(rng.normal(size=20), Z, level, 4) is None


def test_the_draw_is_that_of_dense_algebra() -> None:
    """Coefficients given ``b_j + W_j beta`` are normal: mean and covariance of 4,000 draws, five errors."""
    design, priors = bound(Case("y ~ x + w + (x | g)", "poisson", {"fixed": Normal(0.3, 0.8), "g": IW}))
    plan, rng = GeneralisedPlan(design, priors), np.random.default_rng(3)
    state, (move,) = prior_state(plan, rng), plan.shifts
    eta = plan.problem.predictor(state.beta, state.effects)
    draws = []
    for _ in range(4000):
        moved = move.draw(
            state.terms[0], state.effects, state.beta, state.values, state.inflation, rng, Tally()
        )
        assert moved is not None
        draws.append(moved[0])
    np.testing.assert_allclose(plan.problem.predictor(moved[0], [moved[2]]), eta, atol=1e-10)
    w = np.array([-0.7, 0.2, 0.5])
    half = state.terms[0].sds[:, None] * state.terms[0].L
    P = np.linalg.inv(half @ half.T)
    A, h = np.eye(3) / 0.64, np.full(3, 0.3 / 0.64)
    for j in range(3):
        W = np.array([[1.0, 0.0, w[j]], [0.0, 1.0, 0.0]])
        A += W.T @ P @ W
        h += W.T @ P @ (state.effects[0][j] + W @ state.beta)
    covariance = np.linalg.inv(A)
    sd = np.sqrt(np.diagonal(covariance))
    assert np.abs((np.mean(draws, axis=0) - covariance @ h) / sd).max() < 5.0 / np.sqrt(4000)
    found = np.cov(np.array(draws).T) / np.outer(sd, sd)
    np.testing.assert_allclose(found, covariance / np.outer(sd, sd), atol=5.0 * np.sqrt(2.0 / 4000))
