"""The climb: never down, plain or accelerated; how it ends."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multilevel.engines.em.search import Limits, climb, evaluated
from multilevel.engines.em.step import em_step
from multilevel.engines.likelihood.problem import native_problem
from multilevel.engines.likelihood.verdict import ENDS
from multilevel.engines.solution import Status
from multilevel.moments import summarise
from tests.engines.structures import STRUCTURES, Structure, by_name, design_of, random_theta
from tests.oracle.dense import dense

GROUPED = [s for s in STRUCTURES if s.terms]


@settings(max_examples=60)
@given(
    structure=st.sampled_from(GROUPED),
    data=st.integers(0, 50),
    start=st.integers(0, 1000),
    accelerate=st.booleans(),
    method=st.sampled_from(["em", "em_reml"]),
)
def test_the_criterion_never_rises(
    structure: Structure, data: int, start: int, accelerate: bool, method: str
) -> None:
    """From any start, whatever the data, also where a model has more effects than rows."""
    design = design_of(structure, data)
    moments = summarise(design)
    problem = native_problem(moments, "em_reml" if method == "em_reml" else "em")
    theta = random_theta(dense(design), np.random.default_rng(start))
    found = climb(moments, problem, theta, Limits(1e-11, 60, accelerate), None)
    assert (np.diff(found["trace"]) <= 0.0).all()
    assert found["value"] == found["trace"][-1]
    assert found["evaluations"] <= 60
    if found["end"] == 0:
        assert found["decrement"] <= 1e-7
        assert found["gain"] <= 1e-6


def test_plain_steps_are_those_of_em() -> None:
    """The trace is that of the EM map, applied over and over."""
    moments = summarise(design_of(by_name("k=2")))
    problem = native_problem(moments, "em")
    theta = np.array([1.0, 0.2, 0.8])
    found = climb(moments, problem, theta, Limits(1e-11, 10, False), None)
    values = []
    for _ in range(10):
        at = problem.evaluate(theta)
        values.append(at["value"])
        theta = em_step(moments, theta, at["gradient"])
    np.testing.assert_allclose(found["trace"], values, rtol=1e-12)
    assert ENDS[found["end"]] is Status.EVALUATION_LIMIT


@pytest.mark.parametrize("name", ["k=1", "k=2 diagonal", "crossed", "nested"])
def test_acceleration_changes_the_way_and_not_the_end(name: str) -> None:
    """1e-7: what is left of a plain search that ends where it gains 1e-11 to second order."""
    moments = summarise(design_of(by_name(name)))
    problem = native_problem(moments, "em_reml")
    start = problem.start()
    plain = climb(moments, problem, start, Limits(1e-11, 20_000, False), None)
    fast = climb(moments, problem, start, Limits(1e-11, 200, True), None)
    assert plain["end"] == fast["end"] == 0
    assert plain["value"] == pytest.approx(fast["value"], abs=1e-7)
    assert fast["evaluations"] < plain["evaluations"]


def test_a_watcher_is_told_each_step_and_can_end_the_climb() -> None:
    moments = summarise(design_of(by_name("k=3")))
    problem, seen = native_problem(moments, "em"), list[tuple[int, float]]()

    def watch(evaluations: int, value: float, decrement: float) -> bool:
        assert decrement >= 0.0
        seen.append((evaluations, value))
        return len(seen) < 4

    found = climb(moments, problem, problem.start(), Limits(1e-11, 200, True), watch)
    assert ENDS[found["end"]] is Status.INTERRUPTED
    assert [value for _, value in seen] == found["trace"].tolist()
    assert all(a < b for (a, _), (b, _) in itertools.pairwise(seen))


def test_a_start_at_which_nothing_is_defined_ends_at_once() -> None:
    moments = summarise(design_of(by_name("k=1")))
    found = climb(moments, native_problem(moments, "em"), np.array([np.nan]), Limits(1e-11, 9, True), None)
    assert "theta" not in found
    assert found["evaluations"] == 1


def test_evaluating_moves_nothing() -> None:
    """Also at a variance so small that the native search would make it zero."""
    moments = summarise(design_of(by_name("k=1")))
    theta = np.array([1e-9])
    found = evaluated(native_problem(moments, "em"), theta)
    assert found["theta"].tolist() == theta.tolist()
    assert found["value"] == native_problem(moments, "em").evaluate(theta)["value"]


@pytest.mark.parametrize("accelerate", [True, False])
def test_a_false_optimum_at_zero_is_not_called_one(accelerate: bool) -> None:
    """Near zero the gradient in theta vanishes whatever the data: the dual tells that it is no optimum."""
    moments = summarise(design_of(by_name("k=1")))
    problem = native_problem(moments, "em")
    best = climb(moments, problem, problem.start(), Limits(1e-11, 200, True), None)
    found = climb(moments, problem, np.array([1e-9]), Limits(1e-11, 50, accelerate), None)
    assert found["value"] == pytest.approx(best["value"], abs=1e-9) or ENDS[found["end"]] in (
        Status.EVALUATION_LIMIT,
        Status.STALLED,
    )


@pytest.mark.parametrize("name", ["no groups", "nested", "k=1", "crossed"])
def test_a_residual_variance_that_goes_to_zero_is_saturation(name: str) -> None:
    design = design_of(by_name(name))
    exact = dataclasses.replace(design, y=design.fixed.X @ np.array([1.0, 2.0]))
    moments = summarise(exact)
    problem = native_problem(moments, "em")
    found = climb(moments, problem, problem.start(), Limits(1e-11, 500, True), None)
    assert found["saturated"]


@pytest.mark.parametrize("noise", [1e-3, 1e-5, 1e-6])
@pytest.mark.parametrize("name", ["k=1", "k=2", "nested", "crossed k=2, 1"])
def test_where_rounding_hides_the_optimum_it_is_not_claimed(name: str, noise: float) -> None:
    """Hardly any residual: an end that is called optimal could fall by 1e-6 at most, by its own curvature."""
    design, rng = design_of(by_name(name)), np.random.default_rng(3)
    y = np.asarray(design.fixed.X @ np.ones(design.fixed.X.shape[1]))
    for term in design.terms:
        factor = design.factors[term.factor]
        effects = rng.normal(size=(len(factor.levels), term.Z.shape[1]))
        y = y + (effects[factor.index] * term.Z).sum(axis=1)
    moments = summarise(dataclasses.replace(design, y=y + noise * rng.normal(size=y.size)))
    problem = native_problem(moments, "em")
    found = climb(moments, problem, problem.start(), Limits(1e-11, 200, True), None)
    assert (np.diff(found["trace"]) <= 0.0).all()
    assert found["end"] != 0 or (found["decrement"] <= 1e-6 and found["gain"] <= 1e-6)
    assert found["saturated"] or found["end"] in (0, ENDS.index(Status.STALLED))
