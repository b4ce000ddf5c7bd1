"""New rows for prediction: which columns they need, read and bound, with their precision weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multilevel.data import Library, Table, read_table
from multilevel.design import NewRows, bind_new, new_columns_needed
from multilevel.design.variables import trials_columns
from multilevel.errors import DataError, OptionError
from multilevel.inference.posterior_residual import own_term
from multilevel.inference.predict import kinds_of_terms
from multilevel.model import Model
from multilevel.results import Groups
from multilevel.results.options import Given
from multilevel.results.posterior import Result

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class NewData:
    """New rows, ready for `predict`.

    Parameters
    ----------
    rows
        The rows bound by the design of the fit.
    precision
        ``(n_new,)`` precision weights, or ``None`` for one.
    trials
        ``(n_new,)`` trials, or ``None`` where they are not needed.
    library
        The library of the new data.
    """

    rows: NewRows
    precision: Floats | None
    trials: Floats | None
    library: Library


def read_new_data(
    fit: Result, data: object, *, groups: Groups | Mapping[str, Groups], observation: bool
) -> NewData:
    """Read and bind new rows.

    The columns of a grouping factor are needed only if its groups are "known". Precision weights are
    needed only for the interval of a single observation; they, or the known residual sds, come from the
    column that the fit names. So are the columns of residual groups that are not those of a grouped term, and
    the column of trials.

    Raises
    ------
    DataError
        If a column is absent or has values that cannot be used.
    OptionError
        If the fit was given an array that new rows would need values of.
    """
    design = fit.design
    _refuse_array("offset", fit.options.offset)
    required, grouping = new_columns_needed(design)
    known = {
        column
        for block, kind in zip(design.terms, kinds_of_terms(fit, groups), strict=True)
        if kind == "known"
        for column in design.factors[block.factor].columns
    }
    weights = _weight_columns(fit) if observation else ()
    if observation and design.residual_groups is not None and own_term(design) is None:
        known |= set(design.residual_groups.columns)
    trials = _trials_column(design.model) if observation else ""
    names = (
        *required,
        *(name for name in grouping if name in known),
        *weights,
        *((trials,) if trials else ()),
    )
    table = read_table(data, tuple(dict.fromkeys(names)))
    return NewData(
        bind_new(design, table),
        _precision(fit, table) if weights else None,
        _trials(design.model, table, trials) if observation else None,
        table.library,
    )


def _trials_column(model: Model) -> str:
    """Return the column of trials, or "" if there are none or they are a number."""
    text = model.trials
    columns = trials_columns(model)
    if not columns:
        return ""
    if text.strip("`") not in columns:
        raise OptionError(
            f"single observations have trials, and those of the fit are an expression: {text}",
            allowed="trials that are one column or one number",
            remedy="put the trials into a column and fit again, or observation=False",
        )
    return columns[0]


def _trials(model: Model, table: Table, column: str) -> Floats | None:
    """Return the trials of new rows, or raise `DataError` if there are none."""
    if not model.trials:
        return None
    if not column:
        return np.full(table.n_rows, float(model.trials))
    values = table.columns[column].values
    if table.columns[column].levels is not None or not np.all((values >= 1) & (values == np.floor(values))):
        raise DataError(
            f"the column `{column}` of the new rows has trials that are missing or no whole numbers from 1",
            allowed="whole numbers from 1",
            remedy="observation=False, which needs no trials",
        )
    return values.astype(np.float64)


def _weight_columns(fit: Result) -> tuple[str, ...]:
    """Return the column of precision weights or of residual sds, if there is one."""
    options = fit.options
    _refuse_array("precision_weights", options.precision_weights)
    _refuse_array("residual_sd", options.residual_sd)
    given = (options.precision_weights, options.residual_sd)
    return tuple(name for name in given if isinstance(name, str))


def _precision(fit: Result, table: Table) -> Floats:
    """Return the precision weights of new rows; one over the square of known residual sds."""
    weights = np.ones(table.n_rows)
    for name, power in ((fit.options.precision_weights, 1), (fit.options.residual_sd, -2)):
        if not isinstance(name, str):
            continue
        values = table.columns[name].values
        if table.columns[name].levels is not None or not np.all(np.isfinite(values) & (values > 0)):
            raise DataError(
                f"the column `{name}` of the new rows has values that are missing, infinite or not positive",
                allowed="positive numbers",
                remedy="observation=False, which needs no weights",
            )
        weights = weights * values.astype(np.float64) ** power
    return weights


def _refuse_array(name: str, given: Given) -> None:
    """Raise `OptionError` if an option was given as one value for each row of the fit."""
    if given is not None and not isinstance(given, str) and np.ndim(given) > 0:
        raise OptionError(
            f"the fit was given {name} as an array, which new rows have no values of",
            allowed=f"{name} as the name of a column that the new rows have too",
            remedy=f"put the array into the table and fit again with {name}= its name",
        )
