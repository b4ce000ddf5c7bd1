"""The priors that exclude every point are named, with the value that they exclude."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from multilevel.engines.marginal import sample_marginal
from multilevel.engines.marginal.coordinates import coordinates_of
from multilevel.engines.marginal.prior_parts import excluding_priors, inside_intervals
from multilevel.engines.marginal.sampler import start_point
from multilevel.errors import DesignError
from multilevel.model.priors import Fixed, HalfCauchy, Uniform
from tests.engines.gibbs_cases import model_of

SLEEP = "reaction ~ days + (days | subject)"


@pytest.mark.parametrize(
    ("formula", "priors", "named"),
    [
        (SLEEP, None, ""),
        (SLEEP, {"sigma": Fixed(25), "days": Fixed(10)}, ""),
        (
            SLEEP,
            {"sigma": Uniform(0, 1)},
            "the prior of sigma, Uniform(0, 1), has no finite log density at 25.59",
        ),
        (
            SLEEP,
            {"days": Uniform(50, 60)},
            "the prior of the coefficient days, Uniform(50, 60), has no finite log density at 10.47",
        ),
        (
            SLEEP,
            {"subject": {"sd": {"Intercept": HalfCauchy(5), "days": Uniform(50, 60)}}},
            "the prior of sd(subject, days), Uniform(50, 60), has no finite log density at 5.9",
        ),
        (
            "reaction ~ days + homdiag(days | subject)",
            {"subject": {"sd": Uniform(500, 600)}},
            "the prior of sd(subject, all effects), Uniform(500, 600), has no finite log density at ",
        ),
    ],
)
def test_what_excludes_a_point_is_named(formula: str, priors: Any, named: str) -> None:
    moments, bound = model_of(formula, "sleepstudy", priors)
    at = coordinates_of(moments, bound)
    x = np.tile(start_point(moments, bound, at), (3, 1))
    found = excluding_priors(moments, bound, at, x)
    assert found.startswith(named)
    assert found.endswith(", nor in 3 of 3 points tried" if named else "")
    assert bool(found) is bool(named)


def test_the_marginal_engine_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a start that was not moved inside."""
    monkeypatch.setattr("multilevel.engines.marginal.sampler.inside_intervals", lambda priors, at, x: x)
    moments, bound = model_of(SLEEP, "sleepstudy", {"sigma": Uniform(0, 1e-12)})
    with pytest.raises(DesignError) as caught:
        sample_marginal(moments, bound, draws=100, seed=1)
    assert str(caught.value).startswith(
        "no point of the posterior has a positive density near its mode: the prior of sigma,"
        " Uniform(0, 1e-12), has no finite log density at "
    )


@pytest.mark.parametrize(
    "priors",
    [
        {"sigma": Uniform(100, 101)},
        {"days": Uniform(50, 60), "subject": {"sd": Uniform(1, 2)}},
        {"sigma": HalfCauchy(5)},
    ],
)
def test_starts_are_moved_inside_intervals(priors: Any) -> None:
    moments, bound = model_of(SLEEP, "sleepstudy", priors)
    at = coordinates_of(moments, bound)
    x = start_point(moments, bound, at)
    moved = inside_intervals(bound, at, x)
    assert excluding_priors(moments, bound, at, moved[None]) == ""
    outside = excluding_priors(moments, bound, at, x[None])
    assert np.array_equal(x, moved) is (outside == "")
