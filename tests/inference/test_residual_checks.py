"""Rows, trend and quartiles of residuals, against NumPy, pandas and SciPy."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm, rankdata

import multilevel as ml
from multilevel.errors import OptionError
from multilevel.inference.residual_checks import residual_rows, residual_trend, residuals_by_group
from tests.oracle.posteriors import sleep_posterior


@pytest.fixture(scope="module")
def sleep() -> ml.Fit:
    data = ml.datasets.load("sleepstudy").astype({"reaction": float})
    data.loc[3, "reaction"] = np.nan
    return ml.fit("reaction ~ days + (days | subject)", data, missing="drop")


def test_rows_of_a_fit(sleep: ml.Fit) -> None:
    rows = residual_rows(sleep)
    assert rows["row"].tolist() == [i for i in range(180) if i != 3]
    np.testing.assert_allclose(rows["fitted"], sleep.fitted[rows["row"]])
    np.testing.assert_allclose(rows["residual"], sleep.residuals[rows["row"]] / sleep.sigma)
    expected = norm.ppf((rankdata(rows["residual"]) - 0.5) / 179)
    np.testing.assert_allclose(rows["expected"], expected, rtol=1e-12)
    np.testing.assert_allclose(rows["spread"] ** 2, np.abs(rows["residual"]))


def test_raw_residuals_are_expected_in_their_own_unit(sleep: ml.Fit) -> None:
    rows, scaled = residual_rows(sleep, kind="response"), residual_rows(sleep)
    np.testing.assert_allclose(rows["residual"], sleep.residuals[rows["row"]])
    rms = np.sqrt(np.nanmean(sleep.residuals**2))
    np.testing.assert_allclose(rows["expected"], scaled["expected"] * rms)


def test_counts_have_quantile_residuals_by_seed() -> None:
    ticks = ml.datasets.load("grouseticks")
    fit = ml.fit("ticks ~ year + (1 | brood)", ticks, family="poisson")
    rows = residual_rows(fit, seed=4)
    np.testing.assert_array_equal(rows["residual"], fit.residuals_of("quantile", seed=4))
    np.testing.assert_array_equal(residual_rows(fit, kind="pearson")["residual"], fit.residuals_of("pearson"))


def test_posteriors_have_raw_residuals() -> None:
    post = sleep_posterior()
    rows = residual_rows(post)
    np.testing.assert_allclose(rows["residual"], post.residuals)
    np.testing.assert_allclose(rows["fitted"], post.fitted)
    with pytest.raises(OptionError, match="kind='pearson' was asked of a posterior"):
        residual_rows(post, kind="pearson")


def test_the_trend_is_means_in_bins_of_the_fitted_value(sleep: ml.Fit) -> None:
    rows = residual_rows(sleep)
    trend = residual_trend(rows)
    assert len(trend["fitted"]) == 179 // 20
    lowest = np.argsort(rows["fitted"])[:23]  # 179 = 3 * 23 + 5 * 22
    for name in ("fitted", "residual", "spread"):
        assert trend[name][0] == pytest.approx(rows[name][lowest].mean())
    assert len(residual_trend({name: np.arange(5.0) for name in rows})["fitted"]) == 1
    assert len(residual_trend({name: np.arange(5000.0) for name in rows})["fitted"]) == 20


def test_quartiles_by_group(sleep: ml.Fit) -> None:
    rows = residual_rows(sleep)
    found = pd.DataFrame(dict(residuals_by_group(sleep, rows)))
    subjects = ml.datasets.load("sleepstudy")["subject"].astype(str).to_numpy()[rows["row"]]
    by = pd.Series(rows["residual"]).groupby(subjects)
    for name, q in (("lower", 0.25), ("median", 0.5), ("upper", 0.75)):
        np.testing.assert_allclose(found[name], by.quantile(q).loc[found["level"]])
    assert found["median"].is_monotonic_increasing
    assert found["n"].tolist() == by.size().loc[found["level"]].tolist()
    assert found["rank"].tolist() == list(range(1, 19))


def test_unknown_groups_are_refused(sleep: ml.Fit) -> None:
    with pytest.raises(OptionError, match="residuals by group='school'") as caught:
        residuals_by_group(sleep, residual_rows(sleep), group="school")
    assert "allowed: 'subject'" in str(caught.value)
