"""The mode of the parameters' posterior by Laplace's method: its gradient, and that it is a mode."""

from __future__ import annotations

import numpy as np
import pytest

from multilevel.design.priors import bind_priors
from multilevel.engines.joint.laplace_mode import LaplacePosterior, find_laplace_mode
from multilevel.engines.joint.parameters import Parameters
from multilevel.engines.laplace.problem import LaplaceProblem
from multilevel.moments import layout_of
from tests.engines.joint_cases import CASES, design_of


@pytest.mark.parametrize("name", CASES)
def test_gradient_is_that_of_differences_and_zero_at_the_mode(name: str) -> None:
    design = design_of(name)
    layout = layout_of(design)
    parameters = Parameters(design, layout, bind_priors(design, CASES[name][3]))
    posterior = LaplacePosterior(LaplaceProblem(design, layout), layout, parameters)
    mode = find_laplace_mode(design, layout, parameters)
    assert np.abs(posterior.at(mode.x).gradient @ mode.factor).max() < 0.01
    x = mode.x + 0.3 * mode.factor @ np.random.default_rng(2).normal(size=mode.x.size)
    gradient = posterior.at(x).gradient
    for i, step in enumerate(1e-4 * np.eye(x.size)):
        difference = (posterior.at(x + step).value - posterior.at(x - step).value) / 2e-4
        assert gradient[i] == pytest.approx(difference, rel=1e-3, abs=1e-3)
