"""A table drawn from sizes: levels and their parents, rows, and predictors."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilevel.data.columns import from_array
from multilevel.data.table import Column, Table
from multilevel.design.groups import group_factor
from multilevel.design.nesting import nesting_of
from multilevel.design.scope import Factor
from multilevel.design.streams import stream
from multilevel.design.variables import trials_columns
from multilevel.errors import OptionError
from multilevel.language import expression_variables, parse_terms
from multilevel.model import Model
from multilevel.model.graph import Graph

Ints = NDArray[np.int64]
KINDS = ("normal", "binary")


def draw_table(model: Model, sizes: Mapping[str, Any], *, seed: int, balanced: bool) -> Table:
    """Draw the columns that a graph needs besides its response.

    Parameters
    ----------
    model
        A model with a graph.
    sizes
        For each column of an index the number of its levels in all; ``"rows"``; and predictors: "normal",
        "binary", a number, an array, or a function of a generator and a length. A predictor in the mean of a
        node has one value for each level of the node's index, others one for each row.
    seed
        From 0.
    balanced
        Whether every combination of the finest columns has the same number of rows.

    Returns
    -------
    Table
        Levels are numbered from 1. Every level has a row if there are as many rows as levels; every parent
        has a child.

    Raises
    ------
    OptionError
        A size is absent, unknown, no whole number, or less than that of a parent; a predictor has a wrong
        length; or known sds or trials are not given.
    DesignError
        Sizes cannot say how columns are nested.
    """
    graph = model.dag
    assert graph is not None
    nesting = nesting_of(graph)
    _check_names(model, sizes, tuple(nesting.above))
    counts = {name: _size(sizes, name) for name in nesting.above}
    finest = {name: counts[name] for name in nesting.finest}
    codes = _every_combination(finest, sizes) if balanced else _at_random(finest, _size(sizes, "rows"), seed)
    n = len(next(iter(codes.values()))) if codes else _size(sizes, "rows")
    for name in reversed(tuple(nesting.above)):
        for parent in nesting.above[name]:
            up = _parents(name, counts[name], parent, counts[parent], seed, balanced)
            codes.setdefault(parent, up[codes[name]])
    columns = {name: Column(name, codes[name].astype(np.float64) + 1.0) for name in nesting.above}
    owners = _owners(graph)
    for name in _predictors(model):
        index, length = _levels(owners.get(name, ()), codes, counts, n)
        values = _predictor(name, sizes, model, length, n, stream(seed, "column", name), balanced)
        drawn = from_array(name, values)
        if index is not None and not len(values) == n != length:
            drawn = replace(drawn, values=drawn.values[index])
        columns[name] = drawn
    return Table(columns, n, "pandas")


def _predictors(model: Model) -> tuple[str, ...]:
    """Return the columns besides the response and the indices."""
    graph = model.dag
    assert graph is not None
    index = {name for node in graph.nodes for name in node.index} | set(graph.residual_groups)
    known = [graph.residual_column] if graph.residual_column else []
    names = dict.fromkeys([*model.variables, *known])
    return tuple(name for name in names if name not in index and name not in _response(model))


def _response(model: Model) -> tuple[str, ...]:
    return expression_variables(model.response)


def _check_names(model: Model, sizes: Mapping[str, Any], index: tuple[str, ...]) -> None:
    """Raise if a size is absent or means nothing."""
    allowed = [*index, "rows", *_predictors(model)]
    unknown = [name for name in sizes if name not in allowed]
    if unknown:
        raise OptionError(
            f"sizes: {unknown[0]!r} is no column of this model",
            allowed=", ".join(repr(name) for name in allowed),
        )
    absent = [name for name in index if name not in sizes]
    if absent:
        raise OptionError(
            "sizes: the number of levels is missing of " + ", ".join(f"`{name}`" for name in absent),
            remedy=f"{{{absent[0]!r}: 20, ...}}",
        )


def _size(sizes: Mapping[str, Any], name: str) -> int:
    """Return a size as a whole number from 1."""
    value = sizes.get(name)
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        asked = f"sizes: {name}={value!r} is not a number of {'rows' if name == 'rows' else 'levels'}"
        raise OptionError(asked, allowed="1, 2, ...", remedy=f"{{{name!r}: 200, ...}}")
    return int(value)


def _every_combination(counts: Mapping[str, int], sizes: Mapping[str, Any]) -> dict[str, Ints]:
    """Return rows in which every combination of levels stands equally often."""
    cells = math.prod(counts.values())
    n = _size(sizes, "rows") if "rows" in sizes else cells
    if n % cells:
        raise OptionError(
            f"balanced=True: {n} rows cannot be {cells} combinations of levels in equal numbers",
            allowed=f"{cells}, {2 * cells}, {3 * cells}, ... rows",
            remedy="balanced=False",
        )
    if not counts:
        return {}
    cell = np.repeat(np.arange(cells), n // cells)
    found = np.unravel_index(cell, tuple(counts.values()))
    return {name: np.asarray(codes) for name, codes in zip(counts, found, strict=True)}


def _at_random(counts: Mapping[str, int], n: int, seed: int) -> dict[str, Ints]:
    """Return rows with levels at random, each of them once at least if there are rows enough."""
    return {name: _covering(count, n, stream(seed, "rows", name)) for name, count in counts.items()}


def _covering(levels: int, n: int, rng: np.random.Generator) -> Ints:
    """Return ``n`` numbers below ``levels`` at random; all of them occur, or none twice."""
    if n <= levels:
        return rng.permutation(levels)[:n]
    codes = np.concatenate([np.arange(levels), rng.integers(0, levels, n - levels)])
    rng.shuffle(codes)
    return codes


def _parents(name: str, count: int, parent: str, above: int, seed: int, balanced: bool) -> Ints:
    """Return the parent of each level of a column; every parent has a child."""
    if count < above:
        raise OptionError(
            f"sizes: {count} levels of `{name}` in {above} of `{parent}`, which each have one at least",
            allowed="sizes are totals: the number of levels in all, not that within each parent",
            remedy=f"{{{parent!r}: {above}, {name!r}: {10 * above}, ...}}",
        )
    if balanced:
        return np.arange(count) * above // count
    return _covering(above, count, stream(seed, "parents", name, parent))


def _owners(graph: Graph) -> dict[str, tuple[str, ...]]:
    """Return the index whose levels each group-level predictor belongs to."""
    found: dict[str, tuple[str, ...]] = {}
    for node in sorted(graph.nodes, key=lambda node: (len(node.index), node.index)):
        for part in (part for mean in node.means for part in mean if part.columns):
            for name in parse_terms(f"0 + {part.columns}").columns:
                found.setdefault(name, node.index)
    return found


def _levels(
    index: tuple[str, ...], codes: Mapping[str, Ints], counts: Mapping[str, int], n: int
) -> tuple[NDArray[np.integer[Any]] | None, int]:
    """Return the level of each row in an index and the number of levels; ``None`` for the rows themselves."""
    if not index:
        return None, n
    if len(index) == 1:
        return codes[index[0]], counts[index[0]]
    parts = [Factor(codes[name].astype(np.int32), ("",) * counts[name]) for name in index]
    factor, members = group_factor(index, parts)
    return factor.index, len(members)


def _predictor(
    name: str, sizes: Mapping[str, Any], model: Model, length: int, n: int,
    rng: np.random.Generator, balanced: bool,
) -> NDArray[Any]:  # fmt: skip
    """Return the values of a predictor: one for each level or row."""
    given = sizes.get(name, "normal")
    graph = model.dag
    if name not in sizes and graph is not None and name in (graph.residual_column, *trials_columns(model)):
        what = "known residual sds" if name == graph.residual_column else "trials"
        raise OptionError(
            f"sizes: the {what} `{name}` are missing",
            allowed="a number, an array, or a function of a generator and a length",
            remedy=f"{{{name!r}: 10, ...}}",
        )
    if isinstance(given, str):
        if given not in KINDS:
            raise _wrong(name, repr(given), length)
        if given == "normal":
            return rng.standard_normal(length)
        return (np.arange(length) if balanced else rng.integers(0, 2, length)) % 2 * 1.0
    if isinstance(given, int | float | np.number) and not isinstance(given, bool):
        return np.full(length, float(given))
    made: Callable[..., object] | None = given if callable(given) else None
    values = np.asarray(given if made is None else made(rng, length))
    if values.ndim != 1 or len(values) not in {length, n if made is None else length}:
        raise _wrong(name, f"of shape {values.shape}", length)
    return values


def _wrong(name: str, found: str, length: int) -> OptionError:
    """Return the error for a predictor that is none."""
    return OptionError(
        f"sizes: the predictor `{name}` is {found}",
        allowed=f"'normal', 'binary', a number, an array of {length}, or a function of a generator and a "
        "length",
    )
