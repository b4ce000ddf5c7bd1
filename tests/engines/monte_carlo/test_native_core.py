"""The scaled native core against dense algebra."""

from __future__ import annotations

import numpy as np
import pytest

from multilevel.engines.monte_carlo.native_core import NativeCore
from multilevel.engines.monte_carlo.system import system_of
from tests.engines.monte_carlo.chain_cases import CASES, Case, problem_of
from tests.engines.monte_carlo.dense_core import DenseCore

ELIMINATING = [case for case in CASES if case.eliminated]
NAMES = [case.name for case in ELIMINATING]


def both(case: Case) -> tuple[DenseCore, NativeCore]:
    """Return dense algebra and the native core of one model."""
    moments, Lambdas, chain = problem_of(case)
    system = system_of(moments)
    assert system.chain == chain
    native = NativeCore(moments, system, Lambdas)
    return DenseCore(moments, Lambdas, chain), native


@pytest.mark.parametrize("case", ELIMINATING, ids=NAMES)
def test_it_applies_the_scaled_schur_complement(case: Case) -> None:
    dense, native = both(case)
    X = np.random.default_rng(1).standard_normal((dense.inside.size, 3))
    assert native.factors == dense.factors
    np.testing.assert_allclose(native.apply(X), dense.apply(X), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("case", ELIMINATING, ids=NAMES)
def test_effects_of_core_vectors(case: Case) -> None:
    dense, native = both(case)
    X = np.random.default_rng(2).standard_normal((dense.inside.size, 3))
    for found, expected in zip(native.effects_of(X), dense.effects_of(X), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("case", ELIMINATING, ids=NAMES)
def test_solutions_are_conditional_means(case: Case) -> None:
    """``Lambda M^-1 Lambda' c`` is the covariance of the effects times ``c``."""
    dense, native = both(case)
    C = np.random.default_rng(3).standard_normal((dense.covariance.shape[0], 2))
    u, x = native.solve(C, tolerance=1e-12)
    found = np.concatenate([b.reshape(-1, 2) for b in native.effects(u)])
    np.testing.assert_allclose(found, dense.covariance @ C, rtol=1e-8, atol=1e-10)
    again, _ = native.solve(C, tolerance=1e-12, start=x)
    np.testing.assert_allclose(again, u, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("case", ELIMINATING, ids=NAMES)
def test_covariances_that_come_from_the_core(case: Case) -> None:
    """The covariance of combinations less that given the core."""
    dense, native = both(case)
    F = np.random.default_rng(4).standard_normal((dense.covariance.shape[0], 4))
    given = F[dense.out]
    expected = F.T @ dense.covariance @ F - given.T @ dense.covariance_given_core @ given
    found = native.core_covariance(F, tolerance=1e-12)
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-8 * np.abs(expected).max())
