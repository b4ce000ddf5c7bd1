"""Rows to predict and their linear predictors."""

from __future__ import annotations

import numpy as np
import pytest

from multilevel.inference.on_link import estimation_variance, group_variance, predictor, wanted_rows
from multilevel.results import Fit
from tests.oracle import designs
from tests.oracle.fits import fit_design


@pytest.fixture(scope="module")
def fit() -> Fit:
    return fit_design(designs.crossed(weighted=True))


def test_the_rows_of_the_fit_are_those_of_its_design(fit: Fit) -> None:
    rows = wanted_rows(fit, None, ("known", "average"), None, None)
    assert rows.X is fit.design.fixed.X
    np.testing.assert_array_equal(rows.precision, fit.design.precision_weights)
    np.testing.assert_array_equal(rows.index[0], fit.design.factors[fit.design.terms[0].factor].index)
    assert np.all(rows.index[1] == -1)


def test_effects_that_are_not_known_count_as_zero(fit: Fit) -> None:
    rows = wanted_rows(fit, None, ("known", "new"), None, None)
    term = fit.design.terms[0]
    shift = np.einsum("ij,ij->i", term.Z, fit.solution.groups.modes(0)[fit.design.factors[term.factor].index])
    expected = fit.design.fixed.X @ fit.solution.beta + fit.design.offset + shift
    np.testing.assert_allclose(predictor(fit, rows), expected)


def test_variances_of_estimation_and_of_groups(fit: Fit) -> None:
    rows = wanted_rows(fit, None, ("typical", "new"), None, None)
    X, term, T = fit.design.fixed.X, fit.design.terms[1], fit.solution.covariances[1]
    np.testing.assert_allclose(
        estimation_variance(fit, rows), np.einsum("ij,jk,ik->i", X, fit.solution.vcov_beta, X)
    )
    np.testing.assert_allclose(
        group_variance(fit, rows, ("new",)), np.einsum("ij,jk,ik->i", term.Z, T, term.Z)
    )
    np.testing.assert_array_equal(group_variance(fit, rows, ("average",)), [0.0])
