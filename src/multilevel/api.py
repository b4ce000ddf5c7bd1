"""The doors of the library: each stage called once, in order."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilevel import inference, results
from multilevel.answers import ANSWERS, bound, estimate, evaluated_linear
from multilevel.data import read_table
from multilevel.data.give_back import to_library
from multilevel.data.sources import is_source
from multilevel.design import Design, columns_needed
from multilevel.engines.laplace import evaluate_laplace, evaluate_quadrature
from multilevel.engines.likelihood import Progress
from multilevel.engines.likelihood.estimator import Watcher
from multilevel.engines.monte_carlo.choice import Solver
from multilevel.engines.solution import Method, Solution
from multilevel.errors import OptionError
from multilevel.graphs import known_of, refuse_unfitted, saved_model, with_columns
from multilevel.language import given_model, parse_formula, with_family
from multilevel.merged_rows import rows_from
from multilevel.model import Model
from multilevel.model.families import Family
from multilevel.moment_doors import held_moments, held_options, solved, summed
from multilevel.moments import replace_response, summarise
from multilevel.results import Fit, FitOptions
from multilevel.results.known_sds import Known, check_known, known_sds
from multilevel.results.moments import Moments as UserMoments
from multilevel.results.options import Ddf, Given, Missing
from multilevel.results.posterior import Posterior

__all__ = ["Progress", "compare", "fit", "formula", "load_fit"]


def formula(
    text: str,
    *,
    family: str | Family | None = None,
    zero_inflation: str | None = None,
    lme4_compat: bool = False,
) -> Model:
    """Read a formula into a model, without data.

    Parameters
    ----------
    text
        For example ``"reaction ~ days + (days | subject)"``.
    family, zero_inflation
        As in `fit`.
    lme4_compat
        Split ``||`` term by term, as lme4 does.

    Raises
    ------
    FormulaError
        With a caret under the fault.

    Examples
    --------
    >>> import multilevel as ml
    >>> ml.formula("reaction ~ days + (days | subject)").fixed
    '1 + days'
    >>> ml.formula("ticks ~ year + (1 | brood)", family="poisson").family
    Poisson(link='log')
    """
    return with_family(parse_formula(text, lme4_compat=lme4_compat), family, zero_inflation)


def fit(
    model: str | Model | UserMoments,
    data: object = None,
    *,
    family: str | Family | None = None,
    zero_inflation: str | None = None,
    method: Method | None = None,
    nodes: int | None = None,
    residual_sd: Given = None,
    known: Known | None = None,
    precision_weights: Given = None,
    frequency_weights: Given = None,
    offset: Given = None,
    missing: Missing = "report",
    ddf: Ddf | None = None,
    level: float = 0.95,
    lme4_compat: bool = False,
    start: NDArray[np.float64] | None = None,
    max_evaluations: int = 200,
    progress: Watcher | None = None,
    solver: Solver = "auto",
    mc_error: float = 0.01,
    mc_seed: int = 0,
    weights: None = None,
) -> Fit:
    """Fit a multilevel model by (restricted) maximum likelihood.

    Parameters
    ----------
    model
        A formula, ``"reaction ~ days + (days | subject)"``, or a model made by `formula` or `graph`; or
        `moments`, without data.
    data
        A table of pandas, polars or pyarrow, any other frame that Narwhals knows, a dictionary of arrays, or
        the path of a CSV or Parquet file; or what `moments` returned for this model; or a source whose rows
        stay where they are: a folder or pattern of Parquet files, or a list of them, a DuckDB relation, a
        lazy frame of polars, a DataFrame of PySpark or Dask.
    family
        Distribution of the response: "gaussian", "bernoulli", "binomial" (response ``prop(successes,
        trials)``), "poisson", "negative_binomial", "negative_binomial_linear", "gamma", "inverse_gaussian",
        "beta", "beta_binomial", "student", "ordinal", or one of `multilevel.families` with a link that is not
        its usual one, ``families.Binomial(link="probit")``; ``None`` for that of the model, gaussian for a
        formula.
    zero_inflation
        Right side of a formula, ``"~ 1"`` or ``"~ x"``, for the logit of the share of extra zeros of counts.
    method
        "reml" (restricted maximum likelihood, the default of the gaussian family) or "ml"; "em_reml" or "em":
        the same by expectation and maximisation, with the likelihoods on the way, which never fall, in
        ``fit.solution.trace``. For other families "laplace": maximum likelihood by Laplace's method; or, for
        one grouping factor of up to three effects, "quadrature": by adaptive Gauss-Hermite quadrature.
    nodes
        Of quadrature, in each dimension; by default 25 for one effect per group, 15 for two, 9 for three.
    residual_sd
        Known residual sd, in the unit of the response: a number, a column's name, or one for each row.
    known
        Known sds of grouped terms with one effect, by the names of the priors: ``{"friend": {"sd": 2.0}}``; a
        graph has them as numbers, ``R[friend] ~ Normal(mean, 2)``. For methods "reml" and "ml".
    precision_weights
        Known ``w`` with ``Var(e_i) = sigma^2 / w_i``: a column's name or one for each row.
    frequency_weights
        How many times each row counts: a column's name or one for each row.
    offset
        Added to the linear predictor, with coefficient 1: a number, a column's name, or one for each row.
    missing
        "report": rows with a missing value are left out with a warning, but a missing group is an error;
        "drop": both are left out; "error": both are refused.
    ddf
        Degrees of freedom of the coefficients' tests: "satterthwaite" (the default of the gaussian family),
        "kenward-roger" or "none" (normal, the only one of the other families).
    level
        Coverage of the intervals in the tables.
    lme4_compat
        Split ``||`` term by term, as lme4 does; of a model made by `formula`, say it there.
    start
        The optimiser's coordinates to start from (``fit.solution.theta`` of a similar fit).
    max_evaluations
        Limit of evaluations of the likelihood; reaching it is a status, not an error.
    progress
        Called with a `Progress` after each evaluation; returning ``False`` ends the search.
    solver
        Of linear models: "exact", "monte_carlo" (crossed factors, by random vectors), or "auto", the cheaper.
    mc_error
        Monte Carlo error of variance parameters that is good enough, in units of their standard errors; what
        was reached stands in ``fit.solution.monte_carlo``.
    mc_seed
        Of its random vectors.
    weights
        Not accepted: say which kind of weights you mean.

    Returns
    -------
    Fit

    Raises
    ------
    MultilevelError
        One of its kinds, saying what was asked, what was found, and what to try.

    Examples
    --------
    >>> import multilevel as ml
    >>> fit = ml.fit("reaction ~ days + (days | subject)", ml.datasets.load("sleepstudy"))
    >>> round(fit.deviance, 3)
    1743.628
    >>> herds, model = ml.datasets.load("cbpp"), "prop(incidence, size) ~ period + (1 | herd)"
    >>> round(ml.fit(model, herds, family="binomial").deviance, 3)
    184.053
    >>> ml.fit(model, herds, family=ml.families.Binomial(link="probit")).family
    'binomial (probit link)'
    """
    _refuse_bare_weights(weights)
    keywords: dict[str, Any] = {
        "family": family,
        "zero_inflation": zero_inflation,
        "residual_sd": residual_sd,
        "precision_weights": precision_weights,
        "frequency_weights": frequency_weights,
        "offset": offset,
        "missing": missing,
        "lme4_compat": lme4_compat,
    }
    chosen: dict[str, Any] = {"method": method, "nodes": nodes, "ddf": ddf, "level": level}
    chosen |= {"known": check_known(known), "solver": solver, "mc_error": mc_error, "mc_seed": mc_seed}
    search: dict[str, Any] = {"start": start, "max_evaluations": max_evaluations, "progress": progress}
    held = held_moments(model, data, **keywords)
    if held is not None:
        return solved(held, held_options(held, chosen), **search)
    parsed, options = _model_and_options(model, data, chosen, **keywords)
    known_sds(parsed, options.known, method=options.method, ddf=options.ddf)
    needed = columns_needed(
        parsed,
        precision_weights=precision_weights,
        frequency_weights=frequency_weights,
        offset=options.offset,
        residual_sd=options.residual_sd,
    )
    if not is_source(data, needed):
        table = read_table(data, needed)
    elif parsed.family.is_linear:
        return solved(summed(parsed, data, options), options, **search)
    else:
        with rows_from(parsed, data, options) as (table, options):
            return estimate(parsed, table, options, **search)
    return estimate(parsed, table, options, **search)


def _model_and_options(
    model: object,
    data: object,
    chosen: Mapping[str, Any],
    *,
    family: object,
    zero_inflation: str | None,
    residual_sd: Given,
    offset: Given,
    lme4_compat: bool,
    **others: Any,
) -> tuple[Model, FitOptions]:
    """Return the model that was asked for, and all that was chosen besides."""
    parsed, lme4_compat = given_model(
        with_columns(model, data), lme4_compat=lme4_compat, family=family, zero_inflation=zero_inflation
    )
    refuse_unfitted(parsed)
    given = known_of(parsed, residual_sd=residual_sd, offset=offset)
    linear = parsed.family.is_linear
    usual: dict[str, Any] = {
        "method": "reml" if linear else "laplace",
        "ddf": "satterthwaite" if linear else "none",
    }
    options = FitOptions(
        family=parsed.family.name,
        link=parsed.family.link,
        zero_inflation=parsed.inflation or None,
        lme4_compat=lme4_compat,
        offset=given.offset,
        residual_sd=given.residual_sd,
        **others,
        **(usual | {name: value for name, value in chosen.items() if value is not None}),
    )
    return parsed, options


def _refuse_bare_weights(weights: object) -> None:
    """Raise `OptionError` if the ambiguous keyword was used."""
    if weights is not None:
        raise OptionError(
            "`weights` can mean several things and is not accepted",
            allowed="precision_weights (Var(e_i) = sigma^2 / w_i, as in lme4), frequency_weights (row i"
            " counts w_i times)",
            remedy="precision_weights=... for the meaning of lme4 and nlme",
        )


def load_fit(path: str | Path) -> Fit:
    """Load a fit that `Fit.save` wrote; nothing in the file is executed.

    Raises
    ------
    StorageError
        If the file is absent, damaged, of another version, or not a saved fit.

    Examples
    --------
    >>> import tempfile
    >>> import multilevel as ml
    >>> fit = ml.fit("yield ~ 1 + (1 | batch)", ml.datasets.load("dyestuff"))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     fit.save(f"{folder}/dyestuff.fit")
    ...     again = ml.load_fit(f"{folder}/dyestuff.fit")
    >>> again.deviance == fit.deviance
    True
    """
    saved = results.read(path)
    options = saved.options
    if saved.stored is not None:
        model = saved_model(saved.text, saved.graph, saved.stored.columns, options)
        design, moments = saved.stored.bound(model)
        solution = evaluated_linear(model, moments, saved)
        results.verify(saved, solution)
        return Fit(design, moments, solution, saved.table, options, ANSWERS)
    model = saved_model(saved.text, saved.graph, saved.table.columns, options)
    design = bound(model, saved.table, options)
    if not model.family.is_linear:
        return _loaded_generalised(design, saved)
    moments = summarise(design)
    if saved.response is not None:
        moments = replace_response(moments, design, saved.response)
        design = dataclasses.replace(design, y=saved.response)
    solution = evaluated_linear(model, moments, saved)
    results.verify(saved, solution)
    return Fit(design, moments, solution, saved.table, options, ANSWERS, saved.response)


def _loaded_generalised(design: Design, saved: results.Saved) -> Fit:
    """Return a saved fit of a generalised linear model."""
    if saved.response is not None:
        design = dataclasses.replace(design, y=saved.response)
    solution = _evaluated(design, saved)
    results.verify(saved, solution)
    return Fit(design, None, solution, saved.table, saved.options, ANSWERS, saved.response)


def _evaluated(design: Design, saved: results.Saved) -> Solution:
    """Return the solution of a generalised linear model at the saved vector."""
    at, status, evaluations = saved.theta, saved.status, saved.evaluations
    if saved.options.method == "quadrature":
        return evaluate_quadrature(
            design, at, nodes=saved.options.nodes, status=status, evaluations=evaluations
        )
    return evaluate_laplace(design, at, status=status, evaluations=evaluations)


def compare(*results: Fit | Posterior, group: str | None = None) -> Any:
    """Compare fits to the same data, or posteriors of the same data.

    Fits: likelihood-ratio tests, AIC and BIC; see `multilevel.inference.compare` for the columns. REML fits
    whose fixed parts differ are fitted again by ML.

    Posteriors: leave-one-out predictive densities, their differences from the best, and Bayes factors; see
    `multilevel.inference.compare_posteriors`.

    Parameters
    ----------
    results
        Two or more fits to the same rows, response, trials and weights, of whatever families; or two or more
        posteriors.
    group
        Of posteriors: a grouping factor whose levels are left out in place of rows.

    Raises
    ------
    ComparisonError
        If the data differ, or there are fewer than two.
    OptionError
        If fits and posteriors are mixed.

    Examples
    --------
    >>> import multilevel as ml
    >>> sleep = ml.datasets.load("sleepstudy")
    >>> simple = ml.fit("reaction ~ days + (1 | subject)", sleep)
    >>> slopes = ml.fit("reaction ~ days + (days | subject)", sleep)
    >>> float(ml.compare(simple, slopes)["chi_square"].iloc[1].round(2))
    42.84
    >>> cafes = ml.datasets.load("cafes")
    >>> alike = ml.sample("wait ~ afternoon + (1 | cafe)", cafes, seed=1)
    >>> varying = ml.sample("wait ~ afternoon + (afternoon | cafe)", cafes, seed=1)
    >>> ml.compare(alike, varying)["model"].tolist()
    ['wait ~ afternoon + (afternoon | cafe)', 'wait ~ afternoon + (1 | cafe)']
    """
    for one in results:
        if not isinstance(one, Fit | Posterior):
            raise OptionError(
                f"compare was given {type(one).__name__}",
                allowed="fits made by multilevel.fit, or posteriors made by multilevel.sample",
            )
    fits = [one for one in results if isinstance(one, Fit)]
    posteriors = [one for one in results if isinstance(one, Posterior)]
    if fits and posteriors:
        raise OptionError(
            f"compare was given {len(fits)} fitted and {len(posteriors)} sampled models",
            allowed="fits alone, or posteriors alone",
            remedy="multilevel.sample for every model, or multilevel.fit for every model",
        )
    library = results[0].table.library if results else "pandas"
    if posteriors:
        return to_library(inference.compare_posteriors(*posteriors, group=group), library)
    if group is not None:
        raise OptionError(f"compare(group={group!r}) of fits", allowed="group= with posteriors")
    return to_library(inference.compare(*fits), library)
