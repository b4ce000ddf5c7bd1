"""Grids of times, and the factors and slopes of serial covariance matrices, against direct formulas."""

from __future__ import annotations

import numpy as np
import pytest

from multilevel.moments.serial import autoregressive_factor, autoregressive_slope, grid_of, walk_factor

WHOLE, HALVES, REAL = (3.0, 4.0, 7.0, 9.0), (0.5, 1.0, 2.5), (0.0, 0.3, 1.0, 1.1)


@pytest.mark.parametrize(
    ("times", "step", "at", "regular"),
    [
        (WHOLE, 1.0, (0, 1, 4, 6), True),
        ((1990.0, 1994.0, 2000.0), 2.0, (0, 2, 5), True),
        (HALVES, 0.5, (0, 1, 4), True),
        (tuple(0.1 * i for i in range(30)), 0.1, range(30), True),
        ((2.0,), 1.0, (0,), True),
        (REAL, 0.1, (0, 3, 10, 11), True),
        ((0.0, 0.4, 1.0), 0.4, (0, 1, 2.5), False),
    ],
)
def test_grids(times: tuple[float, ...], step: float, at: tuple[float, ...], regular: bool) -> None:
    grid = grid_of(times)
    assert grid.regular == regular
    assert grid.step == pytest.approx(step)
    assert grid.at == pytest.approx(tuple(at))


@pytest.mark.parametrize("times", [WHOLE, HALVES, REAL, (0.0, 0.4, 1.0)])
@pytest.mark.parametrize("rho", [1.0, 0.9999, 0.5, 1e-8, 0.0, -0.7, -1.0])
def test_autoregressive_factor(times: tuple[float, ...], rho: float) -> None:
    grid = grid_of(times)
    if rho < 0.0 and not grid.regular:
        return
    at = np.array(grid.at)
    L = autoregressive_factor(times, rho)
    assert np.array_equal(L, np.tril(L))
    assert pytest.approx(rho ** np.abs(at[:, None] - at), abs=1e-14) == L @ L.T


@pytest.mark.parametrize(
    ("times", "rho"), [(WHOLE, 0.6), (WHOLE, -0.6), (WHOLE, 0.0), ((0.0, 0.4, 1.0), 0.3)]
)
def test_slopes_are_derivatives(times: tuple[float, ...], rho: float) -> None:
    up, down = (L @ L.T for L in (autoregressive_factor(times, rho + move) for move in (1e-6, -1e-6)))
    assert autoregressive_slope(times, rho) == pytest.approx((up - down) / 2e-6, abs=1e-8)


@pytest.mark.parametrize("times", [WHOLE, HALVES, (0.0, 0.4, 1.0)])
def test_walk_factor(times: tuple[float, ...]) -> None:
    L, t = walk_factor(times), np.array(times)
    assert pytest.approx(np.minimum(t[:, None], t) - t[0] + grid_of(times).step) == L @ L.T
