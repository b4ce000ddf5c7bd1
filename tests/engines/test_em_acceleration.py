"""The quasi-Newton correction of EM steps: secant equation, symmetry, what it refuses to learn from."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from multilevel.engines.em.acceleration import Acceleration, Point
from tests.engines.structures import Floats


def point(theta: Floats, H: Floats, M: Floats) -> Point:
    """Return a place on the parabola ``theta' H theta / 2`` whose EM step is ``-M`` times the gradient."""
    return Point(theta, H @ theta, -M @ H @ theta)


def parabola(seed: int, k: int = 4) -> tuple[Floats, Floats]:
    """Return a curvature, and an information of which the inverse is larger, as that of complete data is."""
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(k, k))
    H = A @ A.T + 0.1 * np.eye(k)
    return H, np.linalg.inv(H + np.diag(rng.uniform(0.5, 2.0, k)))


def test_before_anything_is_known_the_direction_is_the_em_step() -> None:
    H, M = parabola(0)
    here = point(np.ones(4), H, M)
    none = Acceleration.none(4)
    assert not none.differs
    assert none.direction(here).tolist() == here.step.tolist()


@pytest.mark.parametrize("seed", range(5))
def test_the_last_change_of_the_gradient_is_mapped_to_the_step_that_made_it(seed: int) -> None:
    """Secant equation, whatever was known before; and the correction stays symmetric."""
    rng = np.random.default_rng(seed)
    H, M = parabola(seed)
    known = Acceleration.none(4)
    places = [point(rng.normal(size=4), H, M) for _ in range(4)]
    for before, after in itertools.pairwise(places):
        known = known.learned(before, after)
        turned = known.direction(after) - known.direction(before)
        np.testing.assert_allclose(turned, before.theta - after.theta, rtol=1e-8, atol=1e-10)
        np.testing.assert_allclose(known.correction, known.correction.T, rtol=0, atol=1e-8)


@pytest.mark.parametrize("seed", range(5))
def test_exact_steps_find_the_bottom_of_a_parabola(seed: int) -> None:
    """As BFGS does: after as many exact line searches as coordinates, the next direction ends there."""
    H, M = parabola(seed)
    here, known = point(np.ones(4), H, M), Acceleration.none(4)
    for _ in range(4):
        d = known.direction(here)
        length = -(d @ here.gradient) / (d @ H @ d)
        there = point(here.theta + length * d, H, M)
        here, known = there, known.learned(here, there)
    assert np.abs(here.theta).max() < 1e-7


def test_where_the_gradient_falls_along_a_step_the_next_one_is_longer() -> None:
    """Nothing is known of the curvature then; what was known before stays."""
    H, M = parabola(1)
    before, after = point(np.zeros(4), -H, M), point(np.ones(4), -H, M)
    longer = Acceleration.none(4).learned(before, after).learned(before, after)
    np.testing.assert_allclose(longer.direction(after), 16.0 * after.step, rtol=1e-14)
    known = Acceleration.none(4).learned(point(np.zeros(4), H, M), point(np.ones(4), H, M))
    assert known.learned(before, after) is known


def test_beginning_again_keeps_the_last_curvature_only() -> None:
    """The gradient is four times the place: the curvature is 4 along every direction."""
    H, M = 4.0 * np.eye(3), 0.1 * np.eye(3)
    known = Acceleration.none(3).learned(point(np.ones(3), H, M), point(np.array([0.5, 1.0, 0.0]), H, M))
    assert known.differs
    np.testing.assert_allclose(known.again().correction, 0.25 * np.eye(3), rtol=1e-14)
