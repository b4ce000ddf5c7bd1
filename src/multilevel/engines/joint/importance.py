"""Importance sampling on the Laplace marginal of a generalised model, corrected to the exact posterior."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from multilevel.design.bound_priors import BoundPriors
from multilevel.design.design import Design
from multilevel.engines.draws import Draws
from multilevel.engines.joint.drawn import laid_out
from multilevel.engines.joint.laplace_mode import LaplacePosterior, find_laplace_mode
from multilevel.engines.joint.parameters import Parameters
from multilevel.engines.marginal.importance import DF, Pool, Proposal, adapt, pareto_shape, pooled, resample
from multilevel.engines.marginal.sampler import GOOD_K, kept_draws
from multilevel.engines.pace import Pace
from multilevel.errors import DesignError
from multilevel.moments import layout_of

Floats = NDArray[np.float64]

POOL = 2
"""Points that are drawn from the proposal for each draw that is wanted."""
PAIRS = 8
"""Pairs of draws of the effects that correct the approximation at a point."""
ENOUGH = 0.1
"""Share of the points that the correction must leave effective."""
BATCH = 50
"""Points between two words to the pace."""


def sample_laplace_marginal(
    design: Design,
    priors: BoundPriors,
    *,
    draws: int = 4000,
    chains: int = 4,
    seed: int,
    pace: Pace | None = None,
) -> Draws:
    """Draw from the posterior of a generalised model by importance sampling.

    The group effects are integrated out by Laplace's method; an adapted multivariate t distribution proposes
    the few numbers that remain. Each point that is taken is weighted once more by an unbiased estimate of
    the likelihood over its approximation, from draws of the effects: the posterior is the exact one.

    Parameters
    ----------
    design, priors
        Of one generalised model.
    draws, chains
        ``draws`` in all, laid out as ``chains`` chains of independent draws.
    seed
        Same seed, same draws.
    pace
        Told how far the run is; says when it must end early.

    Returns
    -------
    Draws

    Raises
    ------
    DesignError
        If no point near the mode has a positive density.
    OptionError
        If the run had to end before it was done.

    References
    ----------
    Tran, Scharth, Pitt and Kohn (2013), "Importance sampling squared for Bayesian inference in latent
    variable models"; Durbin and Koopman (1997) for the draws on both sides of the mode.
    """
    layout, pace = layout_of(design), pace or Pace()
    parameters = Parameters(design, layout, priors)
    mode = find_laplace_mode(design, layout, parameters)
    posterior = LaplacePosterior(mode.problem, layout, parameters)
    rng = np.random.Generator(np.random.Philox(seed))

    def density(x: Floats) -> Floats:
        parts = []
        for at in range(0, x.shape[0], BATCH):
            _go_on(pace)
            parts.append(posterior.log_density(x[at : at + BATCH]))
        return np.concatenate(parts)

    proposal, _ = adapt(density, Proposal(mode.x, mode.factor * np.sqrt((DF - 2.0) / DF)), rng)
    x = proposal.draw(rng, POOL * draws)
    pool = pooled(x, density(x), proposal)
    if pool.is_empty:
        raise DesignError(
            "no point of the posterior has a positive density near its mode",
            remedy="priors that allow the values of the data's units",
        )
    chosen, times = np.unique(resample(pool, draws, rng), return_counts=True)
    correction = np.empty(chosen.size)
    for i, number in enumerate(chosen):
        if i % BATCH == 0:
            _go_on(pace)
            pace.tell("marginal", i / chosen.size, int(times[:i].sum()), draws)
        correction[i], _ = _drawn(posterior, x[number], seed=seed, stream=i)
    correction[~np.isfinite(correction)] = -np.inf
    again = Pool(x[chosen], correction + np.log(times), pareto_shape(correction))
    if again.is_empty:
        raise DesignError(
            "the likelihood is nowhere near its approximation by Laplace's method",
            remedy='method="nuts" or method="gibbs"',
        )
    taken = resample(again, draws - draws % chains, rng).reshape(chains, -1)
    run = _Run(posterior, pool, correction, again, times, mode.evaluations)
    found = _draws(run, taken, seed=seed)
    if not priors.proper:
        return found
    evidence = pool.log_mean_weight + float(logsumexp(again.log_weights) - np.log(draws))
    return replace(found, log_evidence=evidence)


def _drawn(posterior: LaplacePosterior, x: Floats, *, seed: int, stream: int) -> tuple[float, list[Floats]]:
    """Return the log of the likelihood over its approximation, estimated at a point, and drawn effects."""
    posterior.log_density(x[None])
    return posterior.problem.draw(posterior.vector(x), PAIRS, seed=seed, stream=stream)


@dataclass(frozen=True, slots=True, eq=False)
class _Run:
    """What was drawn: by the approximation, and corrected.

    Parameters
    ----------
    posterior, pool
        The approximation and its weighted points.
    correction, again
        ``(n,)`` logs of the likelihood over its approximation at the points that were taken, and these
        points weighted by it.
    times
        ``(n,)`` how often each was taken.
    evaluations
        Of the approximation before.
    """

    posterior: LaplacePosterior
    pool: Pool
    correction: Floats
    again: Pool
    times: NDArray[np.int64]
    evaluations: int


def _draws(run: _Run, taken: NDArray[np.int64], *, seed: int) -> Draws:
    """Lay the points ``(chains, draws)`` out, with effects drawn again, and say how they came about."""
    chains, per_chain = taken.shape
    design = run.posterior.problem.design
    total = sum(len(design.factors[term.factor].levels) * len(term.names) for term in design.terms)
    kept = kept_draws(per_chain, chains, total)
    effects = [
        [_drawn(run.posterior, run.again.x[chain[d]], seed=seed, stream=int(chain[d]))[1] for d in kept]
        for chain in taken
    ]
    counts = np.bincount(taken.ravel())
    k = max(run.pool.pareto_k, run.again.pareto_k)
    spread = float(np.std(run.correction[np.isfinite(run.correction)]))
    share = run.again.effective * float(run.times @ run.times) / float(run.times.sum()) ** 2
    return replace(
        laid_out(
            run.posterior.parameters,
            run.again.x[taken],
            effects,
            kept,
            method="marginal",
            efficiency=float(taken.size / (counts @ counts)),
        ),
        diagnostics={
            "evaluations": float(run.evaluations + run.posterior.evaluations),
            "pareto_k": k,
            "importance_efficiency": run.pool.effective / run.pool.x.shape[0],
            "correction_efficiency": share,
            "correction_sd": spread,
        },
        sentence=_sentence(run.pool, k, share, spread),
    )


def _sentence(pool: Pool, k: float, share: float, spread: float) -> str:
    """Return how the sampling went, in words."""
    words = (
        f"Importance sampling on the marginal posterior by Laplace's method:"
        f" {100.0 * pool.effective / pool.x.shape[0]:.0f}% efficient; its correction to the exact posterior"
        f" {100.0 * share:.0f}% (sd of its log {spread:.2f}); Pareto k {k:.2f}"
    )
    if k < GOOD_K and share > ENOUGH:
        return f"{words} (below {GOOD_K}: the draws can be trusted)."
    return f'{words}: a few points carry most of the weight, the draws cannot be trusted; use method="nuts".'


def _go_on(pace: Pace) -> None:
    """Raise what ends a run that must end before it is done."""
    if pace.over():
        raise pace.nothing(kept=False, remedy="more time, or fewer draws")
