"""New rows bound by the recipe of a design, for prediction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from multilevel.data.names import find_names
from multilevel.data.table import Column, Table
from multilevel.design.bind import total_offset
from multilevel.design.design import Design, NewRows
from multilevel.design.groups import group_levels
from multilevel.design.known import RowNumbers, read_known
from multilevel.design.matrices import Columns
from multilevel.design.recipe import GroupRecipe, Recipe
from multilevel.design.rows import require_complete
from multilevel.design.scope import Factor, Floats, Ints, Scope, as_numbers, as_trained
from multilevel.design.serial import serial_columns
from multilevel.design.variables import variables_of
from multilevel.errors import DataError, OptionError

_MISSING = "(missing)"


def new_columns_needed(
    design: Design, *, offset: RowNumbers = None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the columns that `bind_new` must have, and the grouping columns that it uses if they are there.

    Parameters
    ----------
    design
        The fitted rows.
    offset
        As in `bind_new`.

    Returns
    -------
    tuple of str
        Columns of the fixed part, of the effects and of the offsets.
    tuple of str
        Columns of the grouping factors and of the residual groups that are not among the former.
    """
    found = variables_of(design.model)
    column = _recipe(design).offset if offset is None else offset
    required = (*found.predictors, column) if isinstance(column, str) and column else found.predictors
    required = tuple(dict.fromkeys(required))
    residual = design.residual_groups
    grouping = (*found.grouping, *(residual.columns if residual is not None else ()))
    return required, tuple(name for name in dict.fromkeys(grouping) if name not in required)


def bind_new(design: Design, table: Table, *, offset: RowNumbers = None) -> NewRows:
    """Bind new rows as the fitted rows were bound.

    Parameters
    ----------
    design
        The fitted rows.
    table
        The columns that `new_columns_needed` lists. A grouping column that is not there leaves its terms
        without a level in every row.
    offset
        Replaces the ``offset`` that was given to `bind`; a column that was named there is used by itself.

    Returns
    -------
    NewRows
        Columns, level numbers and effects in the order of the design. A level that the design does not
        know, or a missing one, has number -1 and is listed in ``unknown`` (an absent grouping column is
        listed there with no labels).

    Raises
    ------
    DataError
        A predictor is missing or infinite in some row, or has a level that the fitted rows did not have.
    OptionError
        The fit had an ``offset`` array, and none is given for the new rows.

    Examples
    --------
    >>> from multilevel.data import datasets, read_table
    >>> from multilevel.design import bind
    >>> from multilevel.language import parse_formula
    >>> model = parse_formula("reaction ~ days + (days | subject)")
    >>> design = bind(model, read_table(datasets.load("sleepstudy"), model.variables))
    >>> new = read_table({"days": [10, 10], "subject": ["308", "999"]}, ["days", "subject"])
    >>> rows = bind_new(design, new)
    >>> rows.X.tolist(), rows.index[0].tolist(), rows.unknown
    ([[1.0, 10.0], [1.0, 10.0]], [0, -1], {'subject': ('999',)})
    """
    recipe = _recipe(design)
    if offset is None and recipe.offset == "":
        raise OptionError(
            "the model was fitted with an `offset` array; the new rows need one of their own",
            remedy="give offset=..., one number for each new row (or 0)",
        )
    required, _ = new_columns_needed(design, offset=offset)
    find_names(required, list(table.columns))
    given = recipe.offset if offset is None else offset
    known = read_known(table, precision_weights=None, frequency_weights=None, offset=given, residual_sd=None)
    require_complete(table, known, variables_of(design.model).predictors)
    columns = Columns(
        scope_of_columns(design, recipe, table, variables_of(design.model).predictors), recipe.state
    )
    index, unknown = level_numbers(design, recipe, table)
    fixed = columns.matrix(design.model.fixed)
    return NewRows(
        X=np.asfortranarray(fixed.values[:, recipe.kept]),
        offset=total_offset(design.model, columns, known.offset),
        index=tuple(index[term.factor] for term in design.terms),
        Z=tuple(
            serial_columns(own, columns.scope)
            if own.times is not None
            else columns.matrix(term.effects).values
            for own, term in zip(design.terms, design.model.groups, strict=True)
        ),
        unknown=unknown,
        residual=_residual_numbers(design, recipe, table),
        inflation=_inflation(design, recipe, columns),
    )


