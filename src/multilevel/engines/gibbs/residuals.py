"""Residual sum of squares, and products of the effects' columns with the residuals, without rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from multilevel.moments import Moments

Floats = NDArray[np.float64]
Products = Callable[[Floats, Sequence[Floats]], tuple[float, list[Floats]]]


class Residuals:
    """Sums over ``r = y - X gamma - Z b`` in scaled columns, from the cross-products of the moments.

    Parameters
    ----------
    moments
        Sufficient statistics.
    native
        Computes `products` on several threads; ``None`` to compute them here.
    """

    __slots__ = ("_moments", "_native", "_rows")

    def __init__(self, moments: Moments, native: Products | None = None) -> None:
        self._moments, self._native = moments, native
        self._rows = [
            np.repeat(np.arange(pair.start.size - 1), np.diff(pair.start)).astype(np.int64)
            for pair in (moments.pairs if native is None else ())
        ]

    def products(self, gamma: Floats, effects: Sequence[Floats]) -> tuple[float, list[Floats]]:
        """Return ``r'W r`` and by factor ``Z'W r`` ``(m, K)``.

        Parameters
        ----------
        gamma
            ``(p,)`` coefficients.
        effects
            By factor ``(m, K)``.

        Notes
        -----
        With ``e = y - X gamma``, ``r'r = e'e - b'(Z'e) - b'(Z'r)``.
        """
        if self._native is not None:
            return self._native(gamma, effects)
        moments = self._moments
        u = np.append(-gamma, 1.0)
        with_e = [C @ u for C in moments.C]
        with_r = [
            e - np.matmul(A, b[:, :, None])[:, :, 0]
            for e, A, b in zip(with_e, moments.A, effects, strict=True)
        ]
        for pair, rows in zip(moments.pairs, self._rows, strict=True):
            here, there = effects[pair.f], effects[pair.g]
            by_pair = np.matmul(pair.value, there[pair.index][:, :, None])[:, :, 0]
            _take_off(with_r[pair.f], rows, by_pair)
            by_pair = np.matmul(here[rows][:, None, :], pair.value)[:, 0, :]
            _take_off(with_r[pair.g], pair.index, by_pair)
        total = float(u @ moments.D @ u)
        for b, e, r in zip(effects, with_e, with_r, strict=True):
            total -= float(np.vdot(b, e) + np.vdot(b, r))
        return max(total, 1e-14 * float(moments.D[-1, -1])), with_r

    def length(self, factor: int, start: int, w: Floats) -> float:
        """Return ``|Z w|^2`` (weighted) for effects ``w`` ``(m, k)`` of one term of a factor."""
        here = slice(start, start + w.shape[1])
        A = self._moments.A[factor][:, here, here]
        return float(np.vdot(w, np.matmul(A, w[:, :, None])[:, :, 0]))


def _take_off(out: Floats, rows: NDArray[np.int64] | NDArray[np.int32], values: Floats) -> None:
    """Subtract ``values`` from the named rows of ``out``, rows named several times as often."""
    for column in range(out.shape[1]):
        out[:, column] -= np.bincount(rows, weights=values[:, column], minlength=out.shape[0])
