"""Sweeps of generalised models: Geweke's joint test of every block, and storage."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from multilevel.engines.gibbs_generalised.chain import GeneralisedChain, GeneralisedPlan
from multilevel.model.priors import (
    LKJ,
    Fixed,
    HalfNormal,
    InverseGamma,
    InverseWishart,
    LogNormal,
    MVNormal,
    Normal,
    StudentT,
    Uniform,
)
from tests.engines.gibbs_generalised_cases import Case, bound, drawn_response, numbers_of, prior_state
from tests.engines.test_gibbs_chain import batch_error

IW = InverseWishart(9, [[2.0, 0.5], [0.5, 2.0]])
GEWEKE: dict[str, Case] = {
    "Poisson, all slopes vary, inverse-Wishart": Case(
        "y ~ x + (x | g)", "poisson", {"fixed": MVNormal([0.0, 0.2], [[0.5, 0.1], [0.1, 0.3]]), "g": IW}
    ),
    "binomial, nested vectors, a predictor of groups": Case(
        "prop(y, size) ~ x + w + (x | g) + (1 + x || s)",
        "binomial",
        {
            "fixed": Normal(0, 0.7),
            "g": {"sd": HalfNormal(0.8), "correlation": LKJ(2)},
            "s": {"sd": HalfNormal(0.7)},
        },
    ),
    "Bernoulli, crossed, priors that are not normal": Case(
        "y ~ x + (1 | g) + (1 | h)",
        "bernoulli",
        {
            "Intercept": StudentT(7, 0, 0.6),
            "x": Uniform(-1.5, 1),
            "g": {"variance": InverseGamma(5, 3)},
            "h": {"sd": HalfNormal(1)},
        },
    ),
    "Poisson with extra zeros, a coefficient held": Case(
        "y ~ x + w + (1 | g)",
        "poisson",
        {
            "fixed": Normal(0.4, 0.5),
            "x": Fixed(0.3),
            "g": {"sd": HalfNormal(0.6)},
            "zero_inflation": Normal(0, 0.8),
        },
        zero_inflation="x",
    ),
    "negative binomial, nested": Case(
        "y ~ x + (1 | g) + (1 | s)",
        "negative_binomial",
        {
            "fixed": Normal(0.2, 0.5),
            "g": {"variance": InverseGamma(6, 3)},
            "s": {"sd": HalfNormal(0.5)},
            "theta": LogNormal(0.7, 0.4),
        },
    ),
    "gamma, an effect held at zero": Case(
        "y ~ x + (1 + x || g)",
        "gamma",
        {
            "fixed": Normal(0, 0.7),
            "g": {"sd": {"Intercept": HalfNormal(0.8), "x": Fixed(0)}},
            "phi": LogNormal(0.5, 0.3),
        },
    ),
    "Student": Case(
        "y ~ x + (1 | g)",
        "student",
        {
            "fixed": Normal(0, 1),
            "g": {"sd": HalfNormal(0.8)},
            "sigma": LogNormal(0.5, 0.3),
            "nu": LogNormal(1.5, 0.4),
        },
    ),
    "ordinal": Case(
        "y ~ x + w + (1 | g)",
        "ordinal",
        {"fixed": Normal(0, 0.7), "g": {"sd": HalfNormal(0.8)}, "thresholds": Normal(0, 1)},
    ),
    "ordinal, thresholds where the columns are at their means": Case(
        "y ~ x + w + (x | g)", "ordinal", {"fixed": Normal(0, 0.7), "g": IW}
    ),
}
ITERATIONS = 1800


@pytest.mark.statistics
@pytest.mark.parametrize("name", GEWEKE)
def test_the_joint_distribution_of_everything_is_that_of_the_model(name: str) -> None:
    """Geweke (2004): sweeps that alternate with new responses leave the prior as it is; 4.5 errors."""
    design, priors = bound(GEWEKE[name])
    if priors.family is not None and priors.family.centre is not None:
        thresholds = tuple((key, Normal(0, 1)) for key in priors.family.names)
        priors = dataclasses.replace(priors, family=dataclasses.replace(priors.family, parameters=thresholds))
    rng = np.random.default_rng(3)
    plan = GeneralisedPlan(design, priors)
    direct = np.array([numbers_of(plan, prior_state(plan, rng)) for _ in range(5_000)])
    state = prior_state(plan, rng)
    seen = np.empty((ITERATIONS, direct.shape[1]))
    for i in range(ITERATIONS):
        plan = GeneralisedPlan(dataclasses.replace(design, y=drawn_response(plan, state, rng)), priors)
        chain = GeneralisedChain(plan, state, seed=11, number=i)
        chain.freeze()
        chain.sweep()
        state = chain.state
        seen[i] = numbers_of(plan, state)
    vary = direct.std(axis=0) > 1e-9
    np.testing.assert_allclose(seen[:, ~vary], np.broadcast_to(direct[0, ~vary], seen[:, ~vary].shape))
    direct, seen = direct[:, vary], seen[:, vary]
    for power in (1, 2):
        a, b = (direct - direct.mean(axis=0)) ** power, (seen - direct.mean(axis=0)) ** power
        error = np.hypot(batch_error(b), a.std(axis=0) / np.sqrt(len(a)))
        assert np.abs((a.mean(axis=0) - b.mean(axis=0)) / error).max() < 4.5


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("name", ["binomial, nested vectors, a predictor of groups", "ordinal"])
def test_a_chain_that_was_stored_goes_on_with_the_same_bits(name: str, frozen: bool) -> None:
    """Another chain, put where the first one stands, has its next sweeps bit for bit."""
    plan = GeneralisedPlan(*bound(GEWEKE[name]))
    rng = np.random.default_rng(2)
    first = GeneralisedChain(plan, prior_state(plan, rng), seed=4, number=1)
    other = GeneralisedChain(plan, prior_state(plan, rng), seed=4, number=1)
    for _ in range(30):
        first.sweep()
    if frozen:
        first.freeze()
    other.restore({key: array.copy() for key, array in first.snapshot().items()})
    for _ in range(10):
        first.sweep()
        other.sweep()
    assert numbers_of(plan, first.state).tobytes() == numbers_of(plan, other.state).tobytes()
    assert {key: walk.snapshot().keys() for key, walk in first.walks().items()} == {
        key: walk.snapshot().keys() for key, walk in other.walks().items()
    }


def test_walks_are_named_by_what_they_draw() -> None:
    plan = GeneralisedPlan(*bound(GEWEKE["negative binomial, nested"]))
    chain = GeneralisedChain(plan, prior_state(plan, np.random.default_rng(1)), seed=1, number=0)
    assert list(chain.walks()) == [
        "effects(g)",
        "effects(s)",
        "coefficients",
        "coefficients, walk",
        "sd(s, Intercept)",
        "scale(g, Intercept)",
        "scale(s, Intercept)",
        "sds given totals(g, s)",
        "theta",
    ]
