"""The prior density of a vector of parameters, from densities of SciPy and the volume of the coordinates."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from multilevel.design.priors import bind_priors
from multilevel.engines.joint.parameters import Parameters
from multilevel.moments import layout_of
from tests.engines.joint_cases import CASES, design_of


def parameters_of(name: str) -> Parameters:
    """Return the parameters of a case."""
    design = design_of(name)
    return Parameters(design, layout_of(design), bind_priors(design, CASES[name][3]))


def test_prior_of_thresholds_and_an_sd() -> None:
    """Thresholds have t priors where x is at its mean; the volume is that of one step and of the sd."""
    parameters, design = parameters_of("ordinal"), design_of("ordinal")
    x = np.array([0.4, -0.6, 0.3, -0.2])
    point = parameters.at(x)
    centred = point.aux - design.fixed.X[:, 0].mean() * 0.4
    assert np.diff(centred) == pytest.approx([np.exp(0.3)])
    sd = point.terms[0].sds[0]
    assert sd == pytest.approx(-stats.norm.logsf(-0.2))
    slope = stats.norm.pdf(-0.2) / stats.norm.sf(-0.2)
    expected = stats.norm(0, 2.5 / np.std(design.fixed.X[:, 0], ddof=1)).logpdf(0.4)
    expected += stats.t(3, 0, 2.5).logpdf(centred).sum() + 0.3
    expected += np.log(2.0) + stats.t(3, 0, 2.5).logpdf(sd) + np.log(slope)
    assert point.log_prior == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("name", CASES)
def test_slope_of_the_prior(name: str) -> None:
    parameters = parameters_of(name)
    x = 0.4 * np.random.default_rng(6).normal(size=len(parameters.names))
    slope = parameters.at(x).slope
    for i, step in enumerate(1e-5 * np.eye(x.size)):
        difference = (parameters.at(x + step).log_prior - parameters.at(x - step).log_prior) / 2e-5
        assert slope[i] == pytest.approx(difference, rel=1e-5, abs=1e-6)
