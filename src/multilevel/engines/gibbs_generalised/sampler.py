"""The Gibbs engine of generalised models: chains on threads, laid out as draws in the user's units."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from multilevel.design.bound_priors import BoundPriors
from multilevel.design.design import Design
from multilevel.engines.checkpoint import Checkpoint
from multilevel.engines.draws import Draws, FamilyDraws
from multilevel.engines.gibbs.recording import Recording, Run
from multilevel.engines.gibbs.sampler import check_numbers, correlations_of_factors, sentence_of_chains
from multilevel.engines.gibbs.turns import Course, take_turns
from multilevel.engines.gibbs_generalised.chain import GeneralisedChain, GeneralisedPlan
from multilevel.engines.gibbs_generalised.start import Starts
from multilevel.engines.marginal.sampler import kept_draws
from multilevel.engines.pace import Pace

WORTH_A_THREAD = 2000
"""Rows from which the native part of a sweep is longer than Python's own, which one thread runs."""


def sample_gibbs_generalised(
    design: Design,
    priors: BoundPriors,
    *,
    draws: int = 4000,
    chains: int = 4,
    warmup: int = 1000,
    seed: int,
    threads: int | None = None,
    pace: Pace | None = None,
    checkpoint: Checkpoint | None = None,
) -> Draws:
    """Draw from the posterior of a generalised multilevel model by Markov chains.

    A sweep takes the factors in turn. The effects of all levels of a factor are proposed at once, each from
    the curvature of its own conditional density, and accepted one by one; so are all coefficients
    together. Coefficients are drawn once more with the group coefficients held (an exact draw under normal
    priors), each sd moves with its effects held in units of it, and covariance matrices are drawn given
    the effects as in linear models. Parameters of the family, thresholds and zero inflation take a random
    walk that learns its steps in warm-up only.

    Parameters
    ----------
    design
        With its family.
    priors
        Bound to it.
    draws, chains, warmup, seed, threads, pace, checkpoint
        As for `multilevel.engines.gibbs.sample_gibbs`.

    Returns
    -------
    Draws
        Fewer than asked for, and not ``complete``, if the run ended early.

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
    Gamerman (1997), "Sampling from the posterior distribution in generalized linear mixed models"; Hoff
    (2009), chapter 11; Gelfand, Sahu and Carlin (1995); Yu and Meng (2011).
    """
    check_numbers(draws, chains, warmup, seed, threads)
    per_chain, pace = draws // chains, pace or Pace()
    plan = GeneralisedPlan(design, priors)
    n_effects = sum(m * K for m, K in zip(plan.problem.levels, plan.problem.widths, strict=True))
    kept = kept_draws(per_chain, chains, n_effects)
    courses = [
        Course(chain, Recording(warmup, per_chain, kept), pace, checkpoint)
        for chain in _chains(plan, design, priors, chains=chains, seed=seed)
    ]
    large = plan.problem.X.shape[0] >= WORTH_A_THREAD
    take_turns(courses, threads or (min(chains, os.cpu_count() or 1) if large else 1), pace)
    n = min(course.recording.drawn for course in courses)
    if n == 0:
        raise pace.nothing(kept=checkpoint is not None)
    ending = pace.ending() if n < per_chain else ""
    return _laid_out(plan, [course.run(n) for course in courses], kept[kept < n], warmup, ending)


def _chains(
    plan: GeneralisedPlan, design: Design, priors: BoundPriors, *, chains: int, seed: int
) -> Iterator[GeneralisedChain]:
    """Yield chains at dispersed starts."""
    starts = Starts(plan, design, priors)
    for number in range(chains):
        yield GeneralisedChain(plan, starts.state(seed=seed, number=number), seed=seed, number=number)


def _laid_out(
    plan: GeneralisedPlan, runs: Sequence[Run], kept: NDArray[np.int64], warmup: int, ending: str
) -> Draws:
    """Return the chains' records side by side."""
    terms = range(len(plan.terms))
    rates = {name: float(np.mean([run.acceptance[name] for run in runs])) for name in runs[0].acceptance}
    n = runs[0].sigma.size
    family = plan.problem.family
    return Draws(
        method="gibbs",
        coefficients=np.stack([run.gamma for run in runs]),
        sigma=np.stack([run.sigma for run in runs]),
        sds=tuple(np.stack([run.sds[t] for run in runs]) for t in terms),
        correlations=tuple(
            correlations_of_factors(np.stack([run.factors[t] for run in runs])) for t in terms
        ),
        effects=tuple(np.stack([run.effects[t] for run in runs]) for t in terms),
        kept=kept,
        efficiency=None,
        log_evidence=None,
        diagnostics={
            "sweeps": float(len(runs) * (warmup + n)),
            "warmup": float(warmup),
            "proposals_without_density": float(sum(run.impossible for run in runs)),
            **{f"acceptance {name}": rate for name, rate in rates.items()},
        },
        sentence=sentence_of_chains(len(runs), warmup, n, rates, ending),
        complete=not ending,
        family=FamilyDraws(
            names=family.names,
            values=np.stack([run.values["family"] for run in runs]),
            inflation_names=tuple(name for name, _ in family.inflation),
            inflation=np.stack([run.values["inflation"] for run in runs]),
        ),
    )
