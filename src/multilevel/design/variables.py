"""Which columns of the table each part of a model uses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from multilevel.design.known import RowNumbers
from multilevel.design.residual_groups import residual_columns
from multilevel.language import expression_variables, parse_terms
from multilevel.model import Model


@dataclass(frozen=True, slots=True)
class Variables:
    """Column names by their part in the model; each tuple in order of first use.

    Parameters
    ----------
    response
        Columns of the response.
    predictors
        Columns of the fixed part, of the effects, and of the formula's offsets.
    grouping
        Columns of the grouping factors.
    """

    response: tuple[str, ...]
    predictors: tuple[str, ...]
    grouping: tuple[str, ...]


def variables_of(model: Model) -> Variables:
    """Return the columns of each part of a model."""
    predictors = [*parse_terms(model.fixed).columns]
    predictors += parse_terms(model.inflation).columns if model.inflation else ()
    for term in model.groups:
        predictors += parse_terms(term.effects).columns
    for offset in model.offsets:
        predictors += expression_variables(offset)
    return Variables(
        _each_once(
            [*(expression_variables(model.response) if model.response else ()), *trials_columns(model)]
        ),
        _each_once(predictors),
        _each_once(name for term in model.groups for name in term.factors),
    )


def trials_columns(model: Model) -> tuple[str, ...]:
    """Return the columns of the trials of a response; none if they are a number, or there are no trials."""
    try:
        float(model.trials)
    except ValueError:
        return expression_variables(model.trials) if model.trials else ()
    return ()


def columns_needed(
    model: Model,
    *,
    precision_weights: RowNumbers = None,
    frequency_weights: RowNumbers = None,
    offset: RowNumbers = None,
    residual_sd: RowNumbers = None,
    residual_groups: str | None = None,
) -> tuple[str, ...]:
    """Return the names of every column that `bind` will use, for `data.read_table`.

    Parameters
    ----------
    model
        The model.
    precision_weights, frequency_weights, offset, residual_sd
        As in `bind`; those that are texts name columns.
    residual_groups
        As in `bind`.

    Examples
    --------
    >>> columns_needed(Model("", "y", "1 + x", (), variables=("y", "x")), precision_weights="w")
    ('y', 'x', 'w')
    """
    found = variables_of(model)
    options = (precision_weights, frequency_weights, offset, residual_sd)
    named = [option for option in options if isinstance(option, str)]
    own_sds = residual_columns(residual_groups)
    return _each_once(
        [*model.variables, *found.response, *found.predictors, *found.grouping, *named, *own_sds]
    )


def _each_once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
