"""Outline and levels -> blueprint: formulaic's names and coding, read off a table of level combinations."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from multilevel.design.blueprint import Blueprint, Coded, LazyColumn, Outline, Schema
from multilevel.design.blueprint_outline import factor_columns, numeric_name
from multilevel.design.expressions import State
from multilevel.design.identify import check_coding
from multilevel.design.matrices import Columns, Matrix
from multilevel.design.scope import Factor, Floats, Scope
from multilevel.errors import DesignError
from multilevel.language import Factor as ParsedFactor
from multilevel.language import parse_terms
from multilevel.model.text import quoted

MOST_CELLS = 10_000_000
"""Most numbers in the table of level combinations of one formula: 80 MB."""

Categories = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """A blueprint with what binding new rows and messages need besides.

    Parameters
    ----------
    blueprint
        How the columns are computed.
    state
        What ``C(...)`` remembers: its levels.
    empty
        Terms of the fixed part without a column: factors of one level beside an intercept.
    """

    blueprint: Blueprint
    state: State
    empty: tuple[str, ...]


def blueprint_of(outline: Outline, schema: Schema, levels: Categories, *, estimable: bool = True) -> Drawn:
    """Return how every column of the design is computed.

    Parameters
    ----------
    outline, schema
        What was known before the source was read.
    levels
        Labels of each categorical predictor among the used rows, in order.
    estimable
        Whether effects with nothing to vary in these rows are refused.

    Raises
    ------
    DesignError
        A factor has too many levels to be written as columns, or an effect has nothing to vary.

    Examples
    --------
    >>> from multilevel.design.blueprint_outline import outline_of
    >>> from multilevel.language import parse_formula
    >>> schema = {"y": "number", "x": "number", "f": "text", "g": "text"}
    >>> outline = outline_of(parse_formula("y ~ f * x + (1 | g)"), schema)
    >>> for column in blueprint_of(outline, schema, {"f": ("a", "b")}).blueprint.fixed:
    ...     print(column.name, column.numbers, column.coded)
    Intercept () None
    f[T.b] () Coded(columns=('f',), cells=((('b',), 1.0),))
    x ('x',) None
    f[T.b]:x ('x',) Coded(columns=('f',), cells=((('b',), 1.0),))
    """
    state: State = {}
    fixed, matrix = _lazy_columns(outline.model.fixed, schema, levels, outline, state)
    terms = []
    for at, term in enumerate(outline.model.groups):
        columns, coding = _lazy_columns(term.effects, schema, levels, outline, state)
        check_coding(outline.model, at, coding, estimable=estimable)
        terms.append(columns)
    return Drawn(Blueprint(outline, fixed, tuple(terms), dict(levels)), state, matrix.empty)


def _lazy_columns(
    formula: str, schema: Schema, levels: Categories, outline: Outline, state: State
) -> tuple[tuple[LazyColumn, ...], Matrix]:
    """Return the columns of one formula, and the matrix from which they were read."""
    terms = parse_terms(formula).terms
    coded = [_coded_columns(term, schema) for term in terms]
    blocks, n = _blocks(coded, levels)
    columns = _table(terms, schema, levels, blocks, n, outline, state)
    matrix = columns.matrix(formula)
    factors = {numeric_name(factor): factor for term in terms for factor in term}
    found = []
    for name, expressions, values in zip(matrix.names, matrix.terms, matrix.values.T, strict=True):
        used = [factors[expression] for expression in expressions]
        numbers = tuple(numeric_name(factor) for factor in used if not factor_columns(factor, schema))
        names = _coded_columns(used, schema)
        found.append(LazyColumn(name, numbers, _cells(names, levels, values, blocks) if names else None))
    return tuple(found), matrix


def _coded_columns(term: Sequence[ParsedFactor], schema: Schema) -> tuple[str, ...]:
    """Return the categorical columns of a term, each once."""
    return tuple(dict.fromkeys(name for factor in term for name in factor_columns(factor, schema)))


def _blocks(
    coded: Sequence[tuple[str, ...]], levels: Categories
) -> tuple[dict[tuple[str, ...], tuple[int, int]], int]:
    """Return for each set of categorical columns where its level combinations stand, and the rows in all."""
    found: dict[tuple[str, ...], tuple[int, int]] = {(): (0, 1)}
    n = 1
    for names in dict.fromkeys(coded):
        if not names:
            continue
        size = math.prod(len(levels[name]) for name in names)
        if size * (size + n) > MOST_CELLS:
            largest = max(names, key=lambda name: len(levels[name]))
            raise DesignError(
                f"`{':'.join(names)}` has {size} combinations of levels, each a column of its own",
                allowed=f"tables of {MOST_CELLS} numbers for the coding of a formula",
                remedy=f"write them as group effects: `(1 | {quoted(largest)})`",
            )
        found[names] = (n, size)
        n += size
    return found, n


def _table(
    terms: Sequence[Sequence[ParsedFactor]],
    schema: Schema,
    levels: Categories,
    blocks: Mapping[tuple[str, ...], tuple[int, int]],
    n: int,
    outline: Outline,
    state: State,
) -> Columns:
    """Return a table with all level combinations of each term, in which every numeric factor is one."""
    codes = {name: np.zeros(n, dtype=np.int32) for names in blocks for name in names}
    for names, (start, size) in blocks.items():
        sizes = [len(levels[name]) for name in names]
        if not names:
            continue
        for name, numbers in zip(names, np.indices(sizes).reshape(len(sizes), -1), strict=True):
            codes[name][start : start + size] = numbers
    factors = {name: Factor(code, levels[name]) for name, code in codes.items()}
    ones = np.ones(n)
    plain: dict[str, Floats | Factor] = {
        name: factors[name] if name in factors and schema[name] != "number" else ones
        for name in outline.needed
    }
    coding = Columns(Scope({**plain, **factors}, outline.booleans, n), state)
    columns = Columns(Scope(plain, outline.booleans, n), state)
    for term in terms:
        for factor in term:
            name = numeric_name(factor)
            if name not in outline.needed:
                is_coded = bool(factor_columns(factor, schema))
                columns.given(name, coding.values(name) if is_coded else ones)
    return columns


def _cells(
    names: tuple[str, ...],
    levels: Categories,
    values: Floats,
    blocks: Mapping[tuple[str, ...], tuple[int, int]],
) -> Coded:
    """Return the values of a column in the cells of its categorical columns, where they are not zero."""
    start, size = blocks[names]
    here = values[start : start + size]
    labels = product(*(levels[name] for name in names))
    return Coded(names, tuple((cell, float(v)) for cell, v in zip(labels, here, strict=True) if v != 0.0))
