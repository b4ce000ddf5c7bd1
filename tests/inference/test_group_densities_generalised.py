"""Which effects of a generalised model are integrated out, how exactly, and what is refused."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np
import pytest
from scipy.special import logsumexp

from multilevel.errors import OptionError
from multilevel.inference.group_densities_generalised import generalised_plan, integrated_densities
from multilevel.model.families import Gamma
from multilevel.results.posterior import Posterior
from tests.inference.generalised_posteriors import made
from tests.inference.test_posterior_generalised import DATA


def wide(effects: int) -> Posterior:
    """Return a posterior with many effects in each group, their sds about two."""
    rng = np.random.default_rng(4)
    names = "tuvwyz"[: effects - 1]
    data = {**DATA, **{name: rng.normal(size=120) for name in names}}
    post = made(f"yes ~ 1 + ({' + '.join(names)} || g)", data, "bernoulli")
    sds = (2.0 * post.sampled.sds[0],)
    return dataclasses.replace(post, sampled=dataclasses.replace(post.sampled, sds=sds))


def test_four_effects_are_said_to_be_inexact() -> None:
    post = wide(4)
    found = integrated_densities(post, generalised_plan(post.design, 0))
    z, weights = np.polynomial.hermite_e.hermegauss(25)
    points = np.array(list(itertools.product(z, repeat=4)))
    log_weights = np.log(np.array(list(itertools.product(weights / weights.sum(), repeat=4)))).sum(axis=1)
    sds = post.sampled.sds[0].reshape(-1, 4)[0]
    fixed = post.sampled.coefficients.reshape(post.n_draws, -1)[0] @ post.design.fixed.X.T
    expected = np.empty(2)
    for g in range(2):
        own = post.design.factors[0].index == g
        eta = fixed[own] + (points * sds) @ post.design.terms[0].Z[own].T
        sign = np.where(post.design.y[own] == 1, 1.0, -1.0)
        expected[g] = logsumexp(-np.logaddexp(0, -sign * eta).sum(axis=1) + log_weights)
    assert found.values[0, :2] == pytest.approx(expected, abs=0.05)
    assert "which is not exact: with 5 in place of 3 nodes in each dimension" in found.sentence


def test_the_plan_integrates_two_nested_factors_at_most() -> None:
    post = made("count ~ x + (1 | h) + (1 | g) + (1 | i)", {**DATA, "row": np.arange(120)}, "poisson")
    plan = generalised_plan(post.design, 0)
    assert (plan.chain, plan.held) == ((0, 1), (2,))
    with_rows = made("count ~ 1 + (1 | h) + (1 | g) + (1 | row)", {**DATA, "row": np.arange(120)}, "poisson")
    assert generalised_plan(with_rows.design, 0).held == (2,)


def inverse() -> Posterior:
    """Return a posterior whose means are negative."""
    post: Any = made("positive ~ x + (1 | g)", DATA, "gamma")
    model = dataclasses.replace(post.design.model, family=Gamma(link="inverse"))
    design = dataclasses.replace(post.design, model=model)
    beta = post.sampled.coefficients - 50.0
    return dataclasses.replace(
        post, design=design, sampled=dataclasses.replace(post.sampled, coefficients=beta), memory={}
    )


@pytest.mark.parametrize(
    ("post", "message"),
    [
        (lambda: wide(7), "with 7 effects in each group\n  allowed: at most 6 effects"),
        (inverse, "the integral over the effects is not defined at 300 of 300 draws"),
    ],
)
def test_refusals(post: Any, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        post().loo(group="g")
