"""Door of generalised models whose rows stay in a source: merged there, the distinct ones are fitted."""

from __future__ import annotations

import dataclasses
from typing import TypeVar

from multilevel.data import Table
from multilevel.data.merged import read_merged
from multilevel.data.sources import open_source
from multilevel.design import columns_needed
from multilevel.errors import OptionError
from multilevel.model import Model
from multilevel.results import FitOptions
from multilevel.results.posterior_options import SampleOptions

Options = TypeVar("Options", FitOptions, SampleOptions)


def merged_rows(model: Model, data: object, options: Options) -> tuple[Table, Options]:
    """Read what a generalised model needs of a source, equal rows merged by its engine.

    Parameters
    ----------
    model
        A generalised model.
    data
        A source; see `multilevel.data.sources.is_source`.
    options
        As the caller chose them.

    Returns
    -------
    table, options
        The options name the column of the table that says how often each row counts.

    Raises
    ------
    OptionError
        Weights or an offset are given as an array, whose order a source does not have.
    DataError
        The source cannot be read, or its distinct rows would not fit in memory.
    """
    for name in ("precision_weights", "frequency_weights", "offset", "residual_sd"):
        _require_name(name, getattr(options, name))
    groups = options.residual_groups if isinstance(options, SampleOptions) else None
    names = columns_needed(
        model,
        precision_weights=options.precision_weights,
        offset=options.offset,
        residual_sd=options.residual_sd,
        residual_groups=groups,
    )
    weights = options.frequency_weights
    table = read_merged(
        open_source(data), names, frequency_weights=weights if isinstance(weights, str) else None
    )
    if table.merged is None:
        return table, options
    return table, dataclasses.replace(options, frequency_weights=table.merged.column)


def _require_name(option: str, value: object) -> None:
    """Raise `OptionError` if an option is an array."""
    if value is not None and not isinstance(value, (str, int, float)):
        raise OptionError(
            f"`{option}` is an array, and the data are a source, whose rows have no order",
            allowed="the name of a column of the source" + (", or one number" if option == "offset" else ""),
            remedy=f"compute it as a column of the source and give its name as {option}=",
        )
