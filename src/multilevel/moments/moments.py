"""The sufficient statistics of a Gaussian multilevel model: cross-products by group, in scaled columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multilevel.design.design import Times
from multilevel.model import Covariance
from multilevel.moments.scaling import Scaling

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TermBlock:
    """Where a grouped term stands in the moments: rows ``start : start + size`` of its factor's effects.

    ``group`` and ``names`` are the term's words: its grouping factor and its effects. ``times`` are those of
    a serial structure; ``whitened`` says of an autoregressive one that its columns have been transformed so
    that the effects are independent, for one value of the correlation.
    """

    factor: int
    start: int
    size: int
    covariance: Covariance
    group: str
    names: tuple[str, ...]
    times: Times | None = None
    whitened: bool = False


@dataclass(frozen=True, slots=True)
class Pairs:
    """Levels of two factors ``f < g`` that share a row, with the cross-products of their effects.

    Parameters
    ----------
    start
        ``(m_f + 1,)`` int64: the pairs of level ``i`` of ``f`` are ``start[i] : start[i + 1]``.
    index
        Level of ``g`` of each pair, ascending inside a level of ``f``.
    value
        ``(pairs, K_f, K_g)``.
    """

    f: int
    g: int
    start: NDArray[np.int64]
    index: NDArray[np.int32]
    value: Floats


@dataclass(frozen=True, slots=True, eq=False)
class RowsByGroup:
    """The rows themselves, in the scaled columns, for residual sds that differ between groups.

    Parameters
    ----------
    index
        ``(n,)`` int32: the residual group of each row.
    m
        Number of residual groups.
    X, y
        ``(n, p)`` and ``(n,)``, scaled like the moments, without weights.
    Z, level
        For each factor of the moments ``(n, K)``, its terms side by side, and ``(n,)`` int32.
    precision, frequency
        ``(n,)`` weights, or ``None``: row ``i`` of group ``j`` has the residual variance ``s_j^2 / w_i`` and
        counts ``f_i`` times.
    """

    index: NDArray[np.int32]
    m: int
    X: Floats
    y: Floats
    Z: tuple[Floats, ...]
    level: tuple[NDArray[np.int32], ...]
    precision: Floats | None
    frequency: Floats | None


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Everything that a Gaussian likelihood needs of the rows.

    Factors are numbered from the one with most levels down (``order`` maps to the design's numbers).

    Parameters
    ----------
    p
        Columns of ``X``.
    n
        Observations, counted with their frequencies.
    order
        For each factor here, its number in the design.
    A, C
        By factor: ``(m, K, K)`` and ``(m, K, p + 1)``: ``Z_j' W Z_j`` and ``Z_j' W [X y]``.
    D
        ``(p + 1, p + 1)``: ``[X y]' W [X y]``.
    pairs
        One table for each pair of factors.
    blocks
        One for each grouped term of the design, in its order.
    log_weights
        Sum of the logarithms of the precision weights, counted with the frequencies.
    known_sigma
        Known residual sd in the user's units, or ``None``.
    scaling
        How the columns were shifted and scaled.
    residual
        The rows, if residual sds differ between groups; the cross-products are then those of equal sds.
    """

    p: int
    n: float
    order: tuple[int, ...]
    A: tuple[Floats, ...]
    C: tuple[Floats, ...]
    D: Floats
    pairs: tuple[Pairs, ...]
    blocks: tuple[TermBlock, ...]
    log_weights: float
    known_sigma: float | None
    scaling: Scaling
    residual: RowsByGroup | None = None

    @property
    def levels(self) -> tuple[int, ...]:
        """Levels of each factor."""
        return tuple(a.shape[0] for a in self.A)

    @property
    def effects(self) -> tuple[int, ...]:
        """Effects per level of each factor."""
        return tuple(a.shape[1] for a in self.A)
