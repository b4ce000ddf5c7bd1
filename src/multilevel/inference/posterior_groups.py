"""Leave-one-group-out cross-validation from the draws: the effects of the left-out groups integrated out."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from multilevel.data.names import nearest_names
from multilevel.design.design import Design
from multilevel.errors import OptionError
from multilevel.inference.group_densities import densities, plan_of
from multilevel.inference.group_densities_generalised import generalised_plan, integrated_densities
from multilevel.inference.posterior_generalised import is_generalised
from multilevel.inference.posterior_loo import FEWEST, efficiency, importance_terms, tail_length
from multilevel.results.posterior import Posterior
from multilevel.results.posterior_questions import LeaveOneOut

Floats = NDArray[np.float64]


def leave_group_out(posterior: Posterior, group: str) -> LeaveOneOut:
    """Return the expected log predictive density of the levels of a grouping factor, left out one at a time.

    Parameters
    ----------
    posterior
        A posterior.
    group
        The grouping factor, its columns in any order.

    Raises
    ------
    OptionError
        If the model has no such grouping factor, it has one level, or there are fewer than 100 draws.

    Notes
    -----
    The rows of a level have, given the parameters, a normal distribution in which the level's effects are
    integrated out exactly, and so are those of factors nested in it (of the coarsest first, each nested in
    the one before). With ``V = W^-1 + Z D Z'`` its quadratic form and determinant come from eliminating the
    effects, ``k`` by ``k``, not from ``V``. Effects of other factors, crossed with the group or above it,
    and residual sds of groups are held at their draws. ``p(y_j | y_-j) = 1 / E[1 / p(y_j | draw)]`` is then
    the density of the level's rows given all other rows, whatever is held: what is held makes the weights
    more variable, never biased.
    In a generalised model the effects of the group, and of the coarsest factor nested in it, are integrated
    out by adaptive quadrature (`integrated_densities`); the sentence says so, and where it is not exact.
    The mean is Pareto-smoothed as in `leave_one_out` of rows (Merkle, Furr and Rabe-Hesketh 2019,
    Psychometrika 84, on leaving out clusters rather than rows).
    """
    factor = factor_number(posterior.design, group)
    posterior.design.require_rows("leave-one-out densities")
    return posterior.once(f"loo by {factor}", lambda: _leave_out(posterior, factor))


def factor_number(design: Design, group: str) -> int:
    """Return the number of the grouping factor with a name."""
    names = [factor.name for factor in design.factors]
    for number, factor in enumerate(design.factors):
        if group == factor.name or sorted(str(group).split(":")) == sorted(factor.columns):
            if len(factor.levels) > 1:
                return number
            raise OptionError(
                f"loo(group={group!r}): `{group}` has one level, and nothing is left without it",
                allowed="a grouping factor of two or more levels",
            )
    near = nearest_names(str(group), names, 1)
    raise OptionError(
        f"loo(group={group!r}): the model has no such grouping factor",
        allowed=", ".join(repr(name) for name in names) or "a model with grouping factors",
        remedy=f"group={near[0]!r}" if near else "",
    )


def _leave_out(posterior: Posterior, factor: int) -> LeaveOneOut:
    """Return the result of `leave_group_out`."""
    design, levels = posterior.design, posterior.design.factors[factor].levels
    plan = generalised_plan(design, factor) if is_generalised(posterior) else plan_of(design, factor)
    sampled = posterior.sampled
    draws = (sampled.kept.size if plan.held else sampled.sigma.shape[1]) * posterior.n_chains
    if draws < FEWEST:
        raise OptionError(
            f"loo was asked of {draws} draws",
            allowed=f"at least {FEWEST}",
            remedy="sample again with more draws",
        )
    tail = tail_length(draws, efficiency(posterior))
    terms, whole, shape = np.empty((3, len(levels)))
    remark = ""
    if is_generalised(posterior):
        integrals = integrated_densities(posterior, plan)
        terms, whole, shape = importance_terms(integrals.values, tail)
        remark = f" {integrals.sentence}"
    else:
        for some, density in densities(posterior, plan):
            terms[some], whole[some], shape[some] = importance_terms(density, tail)
    threshold = min(1 - 1 / math.log10(draws), 0.7)
    name = posterior.design.factors[factor].name
    return LeaveOneOut(
        elpd=float(terms.sum()),
        std_error=float(math.sqrt(terms.size * np.var(terms))),
        p_loo=float(whole.sum() - terms.sum()),
        pointwise=terms,
        pareto_k=shape,
        threshold=threshold,
        sentence=_sentence(name, levels, shape, threshold) + remark,
        group=name,
        levels=levels,
    )


def _sentence(name: str, levels: tuple[str, ...], shape: Floats, threshold: float) -> str:
    """Return what the Pareto shapes say."""
    bad = np.flatnonzero(~(shape <= threshold))
    if bad.size == 0:
        return (
            f"The Pareto k of every level of `{name}` is below {threshold:.2f}: the estimate can be trusted."
        )
    worst = bad[np.argsort(-shape[bad], kind="stable")]
    named = ", ".join(levels[i] for i in worst[:5]) + (f" and {bad.size - 5} more" if bad.size > 5 else "")
    return (
        f"The Pareto k of {bad.size} of {shape.size} levels of `{name}` is above {threshold:.2f} ({named}):"
        " their terms cannot be trusted. Try: more draws, or sample again without those levels."
    )
