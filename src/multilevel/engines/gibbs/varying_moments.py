"""Cross-products of a model whose residual sds differ between groups, at any sds, without the rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from multilevel.errors import DesignError
from multilevel.kernels import core
from multilevel.moments import Moments, RowsByGroup

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Cross-products apart by residual group: a cell is the rows of a place (a level, a pair) and a group.

    Parameters
    ----------
    group
        ``(cells,)`` residual group of each cell.
    first
        ``(places,)`` first cell of each place; the cells of a place follow each other.
    value
        ``(cells, numbers)``.
    """

    group: Ints
    first: Ints
    value: Floats

    def total(self, precision: Floats) -> Floats:
        """Return ``(places, numbers)``: sums over cells of the values times their group's precision."""
        weighted = self.value * precision[self.group, None]
        if self.first.size == self.group.size:
            return np.asarray(weighted)
        return np.asarray(np.add.reduceat(weighted, self.first, axis=0))


class GroupedProducts:
    """Cross-products of a model's rows, kept apart so that any residual sds can be put in.

    In the scaled columns the residual variance of row ``i`` in group ``j`` is ``s_j^2 / w_i``; the moments
    are those of a model whose residual sd is 1 and whose weights are ``w_i / s_j^2``.

    Parameters
    ----------
    moments
        With the rows.

    Raises
    ------
    DesignError
        If the moments were made without the rows.
    """

    __slots__ = ("_by_group", "_cells", "_moments", "_pairs", "_rows", "_scale", "_weights", "counts")

    def __init__(self, moments: Moments) -> None:
        rows = moments.residual
        if rows is None:
            raise DesignError("residual sds by group need the rows", remedy="bind the design with its groups")
        self._moments, self._rows, self._scale = moments, rows, moments.scaling.y_scale
        self._weights = _weights(rows)
        self.counts = _sums(rows, rows.frequency)
        self._cells = tuple(
            _level_cells(rows, level, Z, self._weights) for level, Z in zip(rows.level, rows.Z, strict=True)
        )
        self._pairs = tuple(_pair_cells(rows, pair.f, pair.g, self._weights) for pair in moments.pairs)
        self._by_group = _group_cells(rows, self._weights)

    def blank(self) -> Moments:
        """Return moments with arrays of their own, for `fill_moments`."""
        moments = self._moments
        return replace(
            moments,
            A=tuple(A.copy() for A in moments.A),
            C=tuple(C.copy() for C in moments.C),
            D=moments.D.copy(),
            pairs=tuple(replace(pair, value=pair.value.copy()) for pair in moments.pairs),
        )

    def fill_moments(self, sds: Floats, out: Moments) -> None:
        """Write the cross-products at residual sds ``(m,)``, user's unit, into the arrays of ``out``."""
        precision = np.square(self._scale / sds)
        for A, C, cells in zip(out.A, out.C, self._cells, strict=True):
            k = A.shape[1]
            total = cells.total(precision)
            A[:] = total[:, : k * k].reshape(A.shape)
            C[:] = total[:, k * k :].reshape(C.shape)
        for pair, cells in zip(out.pairs, self._pairs, strict=True):
            pair.value[:] = cells.total(precision).reshape(pair.value.shape)
        out.D[:] = (precision @ self._by_group).reshape(out.D.shape)

    def squares(self, gamma: Floats, effects: Sequence[Floats]) -> Floats:
        """Return ``(m,)`` weighted residual sums of squares by residual group, in the user's unit squared.

        Parameters
        ----------
        gamma
            ``(p,)`` coefficients of the scaled columns.
        effects
            By factor ``(m, K)``.

        Notes
        -----
        From the rows: sums of cross-products would lose the digits of a group whose residuals are small.
        """
        rows = self._rows
        r = rows.y - rows.X @ gamma
        for level, Z, b in zip(rows.level, rows.Z, effects, strict=True):
            for column in range(Z.shape[1]):
                r -= Z[:, column] * b[level, column]
        r *= r
        return self._scale**2 * _sums(rows, r if self._weights is None else r * self._weights)


def _weights(rows: RowsByGroup) -> Floats | None:
    """Return the products of both kinds of weights, or ``None`` without weights."""
    if rows.precision is None or rows.frequency is None:
        return rows.frequency if rows.precision is None else rows.precision
    return rows.precision * rows.frequency


def _sums(rows: RowsByGroup, values: Floats | None) -> Floats:
    """Return sums over the rows of each residual group; the numbers of rows without values."""
    return np.bincount(rows.index, weights=values, minlength=rows.m).astype(np.float64)


def _level_cells(rows: RowsByGroup, level: NDArray[np.int32], Z: Floats, weights: Floats | None) -> Cells:
    """Return the cells of a factor's levels, ``Z'WZ`` and then ``Z'W [X y]`` in each."""
    keys, cell = np.unique(level.astype(np.int64) * rows.m + rows.index, return_inverse=True)
    A, C = _products(rows, cell, keys.size, Z, weights)
    value = np.concatenate([A.reshape(keys.size, -1), C.reshape(keys.size, -1)], axis=1)
    return Cells(keys % rows.m, _firsts(keys // rows.m), value)


def _pair_cells(rows: RowsByGroup, f: int, g: int, weights: Floats | None) -> Cells:
    """Return the cells of the pairs of levels of two factors that share a row, ``Z_f'W Z_g`` in each."""
    levels = int(rows.level[g].max()) + 1
    pair = rows.level[f].astype(np.int64) * levels + rows.level[g]
    keys, cell = np.unique(pair * rows.m + rows.index, return_inverse=True)
    k = rows.Z[f].shape[1]
    A, _ = _products(rows, cell, keys.size, np.concatenate([rows.Z[f], rows.Z[g]], axis=1), weights)
    return Cells(keys % rows.m, _firsts(keys // rows.m), A[:, :k, k:].reshape(keys.size, -1))


def _group_cells(rows: RowsByGroup, weights: Floats | None) -> Floats:
    """Return ``[X y]'W [X y]`` of each residual group as a row."""
    both = np.concatenate([rows.X, rows.y[:, None]], axis=1)
    A, _ = _products(rows, rows.index, rows.m, both, weights)
    return A.reshape(rows.m, -1)


def _products(
    rows: RowsByGroup, cell: NDArray[np.generic], cells: int, Z: Floats, weights: Floats | None
) -> tuple[Floats, Floats]:
    """Return ``Z'WZ`` and ``Z'W [X y]`` of each cell, ``(cells, K, K)`` and ``(cells, K, p + 1)``."""
    k, p = Z.shape[1], rows.X.shape[1]
    root = None if weights is None else np.sqrt(weights)
    factor = (cell.astype(np.int32), cells, np.asfortranarray(Z), np.zeros(k), np.ones(k))
    X = np.asfortranarray(rows.X)
    A, C, _ = core.cross_products([factor], X, np.zeros(p), np.ones(p), rows.y, root, 1)
    return A[0], C[0]


def _firsts(places: Ints) -> Ints:
    """Return where each place's cells begin, places being sorted."""
    return np.flatnonzero(np.diff(places, prepend=-1)).astype(np.int64)
