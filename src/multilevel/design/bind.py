"""Model and table bound into a `Design`: each step of the way called once, in order."""

from __future__ import annotations

from functools import reduce
from typing import Literal

import numpy as np

from multilevel.data.names import find_names
from multilevel.data.table import Table
from multilevel.design.design import Design, EffectsTerm, GroupFactor, MergedRows
from multilevel.design.graph_checks import check_graph
from multilevel.design.groups import group_factor, group_levels
from multilevel.design.identify import check_coding, check_design
from multilevel.design.known import RowNumbers, read_known
from multilevel.design.matrices import Columns
from multilevel.design.recipe import GroupRecipe, Recipe
from multilevel.design.residual_groups import residual_columns, residual_factor
from multilevel.design.response import fixed_columns, inflation_part, response_of
from multilevel.design.rows import Missing, Rows, choose_rows, taken
from multilevel.design.scope import Factor, Floats, Scope, as_numbers, used_rows
from multilevel.design.serial import check_pairs, serial_term
from multilevel.design.variables import columns_needed, variables_of
from multilevel.errors import DataError, OptionError
from multilevel.model import Model


def bind(
    model: Model,
    table: Table,
    *,
    precision_weights: RowNumbers = None,
    frequency_weights: RowNumbers = None,
    offset: RowNumbers = None,
    residual_sd: RowNumbers = None,
    residual_groups: str | None = None,
    missing: Missing = "report",
    fewest_levels: Literal[1, 2] = 2,
    estimable: bool = True,
) -> Design:
    """Bind a model to a table.

    Parameters
    ----------
    model
        What to fit.
    table
        The columns that `columns_needed` lists.
    precision_weights
        Known ``w`` with ``Var(e_i) = sigma^2 / w_i``: a column's name or an array of the table's length.
    frequency_weights
        How many times each row counts: a column's name or an array of the table's length.
    offset
        Subtracted from the response, in its unit: a column's name, an array, or one number.
    residual_sd
        Known residual sd, in the unit of the response: one number, or one for each row (a column's name or
        an array). Sds that differ between rows become precision weights.
    residual_groups
        A column, or several joined by colons, whose levels have residual sds of their own, to be estimated.
    missing
        "report": rows with a missing value are left out with one warning, but a missing grouping value is
        an error; "drop": both are left out silently; "error": both are refused. Rows of weight zero are
        left out silently in any case.
    fewest_levels
        Of a grouping factor: 2, or 1 where priors say what one level cannot.
    estimable
        Whether a model that cannot be estimated from these rows alone is refused.

    Returns
    -------
    Design
        Arrays of the used rows. Columns of the fixed part that add nothing are left out (`AliasedWarning`).

    Raises
    ------
    DataError
        A column is missing, infinite or of the wrong type where it may not be, or no row is left.
    DesignError
        The model cannot be estimated from these data.
    OptionError
        A keyword has a value that is not allowed.

    Examples
    --------
    >>> from multilevel.data import datasets, read_table
    >>> from multilevel.language import parse_formula
    >>> model = parse_formula("reaction ~ days + (days | subject)")
    >>> design = bind(model, read_table(datasets.load("sleepstudy"), columns_needed(model)))
    >>> design.fixed.names, design.fixed.X.shape, design.factors[0].levels[:2]
    (('Intercept', 'days'), (180, 2), ('308', '309'))
    """
    if missing not in ("report", "drop", "error"):
        raise OptionError(f"missing={missing!r}", allowed='"report", "drop" or "error"')
    parts = variables_of(model)
    given: dict[str, RowNumbers] = {
        "precision_weights": precision_weights,
        "frequency_weights": frequency_weights,
        "offset": offset,
        "residual_sd": residual_sd,
    }
    find_names(columns_needed(model, residual_groups=residual_groups, **given), list(table.columns))
    _refuse_constant_name(parts.predictors)
    own_sds = residual_columns(residual_groups, residual_sd=residual_sd)
    known = read_known(table, **given)
    used, grouping = (*columns_needed(model), *own_sds), (*parts.grouping, *own_sds)
    rows = choose_rows(table, known, used=used, grouping=grouping, missing=missing)
    columns = Columns(_scope_of(table, (*parts.response, *parts.predictors), rows), {})
    response = response_of(model, columns, rows.positions)
    fixed, kept = fixed_columns(model, columns)
    inflation, inflation_kept = inflation_part(model, columns)
    factors, positions, recipes = _group_factors(model, table, rows)
    terms = _terms(model, columns, positions, table, factors, estimable)
    residual = residual_factor(own_sds, table, rows)
    design = Design(
        model=model,
        y=response.y,
        offset=total_offset(model, columns, taken(known.offset, rows)),
        fixed=fixed,
        factors=factors,
        terms=terms,
        precision_weights=taken(known.precision_weights, rows),
        frequency_weights=taken(known.frequency_weights, rows),
        residual_sd=known.residual_sd,
        rows=rows.positions,
        n_input=table.n_rows,
        missing=rows.missing,
        library=table.library,
        row_labels=table.row_labels,
        recipe=_recipe(columns, kept, inflation_kept, recipes, offset, residual[1] if residual else None),
        residual_groups=residual[0] if residual else None,
        family=model.family,
        trials=response.trials,
        inflation=inflation,
        classes=response.classes,
        merged=_merged_rows(table, rows),
    )
    return _checked(design, fewest_levels) if estimable else design


