"""Sds of single effects on the real line, and derivatives through Cholesky factors."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad

from multilevel.engines.joint.term_parameters import number_of_sd, sd_of, symmetric_slope


@pytest.mark.parametrize("x", [-8.0, -3.0, 0.0, 1.5, 6.0])
def test_sds_and_their_derivatives(x: float) -> None:
    h = 1e-5
    sd, log_rate, bend = sd_of(x)
    assert sd == pytest.approx(-stats.norm.logcdf(-x), rel=1e-12)
    assert log_rate == pytest.approx(np.log((sd_of(x + h)[0] - sd_of(x - h)[0]) / (2 * h)), abs=1e-6)
    assert bend == pytest.approx((sd_of(x + h)[1] - sd_of(x - h)[1]) / (2 * h), abs=1e-6)


@pytest.mark.parametrize("sd", [1e-6, 0.02, 1.0, 300.0])
def test_numbers_of_sds(sd: float) -> None:
    assert sd_of(number_of_sd(sd))[0] == pytest.approx(sd, rel=1e-6)


def test_a_density_keeps_its_integral() -> None:
    found = quad(lambda x: stats.halfnorm.pdf(sd_of(x)[0]) * np.exp(sd_of(x)[1]), -12.0, 5.0)[0]
    assert found == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("k", [1, 2, 4])
def test_slope_by_a_covariance_matrix_from_that_by_its_root(k: int) -> None:
    """f(D) = sum(C * D) has the slope C; by the root it is 2 C root."""
    rng = np.random.default_rng(k)
    root = np.tril(rng.normal(size=(k, k))) + 2.0 * np.eye(k)
    C = rng.normal(size=(k, k))
    C = C + C.T
    assert symmetric_slope(root, 2.0 * C @ root) == pytest.approx(C, abs=1e-10)
