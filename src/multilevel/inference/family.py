"""What a generalised fit has besides coefficients and variances: family parameters and zero inflation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, ndtri

from multilevel.inference.coefficients import wald_table
from multilevel.results import Columns, Fit

Floats = NDArray[np.float64]

NO_ZEROS = 1e-5
"""A share of extra zeros below this is none."""
ENDLESS = 100.0
"""A standard error above this, on the logit scale, is that of a coefficient without a finite estimate."""


def family_parameters(fit: Fit) -> Columns:
    """Return the family's own parameters, or the thresholds of an ordinal response.

    Returns
    -------
    Columns term, estimate, std_error, lower, upper; no rows for linear models and for families that have no
    parameters. Intervals of thresholds are normal. Intervals of the other parameters, which are positive, are
    normal on the log scale: ``exp(log(estimate) -+ z std_error / estimate)``; an end that is no finite
    number is blank.

    Examples
    --------
    >>> import multilevel as ml
    >>> ticks = ml.datasets.load("grouseticks")
    >>> fit = ml.fit("ticks ~ year + (1 | brood)", ticks, family="negative_binomial")
    >>> fit.family_parameters["term"].tolist()
    ['theta']
    """
    numbers = fit.solution.family_numbers
    if numbers is None:
        return _columns((), np.empty(0), np.empty(0), np.empty(0), np.empty(0))
    value, error = numbers.values, numbers.std_errors
    z = float(ndtri((1.0 + fit.options.level) / 2.0))
    if fit.design.family.name == "ordinal":
        return _columns(numbers.names, value, error, value - z * error, value + z * error)
    with np.errstate(over="ignore"):
        factor = np.exp(z * error / value)
        return _columns(numbers.names, value, error, value / factor, value * factor)


def _columns(
    names: Sequence[str], estimate: Floats, std_error: Floats, lower: Floats, upper: Floats
) -> Columns:
    """Return the table; infinite ends are blank."""
    return {
        "term": list(names),
        "estimate": estimate,
        "std_error": std_error,
        "lower": lower,
        "upper": upper if np.isfinite(upper).all() else [float(u) if np.isfinite(u) else None for u in upper],
    }


def zero_inflation(fit: Fit) -> Columns:
    """Return the coefficients of the logit of the share of extra zeros, with Wald tests.

    Returns
    -------
    The columns of `coefficients`; ``df`` is blank (normal tests). No rows without zero inflation.
    """
    numbers = fit.solution.family_numbers
    if numbers is None:
        return wald_table((), np.empty(0), np.empty(0), np.empty(0), fit.options.level)
    std_error = np.sqrt(np.maximum(np.diag(numbers.inflation_vcov), 0.0))
    df = np.full(std_error.size, np.inf)
    return wald_table(numbers.inflation_names, numbers.inflation, std_error, df, fit.options.level)


def family_remarks(fit: Fit) -> list[str]:
    """Return sentences on what the numbers of a generalised fit refer to, and on estimates at an end."""
    design, numbers = fit.design, fit.solution.family_numbers
    if numbers is None:
        return []
    found, family = [], design.family
    if family.name == "bernoulli" and design.classes:
        zero, one = design.classes
        found.append(f'{design.model.response} is 1 where it is "{one}", 0 where it is "{zero}".')
    if family.name == "ordinal":
        law = "logistic" if family.link == "logit" else "normal"
        found.append(
            f"P(class <= c) = F(threshold - predictor), F {law}: a positive coefficient makes higher classes"
            f' ("{design.classes[-1]}") more likely.'
        )
    if numbers.n_distinct is not None:
        one_row = numbers.n_distinct == 1
        rows = (
            "1 distinct row, which carries"
            if one_row
            else f"{numbers.n_distinct:,} distinct rows, which carry"
        )
        found.append(f"The likelihood was computed from {rows} the {design.n_used:,} rows exactly.")
    return [*found, *family_boundaries(fit)]


def family_boundaries(fit: Fit) -> list[str]:
    """Return a sentence for each part of the family that is estimated at an end of its range."""
    design, numbers = fit.design, fit.solution.family_numbers
    if numbers is None:
        return []
    found, family = [], design.family
    if family.special_cases and family.at_end(numbers.values, design.y, design.trials):
        name, simpler = numbers.names[-1], family.special_cases[0]
        found.append(
            f"{name} is estimated at the end of its range, where the {family.name} family is the {simpler}"
            f" family and the standard error of {name} means nothing: fit that family in its place."
        )
    if design.inflation is None:
        return found
    zero = int(np.count_nonzero(expit(design.inflation.X @ numbers.inflation) < NO_ZEROS))
    if zero == design.n_rows:
        found.append(
            "There are no more zeros than the counts explain: the share of extra zeros is estimated as 0, and"
            " coefficients and standard errors of zero inflation mean nothing."
        )
    elif zero and float(np.diag(numbers.inflation_vcov).max()) > ENDLESS**2:
        endless = [
            f"`{name}` runs to {'plus' if value > 0 else 'minus'} infinity"
            for name, value, variance in zip(
                numbers.inflation_names, numbers.inflation, np.diag(numbers.inflation_vcov), strict=True
            )
            if variance > ENDLESS**2
        ]
        found.append(
            f"The share of extra zeros is estimated as 0 in {zero:,} of {design.n_rows:,} rows, which have no"
            f" more zeros than the counts explain: in the zero inflation {', '.join(endless)}, and standard"
            " errors there mean nothing. Without that predictor, or with merged levels, they would be finite."
        )
    return found
