"""The door of explanations: what a fit or a run will read, hold and do, before it is begun."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np

from multilevel.data import read_table
from multilevel.data.memory import memory_in_use, memory_limit
from multilevel.data.merged import rows_of
from multilevel.data.parquet_head import bytes_of
from multilevel.data.sources import Source, is_source, open_source
from multilevel.data.table import Table
from multilevel.design import columns_needed
from multilevel.design.blueprint_outline import outline_of
from multilevel.design.counts import FactorSize, Job, PairSize, job_of
from multilevel.engines.monte_carlo.choice import Choice, Solver
from multilevel.engines.plan import choice_of, core_effects, parts_of, predicted_memory, size
from multilevel.engines.solution import Method
from multilevel.graphs import known_of, with_columns
from multilevel.language import given_model
from multilevel.model import Model
from multilevel.model.families import Family
from multilevel.moment_doors import Held, held_moments
from multilevel.moments.of_source.counts import count_source, job_of_merged, job_of_source, questions
from multilevel.results.moments import Moments
from multilevel.results.options import FitOptions, Given, check_choice
from multilevel.results.posterior_options import Sampling, check_count

__all__ = ["Explanation", "explain"]

ENGINES = {
    "reml": "restricted likelihood, by Newton steps",
    "ml": "likelihood, by Newton steps",
    "em_reml": "restricted likelihood, by expectation and maximisation",
    "em": "likelihood, by expectation and maximisation",
    "laplace": "likelihood, by Laplace's method",
    "quadrature": "likelihood, by adaptive Gauss-Hermite quadrature",
    "marginal": "posterior, by importance sampling of the marginal density",
    "nuts": "posterior, by Hamiltonian Monte Carlo",
    "gibbs": "posterior, by Gibbs sampling",
}
"""Each method in words."""
ROUTES = {"rows": "read from", "merged": "merged by", "files": "kept in files, from"}
"""How the rows of a generalised model come from a source, in words."""
FILE_COLUMN = 16
"""Bytes of a row in each column of a file: as it is read, and as numbers."""
FIT_METHODS, SAMPLE_METHODS = get_args(Method), get_args(Sampling)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Explanation:
    """What a job will read, hold and do.

    Parameters
    ----------
    facts
        The numbers: call ("fit" or "sample"), model, source, rows, rows_given, bytes, passes (``None`` if
        rows are kept and used in every iteration), groups (levels by factor), pairs (pairs of levels that
        share a row, by ``"a x b"``), pairs_counted (whether they were; else at most), columns, effects (in
        all), core_effects (solved together by the exact engine, at most), memory (predicted peak in bytes,
        beside what the process uses), memory_parts, memory_limit, memory_in_use, fits, method, engine,
        solver, reason.

    Examples
    --------
    >>> import multilevel as ml
    >>> plan = ml.explain("reaction ~ days + (days | subject)", ml.datasets.load("sleepstudy"))
    >>> plan.facts["rows"], plan.facts["groups"], plan.facts["method"], plan.facts["fits"]
    (180, {'subject': 18}, 'reml', True)
    """

    facts: Mapping[str, Any]

    def __repr__(self) -> str:
        facts = self.facts
        groups = [f"{name} {levels:,} levels" for name, levels in facts["groups"].items()]
        most = "" if facts["pairs_counted"] else "at most "
        pairs = [f"{name} {most}{count:,}" for name, count in facts["pairs"].items()]
        given = facts["rows_given"]
        beside = "" if given == facts["rows"] else f" of {given:,}"
        fits = "" if facts["fits"] else ": too much"
        rows = {
            "rows": f"{facts['rows']:,}{beside}, {facts['source']}",
            "read": f"{size(facts['bytes'])}, {_passes(facts['passes'])}",
            "groups": "; ".join(groups) or "none",
            "pairs": "; ".join(pairs),
            "memory": f"about {size(facts['memory'])} of {size(facts['memory_limit'])}{fits}",
            "engine": f"{facts['method']}: {facts['engine']}",
            "solver": facts["solver"].replace("_", " "),
            "why": facts["reason"],
        }
        width = max(len(name) for name in rows)
        lines = [f"{name:<{width}}  {text}" for name, text in rows.items() if text]
        return "\n".join([f"{facts['call']}  {facts['model']}", *lines])


@dataclass(frozen=True, slots=True)
class How:
    """How a job will be done: method, solver, and draws of a posterior."""

    method: str
    solver: Solver
    draws: int


def _passes(passes: int | None) -> str:
    """Return how often the rows are read, in words."""
    if passes is None:
        return "then used in every iteration"
    return {0: "no rows", 1: "once"}.get(passes, f"{passes} times")


def explain(
    model: str | Model | Moments,
    data: object = None,
    *,
    method: Method | Sampling | None = None,
    solver: Solver = "auto",
    draws: int = 4000,
    family: str | Family | None = None,
    zero_inflation: str | None = None,
    precision_weights: Given = None,
    frequency_weights: Given = None,
    offset: Given = None,
    residual_sd: Given = None,
    lme4_compat: bool = False,
) -> Explanation:
    """Say what a fit or a run will read, hold and do, without doing it.

    Parameters
    ----------
    model, data, family, zero_inflation
        As in `fit`; `moments`, too, alone or with their model.
    precision_weights, frequency_weights, offset, residual_sd, lme4_compat
        As in `fit`.
    method
        Of `fit`, or of `sample`: "auto", "marginal", "nuts" or "gibbs"; by default that of `fit`.
    solver
        As in `fit`, for methods "reml" and "ml".
    draws
        Of the posterior, for methods of `sample`.

    Returns
    -------
    Explanation
        It prints as a table; ``facts`` has the numbers. The memory is predicted from sizes alone: measured
        peaks lie between two thirds of it and a fifth above it.

    Raises
    ------
    MultilevelError
        As `fit` does for a model or table that cannot be read.

    Examples
    --------
    >>> import multilevel as ml
    >>> print(ml.explain("strength ~ 1 + (1 | batch/cask)", ml.datasets.load("pastes")).facts["reason"])
    No factor crosses another: each level is eliminated by itself, and 40 effects cost next to nothing.
    """
    check_choice("solver", solver, get_args(Solver))
    check_count("draws", draws, least=1)
    held = held_moments(
        model,
        data,
        family=family,
        zero_inflation=zero_inflation,
        residual_sd=residual_sd,
        precision_weights=precision_weights,
        frequency_weights=frequency_weights,
        offset=offset,
        lme4_compat=lme4_compat,
    )
    if held is not None:
        return _of_moments(held, How(_method(held.design.model, method), solver, draws))
    parsed, _ = given_model(
        with_columns(model, data), lme4_compat=lme4_compat, family=family, zero_inflation=zero_inflation
    )
    how = How(_method(parsed, method), solver, draws)
    known = known_of(parsed, residual_sd=residual_sd, offset=offset)
    given: dict[str, Any] = {
        "precision_weights": precision_weights,
        "frequency_weights": frequency_weights,
        "offset": known.offset,
        "residual_sd": known.residual_sd,
    }
    needed = columns_needed(parsed, **given)
    if is_source(data, needed):
        source = open_source(data)
        if parsed.family.is_linear:
            return _of_source(parsed, source, given, how)
        return _of_merged(parsed, source, needed, how)
    table = read_table(data, needed)
    arrays = 16 * sum(value is not None for value in (precision_weights, frequency_weights, offset))
    job = job_of(parsed, table, stored=_stored(table, data) + arrays)
    return _explanation(parsed, job, how, _read_facts(table, data, linear=parsed.family.is_linear))


def _of_moments(held: Held, how: How) -> Explanation:
    """Return the explanation of a job that takes moments in place of data."""
    products, design = held.products, held.design
    sizes = zip(products.order, products.levels, products.effects, strict=True)
    job = Job(
        rows=0,
        columns=products.p,
        effects=sum(block.size for block in products.blocks),
        stored=0,
        factors=tuple(FactorSize(design.factors[f].name, m, k) for f, m, k in sizes),
        pairs={(pair.f, pair.g): PairSize(pair.index.size) for pair in products.pairs},
    )
    arrays = [products.D, *products.A, *products.C, *(pair.value for pair in products.pairs)]
    read = {
        "source": "summed before",
        "rows": design.n_rows,
        "rows_given": design.n_input,
        "bytes": sum(int(array.nbytes) for array in arrays),
        "passes": 0,
    }
    return _explanation(design.model, job, how, read)


def _of_source(model: Model, source: Source, given: Mapping[str, Any], how: How) -> Explanation:
    """Return the explanation of a job whose rows stay where they are."""
    outline = outline_of(model, source.schema, **given)
    counts = count_source(source, outline)
    job = job_of_source(source, outline, counts)
    files, many = source.kind == "parquet", len(source.files)
    read = {
        "source": f"{many} Parquet file{'s' * (many > 1)}, streamed"
        if files
        else f"summed by {source.engine}",
        "rows_given": counts.rows,
        "bytes": bytes_of(source.files, outline.needed) if files else 8 * counts.rows * len(outline.needed),
        "passes": 1 + bool(outline.categorical) if files else questions(outline),
    }
    return _explanation(model, job, how, read)


def _of_merged(model: Model, source: Source, names: Sequence[str], how: How) -> Explanation:
    """Return the explanation of a generalised model whose equal rows are merged by the engine of a source."""
    job, rows = job_of_merged(source, model, names)
    route = rows_of(source, names).route
    if route != "merged":
        job = replace(job, rows=rows)
    engine = "DuckDB" if source.kind == "parquet" else source.engine
    read = {
        "source": f"{ROUTES[route]} {engine}",
        "rows_given": rows,
        "bytes": 8 * rows * len(names),
        "passes": None,
    }
    return _explanation(model, job, how, read)


def _method(model: Model, method: str | None) -> str:
    """Return the method that will be taken."""
    linear = model.family.is_linear
    if method is None:
        return "reml" if linear else "laplace"
    check_choice("method", method, (*FIT_METHODS, *SAMPLE_METHODS))
    if method in FIT_METHODS:
        of: dict[str, Any] = {"family": model.family.name, "link": model.family.link, "method": method}
        FitOptions(**of, ddf="none")
    return method if method != "auto" else "marginal" if linear else "nuts"


def _stored(table: Table, data: object) -> int:
    """Return the bytes of a row in columns that were read or converted, not the caller's own."""
    if isinstance(data, str | Path):
        return FILE_COLUMN * len(table.columns)
    own = 0
    for name, column in table.columns.items():
        given = data.get(name) if isinstance(data, Mapping) else None
        shared = isinstance(given, np.ndarray) and np.may_share_memory(given, column.values)
        if column.values.flags.owndata and not shared:
            own += column.values.itemsize
    return own


