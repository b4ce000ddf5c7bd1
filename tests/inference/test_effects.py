"""Group effects, group coefficients, fitted values and residuals."""

from __future__ import annotations

import dataclasses

import numpy as np

import multilevel as ml
from multilevel.inference import fitted, group_coefficients, group_effects, residuals
from tests.oracle import designs
from tests.oracle.dense import dense
from tests.oracle.fits import fit_design


def test_pooling_is_the_weight_of_the_groups_own_data() -> None:
    """``w_j = s2 / (s2 + s2_j / n_j)``, and the estimate is ``w_j (mean_j - R)``."""
    fit = fit_design(designs.friends())
    index = fit.design.factors[0].index
    counts = np.bincount(index)
    s2 = fit.solution.covariances[0][0, 0]
    w = s2 / (s2 + fit.sigma**2 / counts)
    found = group_effects(fit)
    assert list(found) == ["group", "level", "term", "estimate", "sd", "pooling"]
    np.testing.assert_allclose(found["pooling"], w, rtol=1e-10)
    means = np.bincount(index, fit.design.y) / counts
    np.testing.assert_allclose(found["estimate"], w * (means - fit.solution.beta[0]), rtol=1e-9)
    np.testing.assert_allclose(found["sd"], np.sqrt(s2 * (1 - w)), rtol=1e-10)


def test_rows_go_level_by_level() -> None:
    fit = fit_design(designs.slopes())
    found = group_effects(fit)
    assert found["level"][:4] == ["g00", "g00", "g01", "g01"]
    assert found["term"][:4] == ["Intercept", "x", "Intercept", "x"]
    np.testing.assert_allclose(found["estimate"].reshape(-1, 2), fit.solution.groups.modes(0))


def test_a_zero_variance_pools_completely() -> None:
    found = group_effects(fit_design(designs.zero_variance()))
    assert not np.any(found["pooling"])
    assert not np.any(found["estimate"])
    assert not np.any(found["sd"])


def test_no_groups_give_empty_tables() -> None:
    fit = fit_design(designs.least_squares())
    for found in (group_effects(fit), group_coefficients(fit)):
        assert all(len(column) == 0 for column in found.values())


def test_group_coefficients_add_the_fixed_part_of_the_same_name() -> None:
    fit = fit_design(designs.crossed())
    found, effects = group_coefficients(fit), group_effects(fit)
    fixed = dict(zip(fit.design.fixed.names, fit.solution.beta, strict=True))
    expected = effects["estimate"] + [fixed[name] for name in effects["term"]]
    np.testing.assert_allclose(found["estimate"], expected)


def test_fitted_and_residuals_line_up_with_the_callers_rows() -> None:
    design = designs.crossed(weighted=True)
    rows = np.arange(design.n_rows) * 2 + 1
    fit = fit_design(dataclasses.replace(design, rows=rows, n_input=2 * design.n_rows + 3))
    problem = dense(design)
    effects = np.concatenate([fit.solution.groups.modes(b).ravel() for b in range(2)])
    expected = problem.X @ fit.solution.beta + np.hstack(problem.Z) @ effects + design.offset
    found = fitted(fit)
    assert found.shape == (2 * design.n_rows + 3,)
    np.testing.assert_allclose(found[rows], expected)
    assert np.isnan(np.delete(found, rows)).all()
    np.testing.assert_allclose(residuals(fit)[rows], design.y - expected)


def test_fitted_values_of_counts_with_extra_zeros() -> None:
    """``(1 - share of zeros) exp(predictor)`` from the tables alone; the response is what it was."""
    ticks = ml.datasets.load("grouseticks")
    fit = ml.fit("ticks ~ cheight + (1 | brood)", ticks, family="poisson", zero_inflation="~ cheight")
    coefficients = fit.fixed_effects.set_index("term")["estimate"]
    effects = fit.random_effects.set_index("level")["estimate"]
    zeros = fit.zero_inflation.set_index("term")["estimate"]
    eta = coefficients["Intercept"] + coefficients["cheight"] * ticks["cheight"]
    eta = eta + effects[ticks["brood"].astype(str)].to_numpy()
    share = 1 / (1 + np.exp(-zeros["Intercept"] - zeros["cheight"] * ticks["cheight"]))
    np.testing.assert_allclose(fit.fitted, (1 - share) * np.exp(eta), rtol=1e-10)
    np.testing.assert_allclose(fit.residuals, ticks["ticks"] - fit.fitted)
