"""Shifts and scales: which columns may be centred, and that coefficients find the way back."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from multilevel.design.design import Design, EffectsTerm, FixedPart
from multilevel.engines.likelihood import solve
from multilevel.engines.solution import Method, Solution
from multilevel.model import Covariance
from multilevel.moments import replace_response, summarise
from multilevel.moments.scaling import mean_and_contrasts, response_scaling, scaling_of
from tests.engines.structures import STRUCTURES, Structure, by_name, design_of, names_of, scaled_design
from tests.oracle import designs


@pytest.mark.parametrize("structure", STRUCTURES, ids=names_of(STRUCTURES))
def test_back_maps_coefficients_to_the_columns_of_the_user(structure: Structure) -> None:
    """``X_scaled b = X back b``, and the same for every grouped term."""
    design = _far_out(design_of(structure))
    moments = summarise(design)
    scaled = scaled_design(design, moments)
    rng = np.random.default_rng(0)
    b = rng.normal(size=moments.p)
    scaling = moments.scaling
    np.testing.assert_allclose(
        scaled.fixed.X @ b, design.fixed.X @ (scaling.fixed.back @ b), rtol=1e-9, atol=1e-9
    )
    for term, own, columns in zip(design.terms, scaled.terms, scaling.terms, strict=True):
        b = rng.normal(size=len(term.names))
        np.testing.assert_allclose(own.Z @ b, term.Z @ (columns.back @ b), rtol=1e-9, atol=1e-9)
    y = design.y if design.offset is None else design.y - design.offset
    constant = design.fixed.X @ scaling.constant
    np.testing.assert_allclose(scaled.y * scaling.y_scale + constant, y, rtol=1e-12, atol=1e-12)


def _far_out(design: Design) -> Design:
    """Return the design with every column that is not constant far from zero."""

    def move(x: np.ndarray) -> np.ndarray:
        return np.asfortranarray(np.where(np.ptp(x, axis=0) == 0, x, 3 * x + 1e4))

    terms = tuple(dataclasses.replace(t, Z=move(t.Z)) for t in design.terms)
    return dataclasses.replace(
        design, fixed=dataclasses.replace(design.fixed, X=move(design.fixed.X)), terms=terms
    )


@pytest.mark.parametrize("k", [1, 2, 3, 6])
def test_mean_and_contrasts_leave_effects_with_one_correlation_uncorrelated(k: int) -> None:
    Q = mean_and_contrasts(k)
    np.testing.assert_allclose(Q.T @ Q, np.eye(k), atol=1e-14)
    r = -0.5 / k
    R = np.full((k, k), r) + (1.0 - r) * np.eye(k)
    expected = np.diag([1.0 + (k - 1) * r] + [1.0 - r] * (k - 1))
    np.testing.assert_allclose(Q.T @ R @ Q, expected, atol=1e-14)


def test_effects_with_one_correlation_have_one_scale_and_no_volume_of_their_own() -> None:
    design = _far_out(design_of(by_name("k=3 symmetric")))
    (columns,) = scaling_of(design, design.y).terms
    assert not columns.centre.any()
    assert np.ptp(columns.factor) == 0.0
    assert columns.mixture is not None
    assert columns.log_det == pytest.approx(np.linalg.slogdet(columns.back)[1], rel=1e-12)
    alone = scaling_of(design, design.y).terms[0]
    np.testing.assert_allclose(alone.apply(design.terms[0].Z), design.terms[0].Z @ columns.back, rtol=1e-12)


def test_columns_beside_an_intercept_are_centred_and_others_only_scaled() -> None:
    design = _far_out(design_of(by_name("three kinds on one factor")))
    scaling = scaling_of(design, design.y)
    scaled = scaled_design(design, summarise(design))
    np.testing.assert_allclose(scaled.fixed.X.mean(axis=0), [1.0, 0.0], atol=1e-9)
    np.testing.assert_allclose(scaled.fixed.X.std(axis=0), [0.0, 1.0], atol=1e-9)
    scalar, unstructured, diagonal = scaling.terms
    assert not scalar.centre.any()
    assert scalar.factor[0] == scalar.factor[1]
    assert unstructured.centre[0] == 0.0
    np.testing.assert_allclose(scaled.terms[1].Z.mean(axis=0), [1.0, 0.0], atol=1e-9)
    assert not diagonal.centre.any()


def test_without_an_intercept_nothing_is_centred() -> None:
    design = design_of(by_name("k=2 without intercepts"))
    scaling = scaling_of(design, design.y + 100)
    assert scaling.y_centre == 0.0
    assert not scaling.constant.any()
    assert not scaling.fixed.centre.any()
    assert not scaling.terms[0].centre.any()
    np.testing.assert_allclose(np.diag(scaling.fixed.back), scaling.fixed.factor)


def test_indicators_that_add_up_to_one_stay_and_carry_the_constant() -> None:
    """Two groups without an intercept: the constant is the sum of both columns."""
    first = np.repeat([1.0, 0.0], 5)
    x = np.linspace(7, 9, 10)
    X = np.asfortranarray(np.column_stack([first, 1 - first, x]))
    fixed = FixedPart(("a", "b", "x"), X, (), np.array([1.0, 1.0, 0.0]))
    centre, scale, constant = response_scaling(fixed, 50 + x)
    np.testing.assert_allclose(constant, [centre, centre, 0.0])
    assert scale == pytest.approx(x.std())
    design = dataclasses.replace(design_of(by_name("no groups")), fixed=fixed, y=50 + x)
    scaling = scaling_of(design, design.y)
    np.testing.assert_array_equal(scaling.fixed.factor[:2], 1.0)
    b = np.array([1.0, 2.0, 3.0])
    scaled = (X - scaling.fixed.centre) * scaling.fixed.factor
    np.testing.assert_allclose(scaled @ b, X @ (scaling.fixed.back @ b), rtol=1e-12)


@pytest.mark.parametrize("value", [0.0, 3.0, 1e12])
def test_constant_responses_and_columns_are_not_divided_by_zero(value: float) -> None:
    design = design_of(by_name("k=2"))
    Z = np.asfortranarray(np.column_stack([np.ones(design.n_rows), np.full(design.n_rows, value)]))
    term = EffectsTerm(0, ("Intercept", "x"), Z, Covariance.DIAGONAL)
    scaling = scaling_of(dataclasses.replace(design, terms=(term,)), np.full(design.n_rows, value))
    assert scaling.y_scale == 1.0
    assert np.isfinite(scaling.terms[0].back).all()


def test_a_column_that_moves_only_between_sampled_rows_is_not_taken_for_constant() -> None:
    """Of many rows only blocks are looked at: here the first quarter of every 1024."""
    n = 1 << 18
    X = np.ones((n, 2), order="F")
    X[np.arange(n) % 1024 >= 512, 1] = 5.0
    design = dataclasses.replace(
        design_of(by_name("no groups")), fixed=FixedPart(("Intercept", "x"), X, (), np.array([1.0, 0.0]))
    )
    scaling = scaling_of(design, X[:, 1])
    assert scaling.fixed.centre[1] == pytest.approx(3.0)
    assert scaling.fixed.factor[1] == pytest.approx(0.5)
    assert scaling.y_scale == pytest.approx(2.0)


def powers(x: np.ndarray, centre: float) -> Design:
    """Return a model with the powers of ``x`` up to the fourth, of which the second varies by group too."""
    rng = np.random.default_rng(3)
    g = rng.integers(0, 12, x.size)
    y = 1 + x - 2 * x**2 + (rng.normal(size=12) * 2)[g] * (1 + x**2) + rng.normal(size=x.size)
    z = 20 * x + centre
    fixed = {"Intercept": np.ones(x.size), **{f"z{k}": z**k for k in (1, 2, 3, 4)}}
    effects = {"Intercept": np.ones(x.size), "z": z, "z2": z**2}
    factors = [designs.factor("g", [f"{j:02d}" for j in g])]
    return designs.bound("", y, fixed, factors, [(0, effects, Covariance.UNSTRUCTURED)])


def test_powers_of_years_are_mixed_and_the_fit_is_that_of_centred_years() -> None:
    """1e-7: rounding ``z**4`` to float64 moves its new part, 1e-7 of it, by about 1e-9."""
    x = np.random.default_rng(2).integers(-20, 21, 400) / 20
    years, plain = powers(x, 1985.0), powers(x, 0.0)
    moments = summarise(years)
    assert moments.scaling.fixed.mixture is not None
    X = moments.scaling.fixed.apply(years.fixed.X)
    np.testing.assert_allclose(X.T @ X / x.size, np.eye(5), atol=1e-7)
    assert summarise(plain).scaling.fixed.mixture is None
    found, wanted = solve(moments, method="ml"), solve(summarise(plain), method="ml")
    assert found.status is wanted.status
    assert found.criterion == pytest.approx(wanted.criterion, abs=1e-7)
    np.testing.assert_allclose(years.fixed.X @ found.beta, plain.fixed.X @ wanted.beta, atol=1e-7)


@pytest.mark.parametrize("method", ["reml", "ml"])
@pytest.mark.parametrize("gap", [1e-2, 1e-4, 1e-6])
def test_nearly_equal_columns_fit_like_one_of_them_and_their_difference(gap: float, method: Method) -> None:
    """REML counts the unit of the difference: ``2 log gap``."""
    rng = np.random.default_rng(4)
    x, u = rng.normal(size=(2, 300))
    g = rng.integers(0, 15, 300)
    b = rng.normal(size=(15, 2))
    y = 1 + x + u + b[g, 0] + b[g, 1] * u + rng.normal(size=300)

    def fitted(second: np.ndarray) -> Solution:
        columns = {"Intercept": np.ones(300), "x": x, "second": second}
        factors = [designs.factor("g", [f"{j:02d}" for j in g])]
        design = designs.bound("", y, columns, factors, [(0, columns, Covariance.UNSTRUCTURED)])
        return solve(summarise(design), method=method)

    near, apart = fitted(x + gap * u), fitted(u)
    assert near.certificate.holds
    unit = 2 * np.log(gap) if method == "reml" else 0.0
    assert near.criterion == pytest.approx(apart.criterion + unit, abs=1e-6)
    assert near.beta[2] * gap == pytest.approx(apart.beta[2], rel=1e-4)
    assert near.covariances[0][2, 2] * gap**2 == pytest.approx(apart.covariances[0][2, 2], rel=1e-3)


def test_a_replaced_response_meets_the_same_mixture() -> None:
    design = powers(np.random.default_rng(2).integers(-20, 21, 400) / 20, 1985.0)
    y = np.random.default_rng(5).normal(size=400)
    replaced = replace_response(summarise(design), design, y)
    direct = summarise(dataclasses.replace(design, y=y))
    np.testing.assert_allclose(replaced.D, direct.D, rtol=1e-12, atol=1e-9)
    for a, b in zip(replaced.C, direct.C, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-9)
