"""The search: quadratic and even functions, saddles, limits, and evidence at points that are no minimum."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from multilevel.engines.likelihood.known_sds_search import found_at, search
from multilevel.engines.solution import Status


@dataclass(frozen=True)
class Function:
    """A function of coordinates, the first ``diagonal`` of which are entries of a diagonal."""

    call: Callable
    diagonal: np.ndarray

    @property
    def free(self):
        return np.arange(self.diagonal.size)

    def evaluate(self, x):
        return self.call(x)


def quartic(x):
    """``(x0^2 - 1)^2 + x1^2``: a saddle at the origin."""
    return (x[0] ** 2 - 1) ** 2 + x[1] ** 2, np.array([4 * x[0] * (x[0] ** 2 - 1), 2 * x[1]])


def even(x):
    """``x0^2 + x0^4 + (x1 - 2)^2``: lowest where the first is zero."""
    return x[0] ** 2 + x[0] ** 4 + (x[1] - 2) ** 2, np.array([2 * x[0] + 4 * x[0] ** 3, 2 * (x[1] - 2)])


BOTH = np.array([True])


def run(function, x, limit=200, progress=None):
    return search(Function(function, BOTH), np.array(x), 1e-11, limit, progress, 0.0, 0)


def test_a_minimum_inside() -> None:
    found = run(quartic, [-0.2, 3.0])
    np.testing.assert_allclose(found.x, [1.0, 0.0], atol=1e-6)  # the sign of a diagonal entry is free
    assert found.status is Status.OPTIMAL
    np.testing.assert_allclose(found.covariance, np.diag([0.25, 1.0]), atol=1e-6)


def test_a_minimum_at_zero_is_zero_and_says_the_curvature() -> None:
    found = run(even, [0.7, 0.0])
    assert found.x[0] == 0.0
    assert found.dual == pytest.approx(1.0, rel=1e-6)
    assert found.covariance[0, 0] == 0.0
    assert found.status is Status.OPTIMAL


@pytest.mark.parametrize("x", [[0.0, 0.0], [1.0, 0.5]])
def test_other_points_are_not_certified(x) -> None:
    assert found_at(Function(quartic, BOTH), np.array(x), 1e-11).status is Status.STALLED


def test_limits_and_interruptions() -> None:
    assert run(quartic, [-0.2, 3.0], limit=4).status is Status.EVALUATION_LIMIT
    assert run(quartic, [-0.2, 3.0], progress=lambda _: False).status is Status.INTERRUPTED


def test_nothing_to_search_and_nothing_defined() -> None:
    empty = search(Function(lambda x: (1.5, x), np.zeros(0, bool)), np.zeros(0), 1e-11, 9, None, 0.0, 0)
    assert (empty.value, empty.status) == (1.5, Status.OPTIMAL)
    nowhere = run(lambda x: (np.inf, np.zeros(2)), [1.0, 1.0])
    assert nowhere.value == np.inf
