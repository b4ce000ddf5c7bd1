"""The EM step against dense E and M steps: every structure, both likelihoods, at random covariances."""

from __future__ import annotations

import numpy as np
import pytest

from multilevel.engines.em.step import em_step
from multilevel.engines.likelihood.problem import native_problem, relative_covariances
from multilevel.engines.solution import Method
from multilevel.moments import Moments, summarise
from tests.engines.structures import STRUCTURES, Floats, Structure, design_of, names_of, random_theta
from tests.oracle.dense import dense
from tests.oracle.em import em_covariances

GROUPED = [s for s in STRUCTURES if s.terms]


def in_units(moments: Moments, theta: Floats, sigma: float) -> list[Floats]:
    """Return the covariance matrices in the units of the data."""
    scaling = moments.scaling
    unit = (sigma * scaling.y_scale) ** 2
    return [
        unit * (term.back @ T @ term.back.T)
        for term, T in zip(scaling.terms, relative_covariances(moments, theta), strict=True)
    ]


def scaled_sigma(moments: Moments, r2: float, method: Method) -> float:
    """Return the residual sd that maximises the likelihood, in the scaled columns."""
    if moments.known_sigma is not None:
        return moments.known_sigma / moments.scaling.y_scale
    return float(np.sqrt(r2 / (moments.n - (moments.p if method == "em_reml" else 0))))


@pytest.mark.parametrize("method", ["em", "em_reml"])
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("structure", GROUPED, ids=names_of(GROUPED))
def test_a_step_is_an_E_and_an_M_step_of_dense_algebra(
    structure: Structure, seed: int, method: Method
) -> None:
    """To 1e-10 of the largest entry: the moments come from the gradient, not from the effects."""
    design = design_of(structure, seed)
    moments, problem = summarise(design), dense(design)
    native = native_problem(moments, method)
    theta = random_theta(problem, np.random.default_rng(seed))
    found = native.evaluate(theta)
    sigma = scaled_sigma(moments, found["r2"], method)
    before = in_units(moments, theta, sigma)
    after = in_units(moments, em_step(moments, theta, found["gradient"]), sigma)
    expected = em_covariances(problem, before, sigma * moments.scaling.y_scale, method)
    for mine, other in zip(after, expected, strict=True):
        np.testing.assert_allclose(mine, other, rtol=0, atol=1e-10 * np.abs(other).max())


@pytest.mark.parametrize("method", ["em", "em_reml"])
@pytest.mark.parametrize("structure", GROUPED, ids=names_of(GROUPED))
def test_a_step_never_lowers_the_likelihood(structure: Structure, method: Method) -> None:
    """From twenty random places; 1e-12 is the rounding of the criterion."""
    design = design_of(structure)
    moments, problem = summarise(design), dense(design)
    native, rng = native_problem(moments, method), np.random.default_rng(5)
    for _ in range(20):
        theta = random_theta(problem, rng)
        found = native.evaluate(theta)
        after = native.value(em_step(moments, theta, found["gradient"]))
        assert after <= found["value"] + 1e-12 * (1.0 + abs(found["value"]))


def test_without_groups_there_is_nothing_to_step() -> None:
    moments = summarise(design_of(STRUCTURES[0]))
    assert em_step(moments, np.zeros(0), np.zeros(0)).shape == (0,)


def test_a_zero_stays_zero() -> None:
    """A covariance that EM has no way to leave; hence starts are inside."""
    moments = summarise(design_of(GROUPED[0]))
    gradient = native_problem(moments, "em").evaluate(np.zeros(1))["gradient"]
    assert em_step(moments, np.zeros(1), gradient).tolist() == [0.0]
