"""Tables of estimates with intervals: group effects by rank, and coefficients of several results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from multilevel.errors import OptionError
from multilevel.inference.coefficients import coefficients
from multilevel.inference.effects import group_effects, modes
from multilevel.inference.posterior_draws import kept_effects
from multilevel.inference.posterior_tables import coefficient_draws, group_effect_draws
from multilevel.results import Columns, Fit
from multilevel.results.options import check_level
from multilevel.results.posterior import Result

Floats = NDArray[np.float64]


def ranked_effects(
    result: Result, *, group: str | None = None, term: str | None = None, level: float = 0.95
) -> Columns:
    """Return one effect of every level of a grouping factor, from the lowest to the highest.

    Parameters
    ----------
    result
        A fit or a posterior.
    group, term
        Grouping factor and effect, by default the first.
    level
        Coverage of the intervals.

    Returns
    -------
    Columns group, level, term, rank (from 1), estimate, lower, upper. Of a fit: the conditional mean with
    normal intervals from the conditional sd given the estimates. Of a posterior: the mean with equal-tailed
    intervals.

    Raises
    ------
    OptionError
        If there is no such effect, or ``level`` is not a coverage.
    """
    tail = (1.0 - check_level("level", level)) / 2.0
    t, i = chosen_effect(result, group, term)
    block = result.design.terms[t]
    factor = result.design.factors[block.factor]
    if isinstance(result, Fit):
        estimate = modes(result, t)[:, i]
        sd = np.sqrt(np.maximum(result.solution.groups.covariances(t)[:, i, i], 0.0))
        lower, upper = estimate + ndtri(tail) * sd, estimate - ndtri(tail) * sd
    else:
        draws = kept_effects(result, t)[:, :, i]
        estimate = draws.mean(axis=0)
        lower, upper = np.quantile(draws, tail, axis=0), np.quantile(draws, 1.0 - tail, axis=0)
    order = np.argsort(estimate, kind="stable")
    m = len(order)
    return {
        "group": [factor.name] * m,
        "level": [factor.levels[j] for j in order],
        "term": [block.names[i]] * m,
        "rank": np.arange(1, m + 1),
        "estimate": estimate[order],
        "lower": lower[order],
        "upper": upper[order],
    }


def pooling_by_size(result: Result, *, group: str | None = None, term: str | None = None) -> Columns:
    """Return the pooling weight of one effect of every level beside the number of its rows.

    Returns
    -------
    Columns group, level, term, n, pooling: the last as in ``random_effects``.

    Raises
    ------
    OptionError
        If there is no such effect.
    """
    t, i = chosen_effect(result, group, term)
    block = result.design.terms[t]
    factor = result.design.factors[block.factor]
    result.design.require_rows("sizes of groups")
    table = group_effects(result) if isinstance(result, Fit) else group_effect_draws(result)
    sizes = [len(b.names) * len(result.design.factors[b.factor].levels) for b in result.design.terms]
    start = sum(sizes[:t])
    own = np.asarray(table["pooling"], dtype=np.float64)[start : start + sizes[t]]
    m = len(factor.levels)
    return {
        "group": [factor.name] * m,
        "level": list(factor.levels),
        "term": [block.names[i]] * m,
        "n": np.bincount(factor.index, minlength=m),
        "pooling": own.reshape(m, -1)[:, i],
    }


def coefficient_intervals(results: Mapping[str, Result], *, terms: Sequence[str] | None = None) -> Columns:
    """Return the coefficients of one or several results below each other.

    Parameters
    ----------
    results
        Label to fit or posterior.
    terms
        Which coefficients, in this order; by default all but the intercept, in the order of the results.

    Returns
    -------
    Columns result, term, estimate, lower, upper, with the coverage of each result's own ``level``.

    Raises
    ------
    OptionError
        If a coefficient was asked for that no result has, or there is nothing to show.
    """
    found: dict[tuple[str, str], tuple[float, float, float]] = {}
    for label, result in results.items():
        fitted = isinstance(result, Fit)
        table = coefficients(result) if isinstance(result, Fit) else coefficient_draws(result)
        estimates = table["estimate" if fitted else "mean"]
        for term, *row in zip(table["term"], estimates, table["lower"], table["upper"], strict=True):
            found[label, term] = (float(row[0]), float(row[1]), float(row[2]))
    known = list(dict.fromkeys(term for _, term in found))
    asked = [term for term in known if term != "Intercept"] if terms is None else list(terms)
    unknown = [term for term in asked if term not in known]
    if unknown or not asked:
        raise OptionError(
            f"there is no coefficient {unknown[0]!r}" if unknown else "there are no coefficients to show",
            allowed=", ".join(repr(term) for term in known) or "results with coefficients",
        )
    rows = [(label, term) for term in asked for label in results if (label, term) in found]
    values = np.array([found[row] for row in rows])
    return {
        "result": [label for label, _ in rows],
        "term": [term for _, term in rows],
        "estimate": values[:, 0],
        "lower": values[:, 1],
        "upper": values[:, 2],
    }


def chosen_effect(result: Result, group: str | None, term: str | None) -> tuple[int, int]:
    """Return the grouped term and the effect in it, by default the first, or raise `OptionError`."""
    known = []
    for t, block in enumerate(result.design.terms):
        factor = result.design.factors[block.factor].name
        for i, name in enumerate(block.names):
            if group in (None, factor) and term in (None, name):
                return t, i
            known.append(f"group={factor!r}, term={name!r}")
    asked = (
        "group effects" if group is None and term is None else f"the effects group={group!r}, term={term!r}"
    )
    raise OptionError(
        f"{asked} were asked of a model that has none such",
        allowed="; ".join(known[:12]) or "models with a grouped term, (1 | g)",
    )
