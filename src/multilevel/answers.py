"""What a fit answers: each question goes to the room that knows; the spine that fits and refits share."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from multilevel import inference, report, results
from multilevel.data import Table
from multilevel.data.give_back import to_library
from multilevel.design import Design, bind
from multilevel.design.response import check_information, with_response
from multilevel.design.streams import seed_number
from multilevel.engines.em import evaluate_em
from multilevel.engines.laplace import solve_laplace, solve_quadrature
from multilevel.engines.likelihood import evaluate_at
from multilevel.engines.likelihood.estimator import Watcher
from multilevel.engines.likelihood.known_sds import evaluate_known, solve_known
from multilevel.engines.linear import solve_linear
from multilevel.engines.monte_carlo.estimator import evaluate_monte_carlo
from multilevel.engines.refusals import refuse_large_table
from multilevel.engines.solution import EM_METHODS, Method, Solution, Status, is_restricted
from multilevel.errors import (
    ApproximationWarning,
    BoundaryWarning,
    ConvergenceWarning,
    DataError,
    warn,
)
from multilevel.inference.bootstrap import bootstrap, bootstrap_intervals, bootstrap_replicates
from multilevel.inference.new_data import read_new_data
from multilevel.model import Model
from multilevel.moments import Moments, replace_response, summarise
from multilevel.node_answers import AnswersAboutNodes
from multilevel.results import Fit, FitOptions, Frame, Groups
from multilevel.results.bootstrap import Bootstrap
from multilevel.results.known_sds import known_sds
from multilevel.results.options import check_level
from multilevel.results.questions import Page, Question, ResidualKind, Scale

Floats = NDArray[np.float64]

MUCH_SHIFT = 0.5
"""Movement of a parameter from Laplace's method to quadrature that is worth a warning, in standard errors."""
PAGES = {
    "summary": report.summary,
    "latex": report.to_latex,
    "markdown": report.to_markdown,
    "html": report.to_html,
}


def bound(model: Model, table: Table, options: FitOptions) -> Design:
    """Bind a model to a table with the options of a fit."""
    return bind(
        model,
        table,
        precision_weights=options.precision_weights,
        frequency_weights=options.frequency_weights,
        offset=options.offset,
        residual_sd=options.residual_sd,
        missing=options.missing,
    )


def estimate(
    model: Model,
    table: Table,
    options: FitOptions,
    *,
    start: Floats | None = None,
    max_evaluations: int = 200,
    progress: Watcher | None = None,
) -> Fit:
    """Bind, summarise and solve; warn where the estimates need a word."""
    refuse_large_table(model, table, what="the fit")
    design = bound(model, table, options)
    if not model.family.is_linear:
        return _estimate_generalised(design, table, options, start, max_evaluations, progress)
    return estimate_linear(
        design,
        summarise(design),
        table,
        options,
        start=start,
        max_evaluations=max_evaluations,
        progress=progress,
    )


def estimate_linear(
    design: Design,
    moments: Moments,
    table: Table,
    options: FitOptions,
    *,
    start: Floats | None = None,
    max_evaluations: int = 200,
    progress: Watcher | None = None,
) -> Fit:
    """Solve for the moments of a linear model; warn where the estimates need a word."""
    known = known_sds(design.model, options.known, method=options.method, ddf=options.ddf)
    if known is not None:
        solution = solve_known(
            moments,
            known,
            method=options.method,
            start=start,
            max_evaluations=max_evaluations,
            progress=progress,
        )
    else:
        solution = solve_linear(
            moments, options.solving, start=start, max_evaluations=max_evaluations, progress=progress
        )
    fit = Fit(design, moments, solution, table, options, ANSWERS)
    _warn(fit)
    return fit


