"""The table of coefficients."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from multilevel.inference.ddf import adjusted_vcov, degrees_of_freedom, p_value, quantile
from multilevel.results import Columns, Fit

Floats = NDArray[np.float64]


def coefficients(fit: Fit) -> Columns:
    """Return the coefficients with Wald tests and intervals.

    Parameters
    ----------
    fit
        A fit; ``fit.options`` gives the degrees of freedom and the coverage of the intervals.

    Returns
    -------
    Columns term, estimate, std_error, statistic, df, p_value, lower, upper. ``df`` is blank where the
    normal distribution is used: for ``ddf="none"``, and where the variance is known. ``statistic`` and
    ``p_value`` are blank where the standard error is zero (a perfect fit).
    """
    beta = fit.solution.beta
    std_error = np.sqrt(np.maximum(np.diag(vcov(fit)), 0.0))
    df = degrees_of_freedom(fit, np.eye(beta.size))
    return wald_table(fit.design.fixed.names, beta, std_error, df, fit.options.level)


def wald_table(
    names: Sequence[str], estimate: Floats, std_error: Floats, df: Floats, level: float
) -> Columns:
    """Return the columns of `coefficients` for any estimates.

    Parameters
    ----------
    names
        Of the ``c`` estimates.
    estimate, std_error, df
        ``(c,)`` each; infinite degrees of freedom stand for the normal distribution.
    level
        Coverage of the intervals.
    """
    tested = std_error > 0
    statistic = np.divide(estimate, std_error, out=np.zeros_like(estimate), where=tested)
    half = quantile(df, level) * std_error
    return {
        "term": list(names),
        "estimate": estimate,
        "std_error": std_error,
        "statistic": _blank(statistic, tested),
        "df": _blank(df, np.isfinite(df)),
        "p_value": _blank(p_value(statistic, df), tested),
        "lower": estimate - half,
        "upper": estimate + half,
    }


def vcov(fit: Fit) -> Floats:
    """Return the ``(p, p)`` covariance matrix of the coefficients, adjusted for "kenward-roger"."""
    return adjusted_vcov(fit) if fit.options.ddf == "kenward-roger" else fit.solution.vcov_beta


def _blank(values: Floats, shown: NDArray[np.bool_]) -> Floats | list[float | None]:
    """Return the values, with ``None`` where they are not shown."""
    if bool(shown.all()):
        return values
    return [float(value) if show else None for value, show in zip(values, shown, strict=True)]
