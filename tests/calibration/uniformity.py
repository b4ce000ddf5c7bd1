"""Ranks of true values among posterior draws, and tests of their uniformity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def ranks_of(truth: Floats, draws: Floats, rng: np.random.Generator) -> Ints:
    """Return the rank of each true value, 0 to L, among its draws; ties are broken at random.

    Parameters
    ----------
    truth
        ``(p,)``.
    draws
        ``(L, p)``.
    """
    below, ties = (draws < truth).sum(axis=0), (draws == truth).sum(axis=0)
    return np.asarray(below + rng.integers(0, ties + 1), dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Uniformity:
    """The worst of two tests of each parameter's ranks.

    Parameters
    ----------
    parameter, test
        Which it is; the test is "chi-square" or "ECDF".
    p_value
        Its own.
    bounded
        Bonferroni's: the p-value times the number of all tests, at most 1.
    """

    parameter: str
    test: str
    p_value: float
    bounded: float


def chi_square(ranks: Ints, n_draws: int, bins: int) -> Floats:
    """Return the p-value of each column of ranks 0 to ``n_draws`` in equally likely bins.

    Raises
    ------
    ValueError
        If the bins are not equally likely.
    """
    if (n_draws + 1) % bins:
        raise ValueError(f"{n_draws + 1} ranks do not fill {bins} equal bins")
    counts = np.stack([np.bincount(column * bins // (n_draws + 1), minlength=bins) for column in ranks.T])
    return np.asarray(stats.chisquare(counts, axis=1).pvalue)


def ecdf(ranks: Ints, n_draws: int, rng: np.random.Generator) -> Floats:
    """Return the p-value of each column by Kolmogorov and Smirnov's largest distance between the ECDFs.

    A rank ``r`` stands for a uniform number between ``r / (L + 1)`` and ``(r + 1) / (L + 1)``: uniform ranks
    then give exactly uniform numbers.
    """
    u = (ranks + rng.uniform(size=ranks.shape)) / (n_draws + 1)
    return np.array([stats.kstest(column, "uniform").pvalue for column in u.T])


def worst(names: tuple[str, ...], ranks: Ints, n_draws: int, *, seed: int) -> Uniformity:
    """Return the worst of all tests, with Bonferroni's bound for their number.

    Parameters
    ----------
    names
        ``p`` parameters.
    ranks
        ``(replications, p)``.
    n_draws
        Draws of each replication, ``L``.
    seed
        For the random numbers of `ecdf`.

    Notes
    -----
    About ten replications to a bin, at most 20 bins (Talts et al. 2018, "Validating Bayesian inference
    algorithms with simulation-based calibration", section 4.2).
    """
    bins = max(b for b in (2, 4, 5, 10, 20) if b == 2 or b * 10 <= ranks.shape[0])
    found = {
        "chi-square": chi_square(ranks, n_draws, bins),
        "ECDF": ecdf(ranks, n_draws, np.random.default_rng(seed)),
    }
    test = min(found, key=lambda name: found[name].min())
    at = int(found[test].argmin())
    p_value = float(found[test][at])
    return Uniformity(names[at], test, p_value, min(1.0, 2 * len(names) * p_value))
