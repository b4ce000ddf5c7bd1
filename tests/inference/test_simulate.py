"""Simulated responses: their moments, alignment, reproducibility and refusals."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from multilevel.errors import OptionError
from multilevel.inference import fitted, simulate
from tests.oracle import designs
from tests.oracle.dense import dense, marginal_covariance
from tests.oracle.fits import fit_design


def test_new_groups_have_the_marginal_mean_and_covariance() -> None:
    """20,000 draws: means within 5 standard errors, covariances within 5 of theirs (sd ~ sqrt(2/n) V_ii)."""
    fit = fit_design(designs.crossed(weighted=True))
    n = 20_000
    draws = simulate(fit, n, seed=1)
    V = marginal_covariance(dense(fit.design), fit.solution.covariances, fit.sigma)
    mean = fit.design.fixed.X @ fit.solution.beta + fit.design.offset
    assert np.all(np.abs(draws.mean(0) - mean) < 5 * np.sqrt(np.diag(V) / n))
    error = np.abs(np.cov(draws.T) - V) / np.sqrt(np.outer(np.diag(V), np.diag(V)))
    assert error.max() < 6 * np.sqrt(2 / n)


def test_known_groups_vary_about_the_fitted_values() -> None:
    fit = fit_design(designs.slopes())
    draws = simulate(fit, 4000, seed=2, groups="known")
    assert np.all(np.abs(draws.mean(0) - fitted(fit)) < 5 * fit.sigma / np.sqrt(4000))
    np.testing.assert_allclose(draws.std(0), fit.sigma, rtol=0.1)


def test_draws_line_up_with_the_callers_rows_and_repeat_with_the_seed() -> None:
    design = designs.slopes()
    fit = fit_design(
        dataclasses.replace(design, rows=np.arange(design.n_rows) + 2, n_input=design.n_rows + 2)
    )
    draws = simulate(fit, 2, seed=3)
    assert draws.shape == (2, design.n_rows + 2)
    assert np.isnan(draws[:, :2]).all()
    assert np.isfinite(draws[:, 2:]).all()
    np.testing.assert_array_equal(draws, simulate(fit, 2, seed=np.random.default_rng(3)))


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"n": 0, "seed": 1}, "n=0 is not a number of responses"),
        ({"n": 1.5, "seed": 1}, "n=1.5 is not a number of responses"),
        ({"seed": "a"}, "seed='a' is not a seed"),
        ({"seed": -1}, "seed=-1 is not a seed"),
        ({"seed": 1, "groups": "typical"}, "groups='typical' is not known"),
    ],
)
def test_refusals(keywords: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError) as caught:
        simulate(fit_design(designs.least_squares()), **keywords)
    assert message in str(caught.value)


def test_frequency_weights_are_refused() -> None:
    design = dataclasses.replace(designs.least_squares(), frequency_weights=np.ones(30))
    with pytest.raises(OptionError, match="simulate was asked of a fit with frequency weights"):
        simulate(fit_design(design), seed=1)
