"""Integrals over the effects of whole groups of generalised models at draws, by adaptive quadrature."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.special import logsumexp

from multilevel.design.design import Design
from multilevel.engines.laplace.quadrature import hermite_grid
from multilevel.engines.likelihood.problem import max_core
from multilevel.inference.group_densities import Values
from multilevel.kernels import core
from multilevel.moments.layout import PairTable

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """One of the factors whose effects are integrated.

    Parameters
    ----------
    index, m
        Level of each row, and how many there are.
    Z
        ``(n, K)`` columns of all its effects.
    lower
        ``(s, K, K)`` lower triangular: ``L L'`` is the covariance matrix of the effects at each draw.
    """

    index: NDArray[np.int32]
    m: int
    Z: Floats
    lower: Floats

    @property
    def size(self) -> int:
        """Effects of each level."""
        return int(self.Z.shape[1])

    def theta(self, s: int) -> Floats:
        """Return the entries of the lower triangle at a draw."""
        return np.asarray(self.lower[s][np.tril_indices(self.size)])


@dataclass(frozen=True, slots=True, eq=False)
class GroupIntegrals:
    """The integrals of the levels of a factor at the draws.

    Parameters
    ----------
    design
        The rows.
    levels
        The factor, and the one nested in it if there is one.
    parents
        For each level of the inmost factor that of the outmost, or ``None`` if it is the same.
    values, held
        What is not integrated, at the draws, and the numbers of the terms whose effects it holds.
    auxiliary, inflation
        ``(s, a)`` numbers of the family as the kernels have them, and ``(s, q)`` coefficients of zero
        inflation.
    constants
        ``(m,)`` what the log densities have besides what the kernels give.
    """

    design: Design
    levels: tuple[Level, ...]
    parents: Ints | None
    values: Values
    held: tuple[int, ...]
    auxiliary: Floats
    inflation: Floats
    constants: Floats

    def densities(self, draws: Sequence[int], nodes: Mapping[int, int]) -> Floats:
        """Return ``(len(draws), m)`` log densities but for their constants; NaN where not defined."""
        grids = [hermite_grid(level.size, nodes[level.size]) for level in self.levels]
        found = np.empty((len(draws), self.levels[0].m))
        for at, s in enumerate(draws):
            if self.parents is None:
                found[at] = self._innermost(s, self._fixed(s), grids[0])
            else:
                found[at] = self._nested(s, grids)
        return found

    def _laplace(
        self, s: int, fixed: Floats, levels: Sequence[Level], pairs: Sequence[PairTable]
    ) -> core.Laplace:
        """Return the kernel of some levels, finest first, at a draw."""
        design, places = self.design, itertools.count()
        return core.Laplace(
            family=design.family.code,
            link=design.family.link_code,
            inflated=design.inflation is not None,
            n_global=self.auxiliary.shape[1],
            y=design.y,
            trials=design.trials,
            frequency=design.frequency_weights,
            offset=np.ascontiguousarray(fixed),
            X=np.zeros((design.n_rows, 0), order="F"),
            factors=[(level.index, level.m, level.Z) for level in levels],
            pairs=pairs,
            entries=[
                (next(places), f, int(i), int(j))
                for f, level in enumerate(levels)
                for i, j in zip(*np.tril_indices(level.size), strict=True)
            ],
            max_core=max_core(),
        )

    def _innermost(self, s: int, fixed: Floats, grid: tuple[Floats, Floats]) -> Floats:
        """Return log integrals of the levels of the inmost factor by quadrature about their modes."""
        level = self.levels[-1]
        laplace = self._laplace(s, fixed, (level,), [])
        kernel = core.Quadrature(laplace, *grid, 1)
        found = kernel.evaluate(np.empty(0), level.theta(s), self.auxiliary[s], self._zeros(s), False)
        values = found.get("by_group")
        return np.full(level.m, np.nan) if values is None or not np.isfinite(found["value"]) else values

    def _nested(self, s: int, grids: Sequence[tuple[Floats, Floats]]) -> Floats:
        """Return log integrals of the levels of the outer of two factors."""
        outer = self.levels[0]
        assert self.parents is not None
        own_fixed = self._fixed(s)
        placed = self._outer_modes(s, own_fixed)
        if placed is None:
            return np.full(outer.m, np.nan)
        modes, roots = placed
        points, log_weights = grids[0]
        found = np.empty((points.shape[0], outer.m))
        for q, z in enumerate(points):
            b = modes + roots @ z
            fixed = own_fixed + np.einsum("nk,nk->n", outer.Z, b[outer.index])
            sums = np.bincount(self.parents, self._innermost(s, fixed, grids[1]), outer.m)
            white = solve_triangular(outer.lower[s], b.T, lower=True)
            found[q] = sums - 0.5 * np.einsum("km,km->m", white, white) + log_weights[q]
        scale = np.log(np.abs(np.diagonal(roots, axis1=1, axis2=2))).sum(axis=1)
        own = np.log(np.abs(np.diagonal(outer.lower[s]))).sum()
        return np.asarray(logsumexp(found, axis=0) + scale - own)

    def _outer_modes(self, s: int, fixed: Floats) -> tuple[Floats, Floats] | None:
        """Return ``(m, K)`` modes of the outer effects and roots ``(m, K, K)`` of their covariances there."""
        outer, inner = self.levels
        laplace = self._laplace(s, fixed, (inner, outer), [_pairs(inner, outer)])
        theta = np.concatenate([inner.theta(s), outer.theta(s)])
        found = laplace.evaluate(np.empty(0), theta, self.auxiliary[s], self._zeros(s), True)
        if not np.isfinite(found["value"]):
            return None
        modes, covariances = laplace.effects()[1]
        return modes, np.asarray(np.linalg.cholesky(covariances))

    def _zeros(self, s: int) -> Floats | None:
        """Return linear predictors of zero inflation at a draw."""
        inflation = self.design.inflation
        return None if inflation is None else np.ascontiguousarray(inflation.X @ self.inflation[s])

    def _fixed(self, s: int) -> Floats:
        """Return ``(n,)`` linear predictors at a draw without the effects that are integrated."""
        design = self.design
        found = np.asarray(design.fixed.X @ self.values.beta[s])
        if design.offset is not None:
            found = found + design.offset
        for t, effects in zip(self.held, self.values.held, strict=True):
            index = design.factors[design.terms[t].factor].index
            found = found + np.einsum("nk,nk->n", effects[s, index], design.terms[t].Z)
        return found


def _pairs(inner: Level, outer: Level) -> PairTable:
    """Return which levels of two factors share rows."""
    one, zero = np.ones(1), np.zeros(1)
    factors = [
        (np.ascontiguousarray(level.index), level.m, np.ones((level.index.size, 1), order="F"), zero, one)
        for level in (inner, outer)
    ]
    start, index, _ = core.pair_table(factors[0], factors[1], None)
    return 0, 1, start, index, np.zeros((index.size, inner.size, outer.size))
