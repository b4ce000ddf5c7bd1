"""Stochastic Lanczos quadrature against dense log determinants."""

from __future__ import annotations

import numpy as np
import pytest

from multilevel.engines.monte_carlo.log_determinant import log_determinant
from multilevel.engines.monte_carlo.system import system_of
from multilevel.moments import summarise
from tests.engines.monte_carlo.crossed_cases import PATTERNS, crossed
from tests.engines.structures import by_name, design_of


@pytest.mark.parametrize("name", ["three k=2, 1, 2", "crossed and nested vectors", "nested three deep"])
def test_small_cores_are_exact(name: str) -> None:
    system = system_of(summarise(design_of(by_name(name))))
    system.native.set_lambda([0.8 * np.eye(k) for k in system.effects])
    M = np.eye(system.native.total) + 0.64 * system.native.cross(np.eye(system.native.total))
    found = log_determinant(system, 1, seed=0)
    assert found.value == pytest.approx(np.linalg.slogdet(M)[1], abs=1e-8)
    assert found.error == 0.0


@pytest.mark.parametrize("pattern", PATTERNS, ids=[one.__name__ for one in PATTERNS])
def test_large_ones_are_unbiased_and_say_their_error(pattern) -> None:  # type: ignore[no-untyped-def]
    system = system_of(summarise(crossed(pattern)))
    system.native.set_lambda([np.array([[0.9]]), np.array([[1.2]])])
    S = system.native.multiply(np.eye(system.native.core))
    exact = system.native.log_det_chain + np.linalg.slogdet(S)[1]
    found = [log_determinant(system, 4000, seed=seed) for seed in range(20)]
    miss, said = np.array([(one.value - exact, one.error) for one in found]).T
    # means of 20 within four of their errors; a spread of 20 is good to a sixth, twice allowed and more
    assert abs(miss.mean()) < 4.0 * miss.std() / np.sqrt(20)
    assert 0.6 < miss.std() / np.sqrt(np.mean(said**2)) < 1.6
    assert said.max() < 1.0
