"""Door of generalised models whose rows are in a source: merged there, read, or read into files."""

from __future__ import annotations

import dataclasses
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from multilevel.data import Table
from multilevel.data.merged import Rows, read_merged, read_rows, require_room, rows_of
from multilevel.data.on_disk import read_in_batches
from multilevel.data.sources import Source, open_source
from multilevel.design import columns_needed
from multilevel.design.blueprint_outline import refuse_several_rows
from multilevel.errors import DataError, OptionError
from multilevel.kernels import arrays_in
from multilevel.model import Model
from multilevel.results import FitOptions
from multilevel.results.posterior_options import SampleOptions

Options = TypeVar("Options", FitOptions, SampleOptions)


@contextmanager
def rows_from(
    model: Model, data: object, options: Options, *, files: bool = True
) -> Iterator[tuple[Table, Options]]:
    """Read what a generalised model needs of a source, for a fit inside this context.

    Few rows are read as they are. Of many, equal ones are merged by the source's engine, if that is worth it
    and the distinct ones fit in memory; else all are read, into memory or, if it cannot hold them, into files
    that the system pages in and out.

    Parameters
    ----------
    model
        A generalised model.
    data
        A source; see `multilevel.data.sources.is_source`.
    options
        As the caller chose them.
    files
        Whether rows may be in files: passes over them are a matter of disks, so that samplers do not do it.

    Yields
    ------
    table, options
        Of merged rows, the options name the column that says how often each counts.

    Raises
    ------
    OptionError
        Weights or an offset are given as an array, whose order a source does not have.
    DataError
        The source cannot be read, or its rows do not fit in memory, nor on the disk; or rows would be merged
        of which a column is computed from several, such as ``scale(x)``.
    """
    for name in ("precision_weights", "frequency_weights", "offset", "residual_sd"):
        _require_name(name, getattr(options, name))
    groups = options.residual_groups if isinstance(options, SampleOptions) else None
    names: tuple[str, ...] = columns_needed(
        model,
        precision_weights=options.precision_weights,
        offset=options.offset,
        residual_sd=options.residual_sd,
        residual_groups=groups,
    )
    given = options.frequency_weights
    weights: str | None = given if isinstance(given, str) else None
    source = open_source(data)
    rows = rows_of(source, names, frequency_weights=weights)
    if rows.route == "rows":
        yield read_rows(source, names, frequency_weights=weights), options
    elif rows.route == "merged":
        refuse_several_rows(model)
        table = read_merged(source, names, frequency_weights=weights)
        column = weights if table.merged is None else table.merged.column
        yield table, dataclasses.replace(options, frequency_weights=column)
    else:
        _require_files(rows, source, allowed=files)
        wanted = names if weights is None else (*names, weights)
        with tempfile.TemporaryDirectory(prefix="multilevel-") as folder:
            require_room(rows, Path(folder), source.engine)
            with arrays_in(Path(folder)):
                yield read_in_batches(source, wanted, Path(folder)), options


def merged_rows(model: Model, data: object, options: Options) -> tuple[Table, Options]:
    """Return what `rows_from` gives of rows that memory can hold."""
    with rows_from(model, data, options, files=False) as found:
        return found


def _require_files(rows: Rows, source: Source, *, allowed: bool) -> None:
    """Raise `DataError` where rows would have to be in files and may not."""
    if not allowed or os.name != "posix":
        raise DataError(
            f"{source.engine} merges {rows.n_rows:,} rows to {rows.distinct or rows.n_rows:,} distinct ones,"
            f" too many for the memory of this machine ({rows.bytes / 1e9:.1f} GB)",
            allowed="distinct rows that half of the memory can hold; more of them in fits, not in samples",
            remedy="round predictors to fewer values, so that more rows are equal, or take some of the rows",
        )


def _require_name(option: str, value: object) -> None:
    """Raise `OptionError` if an option is an array."""
    if value is not None and not isinstance(value, (str, int, float)):
        raise OptionError(
            f"`{option}` is an array, and the data are a source, whose rows have no order",
            allowed="the name of a column of the source" + (", or one number" if option == "offset" else ""),
            remedy=f"compute it as a column of the source and give its name as {option}=",
        )
