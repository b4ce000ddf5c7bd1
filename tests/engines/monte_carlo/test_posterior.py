"""Group effects, predictions and degrees of freedom of Monte Carlo fits against the exact engine."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from multilevel.engines.likelihood import solve
from multilevel.engines.monte_carlo.estimator import solve_monte_carlo
from multilevel.engines.solution import Solution
from multilevel.errors import OptionError
from multilevel.moments import summarise
from tests.engines.monte_carlo.crossed_cases import crossed, uniform


@pytest.fixture(scope="module")
def both() -> tuple[Solution, Solution]:
    """The same model by both engines, by Monte Carlo with nothing left to chance."""
    moments = summarise(crossed(uniform, slopes=True))
    exact = solve(moments, method="reml")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("multilevel.engines.monte_carlo.search.FIRST_PROBES", 10**6)
        return solve_monte_carlo(moments, mc_error=1e-4), exact


def test_modes_are_those_of_the_exact_engine(both: tuple[Solution, Solution]) -> None:
    found, exact = both
    for term in range(2):
        np.testing.assert_allclose(found.groups.modes(term), exact.groups.modes(term), atol=1e-4)


def test_covariances_are_within_their_error(both: tuple[Solution, Solution]) -> None:
    found, exact = both
    for term in range(2):
        a, b = found.groups.covariances(term), exact.groups.covariances(term)
        assert np.max(np.abs(a - b)) < 0.05 * np.max(b)  # a hundred draws of a part of the whole


def test_variances_of_predictions(both: tuple[Solution, Solution]) -> None:
    found, exact = both
    X = np.array([[1.0, 0.3], [1.0, -2.0], [1.0, 1.0]])
    index = [np.array([3, -1, 5], dtype=np.int32), np.array([2, 7, -1], dtype=np.int32)]
    Z = [X, np.ones((3, 1))]
    a, b = (one.groups.prediction_variance(X, index, Z) for one in both)
    np.testing.assert_allclose(a, b, rtol=0.1)
    np.testing.assert_array_equal(found.groups.response_variance(X, index, Z), a)
    nobody = [np.full(3, -1, dtype=np.int32)] * 2
    a, b = (one.groups.prediction_variance(X, nobody, Z) for one in both)
    np.testing.assert_allclose(a, b, rtol=1e-3)
    assert exact.groups is not found.groups


def test_degrees_of_freedom_are_those_of_the_exact_engine(both: tuple[Solution, Solution]) -> None:
    # Var(x'beta)'s own variance does not depend on the coordinates; average information for the Hessian
    values = []
    for one in both:
        curvature = one.groups.curvature()
        slope = curvature.gradient[:, 1, 1]
        values.append(2.0 * one.vcov_beta[1, 1] ** 2 / (slope @ curvature.covariance @ slope))
    assert values[0] == pytest.approx(values[1], rel=0.05)


def test_kenward_roger_is_refused(both: tuple[Solution, Solution]) -> None:
    with pytest.raises(OptionError, match="kenward-roger"):
        both[0].groups.kenward_roger()


def test_a_known_residual_sd_is_no_parameter() -> None:
    moments = dataclasses.replace(summarise(crossed(uniform)), known_sigma=1.0)
    found, exact = solve_monte_carlo(moments), solve(moments, method="reml")
    a, b = (one.groups.curvature().covariance.shape for one in (found, exact))
    assert a == b == (2, 2)
    assert found.sigma == pytest.approx(1.0)