def evaluated_linear(model: Model, moments: Moments, saved: results.Saved) -> Solution:
    """Return the solution of a linear model at the saved coordinates."""
    method, at, status, evaluations = saved.options.method, saved.theta, saved.status, saved.evaluations
    known = known_sds(model, saved.options.known, method=method, ddf=saved.options.ddf)
    if known is not None:
        return evaluate_known(moments, known, method=method, theta=at, status=status, evaluations=evaluations)
    if saved.probes is not None:
        return evaluate_monte_carlo(
            moments,
            method=method,
            theta=at,
            mc_error=saved.options.mc_error,
            probes=saved.probes,
            seed=saved.options.mc_seed,
            status=status,
            evaluations=evaluations,
        )
    if saved.trace is None:
        return evaluate_at(moments, method=method, theta=at, status=status, evaluations=evaluations)
    return evaluate_em(
        moments, method=method, theta=at, status=status, evaluations=evaluations, trace=saved.trace
    )


def _estimate_generalised(
    design: Design,
    table: Table,
    options: FitOptions,
    start: NDArray[np.float64] | None,
    max_evaluations: int,
    progress: Watcher | None,
    response: Floats | None = None,
) -> Fit:
    """Fit a generalised linear mixed model."""
    check_information(design)
    if options.method == "quadrature":
        solution = solve_quadrature(
            design, nodes=options.nodes, start=start, max_evaluations=max_evaluations, progress=progress
        )
    else:
        solution = solve_laplace(design, start=start, max_evaluations=max_evaluations, progress=progress)
    fit = Fit(design, None, solution, table, options, ANSWERS, response)
    _warn(fit)
    return fit


def _warn(fit: Fit) -> None:
    """Warn of a boundary, an optimum that is not certified, or an approximation that is far off."""
    if fit.status is Status.BOUNDARY:
        warn(fit.sentence, BoundaryWarning)
    elif fit.status is not Status.OPTIMAL:
        warn(fit.sentence, ConvergenceWarning)
    for sentence in inference.family_boundaries(fit):
        warn(sentence, BoundaryWarning)
    accuracy = fit.solution.accuracy
    if accuracy is not None and accuracy.shift > MUCH_SHIFT:
        warn(accuracy.sentence, ApproximationWarning)


