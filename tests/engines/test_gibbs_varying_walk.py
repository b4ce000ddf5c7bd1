"""Many walks of one number: their distribution, their learning, their memory."""

from __future__ import annotations

import numpy as np

from multilevel.engines.gibbs.varying_walk import TARGET, Walks
from tests.engines.gibbs_varying_cases import batch_errors

SDS = np.array([0.01, 1.0, 30.0])


def log_normal(x: np.ndarray) -> np.ndarray:
    """Return log densities of normal numbers of very different sds, but for constants."""
    return np.asarray(-0.5 * np.square(x / SDS))


def walked(walks: Walks, x: np.ndarray, sweeps: int, rng: np.random.Generator) -> np.ndarray:
    """Return the points of every sweep."""
    seen = np.empty((sweeps, x.size))
    for i in range(sweeps):
        seen[i] = x = walks.move(x, log_normal, rng, 4)
    return seen


def test_every_number_learns_a_step_of_its_own() -> None:
    """Steps near 2.4 sds and the rate near its target after warm-up; means and variances in 4.5 errors."""
    rng, walks = np.random.default_rng(1), Walks(np.ones(3))
    x = walked(walks, np.zeros(3), 1000, rng)[-1]
    steps = np.exp(walks.snapshot()["steps"])
    np.testing.assert_allclose(steps / SDS, 2.4, rtol=0.4)
    walks.freeze()
    draws = walked(walks, x, 6000, rng)
    assert abs(walks.rate - TARGET) < 0.05
    np.testing.assert_array_equal(np.exp(walks.snapshot()["steps"]), steps)
    for values, sd in zip(draws.T, SDS, strict=True):
        assert max(batch_errors(values, 0.0, float(sd))) < 4.5


def test_points_without_a_density_are_refused_and_counted() -> None:
    """NaN and both infinities beside a number that moves."""
    walks, rng = Walks(np.ones(4)), np.random.default_rng(1)
    walks.freeze()
    bad = np.array([np.nan, np.inf, -np.inf, 0.0])

    def log_density(x: np.ndarray) -> np.ndarray:
        return np.where(x == 0.0, 0.0, bad)

    x = walks.move(np.zeros(4), log_density, rng, 5)
    np.testing.assert_array_equal(x[:3], 0.0)
    assert x[3] != 0.0
    assert walks.impossible == 15
    assert walks.rate == 0.25


def test_a_walk_goes_on_from_its_snapshot() -> None:
    walks, rng = Walks(np.ones(3)), np.random.default_rng(1)
    x = walked(walks, np.zeros(3), 10, rng)[-1]
    other = Walks(np.full(3, 7.0))
    other.restore(walks.snapshot())
    assert not other.frozen
    a, b = (walked(w, x, 10, np.random.default_rng(2)) for w in (walks, other))
    np.testing.assert_array_equal(a, b)
    assert np.isnan(other.rate)
