"""Saved posteriors: the table, the options, the texts of the priors, all draws; plain values, never code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from multilevel.data.table import Table
from multilevel.design.bound_priors import ResidualLaw
from multilevel.design.design import Design
from multilevel.engines.draws import Draws, FamilyDraws, ResidualDraws, Sampler
from multilevel.errors import MultilevelError, StorageError
from multilevel.results.archive import Archive, damaged, read_archive, write_archive
from multilevel.results.moment_store import StoredMoments, moments_out, stored_in
from multilevel.results.posterior import Posterior
from multilevel.results.posterior_options import SampleOptions
from multilevel.results.prior_texts import PriorTexts
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

POSTERIOR_FORMAT = "multilevel posterior"
VERSION = 1


@dataclass(frozen=True, slots=True, eq=False)
class SavedPosterior:
    """A posterior as it lies in a file: enough to bind the model again and hold the same draws.

    Parameters
    ----------
    text, graph
        Text of the model, and of its graph if it was written as one.
    options
        What the caller chose; weights and offset as they were given.
    table
        The columns that the model and the options use.
    sampled
        The draws.
    priors
        The texts of the priors.
    names
        What the draws belong to: coefficients, and terms with their group, its levels and effects.
    library_version
        Version of the library that wrote the file.
    stored
        The moments of a posterior that holds no rows, else ``None``.
    """

    text: str
    graph: str
    options: SampleOptions
    table: Table
    sampled: Draws
    priors: PriorTexts
    names: Mapping[str, Any]
    library_version: str
    stored: StoredMoments | None = None


def save_posterior(posterior: Posterior, path: str | Path) -> None:
    """Write a posterior to a file: a zip of plain arrays and JSON with checksums, no pickle.

    Raises
    ------
    StorageError
        If the file cannot be written.
    """
    arrays: dict[str, NDArray[Any]] = {}
    header: dict[str, Any] = {
        "format": POSTERIOR_FORMAT,
        "format_version": VERSION,
        "library_version": __version__,
        "text": posterior.formula,
        "graph": posterior.model.dag.text if posterior.model.dag is not None else "",
        "options": options_out(posterior.options, arrays),
        **table_out(posterior.table, arrays),
        "names": _names(posterior.design),
        "priors": [[str(name), str(text)] for name, text in posterior.priors.texts()],
        "sampled": _draws_out(posterior.sampled, arrays),
    }
    if posterior.design.summary is not None and posterior.moments is not None:
        header["moments"] = moments_out(posterior.design, posterior.moments, arrays)
    write_archive(Path(path), Archive(header, arrays))


def _names(design: Design) -> dict[str, Any]:
    """Return what the draws belong to."""
    terms = [
        [
            design.factors[block.factor].name,
            len(design.factors[block.factor].levels),
            list(block.names),
            block.covariance.value,
        ]
        for block in design.terms
    ]
    found = {"coefficients": list(design.fixed.names), "terms": terms, "rows": design.n_rows}
    groups = design.residual_groups
    if not design.family.is_linear:
        inflation = [] if design.inflation is None else list(design.inflation.names)
        found |= {"family": design.family.text(), "classes": list(design.classes), "inflation": inflation}
    return found if groups is None else {**found, "residual": [groups.name, len(groups.levels)]}


def _draws_out(sampled: Draws, arrays: dict[str, NDArray[Any]]) -> dict[str, Any]:
    """Return the words and numbers of draws; the arrays are added to ``arrays``."""
    arrays |= {"coefficients": sampled.coefficients, "sigma": sampled.sigma, "kept": sampled.kept}
    for t, effects in enumerate(sampled.effects):
        arrays[f"sds/{t}"] = sampled.sds[t]
        arrays[f"correlations/{t}"] = sampled.correlations[t]
        arrays[f"effects/{t}"] = effects
    return {
        "method": sampled.method,
        "terms": len(sampled.effects),
        "efficiency": _hex(sampled.efficiency),
        "log_evidence": _hex(sampled.log_evidence),
        "diagnostics": {name: _hex(value) for name, value in sampled.diagnostics.items()},
        "sentence": sampled.sentence,
        "complete": sampled.complete,
        "residual": _residual_out(sampled.residual, arrays),
        "family": _family_out(sampled.family, arrays),
    }


def _residual_out(residual: ResidualDraws | None, arrays: dict[str, NDArray[Any]]) -> dict[str, Any] | None:
    """Return the words of residual sds that differ between groups; the arrays are added to ``arrays``."""
    if residual is None:
        return None
    arrays["residual/sds"] = residual.sds
    for i, (_, values) in enumerate(residual.parameters):
        arrays[f"residual/{i}"] = values
    return {"law": residual.law, "parameters": [name for name, _ in residual.parameters]}


def _family_out(family: FamilyDraws | None, arrays: dict[str, NDArray[Any]]) -> dict[str, Any] | None:
    """Return the words of the family's draws; the arrays are added to ``arrays``."""
    if family is None:
        return None
    arrays |= {"family/values": family.values, "family/inflation": family.inflation}
    return {"names": list(family.names), "inflation": list(family.inflation_names)}


def _hex(value: float | None) -> str | None:
    """Return a number as a text that holds every bit."""
    return None if value is None else float(value).hex()


