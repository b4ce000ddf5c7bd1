"""Predictions of posteriors of generalised models: mean responses, their intervals, single observations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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
    rows_of,
)
from multilevel.inference.predict import kinds_of_terms, refuse_unknown, what_varies
from multilevel.model.families import Ordinal, slope
from multilevel.results.options import check_flag, check_level
from multilevel.results.posterior import Posterior
from multilevel.results.questions import Columns, Groups

Floats = NDArray[np.float64]


def predict_generalised(
    posterior: Posterior,
    rows: NewRows | None = None,
    *,
    groups: Groups | Mapping[str, Groups] = "known",
    interval: float | None = None,
    observation: bool = False,
    trials: Floats | None = None,
) -> Columns:
    """Return predictions of the mean response for new rows, or for the rows of the data.

    Parameters
    ----------
    posterior
        Of a generalised model.
    rows
        New rows bound by its design; ``None`` for the used rows.
    groups, interval, observation
        See `Posterior.predict`. "average": the mean response over all groups of the population at each draw.
        "new": the prediction is that of a typical group, the interval contains the variance between groups.
    trials
        ``(n_new,)`` trials of new rows; only for single observations.

    Returns
    -------
    Column prediction, the posterior mean of the mean response (probabilities where there are trials, extra
    zeros included); with an interval also sd, lower, upper, and ``varies``. A column ``p(class)`` for each
    class of an ordinal response, without interval.

    Raises
    ------
    DataError
        If ``groups="known"`` and a row has a level that the data do not have.
    OptionError
        If a keyword has a value that is not allowed; an interval is asked for of an ordinal response, or of
        new groups with zero inflation.

    Notes
    -----
    Limits of means are quantiles over the draws; with new groups those of the mixture of normal linear
    predictors, taken through the link, and the sd adds the variance between groups by the delta method. A
    single observation has the quantiles of responses drawn at every draw, with a seed of their own that
    follows from the posterior's; where there are trials it is a share of successes.
    """
    check_flag("observation", observation)
    kinds = kinds_of_terms(posterior, groups)
    level = None if interval is None else check_level("interval", interval)
    _check(posterior, kinds, level, observation=observation)
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
            p = class_draws(posterior, at, kinds).mean(axis=0)
            parts.append({f"p({name})": p[:, c] for c, name in enumerate(design.classes)})
        elif observation and level is not None:
            parts.append(_observations(posterior, at, kinds, part, own, level, rng))
        else:
            parts.append(_means(posterior, at, kinds, part, level))
    found: Columns = {name: np.concatenate([one[name] for one in parts]) for name in parts[0]}
    if level is None:
        return found
    return {**found, "varies": [what_varies(kinds, observation=observation, linear=False)] * n}


def _check(posterior: Posterior, kinds: Sequence[Groups], level: float | None, *, observation: bool) -> None:
    """Refuse questions that have no answer here."""
    if observation and level is None:
        raise OptionError(
            "observation=True was asked without an interval",
            allowed="observation=True changes the interval only",
            remedy="interval=0.9",
        )
    if isinstance(posterior.design.family, Ordinal) and level is not None:
        raise OptionError(
            "an interval was asked of the class probabilities of a posterior",
            allowed="interval=None",
            remedy="post.draws, of which probabilities and their quantiles can be made",
        )
    if level is not None and not observation and "new" in kinds and posterior.design.inflation is not None:
        raise OptionError(
            "an interval of the mean of new groups was asked of a model with zero inflation",
            allowed="groups='known', 'typical' or 'average'; observation=True",
        )
    if level is not None and not observation and {"new", "average"} <= set(kinds):
        raise OptionError(
            "an interval was asked of groups that are partly 'new' and partly 'average'",
            allowed="'average' beside 'known' and 'typical'",
        )


@np.errstate(over="ignore")
def _means(
    posterior: Posterior, rows: Rows, kinds: Sequence[Groups], zeros: Floats | None, level: float | None
) -> dict[str, Floats]:
    """Return posterior means of mean responses, with sds and limits."""
    mu = mean_draws(posterior, rows, kinds, zeros)
    found = {"prediction": mu.mean(axis=0)}
    if level is None:
        return found
    tails = (1.0 - level) / 2.0, (1.0 + level) / 2.0
    if "new" not in kinds:
        lower, upper = np.quantile(mu, tails, axis=0)
        return {**found, "sd": mu.std(axis=0), "lower": lower, "upper": upper}
    eta, link = expected_at_draws(posterior, rows, kinds), str(posterior.design.family.link)
    between = group_variances(posterior, rows, kinds, "new")
    spread = mu.var(axis=0) + (slope(link, eta) ** 2 * between).mean(axis=0)
    ends = [posterior.design.family.mean(mixture_quantile(eta, between, p)) for p in tails]
    return {**found, "sd": np.sqrt(spread), "lower": np.minimum(*ends), "upper": np.maximum(*ends)}


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
