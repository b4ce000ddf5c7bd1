"""The doors of moments: made of any data, loaded, merged, and given to engines in place of data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from multilevel.answers import estimate_linear
from multilevel.data import Table, read_table
from multilevel.data.sources import is_source, open_source
from multilevel.design import Design, bind, columns_needed
from multilevel.design.blueprint_outline import refuse_unsummable
from multilevel.design.without_rows import without_rows
from multilevel.engines.likelihood.estimator import Watcher
from multilevel.engines.refusals import refuse_large_source, refuse_large_table
from multilevel.errors import OptionError
from multilevel.graphs import known_of, refuse_unfitted, saved_model, with_columns
from multilevel.language import given_model
from multilevel.model import Model
from multilevel.moments import Moments as CrossProducts
from multilevel.moments import summarise
from multilevel.moments.merging.merge import Site, merge
from multilevel.moments.of_source.identified import check_moments
from multilevel.moments.of_source.moments import moments_of_source
from multilevel.results import Fit, FitOptions
from multilevel.results.known_sds import known_sds
from multilevel.results.moment_store import read_moments, save_moments
from multilevel.results.moments import MomentOptions, Moments
from multilevel.results.options import Given, Missing
from multilevel.results.posterior_options import SampleOptions

__all__ = ["load_moments", "merge_moments", "moments"]

Floats = NDArray[np.float64]

IN_MEMORY = "a table"
SUMMED = ("precision_weights", "frequency_weights", "offset", "residual_sd")
"""Options that enter the sums."""


def moments(
    formula: str | Model,
    data: object,
    *,
    precision_weights: Given = None,
    frequency_weights: Given = None,
    offset: Given = None,
    residual_sd: Given = None,
    missing: Missing = "report",
    lme4_compat: bool = False,
) -> Moments:
    """Sum the rows of a linear model's data by group: all that its engines need of them.

    Parameters
    ----------
    formula
        A formula, or a model made by `multilevel.formula` or `multilevel.graph`; its family is gaussian.
    data
        Any table or source that `fit` takes.
    precision_weights, frequency_weights, offset, residual_sd, missing, lme4_compat
        As in `fit`.

    Returns
    -------
    Moments
        `fit` and `sample` take them in place of data; they can be saved, loaded and merged. Tables of
        coefficients, variances and groups and predictions of new rows are the same as from the rows, but
        for rounding; what needs the rows themselves, such as residuals, says so.

    Raises
    ------
    MultilevelError
        One of its kinds, saying what was asked, what was found, and what to try.

    Examples
    --------
    >>> import multilevel as ml
    >>> sleep = ml.datasets.load("sleepstudy")
    >>> moments = ml.moments("reaction ~ days + (days | subject)", sleep)
    >>> moments.n_rows, moments.groups
    (180, {'subject': 18})
    >>> round(ml.fit(moments).deviance, 3)
    1743.628
    """
    model, lme4_compat = given_model(with_columns(formula, data), lme4_compat=lme4_compat)
    refuse_unsummable(model)
    known = known_of(model, residual_sd=residual_sd, offset=offset)
    given: dict[str, Any] = {
        "precision_weights": precision_weights,
        "frequency_weights": frequency_weights,
        "offset": known.offset,
        "residual_sd": known.residual_sd,
    }
    needed = columns_needed(model, **given)
    if is_source(data, needed):
        source = open_source(data)
        refuse_large_source(model, source, {**given, "missing": missing}, what="the sums")
        design, products = moments_of_source(model, source, **given, missing=missing, estimable=False)
    else:
        table = read_table(data, needed)
        refuse_large_table(model, table, what="the sums")
        design = bind(model, table, **given, missing=missing, estimable=False)
        products = summarise(design)
    kept = {name: _without_array(value) for name, value in given.items()}
    options = MomentOptions(**kept, missing=missing, lme4_compat=lme4_compat, library=design.library)
    return Moments(without_rows(design, IN_MEMORY), products, options, VERBS)


def load_moments(path: str | Path) -> Moments:
    """Load moments that `Moments.save` wrote; nothing in the file is executed.

    Raises
    ------
    StorageError
        If the file is absent, damaged, of another version, or holds no moments.

    Examples
    --------
    >>> import tempfile
    >>> import multilevel as ml
    >>> moments = ml.moments("reaction ~ days + (days | subject)", ml.datasets.load("sleepstudy"))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     moments.save(f"{folder}/sleep.moments")
    ...     again = ml.load_moments(f"{folder}/sleep.moments")
    >>> ml.fit(again).deviance == ml.fit(moments).deviance
    True
    """
    saved = read_moments(path)
    plain = FitOptions(lme4_compat=saved.options.lme4_compat)
    model = saved_model(saved.text, saved.graph, saved.stored.columns, plain)
    return Moments(*saved.stored.bound(model), saved.options, VERBS)


def _without_array(value: Given) -> Given:
    """Return an option with an array replaced by an empty one."""
    return np.empty(0) if value is not None and np.ndim(value) > 0 else value


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """What an engine takes in place of data: a design without rows and its cross-products.

    Parameters
    ----------
    design, products
        Ready for an engine.
    table
        Without columns; its library is that of the results.
    options
        What the caller chose when they were made: keywords of `FitOptions` and `SampleOptions`.
    """

    design: Design
    products: CrossProducts
    table: Table
    options: Mapping[str, Any]


def held_moments(model: object, data: object, **keywords: object) -> Held | None:
    """Return what the caller holds as moments, given as the model or as the data; ``None`` if neither is.

    Parameters
    ----------
    model, data
        As given to `fit` or `sample`.
    keywords
        Those that belong to the making of moments; none may differ from ``None``, ``False`` or "report".

    Raises
    ------
    OptionError
        A keyword is given that belongs to the making of moments; or the model is not that of the moments.
    """
    if isinstance(model, Moments):
        if data is not None:
            raise OptionError(
                "moments were given in place of the model, and data beside them",
                allowed="fit(moments), or fit(model, moments)",
            )
        found = model
    elif isinstance(data, Moments):
        found = data
        _require_same_model(model, found)
    else:
        return None
    for name, value in keywords.items():
        if value is not None and value is not False and not (name == "missing" and value == "report"):
            raise OptionError(
                f"{name}= was given beside moments, which were made before",
                allowed="keywords of the engine",
                remedy=f"multilevel.moments(formula, data, {name}=...)"
                if name in MomentOptions.__slots__
                else f"leave {name}= out",
            )
    options = found.options
    names = (*SUMMED, "missing", "lme4_compat")
    table = Table({}, found.design.n_input, options.library)
    return Held(found.design, found.products, table, {name: getattr(options, name) for name in names})


def held_options(held: Held, chosen: Mapping[str, Any]) -> FitOptions:
    """Return the options of a fit of moments; ``chosen`` are keywords of `FitOptions`, ``None`` the usual."""
    usual = {"method": "reml", "ddf": "satterthwaite"}
    given: dict[str, Any] = {
        name: usual.get(name) if value is None else value for name, value in chosen.items()
    }
    options = FitOptions(**given, **held.options)
    check_moments(held.design, held.products)
    refuse_unfitted(held.design.model)
    known_sds(held.design.model, options.known, method=options.method, ddf=options.ddf)
    return options


def solved(
    held: Held,
    options: FitOptions,
    *,
    start: Floats | None,
    max_evaluations: int,
    progress: Watcher | None,
) -> Fit:
    """Fit the model of moments."""
    return estimate_linear(
        held.design,
        held.products,
        held.table,
        options,
        start=start,
        max_evaluations=max_evaluations,
        progress=progress,
    )


def summed(
    model: Model, data: object, options: FitOptions | SampleOptions, *, fewest_levels: Literal[1, 2] = 2
) -> Held:
    """Sum the rows of a source for an engine.

    Parameters
    ----------
    model
        A linear model.
    data
        A source; see `multilevel.data.sources.is_source`.
    options
        As the caller chose them.
    fewest_levels
        Of a grouping factor: 2, or 1 where there are priors.

    Raises
    ------
    MultilevelError
        As `moments`.
    """
    if isinstance(options, SampleOptions) and options.residual_groups is not None:
        raise OptionError(
            "residual_groups were asked of data whose rows stay where they are",
            allowed="one residual sd: sums by group hold no others",
            remedy="collect the frame and sample that",
        )
    given: dict[str, Any] = {name: getattr(options, name) for name in SUMMED}
    source, draws = open_source(data), options.draws if isinstance(options, SampleOptions) else 0
    what = "the run" if draws else "the fit"
    refuse_large_source(model, source, {**given, "missing": options.missing}, what=what, draws=draws)
    design, products = moments_of_source(
        model, source, **given, missing=options.missing, fewest_levels=fewest_levels
    )
    return Held(design, products, Table({}, design.n_input, design.library), {})


def _require_same_model(
    model: object,
    held: Moments,
    *,
    remedy: str = "multilevel.moments(model, data), or multilevel.fit(moments)",
) -> None:
    """Raise `OptionError` unless a model has the columns, groups and structures of the moments."""
    own = held.model
    graphs = [one.dag for one in (model, own) if isinstance(one, Model) and one.dag is not None]
    if len(graphs) == 2 and graphs[0].text == graphs[1].text:
        return
    asked, _ = given_model(model, lme4_compat=held.options.lme4_compat)
    same = (asked.response, asked.fixed, set(asked.offsets)) == (own.response, own.fixed, set(own.offsets))
    terms = [[(t.effects, t.factors, t.covariance) for t in one.groups] for one in (asked, own)]
    if not same or terms[0] != terms[1] or not asked.family.is_linear:
        raise OptionError(
            f"the model is `{asked.text}`, and the moments are those of `{own.text}`",
            allowed="moments of the same model",
            remedy=remedy,
        )


def merge_moments(*several: Moments) -> Moments:
    """Return the moments of the rows of several tables together: two days, or two sites that share no rows.

    Levels of grouping factors and of categorical predictors are unified by their labels: a label that is in
    two tables is one level. The result is that of the tables set below one another, but for rounding.

    Parameters
    ----------
    several
        Moments of one model, made with the same keywords.

    Raises
    ------
    OptionError
        Their models or keywords differ, or the formula has functions of all rows, such as ``scale(x)``.
    DesignError
        A column that was left out of one of them, because there it nearly repeats others, is needed.

    Examples
    --------
    >>> import multilevel as ml
    >>> sleep = ml.datasets.load("sleepstudy")
    >>> formula = "reaction ~ days + (days | subject)"
    >>> early, late = sleep[sleep["days"] < 5], sleep[sleep["days"] >= 5]
    >>> merged = ml.merge_moments(ml.moments(formula, early), ml.moments(formula, late))
    >>> merged.n_rows, round(ml.fit(merged).deviance, 3)
    (180, 1743.628)
    """
    for one in several:
        if not isinstance(one, Moments):
            raise OptionError(
                f"merge was given {type(one).__name__}", allowed="what multilevel.moments returns"
            )
    if not several:
        raise OptionError("merge was given nothing", allowed="moments of one or more tables")
    first = several[0]
    for other in several[1:]:
        _require_same_model(other.model, first, remedy="sum each table with the same formula, then merge")
        for name in (*SUMMED, "lme4_compat"):
            own, theirs = (_shown(getattr(one.options, name)) for one in (first, other))
            if own != theirs:
                raise OptionError(
                    f"moments made with {name}={own} and {name}={theirs} were to be merged",
                    allowed="moments made with the same keywords",
                )
    origin = " and ".join(dict.fromkeys(_origin(one) for one in several))
    design, products = merge([Site(one.design, one.products) for one in several], origin)
    return Moments(design, products, first.options, VERBS)


def _shown(value: Given) -> str:
    """Return a keyword's value in words."""
    return "an array" if isinstance(value, np.ndarray) else repr(value)


def _origin(moments: Moments) -> str:
    """Return where the rows were."""
    summary = moments.design.summary
    return IN_MEMORY if summary is None else summary.origin


@dataclass(frozen=True, slots=True)
class Verbs:
    """`MomentVerbs` of the rooms below."""

    def merge(self, *several: Moments) -> Moments:
        """Return the moments of all rows together."""
        return merge_moments(*several)

    def save(self, moments: Moments, path: str | Path) -> None:
        """Write moments to a file."""
        save_moments(moments, path)


VERBS = Verbs()
