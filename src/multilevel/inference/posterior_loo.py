"""Leave-one-out cross-validation of rows from the draws: Pareto-smoothed importance sampling."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from multilevel.errors import OptionError
from multilevel.inference.effects import in_caller_rows
from multilevel.inference.posterior_predict import AT_ONCE
from multilevel.inference.posterior_simulate import observation_log_likelihood
from multilevel.inference.posterior_tables import posterior_table
from multilevel.results.posterior import Posterior
from multilevel.results.posterior_questions import LeaveOneOut

Floats = NDArray[np.float64]

FEWEST = 100
"""Draws below which tails cannot be fitted."""
SHORTEST_TAIL = 5


def leave_one_out(posterior: Posterior) -> LeaveOneOut:
    """Return the expected log predictive density of rows left out one at a time, given the group effects.

    A row with the frequency weight ``w`` stands for ``w`` observations: one of them is left out, the others
    stay, and its term counts ``w`` times, so that sums and standard errors are those of a table in which the
    row is written ``w`` times.

    Raises
    ------
    OptionError
        If there are fewer than 100 draws of the group effects.

    Notes
    -----
    Vehtari, Gelman and Gabry (2017), Statistics and Computing 27; the smoothing and the threshold of
    Vehtari, Simpson, Gelman, Yao and Gabry (2024), Journal of Machine Learning Research 25.
    """
    return posterior.once("loo", lambda: _leave_one_out(posterior))


def _leave_one_out(posterior: Posterior) -> LeaveOneOut:
    """Return the result of `leave_one_out`."""
    posterior.design.require_rows("leave-one-out densities")
    kept = posterior.sampled.kept.size * posterior.n_chains
    draws, n = kept if posterior.design.terms else posterior.n_draws, posterior.design.n_rows
    if draws < FEWEST:
        raise OptionError(
            f"loo was asked of {draws} draws of the group effects",
            allowed=f"at least {FEWEST}",
            remedy="sample again with more draws",
        )
    tail = tail_length(draws, efficiency(posterior))
    terms, whole, shape = np.empty(n), np.empty(n), np.empty(n)
    step = max(1, AT_ONCE // draws)
    for start in range(0, n, step):
        some = slice(start, start + step)
        terms[some], whole[some], shape[some] = importance_terms(
            observation_log_likelihood(posterior, some), tail
        )
    threshold = min(1 - 1 / math.log10(draws), 0.7)
    copies = posterior.design.frequency_weights
    counted = terms if copies is None else copies * terms
    return LeaveOneOut(
        elpd=float(counted.sum()),
        std_error=sum_std_error(terms, copies),
        p_loo=float((whole if copies is None else copies * whole).sum() - counted.sum()),
        pointwise=in_caller_rows(posterior, counted),
        pareto_k=in_caller_rows(posterior, shape),
        threshold=threshold,
        sentence=_sentence(posterior, shape, threshold),
    )


def sum_std_error(terms: Floats, copies: Floats | None) -> float:
    """Return the standard error of a sum of independent terms, each there as often as ``copies`` says."""
    if copies is None:
        return math.sqrt(terms.size * np.var(terms))
    mean = np.average(terms, weights=copies)
    return math.sqrt(float(copies @ np.square(terms - mean)))


def importance_terms(density: Floats, tail: int) -> tuple[Floats, Floats, Floats]:
    """Return what leaving parts of the data out gives, one part at a time.

    Parameters
    ----------
    density
        ``(s, n)`` log densities of ``n`` parts of the data at the draws.
    tail
        How many of the largest weights are smoothed.

    Returns
    -------
    ``(n,)`` log densities of the part given the others; given all; and Pareto shapes of the weights.
    """
    found = np.empty((3, density.shape[1]))
    for i, values in enumerate(density.T):
        weights, found[2, i] = smoothed(-values, tail)
        found[0, i] = logsumexp(values + weights)
        found[1, i] = logsumexp(values) - math.log(values.size)
    return found[0], found[1], found[2]


def _sentence(posterior: Posterior, shape: Floats, threshold: float) -> str:
    """Return what the Pareto shapes say."""
    bad = np.flatnonzero(~(shape <= threshold))
    if bad.size == 0:
        return f"The Pareto k of every row is below {threshold:.2f}: the estimate can be trusted."
    rows = ", ".join(str(int(posterior.design.rows[i])) for i in bad[:5])
    more = f" and {bad.size - 5} more" if bad.size > 5 else ""
    return (
        f"The Pareto k of {bad.size} of {shape.size} rows is above {threshold:.2f} (rows {rows}{more},"
        " counted from 0): their terms cannot be trusted. Try: more draws, or leave those rows out and"
        " sample again."
    )


def efficiency(posterior: Posterior) -> float:
    """Return the effective draws of the coefficients for each draw, at most one."""
    if posterior.sampled.efficiency is not None:
        return min(1.0, posterior.sampled.efficiency)
    sizes = [size for size in posterior_table(posterior, "fixed_effects")["ess_bulk"] if size is not None]
    return min(1.0, float(np.mean(sizes)) / posterior.n_draws) if sizes else 1.0


def tail_length(draws: int, efficiency: float) -> int:
    """Return how many of the largest weights are smoothed: ``min(S / 5, 3 sqrt(S / efficiency))``."""
    return math.ceil(min(0.2 * draws, 3 * math.sqrt(draws / efficiency)))


def smoothed(log_weights: Floats, tail: int) -> tuple[Floats, float]:
    """Smooth the largest importance weights by the quantiles of a generalised Pareto distribution.

    Parameters
    ----------
    log_weights
        ``(s,)`` log weights, to any constant.
    tail
        How many of the largest are smoothed.

    Returns
    -------
    ``(s,)`` normalised log weights, and the Pareto shape k of their tail (infinite if it has fewer than
    five weights, or they are all equal).
    """
    weights = log_weights - log_weights.max()
    order = np.argsort(weights, kind="stable")
    largest = order[-tail:]
    cut = max(float(weights[order[-tail - 1]]), math.log(np.finfo(np.float64).tiny))
    largest = largest[weights[largest] > cut]
    shape = math.inf
    if largest.size >= SHORTEST_TAIL and weights[largest[-1]] > weights[largest[0]]:
        beyond = np.exp(weights[largest]) - math.exp(cut)
        shape, scale = pareto_tail(beyond)
        if math.isfinite(shape):
            p = (np.arange(largest.size) + 0.5) / largest.size
            quantiles = scale * np.expm1(-shape * np.log1p(-p)) / shape if shape else -scale * np.log1p(-p)
            weights[largest] = np.minimum(np.log(quantiles + math.exp(cut)), 0.0)
    return weights - logsumexp(weights), shape


def pareto_tail(beyond: Floats) -> tuple[float, float]:
    """Return shape and scale of a generalised Pareto distribution fitted to exceedances.

    Parameters
    ----------
    beyond
        ``(n,)`` positive exceedances in ascending order.

    Notes
    -----
    Zhang and Stephens (2009), Technometrics 51: the posterior mean over a grid of ``theta = -k / sigma``,
    here with the sign of k that makes positive shapes heavy tails; k is drawn towards 1/2 with the weight
    of ten observations (Vehtari et al. 2024, appendix C).
    """
    n = beyond.size
    points = 30 + int(math.sqrt(n))
    quartile = beyond[int(n / 4 + 0.5) - 1]
    theta = 1 / beyond[-1] + (1 - np.sqrt(points / (np.arange(1, points + 1) - 0.5))) / (3 * quartile)
    k = np.mean(np.log1p(-theta[:, None] * beyond), axis=1)
    profile = n * (np.log(-theta / k) - k - 1)
    weights = np.exp(profile - logsumexp(profile))
    weights = np.where(weights >= 10 * np.finfo(np.float64).eps, weights, 0.0)
    best = float(np.sum(theta * weights / weights.sum()))
    shape = float(np.mean(np.log1p(-best * beyond)))
    scale = -shape / best
    return shape * n / (n + 10) + 0.5 * 10 / (n + 10), scale
