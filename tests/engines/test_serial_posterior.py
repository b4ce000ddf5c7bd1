"""Degrees of freedom with autoregressions, against differences of the dense criterion; Kenward-Roger."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

import multilevel as ml
from tests.engines.test_serial import CASES, FORMULA, dense, estimates, frame, kernel_of

Floats = NDArray[np.float64]
NAME = "half hours, replicates"


def variances(rows: pd.DataFrame, at: Floats, structure: str) -> Floats:
    """Return the variances of the coefficients at sd, correlation and residual sd."""
    same = rows["g"].to_numpy()[:, None] == rows["g"].to_numpy()[None, :]
    V = np.where(same, kernel_of(rows, structure, at[0], at[1], CASES[NAME].unit), 0.0)
    X = np.column_stack([np.ones(len(rows)), rows["x"]])
    return np.asarray(np.diag(np.linalg.inv(X.T @ np.linalg.solve(V + at[2] ** 2 * np.eye(len(rows)), X))))


@pytest.mark.parametrize("method", ["reml", "ml"])
def test_satterthwaite_counts_the_correlation(method: Any) -> None:
    rows = frame(CASES[NAME])
    fit = ml.fit(FORMULA.format("ar1"), rows, method=method)
    at = np.array(estimates(fit, "ar1"))

    def criterion(x: Floats) -> float:
        return dense(rows, method, kernel_of(rows, "ar1", x[0], x[1], CASES[NAME].unit), x[2])

    steps = 1e-3 * np.eye(3)
    H = np.array(
        [
            [
                sum(s * t * criterion(at + s * a + t * b) for s in (1, -1) for t in (1, -1)) / 4e-6
                for b in steps
            ]
            for a in steps
        ]
    )
    slope = np.array([variances(rows, at + a, "ar1") - variances(rows, at - a, "ar1") for a in steps]) / 2e-3
    spread = np.einsum("si,st,ti->i", slope, 2.0 * np.linalg.inv(H), slope)
    expected = 2.0 * variances(rows, at, "ar1") ** 2 / spread
    assert fit.fixed_effects["df"].to_numpy() == pytest.approx(expected, rel=2e-3)


def test_kenward_roger_is_refused_where_the_covariance_is_not_linear() -> None:
    rows = frame(CASES[NAME])
    with pytest.raises(ml.OptionError, match="not linear"):
        ml.fit(FORMULA.format("ar1"), rows, ddf="kenward-roger").fixed_effects  # noqa: B018
    walk = ml.fit(FORMULA.format("rw1"), rows, ddf="kenward-roger").fixed_effects
    assert (walk["df"] > 5).all()
