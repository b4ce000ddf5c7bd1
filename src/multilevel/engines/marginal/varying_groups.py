"""Groups with residual sds of their own as the kernel takes them, and the models that allow it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multilevel.design.bound_priors import ResidualLaw
from multilevel.errors import DesignError
from multilevel.kernels import core
from multilevel.moments import Moments, RowsByGroup

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class VaryingRows:
    """The rows of every group, reduced.

    Parameters
    ----------
    R
        ``(m, w, w)``, ``w = K + p + 1``: upper triangular factors of the weighted rows ``[Z X y]``, by
        level of the grouping factor.
    counts
        ``(m,)`` rows of each group, counted with their frequencies.
    place
        ``(m,)``: the residual group of each level.
    effects
        ``K``.
    """

    R: Floats
    counts: Floats
    place: Ints
    effects: int

    def kernel(self, law: ResidualLaw) -> core.VaryingGroups:
        """Return the native likelihood."""
        return core.VaryingGroups(self.effects, law == "log_normal", self.R, self.counts)

    def log_residual_variances(self, gamma: Floats) -> tuple[Floats, Floats]:
        """Return logs of variances within groups, and their degrees of freedom, where there are some.

        Parameters
        ----------
        gamma
            ``(p,)`` coefficients of the scaled columns.
        """
        K, u = self.effects, np.concatenate([-gamma, [1.0]])
        rest = np.square(self.R[:, K:, K:] @ u).sum(axis=1)
        dof = self.counts - K
        usable = (dof > 0.0) & (rest > 1e-12 * max(float(rest.max(initial=0.0)), 1e-300))
        return np.log(rest[usable] / dof[usable]), dof[usable]


def one_grouping(moments: Moments) -> bool:
    """Return whether the residual groups are the levels of the only grouping factor, or there is none.

    Then each group's rows are independent of the others' given the parameters and the coefficients.
    """
    return _places(moments) is not None


def reduced_rows(moments: Moments) -> VaryingRows:
    """Reduce the rows of every group to a triangular factor, without forming cross-products.

    Raises
    ------
    DesignError
        If the residual groups are not the levels of the only grouping factor.
    """
    rows, place = moments.residual, _places(moments)
    if rows is None or place is None:
        raise DesignError(
            'method="marginal" with residual sds of other groups than those of the group effects',
            allowed="residual_groups that are the levels of the only grouping factor",
            remedy='method="gibbs"',
        )
    effects = rows.Z[0].shape[1] if rows.Z else 0
    index = rows.level[0] if rows.level else rows.index
    columns = np.column_stack([*rows.Z, rows.X, rows.y]) * _root_weights(rows)[:, None]
    order = np.argsort(index, kind="stable")
    sizes = np.bincount(index, minlength=place.size)
    ends = np.cumsum(sizes)
    width = columns.shape[1]
    R = np.zeros((place.size, width, width))
    for size in np.unique(sizes[sizes > 0]):  # groups of one size are factored together
        same = np.flatnonzero(sizes == size)
        taken = order[(ends[same] - size)[:, None] + np.arange(size)]
        R[same, : min(size, width)] = np.linalg.qr(columns[taken], mode="r")
    counts = np.bincount(index, weights=rows.frequency, minlength=place.size).astype(np.float64)
    return VaryingRows(R, counts, place, effects)


def _places(moments: Moments) -> Ints | None:
    """Return the residual group of each level of the only factor, ``None`` if they do not match."""
    rows = moments.residual
    if rows is None or len(rows.level) > 1:
        return None
    if not rows.level:
        return np.arange(rows.m)
    if moments.levels[0] != rows.m:
        return None
    place = np.full(rows.m, -1)
    place[rows.level[0]] = rows.index
    alike = np.array_equal(place[rows.level[0]], rows.index) and np.unique(place).size == rows.m
    return place if alike and place.min(initial=0) >= 0 else None


def _root_weights(rows: RowsByGroup) -> Floats:
    """Return the square roots of the products of both kinds of weights, ``(n,)``."""
    weights = np.ones(rows.y.size)
    for given in (rows.precision, rows.frequency):
        weights = weights if given is None else weights * given
    return np.sqrt(weights)
