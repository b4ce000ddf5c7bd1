"""Predictions of posteriors of generalised models: mean responses, their intervals, single observations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from multilevel.design.design import NewRows
from multilevel.errors import OptionError
from multilevel.inference.posterior_generalised import (
    class_draws,
    drawn_responses,
    group_variances,
    mean_draws,
    shares_of_zeros,
    used_numbers,
)
from multilevel.inference.posterior_predict import (
    AT_ONCE,
    Rows,
    expected_at_draws,
    mixture_quantile,
    posterior_predict,
    rows_of,
)
from multilevel.inference.predict import kinds_of_terms, refuse_unknown, warn_of_overflow, what_varies
from multilevel.model.families import Ordinal, slope
from multilevel.results.options import check_choice, check_flag, check_level
from multilevel.results.posterior import Posterior
from multilevel.results.questions import Columns, Groups, Scale

Floats = NDArray[np.float64]


@np.errstate(over="ignore", invalid="ignore")
def predict_generalised(
    posterior: Posterior,
    rows: NewRows | None = None,
    *,
    groups: Groups | Mapping[str, Groups] = "known",
    interval: float | None = None,
    observation: bool = False,
    scale: Scale = "response",
    trials: Floats | None = None,
) -> Columns:
    """Return predictions for new rows, or for the rows of the data.

    Parameters
    ----------
    posterior
        Of a generalised model.
    rows
        New rows bound by its design; ``None`` for the used rows.
    groups, interval, observation, scale
        See `Posterior.predict`. "average": the mean response over all groups of the population at each draw;
        the linear predictor of a typical group on the scale of the link. "new": the prediction is that of a
        typical group, the interval contains the variance between groups.
    trials
        ``(n_new,)`` trials of new rows; only for single observations.

    Returns
    -------
    Column prediction, the posterior mean of the mean response (probabilities where there are trials, extra
    zeros included) or of the linear predictor; with an interval also sd, lower, upper, and ``varies``. A
    column ``p(class)`` for each class of an ordinal response, with an interval followed by ``sd(class)``,
    ``lower(class)`` and ``upper(class)``.

    Raises
    ------
    DataError
        If ``groups="known"`` and a row has a level that the data do not have.
    OptionError
        If a keyword has a value that is not allowed, or a single observation is asked for of an ordinal
        response, on the scale of the link, or without an interval.

    Warns
    -----
    OverflowWarning
        If a mean or limit is too large for a number, and given as infinite.

    Notes
    -----
    Limits of means are quantiles over the draws; with new groups those of the mixture of normal linear
    predictors, taken through the link, and the sd adds the variance between groups by the delta method.
    Beside groups that are averaged over, with extra zeros, and for classes, new groups are drawn instead, one
    at every draw, with a seed of their own that follows from the posterior's. So are the responses whose
    quantiles a single observation has; where there are trials it is a share of successes.
    """
    check_flag("observation", observation)
    kinds = kinds_of_terms(posterior, groups)
    level = None if interval is None else check_level("interval", interval)
    check_choice("scale", scale, get_args(Scale))
    _check(posterior, level, observation=observation, scale=scale)
    if scale == "link":
        return posterior_predict(posterior, rows, groups=groups, interval=interval)
    design = posterior.design
    if rows is not None:
        refuse_unknown(posterior, rows, kinds)
    wanted = rows_of(posterior)
    zeros = None if design.inflation is None else design.inflation.X
    sizes = design.trials if rows is None else trials
    if rows is not None:
        wanted = Rows(rows.X, rows.offset, rows.index, rows.Z, None)
        zeros = rows.inflation
    n = wanted.X.shape[0]
    parts: list[dict[str, Floats]] = []
    rng = np.random.default_rng([posterior.options.seed, 2])
    step = max(1, AT_ONCE // (4 * posterior.n_draws))
    for start in range(0, max(n, 1), step):
        some = slice(start, start + step)
        part = None if zeros is None else zeros[some]
        own = None if sizes is None else sizes[some]
        at = wanted.part(some)
        if isinstance(design.family, Ordinal):
            parts.append(_classes(posterior, at, kinds, level, rng))
        elif observation and level is not None:
            parts.append(_observations(posterior, at, kinds, part, own, level, rng))
        else:
            parts.append(_means(posterior, at, kinds, part, level, rng))
    found: Columns = {name: np.concatenate([one[name] for one in parts]) for name in parts[0]}
    warn_of_overflow(posterior, found, None if rows is None else np.arange(n))
    if level is None:
        return found
    return {**found, "varies": [what_varies(kinds, observation=observation, linear=False)] * n}


def _check(posterior: Posterior, level: float | None, *, observation: bool, scale: Scale) -> None:
    """Refuse questions about single observations that have no answer here."""
    if observation and level is None:
        raise OptionError(
            "observation=True was asked without an interval",
            allowed="observation=True changes the interval only",
            remedy="interval=0.9",
        )
    if observation and scale == "link":
        raise OptionError(
            "observation=True was asked with scale='link': an observation has no linear predictor",
            allowed="scale='response'",
        )
    if observation and isinstance(posterior.design.family, Ordinal):
        raise OptionError(
            "observation=True was asked of an ordinal response",
            allowed="the probability of each class, which says all about a single observation",
            remedy="observation=False",
        )


def _with_new_groups(
    posterior: Posterior, rows: Rows, kinds: Sequence[Groups], rng: np.random.Generator
) -> Rows:
    """Return rows whose offset at each draw has effects of a new group added, ``(s, n)``."""
    between = group_variances(posterior, rows, kinds, "new")
    added = np.sqrt(between) * rng.standard_normal(between.shape)
    return replace(rows, offset=added if rows.offset is None else added + rows.offset)


def _classes(
    posterior: Posterior,
    rows: Rows,
    kinds: Sequence[Groups],
    level: float | None,
    rng: np.random.Generator,
) -> dict[str, Floats]:
    """Return posterior means of the probabilities of the classes, with sds and limits."""
    p = spread = class_draws(posterior, rows, kinds)
    if level is not None and "new" in kinds:
        spread = class_draws(posterior, _with_new_groups(posterior, rows, kinds, rng), kinds)
    found: dict[str, Floats] = {}
    for c, name in enumerate(posterior.design.classes):
        found[f"p({name})"] = p[:, :, c].mean(axis=0)
        if level is not None:
            found[f"sd({name})"] = spread[:, :, c].std(axis=0)
            ends = np.quantile(spread[:, :, c], [(1.0 - level) / 2.0, (1.0 + level) / 2.0], axis=0)
            found[f"lower({name})"], found[f"upper({name})"] = ends
    return found


@np.errstate(over="ignore")
def _means(
    posterior: Posterior,
    rows: Rows,
    kinds: Sequence[Groups],
    zeros: Floats | None,
    level: float | None,
    rng: np.random.Generator,
) -> dict[str, Floats]:
    """Return posterior means of mean responses, with sds and limits."""
    mu = mean_draws(posterior, rows, kinds, zeros)
    found = {"prediction": mu.mean(axis=0)}
    if level is None:
        return found
    tails = (1.0 - level) / 2.0, (1.0 + level) / 2.0
    if "new" in kinds and (zeros is not None or "average" in kinds):
        mu = mean_draws(posterior, _with_new_groups(posterior, rows, kinds, rng), kinds, zeros)
    elif "new" in kinds:
        return {**found, **_of_new_groups(posterior, rows, kinds, mu, tails)}
    lower, upper = np.quantile(mu, tails, axis=0)
    return {**found, "sd": mu.std(axis=0), "lower": lower, "upper": upper}


def _of_new_groups(
    posterior: Posterior, rows: Rows, kinds: Sequence[Groups], mu: Floats, tails: tuple[float, float]
) -> dict[str, Floats]:
    """Return sds and limits of the means of new groups, whose linear predictors are normal at each draw."""
    eta, link = expected_at_draws(posterior, rows, kinds), str(posterior.design.family.link)
    between = group_variances(posterior, rows, kinds, "new")
    spread = mu.var(axis=0) + (slope(link, eta) ** 2 * between).mean(axis=0)
    ends = [posterior.design.family.mean(mixture_quantile(eta, between, p)) for p in tails]
    return {"sd": np.sqrt(spread), "lower": np.minimum(*ends), "upper": np.maximum(*ends)}


def _observations(
    posterior: Posterior,
    rows: Rows,
    kinds: Sequence[Groups],
    zeros: Floats | None,
    trials: Floats | None,
    level: float,
    rng: np.random.Generator,
) -> dict[str, Floats]:
    """Return the posterior means of mean responses, with sds and limits of single observations."""
    prediction = mean_draws(posterior, rows, kinds, zeros).mean(axis=0)
    values, inflation = used_numbers(posterior, kinds)
    eta = expected_at_draws(posterior, rows, kinds)
    between = group_variances(posterior, rows, kinds, "new")
    between += group_variances(posterior, rows, kinds, "average")
    eta += np.sqrt(between) * rng.standard_normal(eta.shape)
    share = shares_of_zeros(inflation, zeros)
    drawn = np.empty_like(eta)
    for s in range(eta.shape[0]):
        own = share[s] if isinstance(share, np.ndarray) else None
        drawn[s] = drawn_responses(posterior, eta[s], values[s], own, trials, rng)
    drawn = drawn if trials is None else drawn / trials
    lower, upper = np.quantile(drawn, [(1.0 - level) / 2.0, (1.0 + level) / 2.0], axis=0)
    return {"prediction": prediction, "sd": drawn.std(axis=0), "lower": lower, "upper": upper}
