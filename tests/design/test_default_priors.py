"""Tests of the default priors: numbers of brms and rstanarm, and invariance of our own to units."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from multilevel.data import datasets
from multilevel.design.bound_priors import BoundPriors
from multilevel.design.default_priors import brms_priors, rstanarm_priors, scaled_priors
from multilevel.errors import OptionError
from multilevel.model.priors import LKJ, Decov, Exponential, Fixed, Flat, HalfNormal, HalfT, Normal, StudentT
from multilevel.model.priors.one_correlation import OneCorrelation
from tests.design.cases import base, bound, cycled

SLEEP = bound("reaction ~ days + (days | subject)", datasets.load("sleepstudy"))


def test_brms_on_sleepstudy() -> None:
    priors = brms_priors(SLEEP)
    assert priors.coefficients == (StudentT(3, 288.7, 59.3), Flat())
    assert priors.centre.tolist() == [0.0, 4.5]
    assert priors.lift.tolist() == [1.0, 0.0]
    assert priors.sigma == HalfT(3, 59.3)
    assert priors.terms[0].sds == (HalfT(3, 59.3), HalfT(3, 59.3))
    assert priors.terms[0].correlation == LKJ(1)


def test_rstanarm_on_sleepstudy() -> None:
    priors = rstanarm_priors(SLEEP)
    assert [text for _, text in priors.texts()] == [
        "Normal(298.5, 140.8) with the other columns at their means",
        "Normal(0, 48.89)",
        "Decov(1, 1, 1) times sigma",
        "LKJ(1)",
        "Exponential(0.01775)",
    ]
    diagonal = rstanarm_priors(bound("y ~ x + (x || g)", base()))
    assert diagonal.terms[0].sds == (Exponential(1), Exponential(1))
    assert diagonal.terms[0].relative
    assert diagonal.terms[0].correlation is None
    assert isinstance(priors.terms[0].sds, Decov)


def test_brms_takes_the_mean_offset_off_and_has_a_floor() -> None:
    data = base()
    offset = np.full(100, 2.0)
    priors = brms_priors(bound("y ~ x + (1 | g)", data, offset=offset))
    middle = round(float(np.median(data["y"])), 1)
    assert priors.coefficients == (StudentT(3, middle - 2.0, 2.5), Flat())
    without = brms_priors(bound("y ~ 0 + x + (1 | g)", data))
    assert without.coefficients == (Flat(),)
    assert not without.centred


def test_our_own_on_sleepstudy() -> None:
    s, factor = (
        float(np.std(SLEEP.y, ddof=1)),
        np.sqrt(1 + (4.5 / np.std(np.tile(np.arange(10), 18), ddof=1)) ** 2),
    )
    priors = scaled_priors(SLEEP)
    intercept, days = priors.coefficients  # type: ignore[misc]
    np.testing.assert_allclose([intercept.mean, intercept.sd], [SLEEP.y.mean(), 2.5 * s])
    np.testing.assert_allclose(days.sd, 2.5 * s / np.std(SLEEP.fixed.X[:, 1], ddof=1))
    first, second = priors.terms[0].sds  # type: ignore[misc]
    np.testing.assert_allclose(first.scale, s * factor)
    np.testing.assert_allclose(second.scale, s / np.std(SLEEP.fixed.X[:, 1], ddof=1))
    assert priors.terms[0].correlation == LKJ(2)
    np.testing.assert_allclose(priors.sigma.scale, s)  # type: ignore[attr-defined]


def scales(priors: BoundPriors) -> list[float]:
    """Return the scales of all priors: of coefficients, sds and the residual."""
    found = [prior.sd for prior in priors.coefficients]  # type: ignore[union-attr]
    found += [prior.scale for term in priors.terms for prior in term.sds]  # type: ignore[union-attr]
    return [*found, getattr(priors.sigma, "scale", 0.0)]


@pytest.mark.parametrize("form", ["y ~ x + (x | g)", "y ~ x + (x || g)", "y ~ 0 + x + (0 + x | g)"])
def test_units_of_response_and_predictor_carry_over(form: str) -> None:
    data = base()
    plain = scaled_priors(bound(form, data))
    other = scaled_priors(bound(form, {**data, "y": data["y"] * 1e6, "x": data["x"] * 1e-3}))
    is_slope = ["Intercept" not in name for name, _ in plain.texts() if name != "g: correlation"]
    is_slope[-1] = False
    expected = [v * (1e9 if slope else 1e6) for v, slope in zip(scales(plain), is_slope, strict=True)]
    np.testing.assert_allclose(scales(other), expected, rtol=1e-9)


def test_a_shift_of_response_and_predictor_leaves_the_prior_of_the_line() -> None:
    """The prior density of the same line is the same whatever the origins of x and y."""
    data = base()
    plain = scaled_priors(bound("y ~ x + (1 | g)", data))
    moved = scaled_priors(bound("y ~ x + (1 | g)", {**data, "y": data["y"] + 50, "x": data["x"] + 2000}))
    beta = np.array([1.5, 2.5])
    again = np.array([1.5 + 50 - 2000 * 2.5, 2.5])
    np.testing.assert_allclose(moved.log_coefficients(again), plain.log_coefficients(beta), rtol=1e-9)


def test_indicators_that_make_up_the_constant_lie_about_the_mean() -> None:
    data = base(f=cycled("abc"))
    data["y"] = data["y"] + 1000
    priors = scaled_priors(bound("y ~ 0 + f + x + (1 | g)", data))
    *cells, slope = priors.coefficients  # type: ignore[misc]
    assert all(abs(cell.mean - np.mean(data["y"])) < 1e-6 for cell in cells)
    assert slope.mean == 0.0
    assert priors.centred


def test_frequency_weights_count_as_repeated_rows() -> None:
    data = base()
    w = np.tile([1, 2, 3, 1], 25)
    twice = {name: np.repeat(values, w) for name, values in data.items()}
    for defaults in (scaled_priors, brms_priors, rstanarm_priors):
        weighted = defaults(bound("y ~ x + (x | g)", data, frequency_weights=w))
        repeated = defaults(bound("y ~ x + (x | g)", twice))
        assert weighted.texts() == repeated.texts()
        np.testing.assert_allclose(weighted.centre, repeated.centre)


def test_precision_weights_scale_the_residual_only() -> None:
    data = base()
    plain = scaled_priors(bound("y ~ x + (1 | g)", data))
    weighted = scaled_priors(bound("y ~ x + (1 | g)", data, precision_weights=np.full(100, 4.0)))
    np.testing.assert_allclose(scales(weighted)[-1], 2 * scales(plain)[-1])
    np.testing.assert_allclose(scales(weighted)[:-1], scales(plain)[:-1])


@pytest.mark.parametrize("defaults", [scaled_priors, brms_priors, rstanarm_priors])
@pytest.mark.parametrize("y", [None, np.full(100, 3.3)])
def test_a_known_residual_sd_is_fixed_even_with_a_constant_response(defaults: Any, y: Any) -> None:
    data = base() if y is None else base(y=y)
    priors = defaults(bound("y ~ x + (1 | g)", data, residual_sd=2.0))
    assert priors.sigma == Fixed(2)
    assert len(priors.texts()) == 4
    if y is not None and defaults is scaled_priors:
        np.testing.assert_allclose(scales(priors)[0], 2.5 * 2.0)


def test_one_shared_sd_and_labels_of_two_terms_on_one_factor() -> None:
    priors = scaled_priors(bound("y ~ x + (1 | g) + homdiag(0 + x | g)", base()))
    assert [term.label for term in priors.terms] == ["g[1]", "g[2]"]
    assert [len(term.sds) for term in priors.terms] == [1, 1]  # type: ignore[arg-type]
    shared = scaled_priors(bound("y ~ x + homdiag(x | g)", base()))
    assert [name for name, _ in shared.texts()] == ["Intercept", "x", "g: sd(all effects)", "sigma"]
    assert shared.coefficients[1].__class__ is Normal  # type: ignore[index]


def test_one_sd_and_one_correlation_shared() -> None:
    design = bound("y ~ x + cs(x | g)", base())
    uniform = OneCorrelation(LKJ(1), 2)
    for defaults in (scaled_priors, brms_priors, rstanarm_priors):
        (term,) = defaults(design).terms
        assert term.correlation == uniform
        assert [name for name, _ in term.texts()] == ["g: sd(all effects)", "g: correlation"]
    assert term.sds == (Exponential(1),), "a single sd of `decov` is its Gamma(1, 1)"
    assert term.relative
    shared = scaled_priors(bound("y ~ x + homdiag(x | g)", base()))
    assert scaled_priors(design).terms[0].sds == shared.terms[0].sds
    (single,) = scaled_priors(bound("y ~ x + cs(1 | g)", base())).terms
    assert single == scaled_priors(bound("y ~ x + (1 | g)", base())).terms[0]


def test_weights_that_are_not_whole_leave_an_intercept_an_intercept() -> None:
    plain = bound("y ~ x + (x | g)", base())
    weighted = bound("y ~ x + (x | g)", base(), frequency_weights=np.full(100, 0.3))
    first, again = (scaled_priors(design).terms[0].sds[0] for design in (plain, weighted))  # type: ignore[index]
    np.testing.assert_allclose(again.scale, first.scale, rtol=0.02)  # the divisor n - 1 counts weights


def test_residual_sds_of_groups_are_log_normal() -> None:
    data = base(w=np.linspace(0.5, 2, 100))
    design = bound("y ~ x + (1 | g)", data, residual_groups="g", precision_weights="w")
    plain = scaled_priors(bound("y ~ x + (1 | g)", data, precision_weights="w"))
    found = scaled_priors(design)
    assert isinstance(plain.sigma, HalfT)
    assert found.residual is not None
    assert (found.residual.first, found.residual.second) == (
        Normal(np.log(plain.sigma.scale), 1.5),
        HalfNormal(1),
    )
    assert (found.sigma, found.terms, found.coefficients) == (Fixed(1), plain.terms, plain.coefficients)
    brms = brms_priors(design).residual
    assert brms is not None
    assert (brms.law, brms.first, brms.second) == ("log_normal", StudentT(3, 0, 2.5), HalfT(3, 2.5))
    with pytest.raises(OptionError, match='"rstanarm" were asked for beside residual_groups'):
        rstanarm_priors(design)
