"""The table of coefficients: columns, intervals, blanks."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy import stats

from multilevel.inference import coefficients, vcov
from multilevel.inference.ddf import adjusted_vcov
from tests.oracle import designs
from tests.oracle.fits import fit_design

COLUMNS = ["term", "estimate", "std_error", "statistic", "df", "p_value", "lower", "upper"]


@pytest.mark.parametrize("ddf", ["satterthwaite", "kenward-roger", "none"])
def test_columns_and_arithmetic(ddf: str) -> None:
    fit = fit_design(designs.slopes(), ddf=ddf, level=0.8)
    found = coefficients(fit)
    assert list(found) == COLUMNS
    assert found["term"] == ["Intercept", "x"]
    np.testing.assert_allclose(found["estimate"], fit.solution.beta)
    np.testing.assert_allclose(found["std_error"], np.sqrt(np.diag(vcov(fit))))
    np.testing.assert_allclose(found["statistic"], found["estimate"] / found["std_error"])
    law = stats.norm() if ddf == "none" else stats.t(np.array(found["df"], dtype=float))
    np.testing.assert_allclose(found["upper"], found["estimate"] + law.ppf(0.9) * found["std_error"])
    np.testing.assert_allclose(found["p_value"], 2 * law.sf(np.abs(found["statistic"])), rtol=1e-9)


def test_degrees_of_freedom_are_blank_for_the_normal() -> None:
    assert coefficients(fit_design(designs.slopes(), ddf="none"))["df"] == [None, None]


def test_vcov_is_adjusted_for_kenward_roger_only() -> None:
    fit = fit_design(designs.slopes())
    assert vcov(fit) is fit.solution.vcov_beta
    adjusted = fit_design(designs.slopes(), ddf="kenward-roger")
    np.testing.assert_array_equal(vcov(adjusted), adjusted_vcov(adjusted))


def test_a_perfect_fit_has_blanks_and_no_nan() -> None:
    fit = fit_design(designs.least_squares())
    zero = dataclasses.replace(fit.solution, vcov_beta=np.zeros((2, 2)))
    found = coefficients(dataclasses.replace(fit, solution=zero, memory={}))
    assert found["statistic"] == found["p_value"] == [None, None]
    np.testing.assert_array_equal(found["lower"], found["estimate"])


@pytest.mark.parametrize("ddf", ["satterthwaite", "kenward-roger", "none"])
def test_a_model_without_coefficients_asks_nothing_of_the_engine(ddf: str) -> None:
    fit = fit_design(designs.least_squares(), ddf=ddf)
    fixed = dataclasses.replace(fit.design.fixed, names=(), X=np.empty((30, 0)))
    empty = dataclasses.replace(
        fit,
        design=dataclasses.replace(fit.design, fixed=fixed),
        solution=dataclasses.replace(
            fit.solution, beta=np.empty(0), vcov_beta=np.empty((0, 0)), groups=object()
        ),
        memory={},
    )
    found = coefficients(empty)
    assert list(found) == COLUMNS
    assert all(len(column) == 0 for column in found.values())
