"""The table in which several results of one model stand side by side, parameter by parameter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from multilevel.errors import ComparisonError
from multilevel.inference.coefficients import coefficients
from multilevel.inference.compare import refuse_other_data
from multilevel.inference.family import family_parameters, zero_inflation
from multilevel.inference.posterior_tables import posterior_table
from multilevel.inference.variance import RESIDUAL, ROUNDING, correlations, variance_components
from multilevel.results import Columns, Fit
from multilevel.results.posterior import Posterior, Result
from multilevel.results.questions import Question

TABLES: tuple[Question, ...] = (
    "fixed_effects",
    "variance_components",
    "correlations",
    "family_parameters",
    "zero_inflation",
)
FITTED = {
    "fixed_effects": coefficients,
    "variance_components": variance_components,
    "correlations": correlations,
    "family_parameters": family_parameters,
    "zero_inflation": zero_inflation,
}


@dataclass(frozen=True, slots=True)
class Number:
    """One parameter in one result.

    Parameters
    ----------
    value
        The estimate, or the posterior mean.
    sd
        The posterior sd, or the standard error; NaN where there is none, as for the sds of a fit.
    mcse
        Monte Carlo error of the value: 0 of a fit.
    """

    value: float
    sd: float
    mcse: float


def agreement(results: Mapping[str, Result]) -> Columns:
    """Return the parameters of several results side by side.

    Parameters
    ----------
    results
        Label to fit or posterior, two or more of the same data.

    Returns
    -------
    Columns parameter (named as in ``Posterior.draws``), a column with the value under each label (estimate
    or posterior mean; blank where the result has no such parameter), sd, and for every label but the first
    ``"label: difference"`` and ``"label: error"``. ``sd`` is the posterior sd under the first label that
    has one, else the standard error; differences from the first label, and their Monte Carlo errors, are in
    units of it.

    Raises
    ------
    ComparisonError
        If there are fewer than two results, or the data differ.
    """
    if len(results) < 2:
        raise ComparisonError(
            f"agreement was given {len(results)} result{'' if len(results) == 1 else 's'}",
            allowed="two or more fits and posteriors of the same data",
            remedy="agreement(fit, post)",
        )
    first, *others = results.values()
    for other in others:
        refuse_other_data(first, other, "results", "fit and sample every model from one table")
    found = {label: numbers(result) for label, result in results.items()}
    names = list(dict.fromkeys(name for one in found.values() for name in one))
    sds = [_sd(results, found, name) for name in names]
    columns: dict[str, list[object]] = {"parameter": list(names)}
    for label, one in found.items():
        columns[label] = [one[name].value if name in one else None for name in names]
    columns["sd"] = [None if np.isnan(sd) else sd for sd in sds]
    reference, *rest = found
    for label in rest:
        pairs = [(found[reference].get(name), found[label].get(name)) for name in names]
        columns[f"{label}: difference"] = [
            _ratio(b.value - a.value, sd) if a and b else None for (a, b), sd in zip(pairs, sds, strict=True)
        ]
        columns[f"{label}: error"] = [
            _ratio(float(np.hypot(a.mcse, b.mcse)), sd) if a and b else None
            for (a, b), sd in zip(pairs, sds, strict=True)
        ]
    return columns


def numbers(result: Result) -> dict[str, Number]:
    """Return every parameter of a result but its group effects, by the names of ``Posterior.draws``."""
    found: dict[str, Number] = {}
    for question in TABLES:
        sampled = isinstance(result, Posterior)
        table = (
            posterior_table(result, question) if isinstance(result, Posterior) else FITTED[question](result)
        )
        values = table["mean"] if sampled else table[_VALUE.get(question, "estimate")]
        blank = [None] * len(values)
        sds = table["sd"] if sampled else table.get("std_error", blank)
        errors = table["mcse"] if sampled else [0.0] * len(values)
        for name, value, sd, error in zip(_names(question, table), values, sds, errors, strict=True):
            free = name if name not in found else f"{'residual' if name == 'sigma' else 'family'} {name}"
            found[free] = Number(
                float(value), np.nan if sd is None else float(sd), 0.0 if error is None else float(error)
            )
    return found


_VALUE = {"variance_components": "sd", "correlations": "correlation"}
"""The column of a fit's table that a posterior's mean belongs to, where it is not the estimate."""


def _names(question: Question, table: Columns) -> list[str]:
    """Return the names of the rows of a table, as draws have them."""
    if question == "variance_components":
        pairs = zip(table["group"], table["term"], strict=True)
        return [
            "sigma" if group == RESIDUAL and not term else f"sd({group}, {term})" for group, term in pairs
        ]
    if question == "correlations":
        triples = zip(table["group"], table["term_1"], table["term_2"], strict=True)
        return [f"correlation({group}, {a}, {b})" for group, a, b in triples]
    terms = [str(term) for term in table["term"]]
    return [f"zero_inflation({term})" for term in terms] if question == "zero_inflation" else terms


def _sd(results: Mapping[str, Result], found: Mapping[str, Mapping[str, Number]], name: str) -> float:
    """Return the first posterior sd of a parameter, else the first standard error, else NaN.

    Draws of a parameter that is fixed at one value have a sd of rounding, which is zero.
    """
    order = sorted(results, key=lambda label: isinstance(results[label], Fit))
    some = [found[label][name] for label in order if name in found[label]]
    known = (0.0 if one.sd < ROUNDING * abs(one.value) else one.sd for one in some if not np.isnan(one.sd))
    return next(known, np.nan)


def _ratio(value: float, sd: float) -> float | None:
    """Return a difference in sds, blank where there is no sd or it is zero."""
    return value / sd if sd > 0 else None
