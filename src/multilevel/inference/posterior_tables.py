"""The tables of a posterior: coefficients, sds, correlations, group effects, with their diagnostics."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from multilevel.inference.convergence import ess_bulk, ess_tail, mcse_mean, rhat
from multilevel.inference.effects import in_caller_rows
from multilevel.inference.posterior_draws import (
    correlation_draws,
    kept_coefficients,
    kept_effects,
)
from multilevel.inference.posterior_generalised import fitted_means, is_generalised
from multilevel.inference.posterior_residual import residual_draws
from multilevel.inference.variance import RESIDUAL
from multilevel.results.posterior import Posterior
from multilevel.results.questions import Columns, PosteriorQuestion

Floats = NDArray[np.float64]
Blanks = list[float | None]


def posterior_table(posterior: Posterior, question: PosteriorQuestion) -> Columns:
    """Return one of the tables of a posterior as columns, kept on the posterior."""
    return posterior.once(question, lambda: TABLES[question](posterior))


def coefficient_draws(posterior: Posterior) -> Columns:
    """Return the coefficients.

    Returns
    -------
    Columns term and those of `described`.
    """
    return {
        "term": list(posterior.design.fixed.names),
        **described(posterior, posterior.sampled.coefficients),
    }


def sd_draws(posterior: Posterior) -> Columns:
    """Return the standard deviations of the group effects and of the residual.

    Returns
    -------
    Columns group, term and those of `described`; the last row has group "Residual" and term "". With
    precision weights or residual sds known row by row it is that of a row of weight one. Where residual
    sds differ between groups, it is the pooled one, ``sqrt(sum_j n_j s_j^2 / n)``. Generalised models have
    no such row.
    """
    group, term = [], []
    for block in posterior.design.terms:
        group += [posterior.design.factors[block.factor].name] * len(block.names)
        term += list(block.names)
    if posterior.sampled.family is not None:
        shape = posterior.sampled.sigma.shape
        sds = np.concatenate([np.empty((*shape, 0)), *posterior.sampled.sds], axis=2)
        return {"group": group, "term": term, **described(posterior, sds)}
    sds = np.concatenate([*posterior.sampled.sds, posterior.sampled.sigma[:, :, None]], axis=2)
    return {"group": [*group, RESIDUAL], "term": [*term, ""], **described(posterior, sds)}


def residual_sd_draws(posterior: Posterior) -> Columns:
    """Return the residual sds of the residual groups.

    Returns
    -------
    Columns level and those of `described`.

    Raises
    ------
    OptionError
        There is one residual sd.
    """
    groups, residual = residual_draws(posterior, "residual_sds")
    return {"level": list(groups.levels), **described(posterior, residual.sds)}


def residual_law_draws(posterior: Posterior) -> Columns:
    """Return the parameters of the law of the residual sds.

    Returns
    -------
    Columns parameter and those of `described`; a parameter that is known has sd 0 and blanks.

    Raises
    ------
    OptionError
        There is one residual sd.
    """
    _, residual = residual_draws(posterior, "residual_law")
    values = np.stack([draws for _, draws in residual.parameters], axis=2)
    return {"parameter": [name for name, _ in residual.parameters], **described(posterior, values)}


def family_parameter_draws(posterior: Posterior) -> Columns:
    """Return the parameters of the family, or the thresholds of an ordinal response.

    Returns
    -------
    Columns term and those of `described`; no rows for linear models.
    """
    family = posterior.sampled.family
    if family is None:
        return {"term": [], **described(posterior, np.empty((*posterior.sampled.sigma.shape, 0)))}
    return {"term": list(family.names), **described(posterior, family.values)}


def zero_inflation_draws(posterior: Posterior) -> Columns:
    """Return the coefficients of the logit of the share of extra zeros.

    Returns
    -------
    Columns term and those of `described`; no rows without zero inflation.
    """
    family = posterior.sampled.family
    if family is None:
        return {"term": [], **described(posterior, np.empty((*posterior.sampled.sigma.shape, 0)))}
    return {"term": list(family.inflation_names), **described(posterior, family.inflation)}


def correlation_table(posterior: Posterior) -> Columns:
    """Return the correlations between the effects of the same group.

    Returns
    -------
    Columns group, term_1, term_2 and those of `described`.
    """
    found = correlation_draws(posterior)
    shape = posterior.sampled.sigma.shape
    values = np.stack(list(found.values()), axis=2) if found else np.empty((*shape, 0))
    return {
        "group": [key[0] for key in found],
        "term_1": [key[1] for key in found],
        "term_2": [key[2] for key in found],
        **described(posterior, values),
    }


def described(posterior: Posterior, draws: Floats) -> dict[str, Sequence[float | None] | Floats]:
    """Describe the draws of some parameters.

    Parameters
    ----------
    posterior
        Gives the coverage of the intervals, and the efficiency of draws by importance sampling.
    draws
        ``(chains, draws, parameters)``.

    Returns
    -------
    Columns mean, sd, lower, upper, ess_bulk, ess_tail, rhat, mcse; the last four are blank for a parameter
    that is fixed at one value. Draws by importance sampling do not depend on each other: their effective
    size is the number of draws times the efficiency of the engine.
    """
    tail = (1 - posterior.options.level) / 2
    flat = draws.reshape(posterior.n_draws, draws.shape[2])
    lower, upper = np.quantile(flat, [tail, 1 - tail], axis=0)
    sd = flat.std(axis=0, ddof=1)
    reduction = rhat(draws)
    efficiency = posterior.sampled.efficiency
    if efficiency is None:
        bulk, tails, error = ess_bulk(draws), ess_tail(draws), mcse_mean(draws)
    else:
        bulk = tails = np.where(np.isnan(reduction), np.nan, efficiency * posterior.n_draws)
        error = sd / np.sqrt(bulk)
    return {
        "mean": flat.mean(axis=0),
        "sd": sd,
        "lower": lower,
        "upper": upper,
        "ess_bulk": _blank(bulk),
        "ess_tail": _blank(tails),
        "rhat": _blank(reduction),
        "mcse": _blank(error),
    }


def _blank(values: Floats) -> Floats | Blanks:
    """Return the values, with ``None`` where there is none."""
    known = ~np.isnan(values)
    if bool(known.all()):
        return values
    return [float(value) if show else None for value, show in zip(values, known, strict=True)]


def group_effect_draws(posterior: Posterior) -> Columns:
    """Return the effects of every level of every grouping factor.

    Returns
    -------
    Columns group, level, term, mean, sd, lower, upper, pooling: ``pooling = 1 - Var(b | y) / E[sd^2 | y]``,
    between 0 (complete pooling) and 1 (none), with the variance of the effect in the posterior and the
    posterior mean of the variance between groups; zero where that is zero.
    """
    parts = [
        {**_moments(posterior, kept_effects(posterior, t)), "pooling": pooling_weights(posterior, t).ravel()}
        for t in range(len(posterior.design.terms))
    ]
    return _by_level(posterior, parts, ("mean", "sd", "lower", "upper", "pooling"))


def pooling_weights(posterior: Posterior, t: int) -> Floats:
    """Return ``(m, k)`` pooling weights of the levels and effects of one term; see `group_effect_draws`."""
    effects = kept_effects(posterior, t)
    between = np.mean(posterior.sampled.sds[t] ** 2, axis=(0, 1))
    share = np.divide(
        effects.var(axis=0),
        between,
        out=np.ones(effects.shape[1:]),
        where=np.broadcast_to(between > 0, effects.shape[1:]),
    )
    weights: Floats = np.clip(1 - share, 0.0, 1.0)
    return weights


def group_coefficient_draws(posterior: Posterior) -> Columns:
    """Return for every level the coefficients that vary: fixed part plus group effect.

    Returns
    -------
    Columns group, level, term, mean, sd, lower, upper. An effect without a fixed coefficient of the same
    name varies about zero.
    """
    fixed = posterior.design.fixed.names
    beta = kept_coefficients(posterior)
    parts = []
    for t, block in enumerate(posterior.design.terms):
        total = kept_effects(posterior, t).copy()
        for i, name in enumerate(block.names):
            if name in fixed:
                total[:, :, i] += beta[:, fixed.index(name), None]
        parts.append(_moments(posterior, total))
    return _by_level(posterior, parts, ("mean", "sd", "lower", "upper"))


def _moments(posterior: Posterior, draws: Floats) -> dict[str, Floats]:
    """Return mean, sd and interval of ``(s, m, k)`` draws, by level and term."""
    tail = (1 - posterior.options.level) / 2
    lower, upper = np.quantile(draws, [tail, 1 - tail], axis=0)
    sd = draws.std(axis=0, ddof=1) if draws.shape[0] > 1 else np.zeros(draws.shape[1:])
    values = {"mean": draws.mean(axis=0), "sd": sd, "lower": lower, "upper": upper}
    return {name: value.ravel() for name, value in values.items()}


def _by_level(posterior: Posterior, parts: Sequence[Mapping[str, Floats]], numbers: Sequence[str]) -> Columns:
    """Return the columns of all terms below each other, with group, level and term in front."""
    group: list[str] = []
    level: list[str] = []
    term: list[str] = []
    for block in posterior.design.terms:
        factor, k = posterior.design.factors[block.factor], len(block.names)
        group += [factor.name] * (len(factor.levels) * k)
        level += [label for label in factor.levels for _ in range(k)]
        term += list(block.names) * len(factor.levels)
    columns = {name: np.concatenate([np.empty(0), *(part[name] for part in parts)]) for name in numbers}
    return {"group": group, "level": level, "term": term, **columns}


def coefficient_covariance(posterior: Posterior) -> Floats:
    """Return the ``(p, p)`` covariance matrix of the coefficients' draws."""
    p = posterior.sampled.coefficients.shape[2]
    flat = posterior.sampled.coefficients.reshape(-1, p)
    return np.asarray(np.cov(flat, rowvar=False)).reshape(p, p)