def _inflation(design: Design, recipe: Recipe, columns: Columns) -> Floats | None:
    """Return the columns of zero inflation, or ``None``."""
    if design.inflation is None:
        return None
    return np.asfortranarray(columns.matrix(design.model.inflation).values[:, recipe.inflation_kept])


def _recipe(design: Design) -> Recipe:
    """Return the recipe that `bind` stored."""
    recipe = design.recipe
    if not isinstance(recipe, Recipe):
        raise OptionError("this design was not made by `bind`; new rows cannot be bound by it")
    return recipe


def scope_of_columns(design: Design, recipe: Recipe, table: Table, names: Sequence[str]) -> Scope:
    """Return predictors of the new rows by name, factors with the levels of the fitted rows."""
    found: dict[str, Floats | Factor] = {}
    for name in names:
        column = as_numbers(table.columns[name])
        if name in recipe.levels:
            found[name] = as_trained(column, recipe.levels[name])
        elif column.levels is not None:
            raise DataError(
                f"the column `{name}` was numeric when the model was fitted and has the levels "
                f"{', '.join(repr(level) for level in column.levels[:5])} now",
                allowed="numbers",
            )
        else:
            found[name] = column.values.astype(np.float64, copy=False)
    booleans = frozenset(name for name in recipe.booleans if name in found)
    return Scope(found, booleans, table.n_rows)


def level_numbers(
    design: Design, recipe: Recipe, table: Table
) -> tuple[list[Ints], Mapping[str, tuple[str, ...]]]:
    """Return the level number of each row for each factor, and the labels that are not known."""
    numbers: list[Ints] = []
    unknown: dict[str, tuple[str, ...]] = {}
    for factor, group in zip(design.factors, recipe.groups, strict=True):
        if any(name not in table.columns for name in factor.columns):
            numbers.append(np.full(table.n_rows, -1, dtype=np.int32))
            unknown[factor.name] = ()
            continue
        parts = [_with_missing(table.columns[name]) for name in factor.columns]
        index = _find_levels(parts, group)
        numbers.append(index)
        if index.size and index.min() < 0:
            unknown[factor.name] = _labels(parts, np.flatnonzero(index < 0))
    return numbers, unknown


def _residual_numbers(design: Design, recipe: Recipe, table: Table) -> Ints | None:
    """Return the number of each row's residual group, or ``None`` if the design has none."""
    if design.residual_groups is None or recipe.residual is None:
        return None
    names = design.residual_groups.columns
    if any(name not in table.columns for name in names):
        return np.full(table.n_rows, -1, dtype=np.int32)
    return _find_levels([_with_missing(table.columns[name]) for name in names], recipe.residual)


def _with_missing(column: Column) -> Factor:
    """Return a grouping column of new rows as a factor, missing values as a level of their own."""
    values = column.values
    missing = values < 0 if values.dtype == np.int32 else np.isnan(values)
    if not missing.any():
        return group_levels(column, None)
    present = np.flatnonzero(~missing)
    inside = group_levels(column, present) if present.size else Factor(np.empty(0, dtype=np.int32), ())
    codes = np.full(values.shape, len(inside.levels), dtype=np.int32)
    codes[present] = inside.codes
    return Factor(codes, (*inside.levels, _MISSING))


def _find_levels(parts: list[Factor], group: GroupRecipe) -> Ints:
    """Return the number of the fitted level of each row, -1 where there is none."""
    fitted = np.zeros(len(group.members), dtype=np.int64)
    wanted = np.zeros(parts[0].codes.size, dtype=np.int64)
    known = np.ones(wanted.size, dtype=np.bool_)
    for part, levels, member in zip(parts, group.levels, group.members.T, strict=True):
        number = {label: at for at, label in enumerate(levels)}
        codes = np.array([number.get(label, -1) for label in part.levels], dtype=np.int64)[part.codes]
        distinct, fitted = np.unique(fitted * len(levels) + member, return_inverse=True)
        keys = wanted * len(levels) + codes
        wanted = np.minimum(np.searchsorted(distinct, keys), distinct.size - 1)
        known &= (codes >= 0) & (distinct[wanted] == keys)
    return np.where(known, wanted, -1).astype(np.int32)


def _labels(parts: list[Factor], rows: NDArray[np.int64]) -> tuple[str, ...]:
    """Return the distinct labels of some rows, combinations joined by a colon."""
    codes = np.unique(np.column_stack([part.codes[rows] for part in parts]), axis=0)
    return tuple(":".join(part.levels[code] for part, code in zip(parts, row, strict=True)) for row in codes)
