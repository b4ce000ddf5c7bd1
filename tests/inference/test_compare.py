"""Comparison: order, refitting, nesting, and refusal of different data."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from scipy import stats

import multilevel as ml
from multilevel.design.design import Design
from multilevel.errors import ApproximationWarning, ComparisonError
from multilevel.inference import compare
from multilevel.inference.compare import is_special_case
from multilevel.model import Covariance, families
from multilevel.results import Fit
from tests.generalised import fitted
from tests.oracle import designs
from tests.oracle.fits import fit_design


def intercepts(design: Design) -> Design:
    """Return the design with `(1 | g)` in place of its first term."""
    term = design.terms[0]
    return dataclasses.replace(
        design, terms=(dataclasses.replace(term, names=("Intercept",), Z=term.Z[:, :1]),)
    )


def uncorrelated(design: Design) -> Design:
    """Return the design with `(x || g)` in place of its first term."""
    term = dataclasses.replace(design.terms[0], covariance=Covariance.DIAGONAL)
    return dataclasses.replace(design, terms=(term,))


def scalar(design: Design) -> Design:
    """Return the design with `homdiag(x | g)` in place of its first term."""
    term = dataclasses.replace(design.terms[0], covariance=Covariance.SCALAR)
    return dataclasses.replace(design, terms=(term,))


def alike(design: Design) -> Design:
    """Return the design with `cs(x | g)` in place of its first term."""
    term = dataclasses.replace(design.terms[0], covariance=Covariance.COMPOUND_SYMMETRIC)
    return dataclasses.replace(design, terms=(term,))


def without_x(design: Design) -> Design:
    """Return the design without its second fixed column."""
    fixed = dataclasses.replace(
        design.fixed, names=design.fixed.names[:1], X=design.fixed.X[:, :1], intercept=np.ones(1)
    )
    return dataclasses.replace(design, fixed=fixed)


def counts(design: Design) -> Design:
    """Return the design of a Poisson model."""
    return dataclasses.replace(design, family=families.Poisson())


def overdispersed(design: Design, link: Any = "log") -> Design:
    """Return the design of a negative binomial model."""
    return dataclasses.replace(design, family=families.NegativeBinomial(link=link))


def inflated(design: Design, *, slope: bool = False) -> Design:
    """Return the design with zero inflation, its logit constant or with the slope of the fixed part."""
    return dataclasses.replace(design, inflation=(design if slope else without_x(design)).fixed)


def test_same_fixed_parts_are_compared_by_reml() -> None:
    large = fit_design(designs.slopes())
    small = fit_design(intercepts(designs.slopes()))
    found = compare(large, small)
    assert list(found) == [
        "model", "method", "n_parameters", "aic", "bic", "loglik", "deviance", "chi_square", "df", "p_value"
    ]  # fmt: skip
    assert found["n_parameters"] == [4, 6]
    assert found["method"] == ["reml", "reml"]
    chi_square = small.deviance - large.deviance
    assert found["chi_square"] == [None, pytest.approx(chi_square)]
    assert found["df"] == [None, 2]
    assert found["p_value"][1] == pytest.approx(stats.chi2(2).sf(chi_square), rel=1e-9)


def test_different_fixed_parts_are_refitted_by_ml() -> None:
    design = designs.slopes()
    found = compare(fit_design(design), fit_design(without_x(design), method="ml"))
    assert found["method"] == ["ml", "ml (refitted)"]
    assert found["deviance"][1] == pytest.approx(fit_design(design, method="ml").deviance)
    assert found["df"] == [None, 1]


def test_models_that_are_not_nested_have_no_test() -> None:
    design = designs.slopes()
    found = compare(fit_design(intercepts(design)), fit_design(without_x(uncorrelated(design))))
    assert found["chi_square"] == [None, None]
    same_size = compare(fit_design(design), fit_design(design))
    assert same_size["p_value"] == [None, None]


@pytest.mark.parametrize(
    ("small", "large", "nested"),
    [
        (intercepts, uncorrelated, True),
        (uncorrelated, lambda d: d, True),
        (lambda d: d, uncorrelated, False),
        (scalar, uncorrelated, True),
        (uncorrelated, scalar, False),
        (intercepts, scalar, False),
        (scalar, scalar, True),
        (scalar, alike, True),
        (alike, alike, True),
        (alike, scalar, False),
        (alike, uncorrelated, False),
        (alike, lambda d: d, True),
        (lambda d: d, alike, False),
        (intercepts, alike, False),
        (uncorrelated, alike, False),
        (without_x, lambda d: d, True),
        (lambda d: d, without_x, False),
        (lambda d: dataclasses.replace(d, terms=()), intercepts, True),
        (lambda d: dataclasses.replace(d, offset=d.y), lambda d: d, False),
        (lambda d: dataclasses.replace(d, residual_sd=1.0), lambda d: d, True),
        (lambda d: d, lambda d: dataclasses.replace(d, residual_sd=1.0), False),
        (counts, counts, True),
        (counts, overdispersed, True),
        (overdispersed, counts, False),
        (counts, lambda d: overdispersed(d, "sqrt"), False),
        (counts, lambda d: d, False),
        (lambda d: d, lambda d: dataclasses.replace(d, family=families.Student()), True),
        (counts, lambda d: inflated(counts(d)), True),
        (lambda d: inflated(counts(d)), counts, False),
        (lambda d: inflated(counts(d)), lambda d: inflated(overdispersed(d)), True),
        (lambda d: inflated(counts(d), slope=True), lambda d: inflated(counts(d)), False),
        (lambda d: inflated(counts(d)), lambda d: inflated(counts(d), slope=True), True),
    ],
)
def test_nesting(small: Any, large: Any, nested: bool) -> None:
    design = designs.slopes()
    assert is_special_case(small(design), large(design)) is nested


def test_a_column_written_another_way_is_in_the_span() -> None:
    design = designs.slopes()
    X = np.asfortranarray(design.fixed.X @ np.array([[1.0, 5.0], [0.0, 3.0]]))
    other = dataclasses.replace(design, fixed=dataclasses.replace(design.fixed, names=("one", "z"), X=X))
    assert is_special_case(without_x(design), other)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: {"y": d.y + 1}, "they differ in the response:"),
        (lambda d: {"rows": d.rows + 1}, "they differ in the rows used (70 and 70)"),
        (lambda d: {"precision_weights": np.full(d.n_rows, 2.0)}, "they differ in the precision weights"),
        (lambda d: {"frequency_weights": np.full(d.n_rows, 2.0)}, "they differ in the frequency weights"),
        (lambda d: {"trials": np.full(d.n_rows, 2.0)}, "they differ in the trials"),
    ],
)
def test_different_data_are_refused(change: Any, message: str) -> None:
    design = designs.slopes()
    fits = fit_design(design), fit_design(dataclasses.replace(design, **change(design)))
    with pytest.raises(ComparisonError) as caught:
        compare(*fits)
    assert message in str(caught.value)


def test_weights_of_one_are_no_weights() -> None:
    design = intercepts(designs.slopes())
    one = dataclasses.replace(designs.slopes(), precision_weights=np.ones(design.n_rows))
    assert compare(fit_design(design), fit_design(one))["df"] == [None, 2]


def test_likelihoods_that_were_approximated_differently_have_no_test() -> None:
    small = fitted("negative binomial")
    more = dataclasses.replace(small.solution, n_parameters=small.df + 1)
    assert compare(small, dataclasses.replace(small, solution=more))["df"] == [None, 1]
    other = dataclasses.replace(more, method="quadrature")
    assert compare(small, dataclasses.replace(small, solution=other))["df"] == [None, None]


def test_one_fit_is_refused() -> None:
    with pytest.raises(ComparisonError, match="compare was given 1 fit\n"):
        compare(fit_design(designs.least_squares()))


def test_likelihoods_of_different_random_vectors_are_compared_with_a_warning() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.integers(0, 150, 1500), rng.integers(0, 120, 1500)
    rows = {"a": a, "b": b, "x": rng.normal(size=1500), "z": rng.normal(size=1500)}
    rows["y"] = rng.normal(size=150)[a] + rng.normal(size=120)[b] + rng.normal(size=1500)

    def made(fixed: str, **keywords: Any) -> Fit:
        return ml.fit(f"y ~ {fixed} + (1 | a) + (1 | b)", rows, method="ml", mc_error=0.2, **keywords)

    small, large = (made(x, solver="monte_carlo") for x in ("x", "x + z"))
    exact = ml.compare(*(made(x, solver="exact") for x in ("x", "x + z")))
    assert ml.compare(small, large)["chi_square"][1] == pytest.approx(exact["chi_square"][1], abs=0.05)
    for other in (made("x + z", solver="monte_carlo", mc_seed=1), made("x + z", solver="exact")):
        with pytest.warns(ApproximationWarning, match=r"standard error of up to 0\.\d+\. Fit all of them"):
            ml.compare(small, other)
    error = 2.0 * small.solution.monte_carlo.loglik_error
    assert f"(standard error {error:.2g} by Monte Carlo); AIC" in str(small)
