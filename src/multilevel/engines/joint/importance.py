"""Importance sampling on the Laplace marginal of a generalised model, corrected to the exact posterior."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from multilevel.design.bound_priors import BoundPriors
from multilevel.design.design import Design
from multilevel.engines.checkpoint import Checkpoint
from multilevel.engines.draws import Draws
from multilevel.engines.joint.drawn import laid_out
from multilevel.engines.joint.laplace_mode import LaplacePosterior, find_laplace_mode
from multilevel.engines.joint.laplace_points import LaplacePoints
from multilevel.engines.joint.parameters import Parameters
from multilevel.engines.marginal.batches import Batches
from multilevel.engines.marginal.importance import Pool, Proposal, adapt, pooled, resample
from multilevel.engines.marginal.sampler import GOOD_K, kept_draws
from multilevel.engines.pace import Pace
from multilevel.errors import DesignError
from multilevel.kernels import threads as all_threads
from multilevel.moments import layout_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DF, WIDE, ROUNDS = 6.0, 0.1, 3
"""Degrees of freedom of the proposals, the share of their wider component, and how often they are adapted:
tails of sds are those of their priors, on the other side normal."""
POOL = 2
"""Points that are drawn from the proposal for each draw that is wanted."""
ENOUGH = 0.05
"""Share of the points that must be effective."""
BATCH = 64
"""Points between two words to the pace and the checkpoint."""
PILOT, PILOT_PAIRS = 96, 4
"""Points, and pairs of draws of the effects at each, by which the number of pairs is chosen."""
MOST_PAIRS = 64
POINT_COST = 25.0
"""Work of the approximation at a point over that of a pair of draws."""
PILOT_STREAMS = 1 << 40
"""First stream of the pilot's draws: far from those of the points."""


def sample_laplace_marginal(
    design: Design,
    priors: BoundPriors,
    *,
    draws: int = 4000,
    chains: int = 4,
    seed: int,
    threads: int | None = None,
    pace: Pace | None = None,
    checkpoint: Checkpoint | None = None,
) -> Draws:
    """Draw from the posterior of a generalised model by importance sampling.

    The group effects are integrated out by Laplace's method; an adapted multivariate t distribution proposes
    the few numbers that remain. The weight of each point is multiplied by an unbiased estimate of the
    likelihood over its approximation, from pairs of draws of the effects: the posterior is the exact one.
    Groups that share no row are independent given the parameters, so that the estimate is a product of means,
    one for each such set of groups. How many pairs is chosen by a pilot so that the expected work for an
    effective draw is least.

    Parameters
    ----------
    design, priors
        Of one generalised model.
    draws, chains
        ``draws`` in all, laid out as ``chains`` chains of independent draws.
    seed
        Same seed, same draws, whatever the number of threads.
    threads
        Among which the points are shared out; ``None`` for one on each core.
    pace
        Told how far the run is; says when it must end early.
    checkpoint
        Where values of the points come from and go to. The draws are the same as without.

    Returns
    -------
    Draws
        Fewer than asked for, and not ``complete``, if the run ended early.

    Raises
    ------
    DesignError
        If no point near the mode has a positive density.
    OptionError
        If the run had to end before there was a draw.

    References
    ----------
    Tran, Scharth, Pitt and Kohn (2013), "Importance sampling squared for Bayesian inference in latent
    variable models"; Durbin and Koopman (1997) for the draws on both sides of the mode.
    """
    layout, pace = layout_of(design), pace or Pace()
    parameters = Parameters(design, layout, priors)
    mode = find_laplace_mode(design, layout, parameters)
    posterior = LaplacePosterior(mode.problem, layout, parameters)
    target = Target(LaplacePoints(posterior, mode, threads=threads or all_threads), seed)
    batches = Batches(target, pace, checkpoint, draws=draws, effects=total_effects(design), size=BATCH)
    rng = np.random.Generator(np.random.Philox(seed))
    first = Proposal(mode.x, mode.factor * np.sqrt((DF - 2.0) / DF), df=DF, wide=WIDE)
    proposal, _ = adapt(lambda x: batches(numbered(x, 0)), first, rng, most_rounds=ROUNDS)
    target.pairs = PILOT_PAIRS
    noise = _noise(batches, proposal, rng)
    target.pairs = best_pairs(noise)
    x = proposal.draw(rng, POOL * draws)
    values = batches.until_over(numbered(x, 0))
    n = values.size
    wanted = draws if n == x.shape[0] else n // POOL
    if wanted < chains:
        raise pace.nothing(kept=checkpoint is not None)
    pool = pooled(x[:n], values, proposal)
    if pool.is_empty:
        raise DesignError(
            "no point of the posterior has a positive density near its mode",
            remedy='priors that allow the values of the data\'s units, or method="nuts"',
        )
    taken = resample(pool, wanted - wanted % chains, rng).reshape(chains, -1)
    found = _draws(parameters, target, pool, taken, total=total_effects(design))
    if priors.proper:
        found = replace(found, log_evidence=pool.log_mean_weight)
    if n == x.shape[0]:
        return found
    return replace(found, complete=False, sentence=f"{found.sentence} The run was {pace.ending()}.")


def total_effects(design: Design) -> int:
    """Return how many group effects a model has."""
    return sum(len(design.factors[term.factor].levels) * len(term.names) for term in design.terms)


