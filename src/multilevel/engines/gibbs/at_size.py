"""Whether chains draw effects by elimination or by conjugate gradients, and from where they then start."""

from __future__ import annotations

from multilevel.design.bound_priors import BoundPriors
from multilevel.engines.likelihood.problem import native_problem
from multilevel.engines.monte_carlo.choice import choice_for
from multilevel.engines.monte_carlo.estimator import solve_monte_carlo, unsupported
from multilevel.engines.monte_carlo.system import chain_to_eliminate
from multilevel.engines.solution import Solution
from multilevel.moments import Moments

FEW = 2000
"""Effects outside the nested factors up to which elimination is quick whatever it costs besides."""
DENSE, SPARSE = 1.7e-11, 6e-8
"""Seconds for the cube of the effects that elimination leaves, and for each entry of the pairs of levels and
each right side, on one core: orders of magnitude."""
WORTH = 4.0
"""How many times as long elimination must take before conjugate gradients are taken."""
START_ERROR = 0.1
"""Monte Carlo error of the estimates, in standard errors: chains start scattered far wider."""


def by_gradients(moments: Moments, priors: BoundPriors) -> bool:
    """Return whether a sweep is much cheaper by conjugate gradients, or possible in no other way.

    Parameters
    ----------
    moments, priors
        Of one design.
    """
    if priors.residual is not None or unsupported(moments):
        return False
    sizes = [m * K for m, K in zip(moments.levels, moments.effects, strict=True)]
    if sum(sizes) - sum(sizes[f] for f in chain_to_eliminate(moments)) <= FEW:
        return False
    if choice_for(moments).solver == "monte_carlo":
        return True
    core = native_problem(moments, "ml").structure()["core_size"]
    entries = sum(pair.value.size for pair in moments.pairs)
    return bool(DENSE * core**3 > WORTH * SPARSE * entries * (moments.p + 2))


def starting_estimates(moments: Moments, *, seed: int) -> Solution:
    """Return estimates good enough to start chains from.

    Parameters
    ----------
    moments
        Sufficient statistics.
    seed
        Of the run.
    """
    return solve_monte_carlo(moments, method="reml", mc_error=START_ERROR, mc_seed=seed % 2**63)
