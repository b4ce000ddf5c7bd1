"""What must not change an answer: row order, level names, factor order, ways to write the same model."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multilevel.design.design import Design, GroupFactor
from multilevel.engines.likelihood import solve
from multilevel.engines.likelihood.problem import native_problem
from multilevel.engines.solution import Method, Solution
from multilevel.moments import summarise
from tests.engines.structures import (
    STRUCTURES,
    Structure,
    U,
    by_name,
    design_of,
    group_factor,
    names_of,
    random_theta,
    reordered,
    scaled_dense,
)
from tests.oracle import designs

REGULAR = [s for s in STRUCTURES if s.name != "more effects than rows"]
GROUPED = [s for s in REGULAR if s.terms]
FAST = settings(max_examples=30, deadline=None)


def same(a: Solution, b: Solution, tolerance: float = 1e-5) -> None:
    """Compare two optima; 1e-5 in the estimates is what a criterion within 1e-10 of its optimum leaves."""
    assert a.criterion == pytest.approx(b.criterion, abs=1e-8)
    np.testing.assert_allclose(a.beta, b.beta, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(a.vcov_beta, b.vcov_beta, rtol=10 * tolerance, atol=tolerance)
    assert a.sigma == pytest.approx(b.sigma, rel=tolerance)


@pytest.mark.parametrize("structure", REGULAR, ids=names_of(REGULAR))
def test_the_order_of_rows_changes_nothing(structure: Structure) -> None:
    """1e-10: only the order of sums differs, so that the search takes the same path."""
    design = design_of(structure)
    a = solve(summarise(design))
    b = solve(summarise(reordered(design, np.random.default_rng(1).permutation(design.n_rows))))
    assert a.criterion == pytest.approx(b.criterion, abs=1e-10)
    np.testing.assert_allclose(a.beta, b.beta, rtol=1e-7, atol=1e-7)
    assert a.status is b.status


def relabelled(factor: GroupFactor, order: np.ndarray) -> GroupFactor:
    """Return a factor whose levels stand in another order."""
    place = np.argsort(order).astype(np.int32)
    levels = tuple(factor.levels[i] for i in order)
    return dataclasses.replace(factor, index=place[factor.index], levels=levels)


@pytest.mark.parametrize("structure", GROUPED, ids=names_of(GROUPED))
def test_the_order_of_levels_only_orders_the_effects(structure: Structure) -> None:
    design = design_of(structure)
    rng = np.random.default_rng(2)
    orders = [rng.permutation(len(f.levels)) for f in design.factors]
    moved = dataclasses.replace(
        design, factors=tuple(relabelled(f, o) for f, o in zip(design.factors, orders, strict=True))
    )
    a, b = solve(summarise(design)), solve(summarise(moved))
    same(a, b)
    for t, term in enumerate(design.terms):
        np.testing.assert_allclose(a.groups.modes(t)[orders[term.factor]], b.groups.modes(t), atol=1e-4)


@pytest.mark.parametrize("structure", GROUPED, ids=names_of(GROUPED))
def test_the_order_of_factors_and_terms_changes_nothing(structure: Structure) -> None:
    design = design_of(structure)
    last = len(design.factors) - 1
    turned = dataclasses.replace(
        design,
        factors=design.factors[::-1],
        terms=tuple(dataclasses.replace(t, factor=last - t.factor) for t in design.terms[::-1]),
    )
    a, b = solve(summarise(design)), solve(summarise(turned))
    same(a, b)
    for T, S in zip(a.covariances, b.covariances[::-1], strict=True):
        np.testing.assert_allclose(T, S, rtol=1e-3, atol=1e-4)


def test_nesting_written_by_one_factor_of_pairs_is_nesting() -> None:
    """``(1 | a/b)`` against ``(1 | a) + (1 | a:b)`` with labels made by hand."""
    design = designs.nested()
    outer, inner = design.factors
    labels = [f"{outer.levels[i]}/{j % 3}" for i, j in zip(outer.index, inner.index, strict=True)]
    by_hand = dataclasses.replace(design, factors=(outer, designs.factor("a:b", labels)))
    same(solve(summarise(design)), solve(summarise(by_hand)))


def test_a_term_cut_in_independent_parts_is_diagonal() -> None:
    """``(x || g)`` is ``(1 | g) + (0 + x | g)``."""
    design = design_of(by_name("k=2 diagonal"))
    (term,) = design.terms
    parts = tuple(
        dataclasses.replace(term, names=(name,), Z=np.asfortranarray(term.Z[:, [i]]), covariance=U)
        for i, name in enumerate(term.names)
    )
    a, b = solve(summarise(design)), solve(summarise(dataclasses.replace(design, terms=parts)))
    same(a, b)
    np.testing.assert_allclose(np.diag(a.covariances[0]), np.ravel(b.covariances), rtol=1e-4)


def test_an_offset_is_taken_off_the_response() -> None:
    design = design_of(by_name("three crossed"))
    assert design.offset is not None
    plain = dataclasses.replace(design, y=design.y - design.offset, offset=None)
    a, b = solve(summarise(design)), solve(summarise(plain))
    assert (a.criterion, a.beta.tolist()) == (b.criterion, b.beta.tolist())


def test_equal_precision_weights_only_rescale_sigma() -> None:
    """``w = 4`` everywhere: the residual sd is twice as large, everything else is the same."""
    design = design_of(by_name("crossed"))
    weighted = dataclasses.replace(design, precision_weights=np.full(design.n_rows, 4.0))
    a, b = solve(summarise(design)), solve(summarise(weighted))
    assert b.criterion == pytest.approx(a.criterion, abs=1e-9)
    assert b.sigma == pytest.approx(2 * a.sigma, rel=1e-6)
    np.testing.assert_allclose(np.ravel(b.covariances), np.ravel(a.covariances), rtol=1e-5)
    np.testing.assert_allclose(b.beta, a.beta, rtol=1e-6)


def test_a_row_without_weight_is_no_row() -> None:
    """With a known sigma such a row adds only the log of its own variance."""
    design = design_of(by_name("k=1, known sigma"))
    keep = np.arange(design.n_rows) != design.n_rows - 1
    light = dataclasses.replace(design, precision_weights=np.where(keep, 1.0, 1e-14))
    without = reordered(design, np.flatnonzero(keep))
    a, b = solve(summarise(light), method="ml"), solve(summarise(without), method="ml")
    own = np.log(2 * np.pi * 0.7**2 / 1e-14)
    assert a.criterion - own == pytest.approx(b.criterion, abs=1e-8)
    np.testing.assert_allclose(a.beta, b.beta, rtol=1e-6)
    np.testing.assert_allclose(a.covariances[0], b.covariances[0], rtol=1e-5)


@st.composite
def small_designs(draw: st.DrawFn) -> Design:
    """Two factors of any overlap, levels with one row or many, up to two effects each."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.integers(12, 40))
    factors = tuple(group_factor(name, rng.integers(0, draw(st.integers(2, 6)), n)) for name in ("g", "h"))
    x = rng.normal(size=n)
    one = np.ones(n)
    effects = [{"Intercept": one, "x": x} if draw(st.booleans()) else {"Intercept": one} for _ in factors]
    y = rng.normal(size=n) + sum(rng.normal(size=len(f.levels))[f.index] for f in factors)
    terms = [(f, z, U) for f, z in enumerate(effects)]
    weights = rng.uniform(0.1, 3, n) if draw(st.booleans()) else None
    return designs.bound("", y, {"Intercept": one, "x": x}, factors, terms, precision_weights=weights)


