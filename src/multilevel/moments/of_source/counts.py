"""Source -> counts: how many rows and levels it has, asked of its engine before anything is summed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import narwhals as nw

from multilevel.data.engine_errors import errors_of, reason
from multilevel.data.names import find_names
from multilevel.data.reading import read_table
from multilevel.data.sources import Source, with_engine
from multilevel.design.blueprint import Blueprint, Outline
from multilevel.design.blueprint_columns import blueprint_of
from multilevel.design.counts import FactorSize, Job, PairSize, job_of
from multilevel.errors import DataError
from multilevel.model import Model

FIRST_ROWS = 1000
"""Rows on which the columns of a generalised model are counted."""


@dataclass(frozen=True, slots=True)
class SourceCounts:
    """Rows of a source, and levels of each grouping factor and categorical predictor."""

    rows: int
    levels: tuple[int, ...]
    categories: dict[str, tuple[str, ...]]


def count_source(source: Source, outline: Outline) -> SourceCounts:
    """Ask a source for its rows and levels; missing labels count as one.

    Parameters
    ----------
    source
        Parquet files are counted by DuckDB.
    outline
        What the model needs.

    Raises
    ------
    DataError
        The engine fails.

    Examples
    --------
    >>> import polars as pl
    >>> from multilevel.data.sources import open_source
    >>> from multilevel.design.blueprint_outline import outline_of
    >>> from multilevel.language import parse_formula
    >>> source = open_source(pl.LazyFrame({"y": [1.0, 2, 4], "g": ["a", "b", "a"]}))
    >>> count_source(source, outline_of(parse_formula("y ~ 1 + (1 | g)"), source.schema)).levels
    (2,)
    """
    counted = with_engine(source)
    own = find_names(outline.needed, counted.names)
    rows, levels = _counted(counted, [[own[name] for name in columns] for columns in outline.factors])
    categories = {name: _labels(counted, own[name]) for name in outline.categorical}
    return SourceCounts(rows, levels, categories)


def job_of_merged(source: Source, model: Model, names: Sequence[str]) -> tuple[Job, int]:
    """Return the sizes of a generalised model of a source whose equal rows are merged, and all its rows.

    Columns are counted on the first rows: levels of a categorical predictor that come later are not.

    Parameters
    ----------
    source, model
        What is fitted.
    names
        The columns that tell rows apart.
    """
    counted = with_engine(source)
    own = find_names(names, counted.names)
    chosen = counted.frame.select(*(nw.col(own[name]).alias(name) for name in names))
    first = job_of(model, read_table(_collected(counted, lambda: chosen.head(FIRST_ROWS)).to_native(), names))
    factors = list(dict.fromkeys(term.factors for term in model.groups))
    rows, levels = _counted(counted, [[own[name] for name in columns] for columns in factors])
    known = {":".join(columns): m for columns, m in zip(factors, levels, strict=True)}
    distinct = _combinations(counted, [own[name] for name in names])
    sizes = [replace(factor, levels=known[factor.name]) for factor in first.factors]
    sizes.sort(key=lambda factor: -factor.levels)
    columns = [factor.name.split(":") for factor in sizes]
    pairs = {
        (f, g): _pairs(columns, sizes, distinct, f, g)
        for f in range(len(sizes))
        for g in range(f + 1, len(sizes))
    }
    job = replace(first, rows=distinct, distinct=None, stored=8 * len(names))
    return replace(job, factors=tuple(sizes), pairs=pairs), rows


def _counted(source: Source, factors: Sequence[Sequence[str]]) -> tuple[int, tuple[int, ...]]:
    """Return the rows of a source and the levels of each factor."""
    single = [columns[0] for columns in factors if len(columns) == 1]
    asked = [
        nw.len().alias("rows"),
        *(nw.col(name).n_unique().alias(f"n{i}") for i, name in enumerate(single)),
    ]
    answer = _collected(source, lambda: source.frame.select(*asked))
    numbers = iter(int(answer[f"n{i}"][0]) for i in range(len(single)))
    levels = [next(numbers) if len(columns) == 1 else _combinations(source, columns) for columns in factors]
    return int(answer["rows"][0]), tuple(levels)


def job_of_source(source: Source, outline: Outline, counts: SourceCounts) -> Job:
    """Return the sizes of a linear model of a source; pairs of levels are bounds."""
    blueprint: Blueprint = blueprint_of(outline, source.schema, counts.categories).blueprint
    widths = [len(columns) for columns in blueprint.terms]
    effects = [
        sum(k for k, home in zip(widths, outline.term_factor, strict=True) if home == f)
        for f in range(len(outline.factors))
    ]
    factors = [
        FactorSize(":".join(columns), m, k, any(source.schema[name] == "text" for name in columns))
        for columns, m, k in zip(outline.factors, counts.levels, effects, strict=True)
    ]
    order = sorted(range(len(factors)), key=lambda f: (-factors[f].levels, f))
    pairs = {
        (a, b): _pairs(outline.factors, factors, counts.rows, order[a], order[b])
        for a in range(len(order))
        for b in range(a + 1, len(order))
    }
    return Job(
        rows=counts.rows,
        columns=len(blueprint.fixed),
        effects=sum(widths),
        stored=0,
        factors=tuple(factors[f] for f in order),
        pairs=pairs,
        streamed=True,
    )


def questions(outline: Outline) -> int:
    """Return how many queries an engine gets: one for facts, one for each set of keys that is not in another.

    The sums of a factor come from those of another whose columns include its own, those of a pair from any.
    """
    factors = [frozenset(columns) for columns in outline.factors]
    pairs = [a | b for at, a in enumerate(factors) for b in factors[at + 1 :]]
    merged: list[tuple[int, frozenset[str]]] = []
    wanted = [(0, keys) for keys in factors] + [(1, keys) for keys in pairs]
    for rank, keys in sorted(wanted, key=lambda item: (-len(item[1]), item[0])):
        if not any(keys <= other and home <= rank for home, other in merged):
            merged.append((rank, keys))
    return 1 + max(1, len(merged))


def _pairs(
    columns: Sequence[Sequence[str]], factors: Sequence[FactorSize], rows: int, f: int, g: int
) -> PairSize:
    """Return a bound on the pairs of levels of two factors; a factor nested by its columns has its levels."""
    if set(columns[g]) <= set(columns[f]):
        return PairSize(factors[f].levels)
    return PairSize(min(rows, factors[f].levels * factors[g].levels), counted=False)


def _combinations(source: Source, names: Sequence[str]) -> int:
    """Return how many combinations of columns occur."""
    found = _collected(source, lambda: source.frame.select(*names).unique().select(nw.len().alias("n")))
    return int(found["n"][0])


def _labels(source: Source, name: str) -> tuple[str, ...]:
    """Return the labels of a column, sorted."""
    found = _collected(source, lambda: source.frame.select(nw.col(name)).unique())[name]
    return tuple(sorted(str(label) for label in found.to_list() if label is not None))


def _collected(source: Source, asked: Callable[[], Any]) -> nw.DataFrame[Any]:
    """Return the answer of an engine; some fail when they are asked, some when the answer is collected."""
    try:
        answer: nw.DataFrame[Any] = asked().collect()
        return answer
    except errors_of(str(source.frame.implementation)) as error:
        raise DataError(f"{source.engine} cannot count the rows: {reason(error)}") from error
