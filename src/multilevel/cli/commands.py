"""What each subcommand does: find the data, call the library once, print the answer."""

from __future__ import annotations

import argparse
import difflib
import json
import sys
from pathlib import Path
from typing import Any

from multilevel import api, sampling
from multilevel.cli.model_texts import read_model
from multilevel.cli.priors import read_priors
from multilevel.cli.progress import progress_line
from multilevel.cli.tables import columns_of, write_table
from multilevel.data import datasets
from multilevel.design.priors import Priors
from multilevel.errors import DataError, OptionError
from multilevel.model.families import REGISTRY, Family
from multilevel.results.archive import read_archive
from multilevel.results.fit import Fit
from multilevel.results.posterior import Posterior
from multilevel.results.posterior_store import POSTERIOR_FORMAT


def run_fit(options: argparse.Namespace) -> None:
    """Fit a model, save it if asked to, and print it."""
    with progress_line(sys.stderr) as progress:
        fit = api.fit(
            read_model(options.formula),
            find_data(options.data),
            family=given_family(options.family, options.link),
            zero_inflation=options.zero_inflation,
            method=options.method,
            nodes=options.nodes,
            solver=options.solver,
            mc_error=options.mc_error,
            mc_seed=options.mc_seed,
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
    _save_and_print(fit, options)


def given_family(name: str | None, link: str | None) -> Family | None:
    """Return the family of the words ``--family`` and ``--link``, or ``None`` if neither was given.

    Raises
    ------
    OptionError
        If a link was given without a family, or the family has no such link.
    """
    if name is None:
        if link is None:
            return None
        raise OptionError(
            f"--link {link} without --family",
            allowed="a link of a family that is named",
            remedy=f"--family gaussian --link {link}, or another family",
        )
    return REGISTRY[name](link=link or "")  # type: ignore[arg-type]


def run_sample(options: argparse.Namespace) -> None:
    """Sample a posterior, save it if asked to, and print it."""
    posterior = sampling.sample(
        read_model(options.formula),
        find_data(options.data),
        _given_priors(options),
        family=given_family(options.family, options.link),
        zero_inflation=options.zero_inflation,
        method=options.method,
        draws=options.draws,
        chains=options.chains,
        warmup=options.warmup,
        seed=options.seed,
        residual_sd=options.residual_sd,
        residual_groups=options.residual_groups,
        precision_weights=options.precision_weights,
        frequency_weights=options.frequency_weights,
        offset=options.offset,
        missing=options.missing,
        level=options.level,
        lme4_compat=options.lme4_compat,
        threads=options.threads,
        progress=options.progress,
        checkpoint=options.checkpoint,
        resume=options.resume,
        max_time=options.max_time,
    )
    _save_and_print(posterior, options)


def _given_priors(options: argparse.Namespace) -> Priors:
    """Return single priors beside the defaults that complete them, or the defaults alone.

    Raises
    ------
    OptionError
        If a single prior cannot be read, or the defaults are named twice.
    """
    given = read_priors(options.prior)
    if not given or options.priors == "default":
        return given or options.priors
    if "default" in given:
        raise OptionError(
            f"--prior default={given['default']} beside --priors {options.priors}",
            allowed="one of the two: they say the same thing",
            remedy="leave one of them out",
        )
    return {"default": options.priors, **given}


def _save_and_print(result: Fit | Posterior, options: argparse.Namespace) -> None:
    """Save a result if asked to, and print it in the form that was asked for."""
    if options.save is not None:
        result.save(options.save)
    if options.format == "json":
        print(json.dumps(result.to_json(), indent=2, ensure_ascii=False, allow_nan=False))
    else:
        pages = {"table": result.__str__, "markdown": result.to_markdown, "latex": result.to_latex}
        print(pages[options.format]())


def run_predict(options: argparse.Namespace) -> None:
    """Predict the rows of a table from a saved fit or posterior and print them."""
    result = load_result(options.saved)
    asked = {name: getattr(options, name) for name in ("groups", "interval", "observation", "scale")}
    table = result.predict(find_data(options.data), **asked)
    write_table(columns_of(table), options.format, sys.stdout)


def load_result(path: str) -> Fit | Posterior:
    """Load a saved fit or a saved posterior: the file says which it is.

    Raises
    ------
    StorageError
        If the file is absent, damaged, of another version, or neither of the two.
    """
    if read_archive(Path(path), "result").header.get("format") == POSTERIOR_FORMAT:
        return sampling.load_posterior(path)
    return api.load_fit(path)


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
    if Path(text).is_file() or Path(text).is_dir():
        return text
    if text.lower() in datasets.names():
        return datasets.load(text)
    if Path(text).name != text or Path(text).suffix:
        return text
    near = difflib.get_close_matches(text.lower(), datasets.names(), n=3)
    raise DataError(
        f"`{text}` is neither a file here nor a bundled data set",
        allowed="the path of a CSV or Parquet file, a folder of Parquet files or a pattern, or a name that"
        " `multilevel datasets` lists",
        remedy=" or ".join(f"`{name}`" for name in near),
    )
