"""Responses drawn as cross-products: the root of the columns' cross-products, against dense algebra."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray

from multilevel.design.design import Design
from multilevel.errors import DesignError
from multilevel.moments import Moments, simulated, summarise
from multilevel.moments.simulated import RowSpace, draw_effects, draw_noise, row_space, simulate_response
from tests.engines.structures import STRUCTURES, Structure, by_name, design_of, names_of, scaled_design

Floats = NDArray[np.float64]


def columns_of(design: Design, moments: Moments, order: tuple[int, ...]) -> tuple[Floats, Floats]:
    """Return ``(n, q + p)`` scaled columns ``[Z X]`` in an order of the factors, and the rows' weights."""
    scaled, n = scaled_design(design, moments), design.n_rows
    parts = []
    for f in order:
        factor = design.factors[moments.order[f]]
        Z = np.concatenate([scaled.terms[t].Z for t, b in enumerate(moments.blocks) if b.factor == f], axis=1)
        wide = np.zeros((n, len(factor.levels), Z.shape[1]))
        wide[np.arange(n), factor.index] = Z
        parts.append(wide.reshape(n, -1))
    weights = np.ones(n)
    for one in (design.precision_weights, design.frequency_weights):
        weights = weights if one is None else weights * one
    return np.concatenate([*parts, scaled.fixed.X], axis=1), weights


class Unit(np.random.Generator):
    """Standard normal numbers that are all zero but one."""

    def __init__(self, at: int) -> None:
        super().__init__(np.random.PCG64(0))
        self.at, self.drawn = at, 0

    def standard_normal(self, size: object = None) -> Floats:  # type: ignore[override]
        found = np.zeros(size)  # type: ignore[call-overload]
        flat = found.reshape(-1)
        if 0 <= self.at - self.drawn < flat.size:
            flat[self.at - self.drawn] = 1.0
        self.drawn += flat.size
        return found


def root_of(space: RowSpace) -> tuple[Floats, Floats]:
    """Return the matrix that turns normal numbers into noise, and the squares that each number counts."""
    count = Unit(-1)
    draw_noise(space, count)
    drawn = [draw_noise(space, Unit(at)) for at in range(count.drawn)]
    root = np.array([np.concatenate([e, x]) for e, x, _ in drawn]).reshape(count.drawn, -1).T
    return root, np.array([squares for _, _, squares in drawn])


@pytest.mark.parametrize("structure", STRUCTURES, ids=names_of(STRUCTURES))
def test_noise_has_the_cross_products_as_covariance(structure: Structure) -> None:
    """``R R' = [Z X]'W[Z X]`` to rounding, ``R'K^- R`` counts each number once, and the rank is that of K."""
    design = design_of(structure)
    moments = summarise(design)
    space = row_space(moments)
    columns, weights = columns_of(design, moments, space.order)
    K = (columns.T * weights) @ columns
    root, squares = root_of(space)
    np.testing.assert_allclose(root @ root.T, K, atol=1e-12 * np.abs(K).max())
    assert space.rank == np.linalg.matrix_rank(columns * np.sqrt(weights)[:, None])
    inverse = np.linalg.pinv(K, rcond=1e-11, hermitian=True)
    np.testing.assert_allclose(root.T @ inverse @ root, np.diag(squares), atol=1e-7)


@pytest.mark.parametrize("structure", STRUCTURES, ids=names_of(STRUCTURES))
def test_without_noise_the_products_are_those_of_the_rows(structure: Structure) -> None:
    design = design_of(structure)
    moments = summarise(design)
    space = row_space(moments)
    columns, weights = columns_of(design, moments, space.order)
    rng = np.random.default_rng(3)
    beta = rng.normal(size=moments.p)
    covariances = [A @ A.T for A in (rng.normal(size=(b.size, b.size)) for b in moments.blocks)]
    found = simulate_response(space, beta, covariances, 0.0, np.random.default_rng(4))
    effects = draw_effects(moments, covariances, np.random.default_rng(4))
    y = columns @ np.concatenate([*(effects[f].ravel() for f in space.order), beta])
    products = columns.T @ (weights * y)
    size = 1e-12 * max(1.0, np.abs(products).max())
    got = np.concatenate([*(found.c[f].ravel() for f in space.order), found.d[:-1]])
    np.testing.assert_allclose(got, products, atol=size)
    assert found.d[-1] == pytest.approx(float(y @ (weights * y)), rel=1e-12)


def test_y_squared_counts_every_dimension_of_the_rows() -> None:
    """Means of ``y'Wy / sigma^2`` without signal are ``n``, within 5 standard errors of 4,000 draws."""
    moments = summarise(design_of(by_name("crossed and nested vectors")))
    space, rng = row_space(moments), np.random.default_rng(5)
    none = [np.zeros((b.size, b.size)) for b in moments.blocks]
    squares = [simulate_response(space, np.zeros(moments.p), none, 2.0, rng).d[-1] / 4.0 for _ in range(4000)]
    assert abs(np.mean(squares) - moments.n) < 5 * np.sqrt(2 * moments.n / 4000)


def test_nested_factors_are_eliminated_although_a_crossed_one_has_more_levels() -> None:
    space = row_space(summarise(design_of(by_name("crossed and nested"))))
    assert space.order == (0, 2, 1)
    assert len(space.levels) == 2


def test_large_crossed_factors_are_refused_before_a_matrix_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulated, "MOST_CORE", 5)
    with pytest.raises(DesignError) as caught:
        row_space(summarise(design_of(by_name("crossed"))))
    text = str(caught.value)
    assert "8 x 6 levels, which leave 6 effects that must be factorised together" in text
    assert "multilevel.sample" in text


def test_repeated_rows_are_frequencies() -> None:
    """A row of frequency 2 is two rows: the same cross-products, and as many dimensions."""
    design = design_of(by_name("k=2"))
    twice = dataclasses.replace(design, frequency_weights=np.full(design.n_rows, 2.0))
    once, both = row_space(summarise(design)), row_space(summarise(twice))
    np.testing.assert_allclose(both.effects.toarray(), 2.0 * once.effects.toarray(), rtol=1e-12, atol=1e-12)
    assert both.moments.n - both.rank == 2 * once.moments.n - once.rank