def read_posterior(path: str | Path) -> SavedPosterior:
    """Read a saved posterior.

    Raises
    ------
    StorageError
        If the file is absent, damaged, truncated, changed, of another version, or not a saved posterior.
    """
    path = Path(path)
    archive = read_archive(path, "posterior")
    header = archive.header
    check_format(path, header, POSTERIOR_FORMAT, VERSION, "posterior")
    try:
        return SavedPosterior(
            text=as_text(header["text"]),
            graph=as_text(header.get("graph", "")),
            options=SampleOptions(**options_in(header["options"], archive)),
            table=table_in(header, archive),
            sampled=_draws_in(header["sampled"], archive),
            priors=PriorTexts(tuple((as_text(name), as_text(text)) for name, text in header["priors"])),
            names=dict(header["names"]),
            library_version=as_text(header["library_version"]),
            stored=stored_in(path, header, archive, "posterior"),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        reason = error.asked if isinstance(error, MultilevelError) else f"{type(error).__name__}: {error}"
        raise damaged(path, reason, "posterior") from error


def _draws_in(plain: Mapping[str, Any], archive: Archive) -> Draws:
    """Return the draws of an archive, their shapes checked."""
    if plain["method"] not in get_args(Sampler):
        raise ValueError(f"the method {plain['method']!r} is not known")
    kept = archive.arrays["kept"]
    if kept.dtype != np.int64 or kept.ndim != 1:
        raise ValueError(f"kept holds {kept.ndim}-dimensional {kept.dtype}")
    terms = range(plain["terms"])
    draws = Draws(
        method=plain["method"],
        coefficients=numbers(archive, "coefficients", ndim=3),
        sigma=numbers(archive, "sigma", ndim=2),
        sds=tuple(numbers(archive, f"sds/{t}", ndim=3) for t in terms),
        correlations=tuple(numbers(archive, f"correlations/{t}", ndim=4) for t in terms),
        effects=tuple(numbers(archive, f"effects/{t}", ndim=4) for t in terms),
        kept=kept,
        efficiency=_number(plain["efficiency"]),
        log_evidence=_number(plain["log_evidence"]),
        diagnostics={
            as_text(name): float.fromhex(as_text(value)) for name, value in plain["diagnostics"].items()
        },
        sentence=as_text(plain["sentence"]),
        complete=bool(plain["complete"]),
        residual=_residual_in(plain.get("residual"), archive),
        family=_family_in(plain.get("family"), archive),
    )
    shape = draws.sigma.shape
    if any(array.shape[:2] != shape for array in (draws.coefficients, *draws.sds, *draws.correlations)):
        raise ValueError("the draws of the parameters differ in number")
    if draws.residual is not None:
        residual = (draws.residual.sds, *(values for _, values in draws.residual.parameters))
        if any(array.shape[:2] != shape for array in residual):
            raise ValueError("the draws of the residual sds differ in number")
    if draws.family is not None and {a.shape[:2] for a in (draws.family.values, draws.family.inflation)} != {
        shape
    }:
        raise ValueError("the draws of the family differ in number")
    if any(array.shape[:2] != (shape[0], kept.size) for array in draws.effects):
        raise ValueError("the draws of the group effects differ in number")
    if kept.size and not 0 <= kept.min() <= kept.max() < shape[1]:
        raise ValueError("group effects were kept of draws that do not exist")
    return draws


def _residual_in(plain: Mapping[str, Any] | None, archive: Archive) -> ResidualDraws | None:
    """Return the residual sds of an archive that has some."""
    if plain is None:
        return None
    if plain["law"] not in get_args(ResidualLaw) or len(plain["parameters"]) != 2:
        raise ValueError(f"the law {plain['law']!r} of {plain['parameters']!r} is not known")
    values = [numbers(archive, f"residual/{i}", ndim=2) for i in range(2)]
    names = [as_text(name) for name in plain["parameters"]]
    sds = numbers(archive, "residual/sds", ndim=3)
    return ResidualDraws(plain["law"], sds, tuple(zip(names, values, strict=True)))


def _family_in(plain: Mapping[str, Any] | None, archive: Archive) -> FamilyDraws | None:
    """Return the draws of the family of an archive that has some."""
    if plain is None:
        return None
    names, inflation = (tuple(as_text(name) for name in plain[key]) for key in ("names", "inflation"))
    found = FamilyDraws(
        names,
        numbers(archive, "family/values", ndim=3),
        inflation,
        numbers(archive, "family/inflation", ndim=3),
    )
    if (found.values.shape[2], found.inflation.shape[2]) != (len(names), len(inflation)):
        raise ValueError("the draws of the family differ from its parameters in number")
    return found


def _number(plain: object) -> float | None:
    """Return a number from the text that `_hex` made."""
    return None if plain is None else float.fromhex(as_text(plain))


def verify_posterior(saved: SavedPosterior, design: Design) -> None:
    """Check that a saved posterior belongs to the design that its model and table give now.

    Raises
    ------
    StorageError
        If it does not: the file was written by code that reads the model or the data differently.
    """
    found, sampled = _names(design), saved.sampled
    shapes = [len(design.fixed.names)] + [len(block.names) for block in design.terms]
    levels = [len(design.factors[block.factor].levels) for block in design.terms]
    same = saved.names == found and len(sampled.sds) == len(design.terms)
    same = same and [a.shape[2] for a in (sampled.coefficients, *sampled.sds)] == shapes
    same = same and [a.shape[2:] for a in sampled.correlations] == [(k, k) for k in shapes[1:]]
    same = same and [a.shape[2:] for a in sampled.effects] == list(zip(levels, shapes[1:], strict=True))
    residual = [] if sampled.residual is None else [sampled.residual.sds.shape[2]]
    same = same and residual == (
        [] if design.residual_groups is None else [len(design.residual_groups.levels)]
    )
    same = same and (sampled.family is None) == (design.family.is_linear)
    if not same:
        raise StorageError(
            f"the saved posterior of `{saved.text}` belongs to {dict(saved.names)!r}, but the model is"
            f" bound to {found!r} now (written by multilevel {saved.library_version})",
            allowed="the same coefficients, groups and rows",
            remedy="sample again",
        )