def _read_facts(table: Table, data: object, *, linear: bool) -> dict[str, Any]:
    """Return what is read, and how often."""
    held = sum(column.values.nbytes for column in table.columns.values())
    path = isinstance(data, str | Path)
    return {
        "source": "file" if path else "table in memory",
        "rows_given": table.n_rows,
        "bytes": Path(str(data)).stat().st_size if path else held,
        "passes": 1 if linear else None,
    }


def _explanation(model: Model, job: Job, how: How, read: Mapping[str, Any]) -> Explanation:
    """Return the facts of a job."""
    method, sampled = how.method, how.method in SAMPLE_METHODS
    choice = _choice(job, method, how.solver)
    memory = predicted_memory(job, solver=choice.solver, draws=how.draws if sampled else 0)
    limit, in_use = memory_limit(), memory_in_use()
    names = [factor.name for factor in job.factors]
    facts = {
        "call": "sample" if sampled else "fit",
        "model": model.text,
        "rows": job.rows,
        **read,
        "groups": {factor.name: factor.levels for factor in job.factors},
        "pairs": {f"{names[f]} x {names[g]}": one.pairs for (f, g), one in job.pairs.items()},
        "pairs_counted": all(one.counted for one in job.pairs.values()),
        "columns": job.columns,
        "effects": sum(factor.levels * factor.effects for factor in job.factors),
        "core_effects": core_effects(job),
        "memory": memory.total,
        "memory_parts": dict(parts_of(job, memory)),
        "memory_limit": limit,
        "memory_in_use": in_use,
        "fits": memory.total <= limit - in_use,
        "method": method,
        "engine": ENGINES[method],
        "solver": choice.solver,
        "reason": choice.sentence,
    }
    return Explanation(facts)


def _choice(job: Job, method: str, solver: Solver) -> Choice:
    """Return exact or Monte Carlo, and the numbers that decided, in a sentence."""
    if job.linear and method in ("reml", "ml"):
        return choice_of(job, solver)
    check_choice("solver", solver, ("auto", "exact"))
    effects, core = sum(factor.levels * factor.effects for factor in job.factors), core_effects(job)
    if not core:
        return choice_of(job)
    return Choice(
        "exact",
        f"Crossed factors leave at most {core:,} of {effects:,} effects to be solved together, in"
        f" {size(24 * core**2)} of matrices.",
    )
