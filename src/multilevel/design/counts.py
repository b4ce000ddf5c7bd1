"""Model and table -> counts: how large a job will be, without its matrices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from multilevel.data.table import Column, Table
from multilevel.design.groups import group_factor, group_levels
from multilevel.design.matrices import Columns
from multilevel.design.scope import Scope, as_numbers, used_rows
from multilevel.design.variables import variables_of
from multilevel.language import parse_terms
from multilevel.model import Model

SAMPLE = 1000
"""Rows on which formulas are tried to count their columns, besides one of every level."""
MOST_COUNTED = 20_000_000
"""Rows up to which pairs of levels are counted; of more rows they are bounded by rows and levels."""

MERGING = ("bernoulli", "binomial", "poisson")
"""Families of which rows that differ in their response alone are merged."""
MANY_ROWS, SAMPLED = 100_000, np.uint64(63)
"""From so many rows on, one in so many hashes, less one, is looked at."""
MIX = np.uint64(0x9E3779B97F4A7C15)

Rows = NDArray[np.int64] | None


@dataclass(frozen=True, slots=True)
class FactorSize:
    """A grouping factor: its levels, the effects of each, and whether its labels are text."""

    name: str
    levels: int
    effects: int
    text: bool = False


@dataclass(frozen=True, slots=True)
class PairSize:
    """How many pairs of levels of two factors share a row; at most, if they were not counted."""

    pairs: int
    counted: bool = True


@dataclass(frozen=True, slots=True)
class Job:
    """What decides how long a job takes and how much memory it needs.

    Parameters
    ----------
    rows
        Rows that are used.
    columns
        Of the fixed part, and of zero inflation.
    effects
        Effect columns of all grouped terms.
    stored
        Bytes of a row in columns that are read, converted or copied, beside the caller's own.
    factors
        The one with most levels first.
    pairs
        By the positions ``(f, g)``, ``f < g``, of two factors.
    linear
        Whether the model needs cross-products alone.
    streamed
        Whether rows stay in their source.
    distinct
        Rows left if those that differ in their response alone are merged, about; ``None`` if the family has
        no such thing, or they were not counted.
    """

    rows: int
    columns: int
    effects: int
    stored: int
    factors: tuple[FactorSize, ...]
    pairs: Mapping[tuple[int, int], PairSize]
    linear: bool = True
    streamed: bool = False
    distinct: int | None = None


def job_of(model: Model, table: Table, *, stored: int = 0, exact: bool = True) -> Job:
    """Count a job whose table is in memory.

    Parameters
    ----------
    model, table
        What `design.bind` will be given.
    stored
        Bytes of a row that reading takes beside the caller's table.
    exact
        Whether levels and pairs are counted, in a pass for each factor and each pair; else there are at most
        as many as rows.

    Examples
    --------
    >>> from multilevel.data import datasets, read_table
    >>> from multilevel.language import parse_formula
    >>> model = parse_formula("strength ~ 1 + (1 | batch/cask)")
    >>> job = job_of(model, read_table(datasets.load("pastes"), ["strength", "batch", "cask"]))
    >>> [(factor.name, factor.levels) for factor in job.factors], job.pairs[0, 1].pairs
    ([('batch:cask', 30), ('batch', 10)], 30)
    """
    rows = _complete(table)
    n = table.n_rows if rows is None else int(rows.size)
    copied = 0 if rows is None else 8 * len(table.columns)
    columns, effects = _widths(model, table, rows)
    names = list(dict.fromkeys(term.factors for term in model.groups))
    width = [
        sum(k for term, k in zip(model.groups, effects, strict=True) if term.factors == name)
        for name in names
    ]
    codes: list[NDArray[np.int32] | None] = []
    sizes = []
    for name, k in zip(names, width, strict=True):
        text = any(table.columns[one].levels is not None for one in name)
        if exact and n:
            factor, _ = group_factor(name, [group_levels(table.columns[one], rows) for one in name])
            codes.append(factor.index)
            sizes.append(FactorSize(factor.name, len(factor.levels), k, text))
        else:
            codes.append(None)
            sizes.append(FactorSize(":".join(name), _most_levels(table, name, n), k, text))
    order = sorted(range(len(names)), key=lambda f: (-sizes[f].levels, f))
    pairs = {
        (a, b): _pairs(codes[order[a]], codes[order[b]], sizes[order[a]].levels, sizes[order[b]].levels, n)
        for a in range(len(order))
        for b in range(a + 1, len(order))
    }
    return Job(
        rows=n,
        columns=columns,
        effects=sum(effects),
        stored=stored + copied,
        factors=tuple(sizes[f] for f in order),
        pairs=pairs,
        linear=model.family.is_linear,
        distinct=_distinct_rows(model, table, rows) if exact else None,
    )


def _distinct_rows(model: Model, table: Table, rows: Rows) -> int | None:
    """Estimate how many rows differ in more than their response, from those whose hash falls in one of 64."""
    if model.family.name not in MERGING or model.inflation:
        return None
    parts = variables_of(model)
    names = [name for name in table.columns if name not in parts.response]
    mixed = np.zeros(table.n_rows, dtype=np.uint64)
    for name in names:
        values = table.columns[name].values.astype(np.float64) + 0.0
        mixed = (mixed ^ values.view(np.uint64)) * MIX
        mixed ^= mixed >> np.uint64(29)
    if rows is not None:
        mixed = mixed[rows]
    chosen = mixed[mixed & SAMPLED == 0] if mixed.size > MANY_ROWS else mixed
    share = pd.unique(chosen).size / chosen.size if chosen.size else 1.0
    return round(share * mixed.size)


def _complete(table: Table) -> Rows:
    """Return the rows without a missing value, or ``None`` if that is all of them."""
    lost = np.zeros(table.n_rows, dtype=np.bool_)
    for column in table.columns.values():
        lost |= column.values < 0 if column.values.dtype == np.int32 else np.isnan(column.values)
    return np.flatnonzero(~lost) if lost.any() else None


def _widths(model: Model, table: Table, rows: Rows) -> tuple[int, list[int]]:
    """Return the columns of the fixed part and the effects of each term, tried on some rows."""
    names = [name for name in variables_of(model).predictors if name in table.columns]
    some = _sample({name: table.columns[name] for name in names}, table.n_rows, rows)
    scope = Scope(
        columns={name: used_rows(as_numbers(table.columns[name]), some) for name in names},
        booleans=frozenset(name for name in names if table.columns[name].boolean),
        n_rows=int(some.size),
    )
    columns = Columns(scope, {})
    fixed = len(columns.matrix(model.fixed).names)
    if model.inflation:
        fixed += len(columns.matrix(model.inflation).names)
    effects = []
    for term in model.groups:
        if term.covariance.serial:
            (name,) = parse_terms(term.effects).columns
            effects.append(_distinct(table.columns[name], rows))
        else:
            effects.append(len(columns.matrix(term.effects).names))
    return fixed, effects


def _sample(columns: Mapping[str, Column], n: int, rows: Rows) -> NDArray[np.int64]:
    """Return some of the used rows: the first ones, and the first of every level of each predictor."""
    every = np.arange(n) if rows is None else rows
    found = [every[:SAMPLE]]
    for column in columns.values():
        if column.levels is not None or column.boolean:
            _, first = np.unique(column.values[every], return_index=True)
            found.append(every[first])
    return np.unique(np.concatenate(found))


def _distinct(column: Column, rows: Rows) -> int:
    """Return how many values occur."""
    values: Any = column.values if rows is None else column.values[rows]
    return int(pd.unique(values).size)


def _most_levels(table: Table, names: tuple[str, ...], n: int) -> int:
    """Return how many levels a factor can have, at most."""
    most = 1
    for name in names:
        levels = table.columns[name].levels
        most *= n if levels is None else len(levels)
    return min(most, n)


def _pairs(
    a: NDArray[np.int32] | None, b: NDArray[np.int32] | None, levels_a: int, levels_b: int, n: int
) -> PairSize:
    """Return how many pairs of levels share a row."""
    most = min(n, levels_a * levels_b)
    if a is None or b is None or n > MOST_COUNTED:
        return PairSize(most, counted=False)
    keys = a.astype(np.int64) * levels_b + b
    if levels_a * levels_b <= 4 * n + 1000:
        return PairSize(int(np.count_nonzero(np.bincount(keys, minlength=1))))
    return PairSize(int(pd.unique(keys).size))
