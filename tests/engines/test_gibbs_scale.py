"""The joint move of an sd and its effects against the joint density of everything."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats

from multilevel.design.priors import bind_priors
from multilevel.engines.gibbs.metropolis import Walk
from multilevel.engines.gibbs.scale import ScaleMove
from multilevel.engines.marginal.density import term_log_prior
from multilevel.moments import summarise
from tests.engines.gibbs_cases import (
    DenseModel,
    chain_at,
    covariance_of,
    dense_model,
    plan_of,
    some_terms,
    users_values,
)
from tests.engines.structures import STRUCTURES, Structure, design_of, names_of

GROUPED = [s for s in STRUCTURES if s.terms and "p=0" not in s.name]
LOG_C = 0.4


class Told(Walk):
    """A walk that proposes a given step, accepts it, and remembers the log ratio that it was told."""

    ratio = math.nan

    def propose(self, rng: np.random.Generator) -> np.ndarray:
        return np.array([LOG_C])

    def decide(self, log_ratio: float, rng: np.random.Generator) -> bool:
        self.ratio = log_ratio
        return True


def log_likelihood(dense: DenseModel, beta: np.ndarray, effects: list[np.ndarray], sigma: float) -> float:
    """Return the log density of the response, but for a constant."""
    r = dense.y - dense.X @ beta
    for Z, b in zip(dense.Z, effects, strict=True):
        r = r - Z @ b.reshape(-1)
    return float(-0.5 * r @ (dense.weights * r) / sigma**2)


@pytest.mark.parametrize("structure", GROUPED, ids=names_of(GROUPED))
def test_the_ratio_is_that_of_the_joint_density(structure: Structure) -> None:
    """With the volume ``c^(1 + effects moved)`` of the map ``(sd, b) -> (c sd, c b)``."""
    design = design_of(structure)
    moments, priors, dense = summarise(design), bind_priors(design), dense_model(design)
    plan, sigma = plan_of(moments, priors), structure.residual_sd or 0.8
    chain = chain_at(plan, some_terms(moments), sigma)
    chain.draw_means()
    state = chain.state
    beta, effects = users_values(plan, state)
    _, with_r = plan.residuals.products(state.gamma, state.effects)
    for t, move in plan.moves:
        walk = Told(1)
        assert isinstance(move, ScaleMove)
        sigmas = (sigma, sigma / moments.scaling.y_scale)
        moved, step = move.draw(state.terms[t], state.effects, with_r, sigmas, np.random.default_rng(1), walk)
        assert step is not None
        other = [b.copy() for b in effects]
        other[t][:, move.members] *= math.exp(LOG_C)
        back = moments.scaling.terms[t].back
        np.testing.assert_allclose(
            effects[t] + moments.scaling.y_scale * step @ back.T, other[t], rtol=1e-9, atol=1e-9
        )
        expected = log_likelihood(dense, beta, other, sigma) - log_likelihood(dense, beta, effects, sigma)
        k = move.block.size
        for sign, term, b in ((1, moved, other[t]), (-1, state.terms[t], effects[t])):
            expected += (
                sign * scipy.stats.multivariate_normal(np.zeros(k), covariance_of(term)).logpdf(b).sum()
            )
            sds = term.sds[:1] if move.members.size == k > 1 else term.sds
            expected += sign * float(
                term_log_prior(priors.terms[t], sds[None], term.L[None], np.array([sigma]))[0]
            )
        expected += LOG_C * (1 + effects[t].shape[0] * move.members.size)
        assert walk.ratio == pytest.approx(expected, rel=1e-8, abs=1e-8)
