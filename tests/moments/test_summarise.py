"""Cross-products against dense algebra; shifts, scales, weights, threads and new responses."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from multilevel.design.design import Design, GroupFactor
from multilevel.engines.likelihood import solve
from multilevel.engines.solution import Method
from multilevel.kernels import core
from multilevel.moments import Moments, Pairs, replace_response, summarise
from tests.engines.structures import (
    STRUCTURES,
    Floats,
    Structure,
    by_name,
    design_of,
    names_of,
    reordered,
    scaled_design,
)
from tests.oracle.dense import expand


def weights_of(design: Design) -> Floats:
    """Return the product of both kinds of weights."""
    found = np.ones(design.n_rows)
    for weights in (design.precision_weights, design.frequency_weights):
        found = found if weights is None else found * weights
    return found


def thin_columns(design: Design, moments: Moments) -> list[Floats]:
    """Return the scaled effect columns of each factor of the moments, its terms side by side."""
    scaled = scaled_design(design, moments)
    return [
        np.hstack([t.Z for t in scaled.terms if t.factor == number]) for number in moments.order
    ]  # fmt: skip


@pytest.mark.parametrize("structure", STRUCTURES, ids=names_of(STRUCTURES))
def test_cross_products_are_those_of_dense_algebra(structure: Structure) -> None:
    design = design_of(structure)
    moments = summarise(design)
    scaled = scaled_design(design, moments)
    W = np.diag(weights_of(design))
    Xy = np.column_stack([scaled.fixed.X, scaled.y])
    np.testing.assert_allclose(moments.D, Xy.T @ W @ Xy, rtol=1e-12, atol=1e-12)
    wide = []
    for f, thin in enumerate(thin_columns(design, moments)):
        factor = design.factors[moments.order[f]]
        m, k = len(factor.levels), thin.shape[1]
        Z = expand(factor.index, thin, m)
        products = (Z.T @ W @ Z).reshape(m, k, m, k)
        expected = np.array([products[j, :, j] for j in range(m)])
        np.testing.assert_allclose(moments.A[f], expected, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(moments.C[f], (Z.T @ W @ Xy).reshape(m, k, -1), rtol=1e-12, atol=1e-12)
        wide.append(Z)
    for pair in moments.pairs:
        expected = wide[pair.f].T @ W @ wide[pair.g]
        np.testing.assert_allclose(_spread(moments, pair), expected, rtol=1e-12, atol=1e-12)


def _spread(moments: Moments, pair: Pairs) -> Floats:
    """Return a pair table as a dense matrix, having checked its order."""
    f, g = pair.f, pair.g
    start, index, value = pair.start, pair.index, pair.value
    found = np.zeros((moments.levels[f], moments.effects[f], moments.levels[g], moments.effects[g]))
    for i in range(moments.levels[f]):
        here = slice(start[i], start[i + 1])
        assert (np.diff(index[here]) > 0).all()
        for j, block in zip(index[here], value[here], strict=True):
            found[i, :, j] = block
    return found.reshape(moments.levels[f] * moments.effects[f], -1)


@pytest.mark.parametrize("structure", STRUCTURES, ids=names_of(STRUCTURES))
def test_counts_and_places(structure: Structure) -> None:
    design = design_of(structure)
    moments = summarise(design)
    frequency = np.ones(design.n_rows) if design.frequency_weights is None else design.frequency_weights
    precision = np.ones(design.n_rows) if design.precision_weights is None else design.precision_weights
    assert moments.p == len(design.fixed.names)
    assert moments.n == frequency.sum()
    assert moments.log_weights == pytest.approx(float(frequency @ np.log(precision)), abs=1e-12)
    assert moments.known_sigma == design.residual_sd
    assert sorted(moments.levels, reverse=True) == list(moments.levels)
    for block, term in zip(moments.blocks, design.terms, strict=True):
        assert moments.order[block.factor] == term.factor
        assert (block.group, block.names) == (design.factors[term.factor].name, term.names)
        assert (block.size, block.covariance) == (len(term.names), term.covariance)
    for f, k in enumerate(moments.effects):
        places = [b.start + i for b in moments.blocks if b.factor == f for i in range(b.size)]
        assert sorted(places) == list(range(k))


@pytest.mark.parametrize("structure", STRUCTURES, ids=names_of(STRUCTURES))
def test_a_replaced_response_gives_the_moments_of_the_new_response(structure: Structure) -> None:
    design = design_of(structure)
    y = 1e3 - 7 * design.y[::-1]
    found = replace_response(summarise(design), design, y)
    expected = summarise(dataclasses.replace(design, y=y))
    np.testing.assert_allclose(found.D, expected.D, rtol=1e-12, atol=1e-12)
    for f in range(len(expected.A)):
        np.testing.assert_array_equal(found.A[f], expected.A[f])
        np.testing.assert_allclose(found.C[f], expected.C[f], rtol=1e-12, atol=1e-12)
    assert found.scaling.y_centre == expected.scaling.y_centre
    assert found.scaling.y_scale == expected.scaling.y_scale
    np.testing.assert_array_equal(found.scaling.constant, expected.scaling.constant)


def test_sums_do_not_depend_on_the_number_of_threads_nor_much_on_slabs() -> None:
    """Above 2^18 rows the rows go in slabs; each has the bits of one thread."""
    n, m = 300_000, 50
    rng = np.random.default_rng(0)
    index = rng.integers(0, m, n).astype(np.int32)
    Z = np.asfortranarray(rng.normal(size=(n, 2)))
    X, y = np.asfortranarray(rng.normal(size=(n, 2))), rng.normal(size=n)
    factor = (index, m, Z, np.zeros(2), np.ones(2))
    root = rng.uniform(0.5, 2, n)
    found = [core.cross_products([factor], X, np.zeros(2), np.ones(2), y, root, t) for t in (1, 2, 5)]
    for A, C, D in found[1:]:
        np.testing.assert_array_equal(A[0], found[0][0][0])
        np.testing.assert_array_equal(C[0], found[0][1][0])
        np.testing.assert_array_equal(D, found[0][2])
    weighted = np.column_stack([X, y]) * root[:, None]
    np.testing.assert_allclose(found[0][2], weighted.T @ weighted, rtol=1e-10, atol=1e-7)
    first = index == 0
    expected = (Z[first] * root[first, None]).T @ weighted[first]
    np.testing.assert_allclose(found[0][1][0][0], expected, rtol=1e-10, atol=1e-9)


@pytest.mark.parametrize("structure", STRUCTURES, ids=names_of(STRUCTURES))
def test_moments_do_not_depend_on_the_order_of_rows(structure: Structure) -> None:
    design = design_of(structure)
    found = summarise(reordered(design, np.random.default_rng(1).permutation(design.n_rows)))
    expected = summarise(design)
    for a, b in zip((*found.A, *found.C, found.D), (*expected.A, *expected.C, expected.D), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


def test_frequency_weights_count_rows() -> None:
    design = design_of(by_name("crossed k=2, 1"))
    counts = design.frequency_weights
    assert counts is not None
    rows = np.repeat(np.arange(design.n_rows), counts.astype(int))
    repeated = dataclasses.replace(reordered(design, rows), frequency_weights=None)
    a, b = solve(summarise(design)), solve(summarise(repeated))
    assert a.criterion == pytest.approx(b.criterion, abs=1e-9)
    np.testing.assert_allclose(a.beta, b.beta, rtol=1e-6)
    np.testing.assert_allclose(a.vcov_beta, b.vcov_beta, rtol=1e-5)


AFFINE: dict[str, tuple[float, float, float, float]] = {
    "y + 1e8": (1.0, 1e8, 1.0, 0.0),
    "y * 1e9": (1e9, 0.0, 1.0, 0.0),
    "y * 1e-9": (1e-9, 0.0, 1.0, 0.0),
    "x * 5 + 2e6": (1.0, 0.0, 5.0, 2e6),
    "x * 1e9": (1.0, 0.0, 1e9, 0.0),
    "x * 1e-9": (1.0, 0.0, 1e-9, 0.0),
    "all": (-1e-6, 1e3, 1e6, -1e9),
}
MOVED = [
    by_name(name) for name in ("k=1, weights", "k=2", "k=2 diagonal", "crossed k=2, 1", "nested vectors")
]
CASES = [
    pytest.param(structure, name, id=f"{structure.name}: {name}")
    for structure in MOVED
    for name, (_, _, _, centre) in AFFINE.items()
    if centre == 0.0 or structure.name != "k=2 diagonal"  # a shifted slope without correlation: another model
]


@pytest.mark.parametrize("method", ["reml", "ml"])
@pytest.mark.parametrize(("structure", "name"), CASES)
def test_shifts_and_scales_change_nothing_but_units(structure: Structure, name: str, method: Method) -> None:
    scale, shift, stretch, centre = AFFINE[name]
    moved = _moved(design_of(structure, seed=2), lambda y: y * scale + shift, lambda x: x * stretch + centre)
    base = _moved(moved, lambda y: (y - shift) / scale, lambda x: (x - centre) / stretch)
    moments = summarise(base)
    a, b = solve(moments, method=method), solve(summarise(moved), method=method)
    n, p = moments.n, moments.p
    expected = a.criterion + 2 * (n - p if method == "reml" else n) * np.log(abs(scale))
    if method == "reml":
        expected += 2 * np.log(stretch)
    assert b.criterion == pytest.approx(expected, abs=1e-8)
    assert b.status is a.status
    slope = a.beta[1] * scale / stretch
    assert b.beta[1] == pytest.approx(slope, rel=1e-9)
    parts = np.array([a.beta[0] * scale, shift, -slope * centre])
    assert b.beta[0] == pytest.approx(parts.sum(), abs=1e-9 * np.abs(parts).max())
    assert b.sigma == pytest.approx(a.sigma * abs(scale), rel=1e-9)
    assert b.vcov_beta[1, 1] == pytest.approx(a.vcov_beta[1, 1] * (scale / stretch) ** 2, rel=1e-8)
    for T, S in zip(a.covariances, b.covariances, strict=True):
        assert S[-1, -1] == pytest.approx(T[-1, -1] * (scale / _stretch(T, stretch)) ** 2, rel=1e-7)


def _stretch(T: Floats, stretch: float) -> float:
    """Return how the last effect of a term was stretched: an intercept alone was not."""
    return stretch if T.shape[0] == 2 else 1.0


def _moved(design: Design, move_y: Callable[[Floats], Floats], move_x: Callable[[Floats], Floats]) -> Design:
    """Return the design with the response, the last column of X and that of pairs of effects moved."""
    terms = []
    for t in design.terms:
        Z = np.column_stack([t.Z[:, 0], move_x(t.Z[:, -1])]) if len(t.names) == 2 else t.Z
        terms.append(dataclasses.replace(t, Z=np.asfortranarray(Z)))
    X = np.asfortranarray(np.column_stack([design.fixed.X[:, :-1], move_x(design.fixed.X[:, -1])]))
    y = design.y if design.offset is None else design.y - design.offset
    return dataclasses.replace(
        design,
        y=move_y(y),
        offset=None,
        fixed=dataclasses.replace(design.fixed, X=X),
        terms=tuple(terms),
    )


@pytest.mark.parametrize("structure", STRUCTURES, ids=names_of(STRUCTURES))
def test_rows_are_kept_for_residual_groups_and_give_the_same_cross_products(structure: Structure) -> None:
    plain = design_of(structure)
    index = (np.arange(plain.n_rows) % 3).astype(np.int32)
    design = dataclasses.replace(plain, residual_groups=GroupFactor("r", ("r",), index, ("a", "b", "c")))
    for moments in (summarise(design), replace_response(summarise(design), design, design.y**2)):
        rows = moments.residual
        assert rows is not None
        assert (rows.m, rows.precision, rows.frequency) == (
            3,
            design.precision_weights,
            design.frequency_weights,
        )
        np.testing.assert_array_equal(rows.index, index)
        W = weights_of(design)[:, None]
        both = np.column_stack([rows.X, rows.y])
        np.testing.assert_allclose(both.T @ (W * both), moments.D, rtol=1e-9, atol=1e-9)
        for f, (Z, level) in enumerate(zip(rows.Z, rows.level, strict=True)):
            for j in range(moments.levels[f]):
                Zj, Wj = Z[level == j], W[level == j]
                np.testing.assert_allclose(Zj.T @ (Wj * Zj), moments.A[f][j], rtol=1e-9, atol=1e-9)
                np.testing.assert_allclose(
                    Zj.T @ (Wj * both[level == j]), moments.C[f][j], rtol=1e-9, atol=1e-9
                )
    assert summarise(plain).residual is None
