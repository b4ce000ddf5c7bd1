"""Coordinates of the sampler: chain rule, points without density, answers that depend on the point alone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from multilevel.design.priors import bind_priors
from multilevel.engines.marginal.density import MarginalDensity
from multilevel.engines.nuts.target import NOWHERE, Target
from multilevel.errors import DesignError
from multilevel.moments import summarise
from tests.engines.structures import Floats, by_name, design_of


class Bell:
    """A normal density with a wall: there is none where the first number is above a limit."""

    names = ("a", "b")

    def __init__(self, limit: float = np.inf) -> None:
        self.limit = limit
        self.precision = np.array([[4.0, 1.0], [1.0, 1.0]])

    def log_density(self, x: Floats) -> Floats:
        return self.log_density_and_gradient(x)[0]

    def log_density_and_gradient(self, x: Floats) -> tuple[Floats, Floats]:
        slope = -(x - 3.0) @ self.precision
        value = np.where(x[:, 0] > self.limit, -np.inf, 0.5 * ((x - 3.0) * slope).sum(axis=1))
        return value, slope


def test_the_mode_is_at_zero_and_the_spread_is_one() -> None:
    target = Target(Bell(), np.zeros(2))
    np.testing.assert_allclose(target.centre, 3.0, atol=1e-5)
    rng = np.random.default_rng(1)
    for z in rng.normal(size=(5, 2)):
        value, slope = target.value_and_gradient(z)
        assert value == pytest.approx(-0.5 * z @ z, abs=1e-4)  # curvature from differences of step 1e-3
        np.testing.assert_allclose(slope, -z, atol=1e-4)


def test_where_there_is_no_density_the_value_is_finite_and_the_slope_zero() -> None:
    target = Target(Bell(limit=4.0), np.zeros(2))
    value, slope = target.value_and_gradient(np.array([50.0, 0.0]))
    assert value == NOWHERE
    assert not slope.any()


class Brittle(Bell):
    """A density that cannot be evaluated where the first number is above the limit, nor any point beside."""

    def log_density_and_gradient(self, x: Floats) -> tuple[Floats, Floats]:
        if np.any(x[:, 0] > self.limit):
            raise np.linalg.LinAlgError("singular")
        return Bell().log_density_and_gradient(x)


def test_a_point_that_cannot_be_evaluated_costs_the_others_nothing() -> None:
    target = Target(Brittle(limit=20.0), np.zeros(2), together=3)
    z = [np.array([1.0, 0.0]), np.array([500.0, 0.0]), np.array([0.0, -1.0])]
    alone = [Target(Bell(), np.zeros(2), together=3).value_and_gradient(one)[0] for one in z]
    with ThreadPoolExecutor(3) as pool:
        for _ in range(20):
            together = list(pool.map(target.value_and_gradient, z))
            assert [value for value, _ in together] == [alone[0], NOWHERE, alone[2]]
            assert not together[1][1].any()


class Broken(Bell):
    """A density with a fault of its own once it is told so."""

    fault = False

    def log_density_and_gradient(self, x: Floats) -> tuple[Floats, Floats]:
        if self.fault:
            raise ZeroDivisionError("a fault of the density")
        return super().log_density_and_gradient(x)


def test_a_fault_of_the_density_reaches_everyone_who_asked() -> None:
    density = Broken()
    target = Target(density, np.zeros(2), together=3)
    density.fault = True
    with ThreadPoolExecutor(3) as pool:
        asked = [pool.submit(target.value_and_gradient, np.zeros(2)) for _ in range(3)]
    for question in asked:
        with pytest.raises(ZeroDivisionError, match="a fault of the density"):
            question.result(timeout=10)


def test_first_points_have_density_differ_and_depend_on_the_seed_alone() -> None:
    target = Target(Bell(limit=3.1), np.zeros(2))
    points = [target.first(seed) for seed in (1, 2, 2**63 + 5)]
    assert all(target.value_and_gradient(z)[0] > NOWHERE for z in points)
    np.testing.assert_array_equal(points[1], target.first(2))
    assert len({float(z[0]) for z in points}) == 3


def test_a_density_that_is_nowhere_is_refused() -> None:
    with pytest.raises(DesignError, match="no point of the posterior has a positive density"):
        Target(Bell(limit=-np.inf), np.zeros(2))


@pytest.mark.parametrize("structure", ["k=1", "k=3", "two on each", "crossed and nested vectors"])
def test_answers_are_the_same_bits_whoever_asks_at_the_same_time(structure: str) -> None:
    design = design_of(by_name(structure))
    moments = summarise(design)
    density = MarginalDensity(moments, bind_priors(design))
    target = Target(density, np.zeros(len(density.names)), together=4)
    z = np.random.default_rng(2).normal(size=(60, len(density.names)))
    alone = [target.value_and_gradient(one) for one in z]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(target.value_and_gradient, z))
    for one, other in zip(alone, together, strict=True):
        assert one[0] == other[0]
        np.testing.assert_array_equal(one[1], other[1])
