"""The marginal engine: mode, adaptive importance sampling, exact draws of coefficients and group effects."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from multilevel.design.bound_priors import BoundPriors
from multilevel.engines.checkpoint import Checkpoint
from multilevel.engines.draws import Draws
from multilevel.engines.likelihood import solve
from multilevel.engines.marginal.batches import Batches
from multilevel.engines.marginal.completion import Density, HowSampled, draws_at
from multilevel.engines.marginal.coordinates import Coordinates
from multilevel.engines.marginal.density import MarginalDensity
from multilevel.engines.marginal.importance import DF, Pool, Proposal, adapt, pooled, resample
from multilevel.engines.marginal.mode import find_mode
from multilevel.engines.marginal.prior_parts import excluding_priors, inside_intervals
from multilevel.engines.marginal.varying_density import VaryingDensity
from multilevel.engines.pace import Pace
from multilevel.engines.solution import Solution
from multilevel.errors import DesignError
from multilevel.model.priors import partial_from_factor
from multilevel.moments import Moments

Floats = NDArray[np.float64]

GOOD_K = 0.7
"""Pareto k below which averages over the weighted points can be trusted (Vehtari et al. 2024)."""
POOL = 4
"""Weighted points for each draw asked for, so that few draws are duplicates."""
MOST_EFFECT_NUMBERS = 1 << 26
"""Group effects that are kept, over all draws: 512 MiB."""


def sample_marginal(
    moments: Moments,
    priors: BoundPriors,
    *,
    draws: int = 4000,
    chains: int = 4,
    seed: int,
    threads: int | None = None,
    pace: Pace | None = None,
    checkpoint: Checkpoint | None = None,
) -> Draws:
    """Draw from the posterior of a Gaussian multilevel model.

    Parameters
    ----------
    moments
        Sufficient statistics.
    priors
        Bound to the same design.
    draws, chains
        ``draws`` in all, laid out in ``chains`` chains (the draws are independent; chains are for the tools
        that expect them).
    seed
        Same seed, same draws, whatever the number of threads.
    threads
        Among which the points are shared out; ``None`` for one on each core.
    pace
        Told how far the run is; says when it must end early.
    checkpoint
        Where values of the density come from and go to. The draws are the same as without.

    Returns
    -------
    Draws
        Fewer than asked for, and not ``complete``, if the run ended early.

    Raises
    ------
    DesignError
        If the posterior is improper or the proposals cannot be fitted to it.
    """
    density, start = density_and_start(moments, priors, threads=threads)
    pace = pace or Pace()
    effects = density.total_effects
    batches = Batches(density.log_density, pace, checkpoint, draws=draws, effects=effects)
    rng = np.random.Generator(np.random.Philox(seed))
    location, covariance, evaluated = find_mode(density.log_density, start)
    proposal = Proposal(location, np.asarray(np.linalg.cholesky(covariance * (DF - 2.0) / DF)))
    proposal, more = adapt(batches, proposal, rng)
    x = proposal.draw(rng, POOL * draws)
    values = batches.until_over(x)
    n = values.size
    draws = n // POOL if n < x.shape[0] else draws
    if draws < chains:
        raise pace.nothing(kept=checkpoint is not None)
    pool = pooled(x[:n], values, proposal)
    evaluated += more + n
    if pool.is_empty:
        at = density.at
        which = excluding_priors(moments, priors, at, x[:100]) if isinstance(at, Coordinates) else ""
        raise DesignError(
            f"no point of the posterior has a positive density near its mode{which and ': '}{which}",
            remedy="priors that allow the values of the data's units",
        )
    chosen = pool.x[resample(pool, draws - draws % chains, rng)]
    done = _complete(density, chosen, pool, chains=chains, seed=seed, evaluated=evaluated)
    if n == x.shape[0]:
        return done
    return replace(done, complete=False, sentence=f"{done.sentence} The run was {pace.ending()}.")


def density_and_start(
    moments: Moments, priors: BoundPriors, *, threads: int | None = None
) -> tuple[Density, Floats]:
    """Return the marginal density of a model, and a point near the mode.

    Raises
    ------
    DesignError
        If residual sds differ between groups which are not those of the only grouping factor.
    """
    if priors.residual is None:
        density = MarginalDensity(moments, priors, threads=threads)
        return density, inside_intervals(priors, density.at, start_point(moments, priors, density.at))
    varying = VaryingDensity(moments, priors, priors.residual, threads=threads)
    return varying, varying.start(start_point(moments, priors, varying.at.terms))


def start_point(
    moments: Moments, priors: BoundPriors, at: Coordinates, solution: Solution | None = None
) -> Floats:
    """Return a point near the restricted maximum likelihood estimates, inside the boundary.

    ``solution`` are these estimates if they are known.
    """
    solution = solution or solve(moments, method="reml")
    sds, partials = [], []
    for b, place in enumerate(at.terms):
        D = solution.covariances[b]
        noise = solution.groups.covariances(b).mean(axis=0)
        variances = np.maximum(np.diagonal(D), 0.1 * np.diagonal(noise))
        variances = np.maximum(variances, 1e-4 * solution.sigma**2 * np.diagonal(_unit(moments, b)))
        root = np.sqrt(variances)
        sds.append(np.full(place.size, root[0]) if len(set(place.sds)) < place.size else root)
        if place.n_partial:
            R = D / np.outer(root, root)
            R = 0.9 * np.where(np.eye(place.size) > 0, 1.0, R) + 0.1 * np.eye(place.size)
            partials.append(np.clip(partial_from_factor(np.linalg.cholesky(R)), -0.95, 0.95))
        elif place.common >= 0:
            share = (D[0, 1] / variances[0] - place.low) / (place.high - place.low)
            partials.append(np.array([place.low + np.clip(share, 0.05, 0.95) * (place.high - place.low)]))
        else:
            partials.append(np.zeros(0))
    return at.point(sds, partials, solution.sigma, priors.to_centred @ solution.beta)


def _unit(moments: Moments, term: int) -> Floats:
    """Return the covariance matrix, in the user's columns, that is the identity in the scaled ones."""
    back = moments.scaling.terms[term].back
    return np.asarray(back @ back.T)


