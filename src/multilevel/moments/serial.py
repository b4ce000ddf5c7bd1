"""Covariance matrices of effects at successive times: random walks and autoregressions, and their factors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

REGULAR = 1e-6
"""Gaps that are whole multiples of the smallest one to this relative error make a regular grid."""


@dataclass(frozen=True, slots=True)
class Grid:
    """How times lie: in steps, the unit in which correlations are counted.

    Parameters
    ----------
    step
        Length of a step in the unit of the times: their greatest common divisor if they are whole numbers,
        else the smallest gap.
    at
        ``(k,)`` steps since the first time.
    regular
        Whether all gaps are whole numbers of steps. The correlation of one step may then be negative.
    """

    step: float
    at: tuple[float, ...]
    regular: bool


@lru_cache(maxsize=64)
def grid_of(times: tuple[float, ...]) -> Grid:
    """Return how strictly ascending times lie.

    Examples
    --------
    >>> grid_of((1990.0, 1992.0, 1998.0))
    Grid(step=2.0, at=(0.0, 1.0, 4.0), regular=True)
    >>> grid_of((0.0, 0.4, 1.0)).regular
    False
    """
    values = np.array(times)
    gaps = np.diff(values)
    whole = bool((values == np.round(values)).all()) and float(np.abs(values).max()) < 2.0**52
    if whole:
        step = float(np.gcd.reduce(gaps.astype(np.int64))) if gaps.size else 1.0
    else:
        step = float(gaps.min()) if gaps.size else 1.0
    steps = gaps / step
    near = np.maximum(np.round(steps), 1.0)
    regular = bool((np.abs(steps - near) <= REGULAR * near).all())
    at = np.concatenate([[0.0], np.cumsum(near if regular else steps)])
    return Grid(step, tuple(float(value) for value in at), regular)


def walk_factor(times: Sequence[float]) -> Floats:
    """Return the lower factor of ``min(t_i, t_j)``, times counted from one step before the first.

    That is the covariance matrix of a random walk whose steps have variance one per unit of time.

    Examples
    --------
    >>> L = walk_factor((3.0, 4.0, 6.0))
    >>> (L @ L.T).round(12).tolist()
    [[1.0, 1.0, 1.0], [1.0, 2.0, 2.0], [1.0, 2.0, 4.0]]
    """
    gaps = np.concatenate([[grid_of(tuple(times)).step], np.diff(np.asarray(times))])
    return np.asarray(np.tril(np.broadcast_to(np.sqrt(gaps), (gaps.size, gaps.size))))


def autoregressive_factor(times: Sequence[float], rho: float) -> Floats:
    """Return the lower factor of ``rho^|s_i - s_j|`` at times of ``s`` steps; ``rho`` may be 1 or -1.

    Examples
    --------
    >>> L = autoregressive_factor((0.0, 1.0, 3.0), -0.5)
    >>> (L @ L.T).round(12).tolist()
    [[1.0, -0.5, -0.125], [-0.5, 1.0, 0.25], [-0.125, 0.25, 1.0]]
    """
    at = np.array(grid_of(tuple(times)).at)
    distance = np.tril(at[:, None] - at[None, :])
    with np.errstate(divide="ignore"):
        new = -np.expm1(2.0 * np.diff(at) * np.log(abs(rho)))
    return np.asarray(np.tril(_power(rho, distance)) * np.sqrt(np.concatenate([[1.0], new])))


def autoregressive_slope(times: Sequence[float], rho: float) -> Floats:
    """Return the derivative of ``rho^|s_i - s_j|`` with respect to ``rho``.

    Examples
    --------
    >>> autoregressive_slope((0.0, 1.0, 3.0), 0.5).tolist()
    [[0.0, 1.0, 0.75], [1.0, 0.0, 1.0], [0.75, 1.0, 0.0]]
    """
    at = np.array(grid_of(tuple(times)).at)
    distance = np.abs(at[:, None] - at[None, :])
    near = np.where(distance > 0.0, distance, 1.0)
    return np.asarray(np.where(distance > 0.0, near * _power(rho, near - 1.0), 0.0))


def _power(rho: float, exponents: Floats) -> Floats:
    """Return powers; those of a negative number have whole exponents."""
    return np.asarray(np.power(rho, exponents))
