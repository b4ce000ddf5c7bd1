"""Labels that begin again inside each level of another factor: crossing that was meant as nesting.

``(1 | school) + (1 | class)`` with classes numbered 1, 2, 3 in every school makes all classes 1 share one
effect. The labels alone cannot tell this from genuine crossing (every sample on every plate), so the rows
are asked: if the classes are different ones, rows of one class of one school are alike, and rows that share
only the label are not. Both are judged at the 5% level by the mean squares of a two-way analysis of variance
of the residuals of the fixed part (Searle, Casella and McCulloch, 1992, ch. 4).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import fdtrc

from multilevel.design.design import Design, GroupFactor
from multilevel.design.scope import Floats
from multilevel.errors import GroupingWarning, warn

_LEVEL = 0.05


def warn_of_reused_labels(design: Design) -> None:
    """Warn of each pair of crossed factors that looks like a nested one.

    Warns
    -----
    GroupingWarning
        With the nested term to write instead.
    """
    crossed = [design.factors[term.factor] for term in design.terms if term.names == ("Intercept",)]
    columns = {frozenset(factor.columns) for factor in design.factors}
    for at, one in enumerate(crossed):
        for other in crossed[at + 1 :]:
            outer, inner = (one, other) if len(one.levels) >= len(other.levels) else (other, one)
            together = frozenset(outer.columns) | frozenset(inner.columns)
            shared = frozenset(outer.columns) & frozenset(inner.columns)
            if not shared and together not in columns and _looks_nested(design, outer, inner):
                warn(_sentence(outer, inner), GroupingWarning)


def _sentence(outer: GroupFactor, inner: GroupFactor) -> str:
    """Return the text of the warning."""
    nested = "/".join(_written(name) for name in (*outer.columns, *inner.columns))
    crossed = [":".join(_written(name) for name in factor.columns) for factor in (outer, inner)]
    return (
        f"`{inner.name}` ids repeat inside `{outer.name}`: the labels ({', '.join(inner.levels[:3])}, ...) "
        f"begin again in every `{outer.name}`, and rows that share only the label are no more alike than "
        f"others. `(1 | {crossed[0]}) + (1 | {crossed[1]})` lets all of them share one effect; did you mean "
        f"`(1 | {nested})`?"
    )


def _written(name: str) -> str:
    """Return a name as formulas accept it, in backticks only if it needs them."""
    return name if name.isidentifier() else f"`{name}`"


def _looks_nested(design: Design, outer: GroupFactor, inner: GroupFactor) -> bool:
    """Whether the inner labels begin again inside each outer level and the rows say they differ."""
    rank = _natural_rank(inner.levels)
    if not _first_labels_everywhere(outer, inner, rank):
        return False
    shape = (len(outer.levels), len(inner.levels))
    if shape[0] * shape[1] > 4 * design.n_rows:
        return False
    cell = outer.index.astype(np.int64) * shape[1] + rank[inner.index]
    counts = np.bincount(cell, minlength=shape[0] * shape[1]).reshape(shape)
    present = counts > 0
    each = present.sum(axis=1)
    begins_again = (present == (np.arange(shape[1]) < each[:, None])).all(axis=1).mean() >= 0.95
    repeated = design.n_rows >= 1.5 * present.sum()
    return bool(begins_again and repeated and _rows_say_nested(design, outer, cell, counts))


def _natural_rank(levels: tuple[str, ...]) -> NDArray[np.int64]:
    """Return the place of each label in natural order: 2 before 10."""
    numeric = all(level.isdecimal() for level in levels)
    order = sorted(range(len(levels)), key=lambda at: (int(levels[at]) if numeric else 0, levels[at]))
    rank = np.empty(len(levels), dtype=np.int64)
    rank[order] = np.arange(len(levels))
    return rank


def _first_labels_everywhere(outer: GroupFactor, inner: GroupFactor, rank: NDArray[np.int64]) -> bool:
    """Whether the first inner label occurs in most outer levels, and the second in at least half."""
    for place, share in ((0, 0.9), (1, 0.5)):
        label = int(np.flatnonzero(rank == place)[0]) if place < rank.size else -1
        inside = np.bincount(outer.index[inner.index == label], minlength=len(outer.levels)) > 0
        if inside.mean() < share:
            return False
    return True


def _rows_say_nested(
    design: Design, outer: GroupFactor, cell: NDArray[np.int64], counts: NDArray[np.int64]
) -> bool:
    """Judge by mean squares: cells differ by more than their rows, labels by no more than cells."""
    residual = _residuals(design)
    outer_counts = counts.sum(axis=1)
    sums = np.bincount(outer.index, weights=residual, minlength=outer_counts.size)
    residual = residual - (sums / outer_counts)[outer.index]
    cell_sums = np.bincount(cell, weights=residual, minlength=counts.size).reshape(counts.shape)
    filled = counts > 0
    between_cells = float((cell_sums[filled] ** 2 / counts[filled]).sum())
    between_labels = float((cell_sums.sum(axis=0) ** 2 / counts.sum(axis=0)).sum())
    df_labels = counts.shape[1] - 1
    df_cells = int(filled.sum()) - counts.shape[0] - df_labels
    df_within = residual.size - int(filled.sum())
    if df_cells < 1 or df_within < 1:
        return False
    within = max(float(residual @ residual) - between_cells, 0.0) / df_within
    cells = max(between_cells - between_labels, 0.0) / df_cells
    if within == 0.0 or cells == 0.0:
        return bool(cells > 0.0 and between_labels / df_labels <= cells)
    cells_differ = fdtrc(df_cells, df_within, cells / within) < _LEVEL
    labels_agree = fdtrc(df_labels, df_cells, between_labels / df_labels / cells) < _LEVEL
    return bool(cells_differ and not labels_agree)


def _residuals(design: Design) -> Floats:
    """Return the least-squares residuals of the fixed part."""
    y = design.y if design.offset is None else design.y - design.offset
    X = design.fixed.X
    if X.shape[1] == 0:
        return y
    scaled = X / np.sqrt((X * X).sum(axis=0))
    solution: Floats = np.linalg.lstsq(scaled, y, rcond=None)[0]
    return np.asarray(y - scaled @ solution)
