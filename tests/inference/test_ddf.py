"""Degrees of freedom against exact ones and against the scalar formula of Kenward and Roger."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy import stats

from multilevel.engines.solution import Curvature
from multilevel.inference.ddf import adjusted_vcov, degrees_of_freedom, p_value, quantile
from tests.oracle import designs
from tests.oracle.fits import fit_design

INTERCEPT = np.array([[1.0]])


@pytest.mark.parametrize("ddf", ["satterthwaite", "kenward-roger"])
def test_balanced_nested_data_have_the_exact_degrees_of_freedom(ddf: str) -> None:
    """The mean of balanced nested data is tested against the outer groups: 8 - 1."""
    found = degrees_of_freedom(fit_design(designs.nested(), ddf=ddf), INTERCEPT)
    assert found[0] == pytest.approx(7, rel=1e-6)


@pytest.mark.parametrize(("method", "expected"), [("reml", 28), ("ml", 30)])
def test_least_squares_has_the_residual_degrees_of_freedom(method: str, expected: float) -> None:
    fit = fit_design(designs.least_squares(), method=method)
    np.testing.assert_allclose(degrees_of_freedom(fit, np.eye(2)), expected, rtol=1e-9)


def test_a_zero_variance_leaves_the_residual_degrees_of_freedom() -> None:
    np.testing.assert_allclose(degrees_of_freedom(fit_design(designs.zero_variance()), np.eye(2)), 48)


def test_none_is_infinite() -> None:
    found = degrees_of_freedom(fit_design(designs.slopes(), ddf="none"), np.eye(2))
    assert np.all(np.isinf(found))


def test_degrees_do_not_depend_on_the_scale_of_a_combination() -> None:
    fit = fit_design(designs.slopes())
    L = np.array([[1.0, 0.5]])
    np.testing.assert_allclose(degrees_of_freedom(fit, L), degrees_of_freedom(fit, 1e6 * L), rtol=1e-9)


def test_a_known_variance_is_infinite() -> None:
    fit = fit_design(designs.slopes())

    class Known:
        def curvature(self) -> Curvature:
            return Curvature(np.empty((0, 0)), np.empty((0, 2, 2)))

    fit = dataclasses.replace(fit, solution=dataclasses.replace(fit.solution, groups=Known()), memory={})
    assert np.all(np.isinf(degrees_of_freedom(fit, np.eye(2))))


def test_kenward_roger_adjusts_nothing_in_balanced_data_and_widens_elsewhere() -> None:
    balanced = fit_design(designs.nested(), ddf="kenward-roger")
    np.testing.assert_allclose(adjusted_vcov(balanced), balanced.solution.vcov_beta, rtol=1e-8)
    other = fit_design(designs.slopes(), ddf="kenward-roger")
    assert np.all(np.diag(adjusted_vcov(other)) > np.diag(other.solution.vcov_beta))


def test_kenward_roger_scale_is_one_for_a_single_combination() -> None:
    """The general formulas (Kenward and Roger 1997, eqs. 7-10) give ``2 / A2`` and a scale of one."""
    fit = fit_design(designs.crossed(), ddf="kenward-roger")
    found = fit.solution.groups.kenward_roger()
    Phi = fit.solution.vcov_beta
    l = np.array([0.4, 1.0])  # noqa: E741
    Theta = np.outer(l, l) / (l @ Phi @ l)
    part = [-np.trace(Theta @ slope) for slope in found.gradient]
    A2 = float(part @ found.covariance @ np.array(part))
    B, g = 7 * A2 / 2, -1.0
    c = np.array([g, 1 - g, 3 - g]) / (3 + 2 * (1 - g))
    E, V = 1 / (1 - A2), 2 * (1 + c[0] * B) / ((1 - c[1] * B) ** 2 * (1 - c[2] * B))
    df = 4 + 3 / (V / (2 * E**2) - 1)
    assert df / (E * (df - 2)) == pytest.approx(1)
    assert degrees_of_freedom(fit, l[None])[0] == pytest.approx(df, rel=1e-9)


def test_tails_are_those_of_t_and_of_the_normal() -> None:
    df = np.array([5.0, np.inf])
    np.testing.assert_allclose(quantile(df, 0.9), [stats.t(5).ppf(0.95), stats.norm.ppf(0.95)], rtol=1e-12)
    expected = [2 * stats.t(5).sf(2.5), 2 * stats.norm.sf(2.5)]
    np.testing.assert_allclose(p_value(np.array([-2.5, 2.5]), df), expected, rtol=1e-12)
