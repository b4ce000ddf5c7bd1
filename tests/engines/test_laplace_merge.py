"""Merging of equal rows: when it is done, and that the likelihood is still that of the data's rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import multilevel as ml
from multilevel.engines.laplace.merge import MANY_ROWS, response_rows


def table(n: int, values: int) -> pd.DataFrame:
    """Return Bernoulli rows whose covariate takes some values."""
    rng = np.random.default_rng(4)
    x = rng.normal(size=values)[rng.integers(0, values, n)]
    group = rng.integers(0, 5, n)
    y = (rng.random(n) < 1.0 / (1.0 + np.exp(2.0 - x - group))).astype(int)
    return pd.DataFrame({"y": y, "x": x, "g": group})


@pytest.mark.parametrize(
    ("n", "values", "merged"),
    [
        (200, 4, True),
        (200, 10_000_000, False),
        (2 * MANY_ROWS, 4, True),
        (2 * MANY_ROWS, 3000, True),
        (2 * MANY_ROWS, 10_000_000, False),
    ],
)
def test_rows_are_merged_where_many_are_equal(n: int, values: int, merged: bool) -> None:
    design = ml.fit("y ~ x + (1 | g)", table(n, values), family="bernoulli").design
    rows = response_rows(design)
    assert (rows.rows is not None) == merged
    if merged:
        assert rows.trials is not None
        assert rows.y.sum() == design.y.sum()
        assert rows.trials.sum() == n


def test_merged_rows_have_the_likelihood_of_the_data() -> None:
    data = table(300, 3)
    spread = data.assign(x=data.x + 1e-12 * np.arange(300))
    merged = ml.fit("y ~ x + (1 | g)", data, family="bernoulli")
    apart = ml.fit("y ~ x + (1 | g)", spread, family="bernoulli")
    assert abs(merged.loglik - apart.loglik) < 1e-6


@pytest.mark.parametrize(("times", "merged"), [(1, False), (2, True)])
def test_crossed_groups_are_asked_before_covariates(times: int, merged: bool) -> None:
    cell = np.tile(np.arange(120), times)
    rng = np.random.default_rng(8)
    eta = rng.normal(size=20)[cell // 6] + rng.normal(size=6)[cell % 6]
    y = (rng.random(cell.size) < 1.0 / (1.0 + np.exp(-2.0 * eta))).astype(int)
    data = pd.DataFrame({"y": y, "g": cell // 6, "h": cell % 6})
    design = ml.fit("y ~ 1 + (1 | g) + (1 | h)", data, family="bernoulli").design
    rows = response_rows(design)
    assert (rows.rows is not None) == merged
    assert rows.y.sum() == y.sum()
