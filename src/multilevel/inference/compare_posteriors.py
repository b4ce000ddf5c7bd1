"""Comparison of posteriors of the same data: leave-one-out predictive densities and Bayes factors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from multilevel.errors import ComparisonError, ConvergenceWarning, warn
from multilevel.inference.compare import refuse_other_data
from multilevel.inference.posterior_groups import factor_number, leave_group_out
from multilevel.inference.posterior_loo import leave_one_out, sum_std_error
from multilevel.results.posterior import Posterior
from multilevel.results.posterior_questions import LeaveOneOut
from multilevel.results.questions import Columns

Floats = NDArray[np.float64]


def compare_posteriors(*posteriors: Posterior, group: str | None = None) -> Columns:
    """Return a table that compares posteriors of the same data, the best predictions first.

    Parameters
    ----------
    posteriors
        Two or more posteriors of the same rows, response and weights.
    group
        ``None``: rows are left out one at a time, given the group effects. A grouping factor that every
        model has: its levels are left out, their effects integrated out.

    Returns
    -------
    Columns model (the formula, and the family of a generalised model, numbered in the order given where two
    are the same), elpd_loo, elpd_se, difference, difference_se, p_loo, high_k, log_evidence,
    log_bayes_factor. ``difference`` is elpd_loo less that of the first row of the table, and
    ``difference_se`` the standard error of the sum of the differences row by row (or level by level).
    ``high_k`` counts terms whose Pareto k is too high for them to be trusted. ``log_bayes_factor`` is
    log_evidence less the largest in the table; both are blank where a prior is improper or the engine does
    not compute the evidence.

    Raises
    ------
    ComparisonError
        If there are fewer than two posteriors, or if response, rows or weights differ.
    OptionError
        If a model has no such group, or there are too few draws.

    Warns
    -----
    ConvergenceWarning
        If a Pareto k is too high.

    Notes
    -----
    Vehtari, Gelman and Gabry (2017), Statistics and Computing 27, on the standard error of a difference. A
    difference of less than four says little, whatever its standard error (Sivula, Magnusson, Matamoros and
    Vehtari 2020, arXiv 2008.10296).
    """
    if len(posteriors) < 2:
        raise ComparisonError(
            f"compare was given {len(posteriors)} posterior{'' if len(posteriors) == 1 else 's'}",
            allowed="two or more posteriors",
            remedy="compare(post_1, post_2)",
        )
    for other in posteriors[1:]:
        refuse_other_data(posteriors[0], other, "posteriors", "sample every model from one table")
        if group is not None:
            _refuse_other_levels(posteriors[0], other, group)
    found = [leave_one_out(one) if group is None else leave_group_out(one, group) for one in posteriors]
    names = _numbered([_name(one) for one in posteriors])
    for name, loo in zip(names, found, strict=True):
        if loo.untrusted:
            warn(f"`{name}`: {loo.sentence}", ConvergenceWarning)
    order = sorted(range(len(found)), key=lambda i: -found[i].elpd)
    copies = posteriors[0].design.frequency_weights if group is None else None
    terms = [_terms(posteriors[i], found[i], copies) for i in order]
    evidence = [posteriors[i].log_evidence for i in order]
    most = max((value for value in evidence if value is not None), default=0.0)
    return {
        "model": [names[i] for i in order],
        "elpd_loo": np.array([found[i].elpd for i in order]),
        "elpd_se": np.array([found[i].std_error for i in order]),
        "difference": np.array([found[i].elpd - found[order[0]].elpd for i in order]),
        "difference_se": np.array([sum_std_error(some - terms[0], copies) for some in terms]),
        "p_loo": np.array([found[i].p_loo for i in order]),
        "high_k": np.array([found[i].untrusted for i in order]),
        "log_evidence": evidence,
        "log_bayes_factor": [None if value is None else value - most for value in evidence],
    }


def _refuse_other_levels(first: Posterior, other: Posterior, group: str) -> None:
    """Raise `ComparisonError` unless a grouping factor has the same levels in both models."""
    a, b = (one.design.factors[factor_number(one.design, group)] for one in (first, other))
    if a.levels != b.levels or not np.array_equal(a.index, b.index):
        raise ComparisonError(
            f"the levels of `{group}` have different rows in the two models:\n"
            f"    {first.formula}\n    {other.formula}",
            allowed="the same grouping factor in every model",
            remedy="sample every model from one table",
        )


def _terms(posterior: Posterior, loo: LeaveOneOut, copies: Floats | None) -> Floats:
    """Return a term for each used row, of one of its copies; or for each level."""
    if loo.group is not None:
        return loo.pointwise
    terms = loo.pointwise[posterior.design.rows]
    return terms if copies is None else terms / copies


def _name(posterior: Posterior) -> str:
    """Return the formula, with family and zero inflation if the model is not linear."""
    model, family = posterior.design.model, posterior.design.family
    if family.is_linear:
        return posterior.formula
    zero = f", zero inflation ~ {model.inflation}" if model.inflation else ""
    return f"{posterior.formula}, {family.text()}{zero}"


def _numbered(names: list[str]) -> list[str]:
    """Return the names, numbered where one occurs more than once."""
    return [
        text if names.count(text) == 1 else f"{text} [{names[: at + 1].count(text)}]"
        for at, text in enumerate(names)
    ]
