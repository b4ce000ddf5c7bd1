"""Responses without spread about their means are refused; small spreads are fitted, in any unit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import expit

import multilevel as ml

N = 80
RNG = np.random.default_rng(12)
X, G = RNG.normal(size=N), np.arange(N) % 8
ETA = 0.3 + 0.5 * X
FAMILIES = [
    ("gamma", np.exp(ETA), "phi"),
    ("inverse_gaussian", np.exp(ETA), "phi"),
    ("beta", expit(ETA), "phi"),
    (ml.families.Gaussian(link="log"), np.exp(ETA), "sigma"),
    ("student", ETA, "sigma"),
]
every = pytest.mark.parametrize(("family", "mean", "parameter"), FAMILIES, ids=lambda value: str(value)[:20])


@every
def test_exact_responses_are_refused(family: Any, mean: Any, parameter: str) -> None:
    with pytest.raises(ml.DesignError, match=f"reproduces the response `y` exactly: `{parameter}` is"):
        ml.fit("y ~ x + (1 | g)", {"y": mean, "x": X, "g": G}, family=family)


@every
def test_small_spreads_are_fitted(family: Any, mean: Any, parameter: str) -> None:
    noise = 1e-3 * RNG.normal(size=N)
    y = mean + noise * mean * (1 - mean if family == "beta" else 1.0)
    fit = ml.fit("y ~ x", {"y": y, "x": X}, family=family)
    np.testing.assert_allclose(fit.fixed_effects["estimate"], [0.3, 0.5], atol=1e-3)