def _checked(design: Design, fewest_levels: int) -> Design:
    """Return a design from which the model can be estimated."""
    check_design(design, fewest_levels=fewest_levels)
    return design


def _recipe(
    columns: Columns,
    kept: tuple[int, ...],
    inflation_kept: tuple[int, ...],
    groups: tuple[GroupRecipe, ...],
    offset: RowNumbers,
    residual: GroupRecipe | None,
) -> Recipe:
    """Return what is needed to bind new rows in the same way."""
    found = columns.scope.columns
    again: str | float | None = offset if isinstance(offset, str) or offset is None else ""
    if again == "" and np.ndim(offset) == 0:  # type: ignore[arg-type]
        again = float(offset)  # type: ignore[arg-type]
    return Recipe(
        levels={name: value.levels for name, value in found.items() if isinstance(value, Factor)},
        booleans=columns.scope.booleans,
        state=columns.state,
        kept=kept,
        inflation_kept=inflation_kept,
        groups=groups,
        offset=again,
        residual=residual,
    )


def _merged_rows(table: Table, rows: Rows) -> MergedRows | None:
    """Return what is known of the rows that the used ones stand for, or ``None``."""
    merged = table.merged
    if merged is None:
        return None
    return MergedRows(merged.n_rows, int(merged.counts[rows.positions].sum()), merged.engine)


def _refuse_constant_name(predictors: tuple[str, ...]) -> None:
    """Raise `DataError` if a predictor has the name under which the constant stands in every table."""
    if "Intercept" in predictors:
        raise DataError(
            "the predictor `Intercept` has the name of the constant term",
            allowed="any other name",
            remedy="rename the column; the formula writes the constant as 1",
        )


def _scope_of(table: Table, names: tuple[str, ...], rows: Rows) -> Scope:
    """Return the used rows of the columns that expressions use."""
    chosen = rows.chosen
    return Scope(
        columns={name: used_rows(as_numbers(table.columns[name]), chosen) for name in dict.fromkeys(names)},
        booleans=frozenset(name for name in names if table.columns[name].boolean),
        n_rows=int(rows.positions.size),
    )


def _group_factors(
    model: Model, table: Table, rows: Rows
) -> tuple[tuple[GroupFactor, ...], tuple[int, ...], tuple[GroupRecipe, ...]]:
    """Return each grouping factor once, its position for each term, and how to find its levels again."""
    parts: dict[str, Factor] = {}
    order: dict[tuple[str, ...], int] = {}
    factors: list[GroupFactor] = []
    recipes: list[GroupRecipe] = []
    for term in model.groups:
        if term.factors in order:
            continue
        order[term.factors] = len(factors)
        for name in term.factors:
            if name not in parts:
                parts[name] = group_levels(table.columns[name], rows.chosen)
        used = [parts[name] for name in term.factors]
        factor, members = group_factor(term.factors, used)
        factors.append(factor)
        recipes.append(GroupRecipe(tuple(part.levels for part in used), members))
    return tuple(factors), tuple(order[term.factors] for term in model.groups), tuple(recipes)


def _terms(
    model: Model,
    columns: Columns,
    positions: tuple[int, ...],
    table: Table,
    factors: tuple[GroupFactor, ...],
    estimable: bool,
) -> tuple[EffectsTerm, ...]:
    """Return the grouped terms in the user's order; a graph is checked against them."""
    found = []
    for at, (term, factor) in enumerate(zip(model.groups, positions, strict=True)):
        if term.covariance.serial:
            found.append(serial_term(term, factor, columns.scope, table))
            check_pairs(found[-1], factors[factor])
            continue
        matrix = columns.matrix(term.effects)
        check_coding(model, at, matrix, estimable=estimable)
        found.append(EffectsTerm(factor, matrix.names, matrix.values, term.covariance))
    if model.dag is not None:
        check_graph(model.dag, columns, factors, positions)
    return tuple(found)


def total_offset(model: Model, columns: Columns, given: Floats | None) -> Floats | None:
    """Return the sum of the offsets of the formula and the one given, or ``None`` if there is none."""
    pieces = [_offset_values(columns, text) for text in model.offsets]
    if given is not None:
        pieces.append(given)
    return reduce(np.add, pieces) if pieces else None


def _offset_values(columns: Columns, text: str) -> Floats:
    """Return an offset of the formula as numbers."""
    values = columns.values(text)
    if not isinstance(values, np.ndarray):
        raise DataError(f"`offset({text})` is not numeric", allowed="one number in each row")
    return np.asarray(values, dtype=np.float64)
