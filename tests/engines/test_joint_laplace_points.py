"""Many points at once against one by one, whatever the threads; means of draws against many draws."""

from __future__ import annotations

import numpy as np
import pytest

from multilevel.design.priors import bind_priors
from multilevel.engines.joint.laplace_mode import LaplacePosterior, find_laplace_mode
from multilevel.engines.joint.laplace_points import LaplacePoints
from multilevel.engines.joint.parameters import Parameters
from multilevel.moments import layout_of
from tests.engines.joint_cases import CASES, design_of


def points_of(name: str, *, threads: int = 1) -> tuple[LaplacePosterior, LaplacePoints, np.ndarray]:
    """Return a model's posterior, its points, and vectors about the mode."""
    design = design_of(name)
    layout = layout_of(design)
    parameters = Parameters(design, layout, bind_priors(design, CASES[name][3]))
    mode = find_laplace_mode(design, layout, parameters)
    posterior = LaplacePosterior(mode.problem, layout, parameters)
    z = np.random.default_rng(1).normal(size=(7, mode.x.size))
    return posterior, LaplacePoints(posterior, mode, threads=threads), mode.x + 0.5 * z @ mode.factor.T


@pytest.mark.parametrize("name", CASES)
def test_values_are_those_of_single_points(name: str) -> None:
    posterior, points, x = points_of(name)
    found = points.evaluate(x, np.arange(7), pairs=0, seed=1)
    singly = [-0.5 * posterior.at(one).value for one in x]
    assert found.log_density == pytest.approx(singly, rel=1e-9, abs=1e-7)
    assert np.array_equal(found.log_weights, np.zeros(7)) and found.effects == []
    assert points.evaluations == 7


@pytest.mark.parametrize("name", CASES)
def test_threads_and_companions_change_nothing(name: str) -> None:
    _, points, x = points_of(name)
    _, more, _ = points_of(name, threads=2)
    one = points.evaluate(x, np.arange(7), pairs=2, seed=1, keep=True)
    other = more.evaluate(x, np.arange(7), pairs=2, seed=1, keep=True)
    alone = points.evaluate(x[4:5], np.array([4]), pairs=2, seed=1, keep=True)
    assert np.array_equal(one.log_density, other.log_density)
    assert np.array_equal(one.log_weights, other.log_weights)
    assert alone.log_density[0] == one.log_density[4] and alone.log_weights[0] == one.log_weights[4]
    for mine, theirs, single in zip(one.effects[4], other.effects[4], alone.effects[0], strict=True):
        assert np.array_equal(mine, theirs) and np.array_equal(mine, single)


@pytest.mark.parametrize("name", ["crossed, a slope", "nested, offset"])
def test_few_pairs_have_the_mean_of_many(name: str) -> None:
    """Estimates from one pair are unbiased: their mean is that of estimates from 200 pairs."""
    _, points, x = points_of(name)
    few = np.exp(points.evaluate(np.tile(x[0], (4000, 1)), np.arange(4000), pairs=1, seed=2).log_weights)
    many = np.exp(points.evaluate(np.tile(x[0], (40, 1)), np.arange(40), pairs=200, seed=3).log_weights)
    error = np.hypot(few.std() / np.sqrt(few.size), many.std() / np.sqrt(many.size))
    assert few.mean() == pytest.approx(many.mean(), abs=4.5 * float(error))


def test_a_point_without_density() -> None:
    _, points, x = points_of("nested, offset")
    x[1] = np.nan
    found = points.evaluate(x, np.arange(7), pairs=1, seed=1, keep=True)
    assert found.log_density[1] == found.log_weights[1] == -np.inf and found.effects[1] == []
    assert np.isfinite(found.log_density[2]) and len(found.effects[2]) == 2
