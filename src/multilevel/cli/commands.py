"""What each subcommand does: find the data, call the library once, print the answer."""

from __future__ import annotations

import argparse
import difflib
import json
import sys
from pathlib import Path
from typing import Any

from multilevel import api
from multilevel.cli.progress import progress_line
from multilevel.cli.tables import columns_of, write_table
from multilevel.data import datasets
from multilevel.errors import DataError


def run_fit(options: argparse.Namespace) -> None:
    """Fit a model, save it if asked to, and print it."""
    with progress_line(sys.stderr) as progress:
        fit = api.fit(
            options.formula,
            find_data(options.data),
            method=options.method,
            residual_sd=options.residual_sd,
            precision_weights=options.precision_weights,
            frequency_weights=options.frequency_weights,
            offset=options.offset,
            missing=options.missing,
            ddf=options.ddf,
            level=options.level,
            lme4_compat=options.lme4_compat,
            progress=progress,
        )
    if options.save is not None:
        fit.save(options.save)
    if options.format == "json":
        print(json.dumps(fit.to_json(), indent=2, ensure_ascii=False, allow_nan=False))
    else:
        print({"table": fit.__str__, "markdown": fit.to_markdown, "latex": fit.to_latex}[options.format]())


def run_predict(options: argparse.Namespace) -> None:
    """Predict the rows of a table from a saved fit and print them."""
    fit = api.load_fit(options.saved)
    table = fit.predict(
        find_data(options.data),
        groups=options.groups,
        interval=options.interval,
        observation=options.observation,
    )
    write_table(columns_of(table), options.format, sys.stdout)


def list_or_print_data(options: argparse.Namespace) -> None:
    """Print the names of the bundled data sets, or one of them as CSV."""
    if options.name is not None:
        write_table(columns_of(datasets.load(options.name)), "csv", sys.stdout)
        return
    width = max(len(name) for name in datasets.names())
    for name in datasets.names():
        description = datasets.describe(name)
        print(f"{name:<{width}}  {description.n_rows:>6} rows  {description.title}")


def find_data(text: str) -> Any:
    """Return what the library can read: the path of a file, or the table of a bundled data set.

    Raises
    ------
    DataError
        If the text is a bare word that names neither a file nor a bundled data set.
    """
    if Path(text).is_file():
        return text
    if text.lower() in datasets.names():
        return datasets.load(text)
    if Path(text).name != text or Path(text).suffix:
        return text
    near = difflib.get_close_matches(text.lower(), datasets.names(), n=3)
    raise DataError(
        f"`{text}` is neither a file here nor a bundled data set",
        allowed="the path of a CSV or Parquet file, or a name that `multilevel datasets` lists",
        remedy=" or ".join(f"`{name}`" for name in near),
    )
