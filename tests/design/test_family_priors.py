"""Densities and gradients of priors of family parameters, thresholds and zero inflation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from multilevel.design.family_priors import FamilyPriors
from multilevel.model.priors import Exponential, Normal, StudentT

THRESHOLDS = FamilyPriors(
    (("a|b", StudentT(3, 0, 2.5)), ("b|c", Normal(1, 2))), (), centre=np.array([0.5, -2.0])
)
PLAIN = FamilyPriors((("theta", Exponential(2)),), (("Intercept", Normal(0, 1)), ("x", Normal(0, 3))))


def test_density_of_thresholds_is_of_the_centred_model() -> None:
    values, beta = np.array([-0.3, 0.8]), np.array([1.2, 0.4])
    shift = 0.5 * 1.2 - 2.0 * 0.4
    expected = stats.t(3, 0, 2.5).logpdf(-0.3 - shift) + stats.norm(1, 2).logpdf(0.8 - shift)
    assert THRESHOLDS.log_density(values, np.zeros(0), beta) == pytest.approx(expected, abs=1e-12)


def test_density_of_parameters_and_inflation() -> None:
    expected = stats.expon(scale=0.5).logpdf(0.7) + stats.norm.logpdf(0.2) + stats.norm(0, 3).logpdf(-1.0)
    found = PLAIN.log_density([[0.7]], [[0.2, -1.0]], np.zeros((1, 2)))
    assert found == pytest.approx([expected], abs=1e-12)


@pytest.mark.parametrize("priors", [THRESHOLDS, PLAIN])
def test_gradient(priors: FamilyPriors) -> None:
    values = np.array([0.3, 1.8])[: len(priors.parameters)]
    inflation = np.array([0.2, -1.0])[: len(priors.inflation)]
    beta = np.array([1.2, 0.4])
    sizes = np.cumsum([values.size, inflation.size])
    x = np.concatenate([values, inflation, beta])

    def at(x: np.ndarray) -> float:
        return float(priors.log_density(*np.split(x, sizes)))

    steps = 1e-6 * np.eye(x.size)
    expected = [(at(x + step) - at(x - step)) / 2e-6 for step in steps]
    assert np.concatenate(priors.gradient(values, inflation, beta)) == pytest.approx(expected, abs=1e-7)
