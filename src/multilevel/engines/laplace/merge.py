"""Rows that differ in their response alone, merged into one where the family's likelihood allows it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multilevel.design.design import Design

Floats = NDArray[np.float64]

MERGING = ("bernoulli", "binomial", "poisson")
"""Families whose successes, or counts, of equal rows may be added up."""
WORTH_IT = 0.7
"""Rows are merged if at most this share of them is left."""
MANY_ROWS = 20_000
"""From so many rows on, whether merging is worth it is first asked of some values of each column."""
SAMPLED = np.uint64(6)
"""Of the values one in two to this power, chosen by their hash."""
MIX = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True, eq=False)
class ResponseRows:
    """The rows that the kernels are given.

    Parameters
    ----------
    rows
        ``(r,)`` for each of them, a row of the design with its covariates and groups; ``None`` if they are
        the design's rows.
    y, trials, frequency
        ``(r,)`` response, and trials and frequencies or ``None``.
    """

    rows: NDArray[np.int64] | None
    y: Floats
    trials: Floats | None
    frequency: Floats | None


def response_rows(design: Design) -> ResponseRows:
    """Return the design's rows, equal ones merged: Bernoulli to binomial, Poisson counts to sums.

    The likelihood of the merged rows differs from that of the design's by a constant.
    """
    plain = ResponseRows(None, design.y, design.trials, design.frequency_weights)
    if design.family.name not in MERGING or design.inflation is not None:
        return plain
    if design.n_rows >= MANY_ROWS and any(_mostly_different(column) for column in _parts(design)):
        return plain
    hashes = None if _many_cells(design) else _hashes(design)
    if hashes is None or _distinct(hashes) > WORTH_IT * design.n_rows:
        return plain
    columns = _columns(design)
    _, rows, inverse = np.unique(hashes, return_index=True, return_inverse=True)
    if not np.array_equal(columns, columns[rows][inverse]):
        return plain
    weights = np.ones(design.n_rows) if design.frequency_weights is None else design.frequency_weights
    y = _sums(inverse, weights * design.y)
    trials = weights if design.trials is None else weights * design.trials
    total = _sums(inverse, trials)
    if design.family.name == "poisson":
        return ResponseRows(rows, y / total, None, total)
    return ResponseRows(rows, y, total, None)


def _sums(group: NDArray[np.int64], values: Floats) -> Floats:
    """Return the sums of values by group."""
    return np.bincount(group, weights=values).astype(np.float64)


def _parts(design: Design) -> Iterator[Floats]:
    """Return the columns in which rows may differ but for the response and the groups, one by one."""
    for matrix in (design.fixed.X, *(term.Z for term in design.terms)):
        yield from np.asarray(matrix).T
    if design.offset is not None:
        yield design.offset


def _mostly_different(column: Floats) -> bool:
    """Return whether a column has so many values that merging rows cannot be worth it."""
    hashes = np.ascontiguousarray(column).view(np.uint64) * MIX
    sample = hashes[(hashes >> (np.uint64(64) - SAMPLED)) == 0]
    if sample.size < MANY_ROWS >> 7:
        return False
    return bool(np.unique(sample).size > (WORTH_IT + 0.1) * sample.size)


def _columns(design: Design) -> Floats:
    """Return everything in which rows may differ but for the response, ``(n, columns)``."""
    parts = [column[:, None] for column in _parts(design)]
    parts += [factor.index[:, None].astype(np.float64) for factor in design.factors]
    whole = np.concatenate(parts, axis=1) + 0.0  # no minus zeros
    varying = whole[:, np.ptp(whole, axis=0) > 0.0] if whole.size else whole
    return np.ascontiguousarray(varying if varying.shape[1] else whole[:, :1])


def _many_cells(design: Design) -> bool:
    """Return whether the groups alone tell too many rows apart for merging to be worth it."""
    cell, cells = np.zeros(design.n_rows, dtype=np.int64), 1
    for factor in design.factors:
        cells *= len(factor.levels)
        if cells > 4 * design.n_rows:
            return False
        cell = cell * len(factor.levels) + factor.index
    return bool(np.count_nonzero(np.bincount(cell)) > WORTH_IT * design.n_rows)


def _hashes(design: Design) -> NDArray[np.uint64]:
    """Return one number for each row, equal for equal rows and hardly ever for others."""
    found = np.zeros(design.n_rows, dtype=np.uint64)
    levels = (factor.index.astype(np.float64) for factor in design.factors)
    for column in itertools.chain(_parts(design), levels):
        values: Floats = column + 0.0  # no minus zeros
        if values.size and (values == values[0]).all():
            continue
        found = (found ^ (found >> np.uint64(29)) ^ values.view(np.uint64)) * MIX
        found ^= found >> np.uint64(32)
    return found


def _distinct(hashes: NDArray[np.uint64]) -> int:
    """Return how many different numbers there are."""
    in_order = np.sort(hashes)
    return int(np.count_nonzero(in_order[1:] != in_order[:-1])) + 1
