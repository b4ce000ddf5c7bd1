"""Saved fits: what is written to a file, and how it is read back; plain values and arrays, never code."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilevel.data.table import Table
from multilevel.engines.solution import Solution, Status
from multilevel.errors import MultilevelError, StorageError
from multilevel.results.archive import Archive, damaged, read_archive, write_archive
from multilevel.results.fit import Fit
from multilevel.results.moment_store import StoredMoments, moments_out, stored_in
from multilevel.results.options import FitOptions
from multilevel.results.stored_parts import (
    as_text,
    check_format,
    numbers,
    options_in,
    options_out,
    table_in,
    table_out,
)
from multilevel.version import __version__

FORMAT = "multilevel fit"
VERSION = 1
TOLERANCE = 1e-6
"""Relative difference of the criterion, saved and evaluated again, that rounding can explain."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Saved:
    """A fit as it lies in a file: enough to bind it again and evaluate it without optimising.

    Parameters
    ----------
    text, graph
        Text of the model, and of its graph if it was written as one.
    options
        What the caller chose; weights and offset as they were given.
    table
        The columns that the model and the options use.
    response
        ``(n,)`` response of the used rows if it was replaced by `Fit.refit`, else ``None``.
    theta
        The optimiser's coordinates at the optimum.
    criterion
        The criterion there; `verify` compares it.
    status, evaluations
        How the search ended, and after how many evaluations.
    library_version
        Version of the library that wrote the file.
    trace
        ``(steps + 1,)`` log-likelihoods of a climb by EM, else ``None``.
    stored
        The moments of a fit that holds no rows, else ``None``.
    probes
        Random vectors of a fit by Monte Carlo, else ``None``.
    """

    text: str
    graph: str
    options: FitOptions
    table: Table
    response: Floats | None
    theta: Floats
    criterion: float
    status: Status
    evaluations: int
    library_version: str
    trace: Floats | None = None
    stored: StoredMoments | None = None
    probes: int | None = None


def save(fit: Fit, path: str | Path) -> None:
    """Write a fit to a file: a zip of plain arrays and JSON with checksums, no pickle.

    Raises
    ------
    StorageError
        If the file cannot be written.
    """
    arrays: dict[str, NDArray[Any]] = {"theta": fit.solution.theta}
    if fit.response is not None:
        arrays["response"] = fit.response
    if fit.solution.trace is not None:
        arrays["trace"] = fit.solution.trace
    header: dict[str, Any] = {
        "format": FORMAT,
        "format_version": VERSION,
        "library_version": __version__,
        "text": fit.formula,
        "graph": fit.model.dag.text if fit.model.dag is not None else "",
        "criterion": float(fit.solution.criterion).hex(),
        "status": fit.status.value,
        "evaluations": int(fit.certificate.evaluations),
        "probes": None if fit.solution.monte_carlo is None else fit.solution.monte_carlo.probes,
        "options": options_out(fit.options, arrays),
        **table_out(fit.table, arrays),
    }
    if fit.design.summary is not None and fit.moments is not None:
        header["moments"] = moments_out(fit.design, fit.moments, arrays)
    write_archive(_path(path), Archive(header, arrays))


def _path(path: object) -> Path:
    """Return a path, or raise `StorageError` if it is not one."""
    if not isinstance(path, str | PathLike):
        raise StorageError(f"{path!r} is not a path", allowed="a text or a pathlib.Path")
    return Path(path)


def read(path: str | Path) -> Saved:
    """Read a saved fit.

    Raises
    ------
    StorageError
        If the file is absent, damaged, truncated, changed, of another version, or not a saved fit.
    """
    path = _path(path)
    archive = read_archive(path)
    header = archive.header
    check_format(path, header, FORMAT, VERSION)
    try:
        return Saved(
            text=as_text(header["text"]),
            graph=as_text(header.get("graph", "")),
            options=FitOptions(**options_in(header["options"], archive)),
            table=table_in(header, archive),
            response=numbers(archive, "response") if "response" in archive.arrays else None,
            theta=numbers(archive, "theta"),
            criterion=float.fromhex(header["criterion"]),
            status=Status(header["status"]),
            evaluations=int(header["evaluations"]),
            library_version=as_text(header["library_version"]),
            trace=numbers(archive, "trace") if "trace" in archive.arrays else None,
            stored=stored_in(path, header, archive, "fit"),
            probes=None if header.get("probes") is None else int(header["probes"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        reason = error.asked if isinstance(error, MultilevelError) else f"{type(error).__name__}: {error}"
        raise damaged(path, reason) from error


def verify(saved: Saved, solution: Solution) -> None:
    """Check that a saved fit, bound and evaluated again, has the criterion that was saved.

    Raises
    ------
    StorageError
        If it has not: the file was written by code that reads the model or the data differently.
    """
    difference = abs(saved.criterion - solution.criterion)
    if not difference <= TOLERANCE * max(1.0, abs(saved.criterion)):
        raise StorageError(
            f"the saved fit of `{saved.text}` has criterion {saved.criterion!r}, but evaluates to "
            f"{solution.criterion!r} now (written by multilevel {saved.library_version})",
            allowed="the same criterion to rounding",
            remedy="fit the model again",
        )
