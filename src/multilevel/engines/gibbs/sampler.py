"""The Gibbs engine: chains from dispersed starts, on threads, laid out as draws in the user's units."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from multilevel.design.bound_priors import BoundPriors
from multilevel.engines.draws import Draws
from multilevel.engines.gibbs.chain import Chain, Plan, Run, State
from multilevel.engines.gibbs.terms import TermState
from multilevel.engines.marginal.coordinates import Coordinates, coordinates_of
from multilevel.engines.marginal.density import term_log_prior
from multilevel.engines.marginal.sampler import kept_draws, start_point
from multilevel.errors import DesignError, OptionError
from multilevel.model import Covariance
from multilevel.moments import Moments

Floats = NDArray[np.float64]

SPREAD = 0.5
"""Sd of the starts about the restricted maximum likelihood estimates, in log sds and atanh correlations."""
TRIES = 100
WORTH_A_THREAD = 2000
"""Group effects from which the native part of a sweep is longer than Python's own, which one thread runs."""


def sample_gibbs(
    moments: Moments,
    priors: BoundPriors,
    *,
    draws: int = 4000,
    chains: int = 4,
    warmup: int = 1000,
    seed: int,
    threads: int | None = None,
) -> Draws:
    """Draw from the posterior of a Gaussian multilevel model by Markov chains.

    A sweep draws coefficients and group effects together, then moves each sd with its effects, then draws
    each covariance matrix given its effects, then the residual sd. Inverse-Wishart priors of covariance
    matrices, inverse-gamma (or flat) priors of variances and normal (or flat) priors of coefficients have
    exact draws; the other priors take random walks that learn their steps in warm-up only.

    Parameters
    ----------
    moments
        Sufficient statistics.
    priors
        Bound to the same design.
    draws, chains
        ``draws`` in all, over ``chains`` chains.
    warmup
        Sweeps of each chain that are left out.
    seed
        Same seed, same draws, whatever the number of threads.
    threads
        Chains that run at the same time; ``None`` for one on each core if the model is large.

    Raises
    ------
    OptionError
        If there are no draws or chains.
    DesignError
        If the posterior is improper, or has no density near the estimates.

    References
    ----------
    Hoff (2009), "A First Course in Bayesian Statistical Methods", sections 9.2, 7.3 and 11.2; Yu and Meng
    (2011), "To center or not to center", for the moves of sds with their effects.
    """
    _check(draws, chains, warmup, seed, threads)
    at = coordinates_of(moments, priors)
    plan = Plan(moments, priors, at)
    per_chain = draws // chains
    kept = kept_draws(
        per_chain, chains, sum(m * k for m, k in zip(moments.levels, moments.effects, strict=True))
    )
    centre = start_point(moments, priors, at)

    def run(number: int) -> Run:
        start = dispersed_start(plan, priors, centre, seed=seed, number=number)
        return Chain(plan, start, seed=seed, number=number).run(warmup, per_chain, kept)

    with ThreadPoolExecutor(threads or _default_threads(moments, chains)) as pool:
        runs = list(pool.map(run, range(chains)))
    return _laid_out(moments, runs, kept, warmup)


def _check(draws: int, chains: int, warmup: int, seed: int, threads: int | None) -> None:
    """Refuse numbers that make no run."""
    least = {"chains": (chains, 1), "draws": (draws, chains), "warmup": (warmup, 0)}
    if threads is not None:
        least["threads"] = (threads, 1)
    for name, (value, lowest) in least.items():
        if value < lowest:
            raise OptionError(f"{name}={value}", allowed=f"a whole number, {lowest} or more")
    if not 0 <= seed < 1 << 64:
        raise OptionError(f"seed={seed}", allowed="a whole number from 0 to 2^64 - 1")


def _default_threads(moments: Moments, chains: int) -> int:
    """Return how many chains run at the same time."""
    effects = sum(m * k for m, k in zip(moments.levels, moments.effects, strict=True))
    return min(chains, os.cpu_count() or 1) if effects >= WORTH_A_THREAD else 1


