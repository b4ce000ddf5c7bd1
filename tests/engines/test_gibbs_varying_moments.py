"""Cross-products and residual sums of squares at residual sds by group, against dense sums over rows."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from multilevel.design import Design
from multilevel.engines.gibbs.varying_moments import GroupedProducts
from multilevel.errors import DesignError
from multilevel.moments import replace_response, summarise
from tests.engines.gibbs_cases import dense_model
from tests.engines.structures import STRUCTURES, Structure, by_name, design_of, group_factor, names_of

LOOSE = [s for s in STRUCTURES if s.residual_sd is None]


def grouped(structure: Structure, groups: str = "own") -> Design:
    """Return a design with residual groups: crossed with everything, or the levels of its first factor."""
    design = design_of(structure)
    if groups == "own":
        level = np.concatenate([np.arange(4), np.random.default_rng(3).integers(0, 4, design.n_rows - 4)])
        return dataclasses.replace(design, residual_groups=group_factor("r", level))
    return dataclasses.replace(design, residual_groups=design.factors[0])


@pytest.mark.parametrize("groups", ["own", "first factor"])
@pytest.mark.parametrize("structure", LOOSE, ids=names_of(LOOSE))
def test_moments_are_those_of_precision_weights(structure: Structure, groups: str) -> None:
    """``w_i / s_j^2`` as precision weights of a model with one residual sd; 1e-10 is rounding."""
    if groups == "first factor" and not structure.terms:
        groups = "own"
    design = grouped(structure, groups)
    assert design.residual_groups is not None
    moments = summarise(design)
    products = GroupedProducts(moments)
    found = products.blank()
    sds = np.random.default_rng(5).uniform(0.3, 2.0, products.counts.size)
    for s in (np.ones(sds.size), sds):
        products.fill_moments(s, found)
    precision = np.square(moments.scaling.y_scale / sds)[design.residual_groups.index]
    given = np.ones(design.n_rows) if design.precision_weights is None else design.precision_weights
    other = dataclasses.replace(design, precision_weights=given * precision, residual_groups=None)
    expected = replace_response(summarise(other), other, other.y)
    np.testing.assert_allclose(expected.scaling.fixed.back, moments.scaling.fixed.back, rtol=1e-12)
    for A, B in zip((*found.A, *found.C, found.D), (*expected.A, *expected.C, expected.D), strict=True):
        np.testing.assert_allclose(A, B, rtol=1e-10, atol=1e-10 * np.abs(B).max())
    for one, two in zip(found.pairs, expected.pairs, strict=True):
        np.testing.assert_allclose(one.value, two.value, rtol=1e-10, atol=1e-10 * np.abs(two.value).max())


@pytest.mark.parametrize("structure", LOOSE, ids=names_of(LOOSE))
def test_squares_are_those_over_rows(structure: Structure) -> None:
    """In the user's units; 1e-9 is rounding. Groups are counted with the frequencies of their rows."""
    design = grouped(structure)
    assert design.residual_groups is not None
    moments, rng = summarise(design), np.random.default_rng(1)
    products, scaling = GroupedProducts(moments), moments.scaling
    gamma = rng.normal(size=moments.p)
    effects = [rng.normal(size=(m, k)) for m, k in zip(moments.levels, moments.effects, strict=True)]
    dense = dense_model(design)
    r = dense.y - dense.X @ (scaling.y_scale * scaling.fixed.back @ gamma + scaling.constant)
    for t, (block, Z) in enumerate(zip(moments.blocks, dense.Z, strict=True)):
        b = effects[block.factor][:, block.start : block.start + block.size] @ scaling.terms[t].back.T
        r = r - scaling.y_scale * Z @ b.reshape(-1)
    one = np.eye(4)[design.residual_groups.index]
    np.testing.assert_allclose(products.squares(gamma, effects), one.T @ (dense.weights * r * r), rtol=1e-9)
    frequency = design.frequency_weights
    expected = one.sum(axis=0) if frequency is None else one.T @ frequency
    np.testing.assert_array_equal(products.counts, expected)


def test_moments_without_rows_are_refused() -> None:
    with pytest.raises(DesignError, match="residual sds by group need the rows"):
        GroupedProducts(summarise(design_of(by_name("k=1"))))
