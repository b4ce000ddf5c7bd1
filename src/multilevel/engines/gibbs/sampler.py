"""The Gibbs engine: chains from dispersed starts, on threads, laid out as draws in the user's units."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from multilevel.design.bound_priors import BoundPriors
from multilevel.engines.checkpoint import Checkpoint
from multilevel.engines.draws import Draws
from multilevel.engines.gibbs.at_size import by_gradients, starting_estimates
from multilevel.engines.gibbs.chain import Chain, Plan
from multilevel.engines.gibbs.recording import Recording, Run
from multilevel.engines.gibbs.starts import check_likelihood, dispersed_start
from multilevel.engines.gibbs.turns import Course, take_turns
from multilevel.engines.gibbs.varying import (
    VaryingChain,
    VaryingPlan,
    dispersed_residual,
    varying_start_point,
    with_residual_draws,
)
from multilevel.engines.marginal.coordinates import coordinates_of
from multilevel.engines.marginal.sampler import kept_draws, start_point
from multilevel.engines.monte_carlo.iterative import SharedSystem
from multilevel.engines.pace import Pace
from multilevel.engines.solution import Solution
from multilevel.errors import OptionError
from multilevel.moments import Moments

Floats = NDArray[np.float64]

WORTH_A_THREAD = 2000
"""Group effects from which the native part of a sweep is longer than Python's own, which one thread runs."""


BY_GRADIENTS = "Coefficients and group effects were drawn by conjugate gradients."


def sample_gibbs(
    moments: Moments,
    priors: BoundPriors,
    *,
    draws: int = 4000,
    chains: int = 4,
    warmup: int = 1000,
    seed: int,
    threads: int | None = None,
    pace: Pace | None = None,
    checkpoint: Checkpoint | None = None,
    estimates: Solution | None = None,
) -> Draws:
    """Draw from the posterior of a Gaussian multilevel model by Markov chains.

    A sweep draws coefficients and group effects together, then moves each sd with its effects, then draws
    each covariance matrix given its effects, then the residual sd, or where residual sds differ between
    groups all of them and the parameters of their law. Inverse-Wishart priors of covariance
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
    pace
        Told how far the chains are; says when they must end early.
    checkpoint
        Where chunks of the chains come from and go to. The draws are the same as without.
    estimates
        About which the chains start, of crossed factors. Coefficients and effects are then drawn by
        conjugate gradients and Lanczos' method, with relative residuals below 1e-8. ``None`` for exact
        elimination, or for `starting_estimates` where that does not fit or costs much more.

    Returns
    -------
    Draws
        Fewer than asked for, and not ``complete``, if the run ended early: as many of each chain as the
        chain that is least far has.

    Raises
    ------
    OptionError
        If there are no draws or chains.
    DesignError
        If the posterior is improper, or has no density near the estimates, or a chain left the range of
        numbers.
    StorageError
        If a chunk cannot be written.
    KeyboardInterrupt
        If Ctrl-C was pressed before every chain had a draw.

    References
    ----------
    Hoff (2009), "A First Course in Bayesian Statistical Methods", sections 9.2, 7.3 and 11.2; Yu and Meng
    (2011), "To center or not to center", for the moves of sds with their effects.
    """
    check_numbers(draws, chains, warmup, seed, threads)
    if estimates is None and by_gradients(moments, priors):
        estimates = starting_estimates(moments, seed=seed)
    per_chain = draws // chains
    kept = kept_draws(
        per_chain, chains, sum(m * k for m, k in zip(moments.levels, moments.effects, strict=True))
    )
    pace = pace or Pace()
    varying = None if priors.residual is None else VaryingPlan(moments, priors)
    courses = [
        Course(chain, Recording(warmup, per_chain, kept), pace, checkpoint)
        for chain in _chains(moments, priors, varying, estimates, chains=chains, seed=seed)
    ]
    if estimates is not None:
        threads = 1  # all chains use one system, which has threads of its own
    take_turns(courses, threads or _default_threads(moments, chains), pace)
    n = min(course.recording.drawn for course in courses)
    if n == 0:
        raise pace.nothing(kept=checkpoint is not None)
    runs = [course.run(n) for course in courses]
    drawn = _laid_out(moments, runs, kept[kept < n], warmup, pace.ending() if n < per_chain else "")
    if estimates is not None:
        drawn = replace(drawn, sentence=f"{drawn.sentence} {BY_GRADIENTS}")
    return drawn if varying is None else with_residual_draws(drawn, varying, runs)


def _chains(
    moments: Moments,
    priors: BoundPriors,
    varying: VaryingPlan | None,
    estimates: Solution | None,
    *,
    chains: int,
    seed: int,
) -> Iterator[Chain]:
    """Yield chains at dispersed starts."""
    at = coordinates_of(moments, priors)
    shared = None if estimates is None else SharedSystem(moments)
    plan, sigma = Plan(moments, priors, at, shared), 1.0
    if varying is None:
        centre = start_point(moments, priors, at, estimates)
    else:
        centre, sigma = varying_start_point(moments, priors)
    for number in range(chains):
        start = dispersed_start(plan, priors, centre, seed=seed, number=number)
        if varying is None:
            chain = Chain(plan, start, seed=seed, number=number)
        else:
            residual = dispersed_residual(varying, sigma, seed=seed, number=number)
            chain = VaryingChain(varying, start, residual, seed=seed, number=number)
        check_likelihood(chain)
        yield chain


def check_numbers(draws: int, chains: int, warmup: int, seed: int, threads: int | None) -> None:
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


def _laid_out(
    moments: Moments, runs: Sequence[Run], kept: NDArray[np.int64], warmup: int, ending: str
) -> Draws:
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
    impossible = float(sum(run.impossible for run in runs))
    return Draws(
        method="gibbs",
        coefficients=scaling.y_scale * gamma @ scaling.fixed.back.T + scaling.constant,
        sigma=np.stack([run.sigma for run in runs]),
        sds=tuple(np.stack([run.sds[t] for run in runs]) for t in range(len(moments.blocks))),
        correlations=tuple(
            correlations_of_factors(np.stack([run.factors[t] for run in runs]))
            for t in range(len(moments.blocks))
        ),
        effects=tuple(effects),
        kept=kept,
        efficiency=None,
        log_evidence=None,
        diagnostics={
            "sweeps": float(len(runs) * (warmup + gamma.shape[1])),
            "warmup": float(warmup),
            "proposals_without_density": impossible,
            **{f"acceptance {name}": rate for name, rate in rates.items()},
        },
        sentence=sentence_of_chains(len(runs), warmup, gamma.shape[1], rates, ending),
        complete=not ending,
    )


def correlations_of_factors(L: Floats) -> Floats:
    """Return ``L L'`` with ones on the diagonal."""
    R = L @ np.swapaxes(L, -1, -2)
    at = np.arange(L.shape[-1])
    R[..., at, at] = 1.0
    return np.asarray(R)


def sentence_of_chains(chains: int, warmup: int, draws: int, rates: dict[str, float], ending: str) -> str:
    """Return how the run went, in words."""
    words = f"Gibbs sampling: {chains} chains of {draws} sweeps after {warmup} of warm-up"
    words += f", {ending}" if ending else ""
    if not rates:
        return f"{words}, every draw exact."
    low, high = min(rates.values()), max(rates.values())
    return f"{words}; Metropolis steps were accepted at rates from {low:.0%} to {high:.0%}."
