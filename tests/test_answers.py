"""What the spine of a fit checks before the rooms are asked: new responses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import multilevel as ml


@pytest.fixture(scope="module")
def fit() -> ml.Fit:
    return ml.fit("yield ~ 1 + (1 | batch)", ml.datasets.load("dyestuff"))


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ("a", r"the new response \(str\) is not numeric"),
        (["a"] * 30, r"the new response \(list\) is not numeric"),
        (np.arange(30) * 1j, r"the new response \(ndarray\) is not numeric"),
        ([[1.0], [1.0, 2.0]], r"the new response \(list\) is not numeric"),
        (np.arange(29.0), r"the new response has shape \(29,\)"),
        (np.ones(30), r"the new response is constant \(1\)"),
        ([None, *range(29)], "missing or infinite in 1 used rows, first in row 0"),
    ],
)
def test_a_new_response_that_cannot_be_used(fit: ml.Fit, y: Any, message: str) -> None:
    with pytest.raises(ml.DataError, match=message):
        fit.refit(y)


@pytest.mark.parametrize("kind", [np.asarray, list, pd.Series, lambda y: pd.Series(y, dtype="Float64")])
def test_a_new_response_may_be_any_column(fit: ml.Fit, kind: Any) -> None:
    y = fit.simulate(1, seed=1)[0]
    assert fit.refit(kind(y)).deviance == fit.refit(y).deviance
