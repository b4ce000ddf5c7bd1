"""Tables of a posterior: moments and quantiles of the draws, diagnostics beside them, blanks where none."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from multilevel.errors import OptionError
from multilevel.inference.convergence import ess_bulk, rhat
from multilevel.inference.posterior_tables import (
    coefficient_covariance,
    posterior_fitted,
    posterior_residuals,
    posterior_table,
)
from multilevel.model import Covariance
from multilevel.results.posterior import Posterior
from tests.oracle import designs
from tests.oracle.posteriors import made_up_draws, posterior_of, sleep_posterior, varying_posterior

DESCRIBED = ["mean", "sd", "lower", "upper", "ess_bulk", "ess_tail", "rhat", "mcse"]


@pytest.fixture(scope="module")
def sleep() -> Posterior:
    return sleep_posterior(level=0.9)


def test_coefficients(sleep: Posterior) -> None:
    table = posterior_table(sleep, "fixed_effects")
    assert list(table) == ["term", *DESCRIBED]
    assert table["term"] == ["Intercept", "days"]
    draws = sleep.sampled.coefficients
    np.testing.assert_allclose(table["mean"], draws.mean(axis=(0, 1)))
    np.testing.assert_allclose(table["sd"], draws.reshape(-1, 2).std(axis=0, ddof=1))
    np.testing.assert_allclose(table["lower"], np.quantile(draws, 0.05, axis=(0, 1)))
    np.testing.assert_allclose(table["upper"], np.quantile(draws, 0.95, axis=(0, 1)))
    np.testing.assert_allclose(table["ess_bulk"], ess_bulk(draws))
    np.testing.assert_allclose(table["rhat"], rhat(draws))
    assert posterior_table(sleep, "fixed_effects") is table


def test_standard_deviations_end_with_the_residual(sleep: Posterior) -> None:
    table = posterior_table(sleep, "variance_components")
    assert list(table) == ["group", "term", *DESCRIBED]
    assert table["group"] == ["subject", "subject", "Residual"]
    assert table["term"] == ["Intercept", "days", ""]
    np.testing.assert_allclose(table["mean"][:2], sleep.sampled.sds[0].mean(axis=(0, 1)))
    assert table["mean"][2] == pytest.approx(sleep.sampled.sigma.mean())


def test_correlations_only_where_there_are_some(sleep: Posterior) -> None:
    table = posterior_table(sleep, "correlations")
    assert [table[name] for name in ("group", "term_1", "term_2")] == [["subject"], ["Intercept"], ["days"]]
    assert table["mean"][0] == pytest.approx(sleep.sampled.correlations[0][:, :, 0, 1].mean())
    term = dataclasses.replace(sleep.design.terms[0], covariance=Covariance.DIAGONAL)
    diagonal = dataclasses.replace(sleep.design, terms=(term,))
    empty = posterior_table(dataclasses.replace(sleep, design=diagonal, memory={}), "correlations")
    assert {name: len(values) for name, values in empty.items()} == dict.fromkeys(empty, 0)


def test_group_effects_and_their_pooling(sleep: Posterior) -> None:
    table = posterior_table(sleep, "random_effects")
    assert list(table) == ["group", "level", "term", "mean", "sd", "lower", "upper", "pooling"]
    assert table["level"][:3] == ["308", "308", "309"]
    assert table["term"][:2] == ["Intercept", "days"]
    effects = sleep.sampled.effects[0].reshape(-1, 18, 2)
    np.testing.assert_allclose(table["mean"], effects.mean(axis=0).ravel())
    np.testing.assert_allclose(table["upper"], np.quantile(effects, 0.95, axis=0).ravel())
    between = (sleep.sampled.sds[0] ** 2).mean(axis=(0, 1))
    pooling = 1 - effects.var(axis=0) / between
    np.testing.assert_allclose(table["pooling"], pooling.ravel())
    assert np.all((pooling > 0) & (pooling < 1))


def test_no_variance_between_groups_is_complete_pooling(sleep: Posterior) -> None:
    none = dataclasses.replace(
        sleep.sampled, sds=(np.zeros((4, 250, 2)),), effects=(np.zeros((4, 250, 18, 2)),)
    )
    found = dataclasses.replace(sleep, sampled=none, memory={})
    assert np.all(posterior_table(found, "random_effects")["pooling"] == 0)
    assert posterior_table(found, "variance_components")["rhat"][:2] == [None, None]


def test_group_coefficients_add_the_fixed_part(sleep: Posterior) -> None:
    table = posterior_table(sleep, "group_coefficients")
    total = sleep.sampled.effects[0] + sleep.sampled.coefficients[:, :, None, :]
    np.testing.assert_allclose(table["mean"], total.mean(axis=(0, 1)).ravel())
    np.testing.assert_allclose(table["sd"], total.reshape(-1, 36).std(axis=0, ddof=1))


def test_group_effects_of_some_draws_go_with_the_coefficients_of_the_same() -> None:
    whole = sleep_posterior()
    kept = np.array([3, 100, 200])
    some = dataclasses.replace(
        whole.sampled, kept=kept, effects=tuple(effects[:, kept] for effects in whole.sampled.effects)
    )
    found = dataclasses.replace(whole, sampled=some, memory={})
    total = whole.sampled.effects[0][:, kept] + whole.sampled.coefficients[:, kept, None, :]
    table = posterior_table(found, "group_coefficients")
    np.testing.assert_allclose(table["mean"], total.mean(axis=(0, 1)).ravel())


def test_group_effects_that_were_not_kept_are_refused() -> None:
    whole = sleep_posterior()
    none = dataclasses.replace(
        whole.sampled, kept=np.empty(0, dtype=np.int64), effects=(np.empty((4, 0, 18, 2)),)
    )
    found = dataclasses.replace(whole, sampled=none, memory={})
    assert posterior_table(found, "fixed_effects")["term"] == ["Intercept", "days"]
    with pytest.raises(OptionError, match="no draws of the effects of `subject` were kept"):
        posterior_table(found, "random_effects")


def test_importance_sampling_counts_draws_by_its_efficiency() -> None:
    found = posterior_table(sleep_posterior(efficiency=0.8), "fixed_effects")
    assert found["ess_bulk"].tolist() == found["ess_tail"].tolist() == [800.0, 800.0]
    np.testing.assert_allclose(found["mcse"], found["sd"] / np.sqrt(800))
    assert np.all(found["rhat"] < 1.05)


def test_a_known_residual_sd_has_no_diagnostics() -> None:
    for efficiency in (None, 0.5):
        posterior = sleep_posterior(sigma=20.0, spread=0.0, efficiency=efficiency)
        table = posterior_table(posterior, "variance_components")
        assert table["mean"][-1] == pytest.approx(20)
        assert [table[name][-1] for name in DESCRIBED[4:]] == [None] * 4


def test_fitted_values_are_means_over_draws(sleep: Posterior) -> None:
    Z, index = sleep.design.terms[0].Z, sleep.design.factors[0].index
    by_draw = sleep.sampled.coefficients @ sleep.design.fixed.X.T
    by_draw = by_draw + np.einsum("cdnk,nk->cdn", sleep.sampled.effects[0][:, :, index], Z)
    np.testing.assert_allclose(posterior_fitted(sleep), by_draw.mean(axis=(0, 1)))
    np.testing.assert_allclose(posterior_fitted(sleep) + posterior_residuals(sleep), sleep.design.y)


def test_fitted_values_without_groups_and_with_an_offset() -> None:
    design = dataclasses.replace(designs.least_squares(), n_input=32, offset=np.linspace(0, 1, 30))
    posterior = posterior_of(design, made_up_draws(design, sds=()))
    found = posterior_fitted(posterior)
    expected = design.fixed.X @ posterior.sampled.coefficients.mean(axis=(0, 1)) + design.offset
    np.testing.assert_allclose(found[:30], expected)
    assert np.isnan(found[30:]).all()
    assert len(posterior_table(posterior, "random_effects")["mean"]) == 0


def test_covariance_of_the_coefficients(sleep: Posterior) -> None:
    expected = np.cov(sleep.sampled.coefficients.reshape(-1, 2), rowvar=False)
    np.testing.assert_allclose(coefficient_covariance(sleep), expected)


def test_residual_sds_of_groups_and_their_law() -> None:
    posterior = varying_posterior()
    residual = posterior.sampled.residual
    assert residual is not None
    found = posterior_table(posterior, "residual_sds")
    assert list(found) == ["level", *DESCRIBED]
    assert list(found["level"]) == list(posterior.design.factors[0].levels)
    np.testing.assert_allclose(found["mean"], residual.sds.mean(axis=(0, 1)))
    law = posterior_table(posterior, "residual_law")
    assert list(law) == ["parameter", *DESCRIBED]
    assert list(law["parameter"]) == ["mean(log sigma)", "sd(log sigma)"]
    np.testing.assert_allclose(law["sd"], [values.std(ddof=1) for _, values in residual.parameters])
    pooled = posterior_table(posterior, "variance_components")["mean"][-1]
    np.testing.assert_allclose(pooled, posterior.sampled.sigma.mean())


@pytest.mark.parametrize("question", ["residual_sds", "residual_law"])
def test_one_residual_sd_has_no_table_of_groups(sleep: Posterior, question: str) -> None:
    with pytest.raises(OptionError, match=f"{question} was asked of a posterior with one residual sd"):
        posterior_table(sleep, question)  # type: ignore[arg-type]
