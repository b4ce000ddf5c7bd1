"""The parametric bootstrap of a linear model, from its moments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multilevel.design import Design
from multilevel.engines.likelihood.replicates import Replicate, refits
from multilevel.engines.solution import Method, Status, is_restricted
from multilevel.errors import ConvergenceWarning, OptionError, warn
from multilevel.inference.simulate import generator
from multilevel.inference.variance import ROUNDING, serial_correlation, serial_variance
from multilevel.moments.simulated import row_space, simulate_response
from multilevel.results import Columns, Fit
from multilevel.results.known_sds import known_sds
from multilevel.results.options import check_level

Floats = NDArray[np.float64]

UNDEFINED = "undefined"
"""Status of a replicate whose likelihood is not defined."""


@dataclass(frozen=True, slots=True, eq=False)
class Replicates:
    """Estimates of the fit, and ``(n,)`` of the replicates with their statuses, by parameter."""

    estimates: Mapping[str, float]
    draws: Mapping[str, Floats]
    statuses: tuple[str, ...]


def bootstrap(fit: Fit, n: int, *, seed: int) -> Replicates:
    """Estimate the model of a fit from ``n`` simulated responses.

    Parameters
    ----------
    fit
        Of a linear model.
    n
        At least 2.
    seed
        A whole number.

    Raises
    ------
    OptionError
        If ``n`` is not such a number, or the model is not linear.
    DesignError
        If crossed factors are too large.

    Warns
    -----
    ConvergenceWarning
        If some replicates have no certified optimum.
    """
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 2:
        raise OptionError(f"n={n!r} is not a number of replicates", allowed="2, 3, ...", remedy="n=1000")
    moments, solution = fit.moments, fit.solution
    if moments is None:
        raise OptionError(
            f"a bootstrap was asked of the {fit.family} family",
            allowed="linear models, whose responses need not be simulated row by row",
            remedy="fit.simulate and fit.refit, or multilevel.sample",
        )
    known = known_sds(fit.model, fit.options.known, method=fit.method, ddf=fit.options.ddf)
    method: Method = "reml" if is_restricted(fit.method) else "ml"
    refit = refits(moments, method, solution.theta, known)
    space, rng, scaling = row_space(moments), generator(seed), moments.scaling
    scaled = (solution.beta - scaling.constant) / scaling.y_scale
    beta = np.asarray(np.linalg.solve(scaling.fixed.back, scaled), dtype=np.float64)
    covariances = []
    for term, T in zip(scaling.terms, solution.covariances, strict=True):
        half = np.linalg.solve(term.back, T) / scaling.y_scale**2
        covariances.append(np.linalg.solve(term.back, half.T))
    sigma = solution.sigma / scaling.y_scale
    own = Replicate(solution.beta, solution.sigma, solution.covariances, solution.status)
    estimates = parameters(fit.design, own, known)
    values, statuses = np.full((n, len(estimates)), np.nan), []
    for row in values:
        again = refit(simulate_response(space, beta, covariances, sigma, rng))
        statuses.append(UNDEFINED if again is None else again.status.value)
        if again is not None:
            row[:] = list(parameters(fit.design, again, known).values())
    _warn(statuses)
    return Replicates(estimates, dict(zip(estimates, values.T, strict=True)), tuple(statuses))


def parameters(
    design: Design, values: Replicate, known: Sequence[float | None] | None = None
) -> dict[str, float]:
    """Return every parameter that is estimated, by the names of ``Posterior.draws``.

    A correlation is NaN where a variance is zero.
    """
    found = dict(zip(design.fixed.names, map(float, values.beta), strict=True))
    correlations: dict[str, float] = {}
    for t, (term, T) in enumerate(zip(design.terms, values.covariances, strict=True)):
        if known is not None and known[t] is not None:
            continue
        group = design.factors[term.factor].name
        if term.times is not None:
            variance = max(serial_variance(term, T)[0], 0.0)
            found[f"sd({group}, {term.times.column})"] = float(np.sqrt(variance))
            unit = np.ones_like(T) if T[0, 0] <= 0.0 else T
            for _, first, second, value, _ in serial_correlation(term, unit, group):
                correlations[f"correlation({group}, {first}, {second})"] = value if T[0, 0] > 0.0 else np.nan
            continue
        sd = np.sqrt(np.maximum(np.diagonal(T), 0.0))
        found |= {f"sd({group}, {name})": float(one) for name, one in zip(term.names, sd, strict=True)}
        if not term.covariance.correlated:
            continue
        for a in range(len(term.names)):
            for b in range(a + 1, len(term.names)):
                name = f"correlation({group}, {term.names[a]}, {term.names[b]})"
                correlations[name] = _correlation(float(T[a, b]), float(sd[a] * sd[b]))
    if design.residual_sd is None:
        found["sigma" if "sigma" not in found else "residual sigma"] = values.sigma
    return found | correlations


def _correlation(covariance: float, product: float) -> float:
    """Return a correlation, NaN without variances; one that rounding leaves near one is one."""
    if not product > 0.0:
        return np.nan
    value = float(covariance / product)
    return float(np.sign(value)) if abs(value) > 1 - ROUNDING else value


def _warn(statuses: Sequence[str]) -> None:
    """Warn of replicates without a certified optimum."""
    good = (Status.OPTIMAL.value, Status.BOUNDARY.value)
    bad = [status for status in statuses if status not in good]
    if bad:
        kinds = ", ".join(f"{bad.count(kind)} {kind}" for kind in dict.fromkeys(bad))
        warn(
            f"{len(bad)} of {len(statuses)} replicates have no certified optimum ({kinds}); the table"
            " `replicates` marks them in its column status.",
            ConvergenceWarning,
        )


def bootstrap_intervals(found: Replicates, level: float) -> Columns:
    """Return how each parameter varies: parameter, estimate, bias, std_error, lower, upper, replicates.

    Parameters
    ----------
    found
        Of `bootstrap`.
    level
        Coverage of the percentile intervals (Davison and Hinkley 1997, section 5.3).
    """
    check_level("level", level)
    tails = ((1 - level) / 2, (1 + level) / 2)
    table: dict[str, list[object]] = {
        name: [] for name in ("parameter", "estimate", "bias", "std_error", "lower", "upper", "replicates")
    }
    for name, estimate in found.estimates.items():
        some = found.draws[name][np.isfinite(found.draws[name])]
        row: list[object] = [
            name,
            None if np.isnan(estimate) else estimate,
            None,
            None,
            None,
            None,
            some.size,
        ]
        if some.size:
            row[2] = None if np.isnan(estimate) else float(some.mean()) - estimate
            row[4:6] = map(float, np.quantile(some, tails))
        if some.size > 1:
            row[3] = float(some.std(ddof=1))
        for column, value in zip(table.values(), row, strict=True):
            column.append(value)
    return table


def bootstrap_replicates(found: Replicates) -> Columns:
    """Return every replicate: replicate (from 1), status, parameter, value (blank where there is none)."""
    names, n = list(found.draws), len(found.statuses)
    values = np.array([found.draws[name] for name in names]).T.ravel() if names else np.zeros(0)
    blank = np.isnan(values)
    return {
        "replicate": np.repeat(np.arange(1, n + 1), len(names)),
        "status": [status for status in found.statuses for _ in names],
        "parameter": names * n,
        "value": [None if no else float(v) for v, no in zip(values, blank, strict=True)]
        if blank.any()
        else values,
    }
