"""What is known of the effects near the mode, against dense algebra."""

from __future__ import annotations

import numpy as np
import pytest

from multilevel.design.priors import bind_priors
from multilevel.engines.joint.anchor import anchors, factor_roots
from multilevel.engines.joint.laplace_mode import find_laplace_mode
from multilevel.engines.joint.parameters import Parameters
from multilevel.moments import layout_of
from tests.engines.joint_cases import design_of


def test_information_of_nested_intercepts_is_what_the_finer_ones_leave() -> None:
    """For the coarser factor ``z'V^-1 z`` ``V`` the weights' inverse plus the finer effects' variance."""
    design = design_of("nested, offset")
    layout = layout_of(design)
    parameters = Parameters(design, layout, bind_priors(design))
    mode = find_laplace_mode(design, layout, parameters)
    fine, coarse = anchors(design, layout, parameters, mode)
    sd = factor_roots(layout, parameters.at(mode.x))[0][0, 0]
    for level in range(coarse.levels):
        rows = np.flatnonzero(coarse.index == level)
        same = fine.index[rows][:, None] == fine.index[rows][None, :]
        V = np.diag(1.0 / fine.weight[rows]) + sd**2 * same
        assert coarse.W[level, 0, 0] == pytest.approx(np.linalg.inv(V).sum(), rel=1e-8)
    assert fine.W[:, 0, 0] == pytest.approx(np.bincount(fine.index, fine.weight), rel=1e-12)
