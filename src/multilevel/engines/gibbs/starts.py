"""Starts of chains: dispersed about the estimates, inside the priors, where the likelihood is finite."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from multilevel.design.bound_priors import BoundPriors
from multilevel.engines.gibbs.chain import Chain, Plan, State
from multilevel.engines.gibbs.terms import TermState
from multilevel.engines.marginal.coordinates import Coordinates
from multilevel.engines.marginal.density import term_log_prior
from multilevel.engines.marginal.prior_parts import excluding_priors
from multilevel.errors import DesignError

Floats = NDArray[np.float64]

SPREAD = 0.5
"""Sd of the starts about the restricted maximum likelihood estimates, in log sds and atanh correlations."""
TRIES = 100


def dispersed_start(plan: Plan, priors: BoundPriors, centre: Floats, *, seed: int, number: int) -> State:
    """Return covariances and sigma near the estimates, where the priors have density.

    Raises
    ------
    DesignError
        If no such point was found; names the parameter whose prior excludes the points tried.
    """
    rng = np.random.Generator(np.random.Philox(key=np.array([seed, (1 << 63) + number], dtype=np.uint64)))
    points = []
    for attempt in range(TRIES):
        x = centre + SPREAD * (1.0 + 0.1 * attempt) * rng.standard_normal(centre.size)
        terms, sigma = _values(plan.at, x)
        log_prior = _log_prior(plan, priors, terms, sigma)
        if np.isfinite(log_prior):
            return State(
                terms, sigma, np.zeros(plan.moments.p), [np.zeros((0, 0))] * len(plan.moments.levels)
            )
        points.append(x)
    which = excluding_priors(plan.moments, priors, plan.at, np.array(points))
    raise DesignError(
        f"no point of the posterior near the estimates has a positive prior density{which and ': '}{which}",
        remedy="priors that allow the values of the data's units",
    )


def check_likelihood(chain: Chain) -> None:
    """Raise `DesignError`, naming where a chain starts, unless the likelihood is finite there."""
    try:
        chain.eliminate()
    except np.linalg.LinAlgError as error:
        state = chain.state
        sds = [f"{sd:.4g}" for term in state.terms for sd in term.sds]
        raise DesignError(
            f"the likelihood is not finite at the start of chain {chain.number + 1}: sigma"
            f" {state.sigma:.4g}, sds {', '.join(sds)}",
            remedy="priors on the scale of the data; a response and columns of moderate size",
        ) from error


def _values(at: Coordinates, x: Floats) -> tuple[list[TermState], float]:
    """Return covariances and sigma of one point."""
    values = at.values(x[None])
    terms = [TermState(s[0], np.array(L[0])) for s, L in zip(values.sds, values.factors, strict=True)]
    return terms, float(values.sigma[0])


def _log_prior(plan: Plan, priors: BoundPriors, terms: Sequence[TermState], sigma: float) -> float:
    """Return the log prior density of covariances and sigma."""
    total = 0.0 if plan.at.sigma < 0 else float(priors.sigma.logpdf(sigma))
    for prior, block, term in zip(priors.terms, plan.moments.blocks, terms, strict=True):
        sds = term.sds[:1] if block.covariance.one_sd else term.sds
        total += float(term_log_prior(prior, sds[None], term.L[None], np.array([sigma]))[0])
    return total
