"""Starts of chains of generalised models: dispersed, inside the priors, or refused."""

from __future__ import annotations

import numpy as np
import pytest

from multilevel.design.priors import bind_priors
from multilevel.engines.gibbs_generalised.chain import GeneralisedPlan
from multilevel.engines.gibbs_generalised.start import Starts
from multilevel.errors import DesignError
from multilevel.model.priors import Fixed, HalfNormal, LogNormal, Normal, Uniform
from tests.design.generalised_cases import counts, generalised
from tests.engines.gibbs_generalised_cases import numbers_of


def starts_of(family: str, given: dict[str, object]) -> tuple[GeneralisedPlan, Starts]:
    """Return the plan and starts of a model of counts."""
    design = generalised("y ~ x + (x | g)", counts(), family)
    priors = bind_priors(design, given)
    plan = GeneralisedPlan(design, priors)
    return plan, Starts(plan, design, priors)


def test_starts_differ_between_chains_and_follow_the_seed() -> None:
    plan, starts = starts_of("negative_binomial", {})
    points = [numbers_of(plan, starts.state(seed=s, number=i)) for s, i in ((1, 0), (1, 1), (2, 0), (1, 0))]
    assert points[0].tobytes() == points[3].tobytes()
    assert len({point.tobytes() for point in points}) == 3


def test_starts_are_inside_the_priors() -> None:
    """A coefficient in an interval far from the estimate, one that is held, an sd between bounds."""
    given = {
        "Intercept": Fixed(0.5),
        "x": Uniform(-0.2, -0.1),
        "g": {"sd": Uniform(0.4, 0.5)},
        "theta": LogNormal(0, 1),
    }
    plan, starts = starts_of("negative_binomial", given)
    for number in range(5):
        state = starts.state(seed=3, number=number)
        assert state.beta[0] == pytest.approx(0.5, rel=1e-12)
        assert -0.2 <= state.beta[1] <= -0.1
        assert ((state.terms[0].sds >= 0.4) & (state.terms[0].sds <= 0.5)).all()
        eta = plan.problem.predictor(state.beta, state.effects)
        assert np.isfinite(plan.problem.log_density(eta, state.values, state.inflation))


def test_a_posterior_without_a_point_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    plan, starts = starts_of("poisson", {"fixed": Normal(0, 1), "g": {"sd": HalfNormal(1)}})
    monkeypatch.setattr(type(plan.problem), "log_density", lambda *_: -np.inf)
    with pytest.raises(DesignError, match="no point of the posterior"):
        starts.state(seed=1, number=0)


def test_starts_of_zero_inflation_that_the_data_do_not_ask_for_are_moderate() -> None:
    """The estimates are at their end, where spreads of thousands mean nothing."""
    design = generalised("y ~ x + (1 | g)", counts(), "negative_binomial", zero_inflation="~ x")
    priors = bind_priors(design, {})
    starts = Starts(GeneralisedPlan(design, priors), design, priors)
    assert design.inflation is not None
    for number in range(8):
        inflation = starts.state(seed=3, number=number).inflation
        assert np.abs(design.inflation.X @ inflation).max() <= 4.0 + 1e-9
        assert np.abs(inflation).max() > 0.0
