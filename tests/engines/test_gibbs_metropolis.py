"""The random walk draws from its density, learns in warm-up and not after."""

from __future__ import annotations

import math

import numpy as np
import pytest

from multilevel.engines.gibbs.metropolis import Walk


@pytest.mark.parametrize("d", [1, 3])
def test_a_walk_draws_from_its_density(d: int) -> None:
    """A normal with sds from 0.01 to 100: moments to 15%, acceptance near the target of 0.3."""
    sds = np.array([0.01, 100.0, 1.0])[:d]
    R = np.full((d, d), 0.6) + 0.4 * np.eye(d)
    Q = np.linalg.inv(R * np.outer(sds, sds))
    walk, rng, x = Walk(d), np.random.default_rng(1), np.zeros(d)
    for _ in range(2000):
        x = walk.move(x, lambda x: float(-0.5 * x @ Q @ x), rng, 4)
    walk.freeze()
    seen = []
    for _ in range(6000):
        x = walk.move(x, lambda x: float(-0.5 * x @ Q @ x), rng, 4)
        seen.append(x)
    np.testing.assert_allclose(np.std(seen, axis=0), sds, rtol=0.15)
    assert 0.2 < walk.rate < 0.45


def test_a_frozen_walk_proposes_the_same_steps_for_ever() -> None:
    walk, rng = Walk(2), np.random.default_rng(1)
    assert math.isnan(walk.rate)
    walk.freeze()
    before = walk.propose(np.random.default_rng(2))
    x = np.zeros(2)
    for _ in range(100):
        x = walk.move(x, lambda x: float(-0.5 * x @ x), rng, 1)
    np.testing.assert_array_equal(walk.propose(np.random.default_rng(2)), before)
    assert walk.tried == 100


@pytest.mark.parametrize(("ratio", "expected"), [(math.nan, False), (-math.inf, False), (0.0, True)])
def test_impossible_points_are_refused(ratio: float, expected: bool) -> None:
    assert Walk(1).decide(ratio, np.random.default_rng(1)) is expected


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_points_without_a_density_are_refused_and_counted(value: float) -> None:
    walk, rng = Walk(1), np.random.default_rng(1)
    walk.freeze()
    x = walk.move(np.zeros(1), lambda x: 0.0 if x[0] == 0.0 else value, rng, 50)
    assert x[0] == 0.0
    assert (walk.impossible, walk.accepted, walk.tried) == (50, 0, 50)


@pytest.mark.parametrize("frozen", [True, False])
def test_a_walk_that_was_stored_goes_on_in_the_same_way(frozen: bool) -> None:
    one, other, rng = Walk(2), Walk(2), np.random.default_rng(1)
    x = np.zeros(2)
    for _ in range(100):
        x = one.move(x, lambda x: float(-0.5 * x @ x), rng, 4)
    if frozen:
        one.freeze()
    other.restore({name: array.copy() for name, array in one.snapshot().items()})
    after = []
    for walk in (one, other):
        rng, y = np.random.default_rng(2), x
        for _ in range(100):
            y = walk.move(y, lambda x: float(-0.5 * x @ x), rng, 4)
        after.append((y.tobytes(), *(array.tobytes() for array in walk.snapshot().values())))
    assert after[0] == after[1]
