"""Parameters of many vectors are those of each."""

from __future__ import annotations

import numpy as np
import pytest

from multilevel.design.priors import bind_priors
from multilevel.engines.joint.parameters import Parameters
from multilevel.engines.joint.values import values_of
from multilevel.moments import layout_of
from tests.engines.joint_cases import CASES, design_of


@pytest.mark.parametrize("name", CASES)
def test_values(name: str) -> None:
    design = design_of(name)
    parameters = Parameters(design, layout_of(design), bind_priors(design, CASES[name][3]))
    x = np.random.default_rng(1).normal(size=(5, len(parameters.names)))
    found = values_of(parameters, x)
    for i, one in enumerate(x):
        point = parameters.at(one)
        family = point.aux if parameters.places.ordinal else np.exp(point.aux)
        assert found.beta[i] == pytest.approx(point.beta, rel=1e-13)
        assert found.inflation[i] == pytest.approx(point.inflation, rel=1e-13)
        assert found.family[i] == pytest.approx(family, rel=1e-13)
        for sds, R, term in zip(found.sds, found.correlations, point.terms, strict=True):
            assert sds[i] == pytest.approx(term.sds, rel=1e-12)
            assert R[i] == pytest.approx(term.factor @ term.factor.T, rel=1e-12, abs=1e-14)