def dispersed_start(plan: Plan, priors: BoundPriors, centre: Floats, *, seed: int, number: int) -> State:
    """Return covariances and sigma near the estimates, where the priors have density.

    Raises
    ------
    DesignError
        If no such point was found.
    """
    rng = np.random.Generator(np.random.Philox(key=np.array([seed, (1 << 63) + number], dtype=np.uint64)))
    for attempt in range(TRIES):
        x = centre + SPREAD * (1.0 + 0.1 * attempt) * rng.standard_normal(centre.size)
        terms, sigma = _values(plan.at, x)
        if np.isfinite(_log_prior(plan, priors, terms, sigma)):
            return State(
                terms, sigma, np.zeros(plan.moments.p), [np.zeros((0, 0))] * len(plan.moments.levels)
            )
    raise DesignError(
        "no point of the posterior near the estimates has a positive prior density",
        remedy="priors that allow the values of the data's units",
    )


def _values(at: Coordinates, x: Floats) -> tuple[list[TermState], float]:
    """Return covariances and sigma of one point."""
    values = at.values(x[None])
    terms = [TermState(s[0], np.array(L[0])) for s, L in zip(values.sds, values.factors, strict=True)]
    return terms, float(values.sigma[0])


def _log_prior(plan: Plan, priors: BoundPriors, terms: Sequence[TermState], sigma: float) -> float:
    """Return the log prior density of covariances and sigma."""
    total = 0.0 if plan.at.sigma < 0 else float(priors.sigma.logpdf(sigma))
    for prior, block, term in zip(priors.terms, plan.moments.blocks, terms, strict=True):
        sds = term.sds[:1] if block.covariance is Covariance.SCALAR else term.sds
        total += float(term_log_prior(prior, sds[None], term.L[None], np.array([sigma]))[0])
    return total


def _laid_out(moments: Moments, runs: Sequence[Run], kept: NDArray[np.int64], warmup: int) -> Draws:
    """Return the chains' records side by side in the user's units."""
    scaling = moments.scaling
    gamma = np.stack([run.gamma for run in runs])
    effects = []
    for t, block in enumerate(moments.blocks):
        here = slice(block.start, block.start + block.size)
        scaled = np.stack([run.effects[block.factor][:, :, here] for run in runs])
        effects.append(scaling.y_scale * scaled @ scaling.terms[t].back.T)
    names = list(runs[0].acceptance)
    rates = {name: float(np.mean([run.acceptance[name] for run in runs])) for name in names}
    return Draws(
        method="gibbs",
        coefficients=scaling.y_scale * gamma @ scaling.fixed.back.T + scaling.constant,
        sigma=np.stack([run.sigma for run in runs]),
        sds=tuple(np.stack([run.sds[t] for run in runs]) for t in range(len(moments.blocks))),
        correlations=tuple(
            _correlations(np.stack([run.factors[t] for run in runs])) for t in range(len(moments.blocks))
        ),
        effects=tuple(effects),
        kept=kept,
        efficiency=None,
        log_evidence=None,
        diagnostics={
            "sweeps": float(len(runs) * (warmup + gamma.shape[1])),
            "warmup": float(warmup),
            **{f"acceptance {name}": rate for name, rate in rates.items()},
        },
        sentence=_sentence(len(runs), warmup, gamma.shape[1], rates),
    )


def _correlations(L: Floats) -> Floats:
    """Return ``L L'`` with ones on the diagonal."""
    R = L @ np.swapaxes(L, -1, -2)
    at = np.arange(L.shape[-1])
    R[..., at, at] = 1.0
    return np.asarray(R)


def _sentence(chains: int, warmup: int, draws: int, rates: dict[str, float]) -> str:
    """Return how the run went, in words."""
    words = f"Gibbs sampling: {chains} chains of {draws} sweeps after {warmup} of warm-up"
    if not rates:
        return f"{words}, every draw exact."
    low, high = min(rates.values()), max(rates.values())
    return f"{words}; Metropolis steps were accepted at rates from {low:.0%} to {high:.0%}."