def posterior_fitted(posterior: Posterior) -> Floats:
    """Return posterior means of ``X beta + offset + Z b`` by row of the table, NaN where it was left out.

    Of a generalised model: of the mean response there, a probability where there are trials, extra zeros
    included, the mean class number of an ordinal response.
    """
    posterior.design.require_single_rows("fitted values")
    return in_caller_rows(posterior, _fitted_rows(posterior))


def posterior_residuals(posterior: Posterior) -> Floats:
    """Return response less fitted value by row of the caller's table, NaN where it was left out.

    The response is the share of successes where there are trials.
    """
    design = posterior.design
    design.require_single_rows("residuals")
    y = design.y if design.trials is None else design.y / design.trials
    return in_caller_rows(posterior, y - _fitted_rows(posterior))


def _fitted_rows(posterior: Posterior) -> Floats:
    """Return ``(n,)`` fitted values of the used rows: they are linear in the draws, so means are enough."""
    design = posterior.design
    design.require_rows("fitted values and residuals")
    if is_generalised(posterior):
        return fitted_means(posterior)
    effects = [kept_effects(posterior, t).mean(axis=0) for t in range(len(design.terms))]
    beta = kept_coefficients(posterior) if effects else posterior.sampled.coefficients
    value = np.asarray(design.fixed.X @ beta.reshape(-1, beta.shape[-1]).mean(axis=0))
    for block, mean in zip(design.terms, effects, strict=True):
        value += np.einsum("ij,ij->i", block.Z, mean[design.factors[block.factor].index])
    return value if design.offset is None else value + design.offset


TABLES: Mapping[PosteriorQuestion, Callable[[Posterior], Columns]] = {
    "fixed_effects": coefficient_draws,
    "variance_components": sd_draws,
    "correlations": correlation_table,
    "random_effects": group_effect_draws,
    "group_coefficients": group_coefficient_draws,
    "family_parameters": family_parameter_draws,
    "zero_inflation": zero_inflation_draws,
    "residual_sds": residual_sd_draws,
    "residual_law": residual_law_draws,
}