@dataclasses.dataclass(frozen=True, slots=True)
class LikelihoodAnswers(AnswersAboutNodes):
    """`Answers` of fits by the likelihood engine."""

    def table(self, fit: Fit, question: Question) -> Frame:
        """Return one of the tables of a fit in the caller's library."""
        return to_library(inference.table(fit, question), fit.table.library)

    def page(self, fit: Fit, page: Page) -> str:
        """Return the fit as text."""
        return PAGES[page](fit)

    def facts(self, fit: Fit) -> dict[str, Any]:
        """Return the fit as plain values that JSON can hold."""
        return report.facts(fit)

    def fitted(self, fit: Fit) -> Floats:
        """Return fitted values for the caller's rows."""
        return inference.fitted(fit)

    def residuals(self, fit: Fit) -> Floats:
        """Return residuals for the caller's rows."""
        return inference.residuals(fit)

    def residuals_of(self, fit: Fit, kind: ResidualKind, *, seed: int | np.random.Generator | None) -> Floats:
        """Return residuals of one kind for the caller's rows."""
        return inference.residuals_of(fit, kind, seed=seed)

    def vcov(self, fit: Fit) -> Floats:
        """Return the covariance matrix of the coefficients."""
        return inference.vcov(fit)

    def predict(
        self,
        fit: Fit,
        data: object,
        *,
        groups: Groups | Mapping[str, Groups],
        interval: float | None,
        observation: bool,
        scale: Scale,
    ) -> Frame:
        """Return a table of predictions, in the library of the new data."""
        if data is None:
            columns = inference.predict(
                fit, groups=groups, interval=interval, observation=observation, scale=scale
            )
            return to_library(columns, fit.table.library)
        new = read_new_data(fit, data, groups=groups, observation=observation)
        columns = inference.predict(
            fit,
            new.rows,
            groups=groups,
            interval=interval,
            observation=observation,
            scale=scale,
            precision=new.precision,
            trials=new.trials,
        )
        return to_library(columns, new.library)

    def simulate(
        self, fit: Fit, n: int, *, seed: int | np.random.Generator, groups: Literal["new", "known"]
    ) -> Floats:
        """Return simulated responses."""
        return inference.simulate(fit, n, seed=seed, groups=groups)

    def bootstrap(
        self, fit: Fit, n: int, *, seed: int | np.random.Generator, level: float | None
    ) -> Bootstrap:
        """Return the model estimated again from simulated responses."""
        coverage = check_level("level", fit.options.level if level is None else level)
        number, library = seed_number(seed), fit.table.library
        found = bootstrap(fit, n, seed=number)
        return Bootstrap(
            intervals=to_library(bootstrap_intervals(found, coverage), library),
            replicates=to_library(bootstrap_replicates(found), library),
            draws=found.draws,
            n=len(found.statuses),
            seed=number,
            level=coverage,
            formula=fit.formula,
        )

    def refit(self, fit: Fit, *, y: object = None, method: Method | None = None) -> Fit:
        """Return the same model fitted to another response, or by another method."""
        options = fit.options if method is None else _by_method(fit.options, method)
        design, moments, response = fit.design, fit.moments, fit.response
        if y is not None:
            design.require_rows("new responses of refit")
            design.require_single_rows("new responses of refit")
            response = _response_of_used_rows(fit, y)
        if moments is None:
            return self._refit_generalised(fit, options, response)
        if y is not None and response is not None:
            moments = replace_response(moments, design, response)
            design = dataclasses.replace(design, y=response)
        known = known_sds(design.model, options.known, method=options.method, ddf=options.ddf)
        if known is not None:
            solution = solve_known(moments, known, method=options.method, start=fit.solution.theta)
        else:  # the estimates may be at a boundary, which EM never leaves
            start = None if options.method in EM_METHODS else fit.solution.theta
            solution = solve_linear(moments, options.solving, start=start)
        again = Fit(design, moments, solution, fit.table, options, ANSWERS, response)
        _warn(again)
        return again

    def _refit_generalised(self, fit: Fit, options: FitOptions, response: Floats | None) -> Fit:
        """Return the same generalised model fitted to another response, from the estimates of this one."""
        design = fit.design
        if response is not None:
            design = with_response(design, response)
        return _estimate_generalised(design, fit.table, options, fit.solution.theta, 200, None, response)

    def save(self, fit: Fit, path: str | Path) -> None:
        """Write the fit to a file."""
        results.save(fit, path)


def _by_method(options: FitOptions, method: Method) -> FitOptions:
    """Return options with another method; Kenward-Roger, which needs REML, gives way to Satterthwaite."""
    adjusted = options.ddf == "kenward-roger" and not is_restricted(method)
    ddf = "satterthwaite" if adjusted else options.ddf
    nodes = options.nodes if method == "quadrature" else None
    return dataclasses.replace(options, method=method, ddf=ddf, nodes=nodes)


def _response_of_used_rows(fit: Fit, y: object) -> Floats:
    """Return a new response for the used rows from one value for each row of the table, or used row."""
    design = fit.design
    values = _numbers(y)
    if values.shape == (design.n_input,):
        values = values[design.rows]
    if values.shape != (design.n_rows,):
        raise DataError(
            f"the new response has shape {values.shape}",
            allowed=f"{design.n_input} values, one for each row of the table, or {design.n_rows}, one for"
            " each used row",
        )
    finite = np.isfinite(values)
    if not finite.all():
        raise DataError(
            f"the new response is missing or infinite in {int((~finite).sum())} used rows, first in row"
            f" {int(np.argmin(finite))}",
            allowed="finite numbers",
        )
    if values.size and np.ptp(values) == 0.0:
        raise DataError(f"the new response is constant ({values[0]:g})", allowed="values that vary")
    return np.ascontiguousarray(values)


def _numbers(y: object) -> Floats:
    """Return a new response as numbers, or raise `DataError`."""
    try:
        values = np.asarray(y)
        if values.dtype.kind not in "biufO":
            raise TypeError
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError(
            f"the new response ({type(y).__name__}) is not numeric",
            allowed="an array, list or column of numbers",
        ) from None


ANSWERS = LikelihoodAnswers()