def _complete(
    density: Density,
    chosen: Floats,
    pool: Pool,
    *,
    chains: int,
    seed: int,
    evaluated: int,
) -> Draws:
    """Draw what was integrated out for the chosen points; lay everything out by chain."""
    n = chosen.shape[0]
    said = HowSampled(
        method="marginal",
        efficiency=1.0 / (1.0 + n / pool.effective),
        log_evidence=pool.log_mean_weight if density.proper else None,
        diagnostics={
            "evaluations": float(evaluated),
            "pareto_k": pool.pareto_k,
            "importance_efficiency": pool.effective / pool.x.shape[0],
        },
        sentence=sentence_of(pool),
    )
    kept = kept_draws(n // chains, chains, density.total_effects)
    return draws_at(density, chosen, kept, said, chains=chains, seed=seed)


def kept_draws(per_chain: int, chains: int, total_effects: int) -> NDArray[np.int64]:
    """Return the numbers of the draws whose group effects are kept, evenly spread if not all fit."""
    most = max(1, MOST_EFFECT_NUMBERS // max(1, chains * total_effects))
    return np.unique(np.linspace(0, per_chain - 1, min(per_chain, most)).astype(np.int64))


def sentence_of(pool: Pool) -> str:
    """Return how the sampling went, in words."""
    share = 100.0 * pool.effective / pool.x.shape[0]
    words = (
        f"Importance sampling on the marginal posterior: {share:.0f}% efficient, Pareto k {pool.pareto_k:.2f}"
    )
    if pool.pareto_k < GOOD_K:
        return f"{words} (below {GOOD_K}: the draws can be trusted)."
    return (
        f"{words} (above {GOOD_K}: a few points carry most of the weight and tail probabilities cannot be"
        ' trusted; use more informative priors for the sds, or method="gibbs").'
    )