def numbered(x: Floats, first: int) -> Floats:
    """Return points ``(n, d)`` with the numbers of their random streams as last column, ``(n, d + 1)``."""
    return np.column_stack([x, first + np.arange(x.shape[0])])


class Target:
    """The log density by Laplace's method, times the estimated correction if there are pairs of draws.

    Parameters
    ----------
    points
        The approximation.
    seed
        Of the draws of the effects.
    """

    __slots__ = ("pairs", "points", "seed")

    def __init__(self, points: LaplacePoints, seed: int) -> None:
        self.points, self.seed, self.pairs = points, seed, 0

    def __call__(self, x: Floats) -> Floats:
        """Return ``(n,)`` values at points with their streams, ``(n, d + 1)``; see `numbered`."""
        streams = x[:, -1].astype(np.int64)
        found = self.points.evaluate(x[:, :-1], streams, pairs=self.pairs, seed=self.seed)
        return np.asarray(found.log_density + found.log_weights)


def _noise(batches: Batches, proposal: Proposal, rng: np.random.Generator) -> float:
    """Return the variance of the log of the correction's estimate at a point, from `PILOT_PAIRS` pairs."""
    x = proposal.draw(rng, PILOT)
    one, other = (batches(numbered(x, PILOT_STREAMS + i * PILOT)) for i in range(2))
    both = np.logaddexp(one, other) - proposal.logpdf(x)
    good = np.isfinite(one) & np.isfinite(other)
    if not good.any():
        return 0.0
    w = np.where(good, np.exp(both - both[good].max()), 0.0)
    gap = np.where(good, one, 0.0) - np.where(good, other, 0.0)
    return float(0.5 * (w @ gap**2) / w.sum())


def best_pairs(noise: float) -> int:
    """Return the number of pairs, a power of two, for which an effective draw costs least.

    Parameters
    ----------
    noise
        Variance of the log of the estimate from `PILOT_PAIRS` pairs. With ``P`` pairs it is about
        ``noise PILOT_PAIRS / P``, and if it is normal, the effective share is ``exp`` of minus that.

    Examples
    --------
    >>> best_pairs(0.0), best_pairs(0.4), best_pairs(50.0)
    (1, 8, 64)
    """
    choices = [1 << i for i in range(MOST_PAIRS.bit_length())]
    return min(choices, key=lambda P: np.log(POINT_COST + P) + noise * PILOT_PAIRS / P)


@dataclass(frozen=True, slots=True, eq=False)
class _Again:
    """Points that were taken, evaluated once more.

    Parameters
    ----------
    effects
        By number of the point, for each grouped term ``(m, k)``.
    log_weights
        ``(n,)`` of the correction.
    """

    effects: dict[int, list[Floats]]
    log_weights: Floats


def _again(target: Target, pool: Pool, which: Ints) -> _Again:
    """Draw the effects of points of the pool as before: their streams are known."""
    effects: dict[int, list[Floats]] = {}
    logs = [np.zeros(0)]
    for at in range(0, which.size, BATCH):
        some = which[at : at + BATCH]
        found = target.points.evaluate(pool.x[some], some, pairs=target.pairs, seed=target.seed, keep=True)
        effects.update(zip(some.tolist(), found.effects, strict=True))
        logs.append(found.log_weights)
    return _Again(effects, np.concatenate(logs))


def _draws(parameters: Parameters, target: Target, pool: Pool, taken: Ints, *, total: int) -> Draws:
    """Lay the points ``(chains, draws)`` out, with effects drawn again, and say how they came about."""
    kept = kept_draws(taken.shape[1], taken.shape[0], total)
    again = _again(target, pool, np.unique(taken[:, kept]))
    effects = [[again.effects[int(chain[d])] for d in kept] for chain in taken]
    spread = float(np.std(again.log_weights))
    efficiency = pool.effective / pool.x.shape[0]
    return replace(
        laid_out(
            parameters,
            pool.x[taken],
            effects,
            kept,
            method="marginal",
            efficiency=1.0 / (1.0 + taken.size / pool.effective),
        ),
        diagnostics={
            "evaluations": float(target.points.evaluations),
            "pareto_k": pool.pareto_k,
            "importance_efficiency": efficiency,
            "correction_pairs": float(target.pairs),
            "correction_sd": spread,
        },
        sentence=_sentence(pool, target.pairs, spread),
    )


def can_be_trusted(draws: Draws) -> bool:
    """Return whether the diagnostics of `sample_laplace_marginal` are good."""
    found = draws.diagnostics
    return found["pareto_k"] <= GOOD_K and found["importance_efficiency"] >= ENOUGH


def _sentence(pool: Pool, pairs: int, spread: float) -> str:
    """Return how the sampling went, in words."""
    share = pool.effective / pool.x.shape[0]
    words = (
        f"Importance sampling on the marginal posterior by Laplace's method: {100.0 * share:.0f}% efficient"
        f" with its correction to the exact posterior by {pairs} pair{'s' if pairs > 1 else ''} of draws of"
        f" the effects at each point (sd of its log {spread:.2f}); Pareto k {pool.pareto_k:.2f}"
    )
    if pool.pareto_k <= GOOD_K and share >= ENOUGH:
        return f"{words} (below {GOOD_K}: the draws can be trusted)."
    return f'{words}: a few points carry most of the weight, the draws cannot be trusted; use method="nuts".'