@FAST
@given(small_designs(), st.integers(0, 2**32 - 1))
def test_value_and_gradient_do_not_depend_on_the_order_of_anything(design: Design, seed: int) -> None:
    """At a random theta: rows, levels and factors in another order give the same numbers."""
    rng = np.random.default_rng(seed)
    moments = summarise(design)
    theta = random_theta(scaled_dense(design, moments), rng)
    first = design.terms[0].Z.shape[1]
    cut = first * (first + 1) // 2
    turned = reordered(design, rng.permutation(design.n_rows))
    turned = dataclasses.replace(
        turned,
        factors=tuple(relabelled(f, rng.permutation(len(f.levels))) for f in turned.factors[::-1]),
        terms=tuple(dataclasses.replace(t, factor=1 - t.factor) for t in turned.terms[::-1]),
    )
    a = native_problem(moments, "reml").evaluate(theta)
    b = native_problem(summarise(turned), "reml").evaluate(np.concatenate([theta[cut:], theta[:cut]]))
    assert a["value"] == pytest.approx(b["value"], rel=1e-10, abs=1e-8)
    back = np.concatenate([b["gradient"][-cut:], b["gradient"][:-cut]])
    np.testing.assert_allclose(a["gradient"], back, rtol=1e-7, atol=1e-7)


@FAST
@given(small_designs(), st.floats(-1e6, 1e6), st.floats(1e-6, 1e6), st.booleans())
def test_criterion_moves_with_the_units_of_the_response(
    design: Design, shift: float, scale: float, reml: bool
) -> None:
    method: Method = "reml" if reml else "ml"
    y = design.y * scale + shift
    base = dataclasses.replace(design, y=(y - shift) / scale)
    a = solve(summarise(base), method=method, max_evaluations=1)
    b = solve(summarise(dataclasses.replace(design, y=y)), method=method, start=a.theta, max_evaluations=1)
    n = design.n_rows - (2 if reml else 0)
    assert b.criterion == pytest.approx(a.criterion + 2 * n * np.log(scale), rel=1e-9, abs=1e-6)


@FAST
@given(small_designs(), st.sampled_from(["reml", "ml"]))
def test_an_optimum_is_certified_or_said_not_to_be(design: Design, method: Method) -> None:
    """And no smaller value is found at random points around it."""
    moments = summarise(design)
    solution = solve(moments, method=method)
    assert solution.certificate.holds == (solution.status.value in ("optimal", "boundary"))
    if solution.certificate.holds:
        problem = native_problem(moments, method)
        here = problem.value(solution.theta)
        rng = np.random.default_rng(0)
        for size in (1e-3, 1e-2, 3e-2):
            theta = solution.theta + size * rng.normal(size=solution.theta.size)
            assert problem.value(theta) >= here - 1e-7
