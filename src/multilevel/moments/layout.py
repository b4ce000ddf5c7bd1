"""How the columns of a design are shifted, scaled and set side by side where its rows are kept."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from multilevel.design.design import Design, FixedPart
from multilevel.kernels import core
from multilevel.model import Covariance
from multilevel.moments.in_memory import factor_columns
from multilevel.moments.moments import TermBlock
from multilevel.moments.scaling import ColumnScaling, Floats, Scaling, fixed_scaling, term_scaling, well_mixed

Rows = NDArray[np.int64] | slice
PairTable = tuple[int, int, NDArray[np.int64], NDArray[np.int32], Floats]


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Order of the factors, place of the terms, and scaling, of a model that is fitted from its rows.

    Parameters
    ----------
    order
        For each factor here (most levels first), its number in the design.
    blocks
        Where each grouped term stands.
    scaling
        Of the columns; the response is left as it is.
    inflation
        Scaling of the columns of zero inflation.
    """

    order: tuple[int, ...]
    blocks: tuple[TermBlock, ...]
    scaling: Scaling
    inflation: ColumnScaling

    @property
    def effects(self) -> tuple[int, ...]:
        """Effects per level of each factor."""
        return tuple(self._effects(factor) for factor in range(len(self.order)))

    def factor_rows(self, design: Design) -> list[tuple[NDArray[np.int32], int, Floats]]:
        """Return by factor the level of each row, the number of levels, and scaled effects ``(n, K)``."""
        found = []
        for number, factor in enumerate(self.order):
            members = [t for t, block in enumerate(self.blocks) if block.factor == number]
            Z = [self.scaling.terms[t].apply(design.terms[t].Z) for t in members]
            group = design.factors[factor]
            found.append((group.index, len(group.levels), np.concatenate(Z, axis=1)))
        return found

    def pairs(self, design: Design, rows: Rows) -> list[PairTable]:
        """Return which levels of each pair of factors share one of the rows."""
        one, zero = np.ones(1), np.zeros(1)
        factors = []
        for factor in self.order:
            group = design.factors[factor]
            index = np.ascontiguousarray(group.index[rows])
            factors.append((index, len(group.levels), np.ones((index.size, 1), order="F"), zero, one))
        found = []
        for f in range(len(factors)):
            for g in range(f + 1, len(factors)):
                start, index, _ = core.pair_table(factors[f], factors[g], None)
                values = np.zeros((index.size, self._effects(f), self._effects(g)))
                found.append((f, g, start, index, values))
        return found

    def _effects(self, factor: int) -> int:
        """Return the effects per level of a factor."""
        return sum(block.size for block in self.blocks if block.factor == factor)


def layout_of(design: Design) -> Layout:
    """Choose order and scaling for a design whose rows are kept."""
    order = tuple(sorted(range(len(design.factors)), key=lambda f: (-len(design.factors[f].levels), f)))
    fixed = _mixed(_centred(design), design.fixed.X)
    terms = []
    for term in design.terms:
        columns = term_scaling(term)
        unstructured = len(term.names) > 1 and term.covariance is Covariance.UNSTRUCTURED
        terms.append(_mixed(columns, term.Z) if unstructured else columns)
    p, unit = len(design.fixed.names), predictor_unit(design)
    fixed, terms = _sized(fixed, unit), [_sized(term, unit) for term in terms]
    scaling = Scaling(fixed, tuple(terms), 0.0, 1.0, np.zeros(p))
    _, blocks = factor_columns(design, order, scaling)
    none = FixedPart((), np.zeros((design.n_rows, 0)), (), None)
    inflation = fixed_scaling(design.inflation or none)
    return Layout(order, blocks, scaling, inflation)


def predictor_unit(design: Design) -> float:
    """Return the size of the linear predictor, in which its coefficients are searched: that of the response.

    One for the links whose linear predictors have no unit.
    """
    y, link = design.y, design.family.link
    if design.family.name == "ordinal" or link not in ("identity", "inverse", "sqrt"):
        return 1.0
    mean = float(np.mean(np.abs(y)))
    size = float(np.std(y)) if link == "identity" else mean**-1.0 if link == "inverse" and mean else mean**0.5
    return size if np.isfinite(size) and size > 0.0 else 1.0


def _sized(scaling: ColumnScaling, unit: float) -> ColumnScaling:
    """Return the scaling with columns in another unit."""
    return replace(scaling, factor=scaling.factor * unit, back=scaling.back * unit)


def _centred(design: Design) -> ColumnScaling:
    """Return the scaling of the fixed columns; thresholds of an ordinal response are a constant, too."""
    scaling = fixed_scaling(design.fixed)
    if design.family.name != "ordinal" or not design.fixed.names:
        return scaling
    mean, deviation = core.column_moments(design.fixed.X)
    factor = 1.0 / np.where(deviation > 0.0, deviation, 1.0)
    return replace(scaling, centre=mean, factor=factor, back=np.diag(factor))


def _mixed(scaling: ColumnScaling, columns: Floats) -> ColumnScaling:
    """Return the scaling with a mixture where columns nearly repeat others."""
    if columns.shape[1] < 2:
        return scaling
    scaled = scaling.apply(columns)
    return well_mixed(scaling, columns, scaled.T @ scaled)
