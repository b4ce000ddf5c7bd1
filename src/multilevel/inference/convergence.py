"""Convergence of Markov chains: rank-normalised split R-hat, effective sample sizes, Monte Carlo errors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.fft import irfft, next_fast_len, rfft
from scipy.special import ndtri

Floats = NDArray[np.float64]

FEWEST_DRAWS = 4
"""Draws of a chain below which nothing can be said of it."""


def rhat(draws: Floats) -> Floats:
    """Return the rank-normalised split R-hat of each parameter.

    Parameters
    ----------
    draws
        ``(chains, draws, ...)``; the other axes are parameters.

    Returns
    -------
    ``(...)``: the larger of the bulk and the folded (tail) value; NaN for a parameter that does not vary,
    has a value that is not finite, or has fewer than four draws in a chain.

    Notes
    -----
    Vehtari, Gelman, Simpson, Carpenter and Buerkner (2021), Bayesian Analysis 16, equations 1-4 and 14.

    Examples
    --------
    >>> chains = np.random.default_rng(1).normal(size=(4, 1000))
    >>> float(rhat(chains).round(2)), float(rhat(chains + np.arange(4)[:, None]).round(1))
    (1.0, 1.5)
    """
    halves, shape, varies = _halves(draws)
    folded = np.abs(halves - np.median(_joined(halves), axis=0))
    worst = np.maximum(_potential(_normal_scores(halves)), _potential(_normal_scores(folded)))
    return np.where(varies, worst, np.nan).reshape(shape)


def ess_bulk(draws: Floats) -> Floats:
    """Return the effective sample size of each parameter's rank-normalised draws, shaped as in `rhat`.

    Notes
    -----
    Vehtari et al. (2021), equation 13, with Geyer's initial monotone sequence.
    """
    halves, shape, varies = _halves(draws)
    return np.where(varies, _effective(_normal_scores(halves)), np.nan).reshape(shape)


def ess_tail(draws: Floats) -> Floats:
    """Return the smaller effective sample size of the 5% and the 95% quantile, shaped as in `rhat`.

    Notes
    -----
    Vehtari et al. (2021), section 4.3: the effective size of the draws' indicators of being below.
    """
    halves, shape, varies = _halves(draws)
    whole = _joined(_by_parameter(draws))
    sizes = [_effective((halves <= np.quantile(whole, p, axis=0)).astype(np.float64)) for p in (0.05, 0.95)]
    return np.where(varies, np.minimum(*sizes), np.nan).reshape(shape)


def ess_mean(draws: Floats) -> Floats:
    """Return the effective sample size of the mean of each parameter, shaped as in `rhat`."""
    halves, shape, varies = _halves(draws)
    return np.where(varies, _effective(halves), np.nan).reshape(shape)


def mcse_mean(draws: Floats) -> Floats:
    """Return the Monte Carlo standard error of each posterior mean, shaped as in `rhat`."""
    return np.asarray(np.std(draws, axis=(0, 1), ddof=1) / np.sqrt(ess_mean(draws)))


def _by_parameter(draws: Floats) -> Floats:
    """Return draws as ``(chains, draws, parameters)``."""
    return np.asarray(draws, dtype=np.float64).reshape(*draws.shape[:2], -1)


def _joined(chains: Floats) -> Floats:
    """Return ``(chains * n, parameters)``: all chains below each other."""
    return chains.reshape(chains.shape[0] * chains.shape[1], chains.shape[2])


def _halves(draws: Floats) -> tuple[Floats, tuple[int, ...], NDArray[np.bool_]]:
    """Return each chain cut into halves, the shape of the parameters, and which of these can be judged.

    A parameter that cannot be judged is replaced by a sequence that can, so that no warning arises.
    """
    values = _by_parameter(draws)
    chains, n, parameters = values.shape
    half = n // 2
    if n < FEWEST_DRAWS or chains == 0:
        harmless = np.broadcast_to(np.arange(4.0)[None, :, None], (2, 4, parameters))
        return harmless, draws.shape[2:], np.zeros(parameters, dtype=np.bool_)
    halves = np.concatenate([values[:, :half], values[:, n - half :]])
    varies = np.isfinite(values).all(axis=(0, 1)) & (np.ptp(np.nan_to_num(halves), axis=(0, 1)) > 0)
    if not varies.all():
        halves[:, :, ~varies] = np.arange(float(half))[None, :, None]
    return halves, draws.shape[2:], varies


def _normal_scores(halves: Floats) -> Floats:
    """Return the normal scores of the ranks over all chains, ties at their average."""
    flat = _joined(halves)
    ranks = stats.rankdata(flat, axis=0)
    return np.asarray(ndtri((ranks - 0.375) / (flat.shape[0] + 0.25)).reshape(halves.shape))


def _potential(chains: Floats) -> Floats:
    """Return the potential scale reduction of ``(chains, n, parameters)``; infinite if chains are frozen."""
    n = chains.shape[1]
    between = np.var(chains.mean(axis=1), axis=0, ddof=1)
    within = np.mean(np.var(chains, axis=1, ddof=1), axis=0)
    ratio = np.divide(between, within, out=np.full_like(within, np.inf), where=within > 0)
    return np.asarray(np.sqrt(ratio + (n - 1) / n))


def _effective(chains: Floats) -> Floats:
    """Return the effective sample size of the mean of ``(chains, n, parameters)``.

    The sums of neighbouring autocorrelations are cut at the first that is negative and made to fall
    (Geyer 1992); the result is at most ``S log10(S)`` for ``S`` draws, as in Stan.
    """
    m, n, _ = chains.shape
    covariance = _autocovariance(chains)
    within = covariance[0] * n / (n - 1)
    total = covariance[0] + np.var(chains.mean(axis=1), axis=0, ddof=1)
    flat = total <= 0
    rho = 1 - (within - covariance) / np.where(flat, 1.0, total)
    rho[0] = 1.0
    pairs = rho[: n - n % 2].reshape(n // 2, 2, -1).sum(axis=1)
    alive = np.minimum.accumulate(pairs > 0, axis=0)
    alive[max(0, (n - 3) // 2) :] = False
    summed = np.where(alive, np.minimum.accumulate(np.where(alive, pairs, np.inf), axis=0), 0.0).sum(axis=0)
    stop = alive.sum(axis=0)
    after = np.take_along_axis(rho, np.minimum(2 * stop, n - 1)[None, :], axis=0)[0]
    tau = -1 + 2 * summed + np.where(2 * stop < n, np.maximum(after, 0.0), 0.0)
    size = float(m * n)
    return np.where(flat, np.nan, size / np.maximum(tau, 1 / np.log10(size)))


def _autocovariance(chains: Floats) -> Floats:
    """Return ``(n, parameters)`` autocovariances by lag, divided by ``n``, the mean over chains."""
    n = chains.shape[1]
    centred = chains - chains.mean(axis=1, keepdims=True)
    length = next_fast_len(2 * n)
    spectrum = np.mean(np.abs(rfft(centred, length, axis=1)) ** 2, axis=0)
    return np.asarray(irfft(spectrum, length, axis=0)[:n] / n)
