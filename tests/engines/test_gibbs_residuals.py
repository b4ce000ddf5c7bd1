"""Sums over residuals from cross-products against sums over rows."""

from __future__ import annotations

import numpy as np
import pytest

from multilevel.engines.gibbs.residuals import Residuals
from multilevel.moments import summarise
from tests.engines.gibbs_cases import dense_model
from tests.engines.structures import STRUCTURES, Structure, design_of, names_of


@pytest.mark.parametrize("structure", STRUCTURES, ids=names_of(STRUCTURES))
def test_sums_are_those_over_rows(structure: Structure) -> None:
    """In the user's units: the scaled columns are the user's times ``back``; 1e-9 is rounding."""
    design = design_of(structure)
    moments = summarise(design)
    scaling, rng = moments.scaling, np.random.default_rng(1)
    gamma = rng.normal(size=moments.p)
    effects = [rng.normal(size=(m, k)) for m, k in zip(moments.levels, moments.effects, strict=True)]
    squares, with_r = Residuals(moments).products(gamma, effects)
    dense = dense_model(design)
    r = dense.y - dense.X @ (scaling.y_scale * scaling.fixed.back @ gamma + scaling.constant)
    for t, (block, Z) in enumerate(zip(moments.blocks, dense.Z, strict=True)):
        b = effects[block.factor][:, block.start : block.start + block.size] @ scaling.terms[t].back.T
        r = r - scaling.y_scale * Z @ b.reshape(-1)
    assert squares == pytest.approx(float(r @ (dense.weights * r)) / scaling.y_scale**2, rel=1e-9)
    for t, (block, Z) in enumerate(zip(moments.blocks, dense.Z, strict=True)):
        back = scaling.terms[t].back
        expected = (Z.T @ (dense.weights * r)).reshape(-1, block.size) @ back / scaling.y_scale
        found = with_r[block.factor][:, block.start : block.start + block.size]
        np.testing.assert_allclose(found, expected, atol=1e-9 * np.abs(expected).max())
        w = rng.normal(size=found.shape)
        Zw = Z @ (w @ back.T).reshape(-1)
        length = Residuals(moments).length(block.factor, block.start, w)
        assert length == pytest.approx(float(Zw @ (dense.weights * Zw)), rel=1e-9)
