"""Where chains of a generalised model start: dispersed about its estimates."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from multilevel.design.bound_priors import BoundPriors
from multilevel.design.design import Design
from multilevel.engines.gibbs.terms import TermState
from multilevel.engines.gibbs_generalised.centre import Centre, centre_of
from multilevel.engines.gibbs_generalised.chain import GeneralisedPlan, GeneralisedState
from multilevel.engines.marginal.coordinates import TermPlace
from multilevel.engines.marginal.density import term_log_prior
from multilevel.engines.marginal.prior_parts import inside_intervals
from multilevel.errors import DesignError
from multilevel.model.priors import Fixed, partial_from_factor

Floats = NDArray[np.float64]

SPREAD = 0.5
"""Sd of the starts about the estimates, in log sds, atanh correlations and logs of parameters."""
LEAST = 0.1
"""Sds below this over the size of the effect's column start there."""
FURTHEST = 4.0
"""Linear predictors of zero inflation are at most this large at a start: beyond, the likelihood is flat."""
TRIES = 100


class Starts:
    """Estimates of a model, and starts of chains about them.

    Parameters
    ----------
    plan
        Of the chains.
    design, priors
        Of the model.

    Raises
    ------
    DesignError
        If the likelihood is not defined at any start of the search.
    """

    __slots__ = ("_centre", "_design", "_estimates", "_plan", "_priors")

    def __init__(self, plan: GeneralisedPlan, design: Design, priors: BoundPriors) -> None:
        self._plan, self._design, self._priors = plan, design, priors
        self._estimates: Centre = centre_of(design, priors)
        self._centre = self._term_centre()

    def state(self, *, seed: int, number: int) -> GeneralisedState:
        """Return the start of a chain.

        Raises
        ------
        DesignError
            If no point near the estimates has a positive density.
        """
        rng = np.random.Generator(np.random.Philox(key=np.array([seed, (1 << 63) + number], dtype=np.uint64)))
        for attempt in range(TRIES):
            state = self._tried(rng, 1.0 if attempt < TRIES // 2 else 0.1)
            if self._is_possible(state):
                return state
        raise DesignError(
            f"no point of the posterior near the estimates has a positive density: {TRIES} were tried",
            remedy="priors that allow the values of the data's units",
        )

    def _tried(self, rng: np.random.Generator, share: float) -> GeneralisedState:
        """Return a point at random."""
        plan, estimates = self._plan, self._estimates
        at = plan.problem.at
        x = self._centre + share * SPREAD * rng.standard_normal(self._centre.size)
        found = at.values(inside_intervals(self._priors, at, x)[None])
        terms = [TermState(s[0], np.array(L[0])) for s, L in zip(found.sds, found.factors, strict=True)]
        beta = estimates.beta + share * estimates.spread @ rng.standard_normal(estimates.beta.size)
        beta = plan.coefficient_priors.replace_excluded(beta, rng)
        values, inflation = self._family(rng, share)
        effects = [np.zeros((m, K)) for m, K in zip(plan.problem.levels, plan.problem.widths, strict=True)]
        for t, rows in enumerate(plan.problem.terms):
            effects[rows.factor][:, rows.columns] = estimates.modes[t][:, rows.active]
        return GeneralisedState(terms, beta, values, inflation, effects)

    def _family(self, rng: np.random.Generator, share: float) -> tuple[Floats, Floats]:
        """Return parameters or thresholds, and zero inflation."""
        numbers, problem = self._estimates, self._plan.problem
        noise = share * SPREAD * rng.standard_normal(numbers.values.size)
        if problem.ordinal:
            values = numbers.values + noise[:1]
        else:
            values = np.clip(numbers.values, 1e-3, 1e3) * np.exp(noise)
        noise = rng.standard_normal(numbers.inflation.size)
        inflation = numbers.inflation + share * numbers.inflation_spread @ noise
        inflation = np.where(np.isfinite(inflation), inflation, 0.0)
        if problem.inflation is not None:
            reach = float(np.abs(problem.inflation @ inflation).max(initial=0.0))
            inflation = inflation * min(1.0, FURTHEST / max(reach, 1e-300))
        for found, own in ((values, problem.family.parameters), (inflation, problem.family.inflation)):
            for i, (_, prior) in enumerate(own):
                if isinstance(prior, Fixed):
                    found[i] = prior.value
                elif not problem.ordinal and not np.isfinite(prior.logpdf(found[i])):
                    found[i] = float(prior.draw(rng, 1)[0])
        return values, inflation

    def _is_possible(self, state: GeneralisedState) -> bool:
        """Return whether the posterior density is positive."""
        plan = self._plan
        total = plan.coefficient_priors.log_others(state.beta)
        total += plan.problem.log_family(state.values, state.inflation, state.beta)
        blocks = plan.problem.blocks
        for prior, block, term in zip(self._priors.terms, blocks, state.terms, strict=True):
            sds = term.sds[:1] if block.covariance.one_sd else term.sds
            total += float(term_log_prior(prior, sds[None], term.L[None], np.ones(1))[0])
        if not np.isfinite(total):
            return False
        eta = plan.problem.predictor(state.beta, state.effects)
        return bool(np.isfinite(plan.problem.log_density(eta, state.values, state.inflation)))

    def _term_centre(self) -> Floats:
        """Return the numbers of the covariance matrices at the estimates, inside the boundary."""
        at = self._plan.problem.at
        sds, partials = [], []
        for term, D, place in zip(self._design.terms, self._estimates.covariances, at.terms, strict=True):
            size = np.sqrt(np.maximum(np.mean(term.Z * term.Z, axis=0), 1e-300))
            root = np.maximum(np.sqrt(np.maximum(np.diagonal(D), 0.0)), LEAST / size)
            sds.append(np.full(place.size, root[0]) if len(set(place.sds)) < place.size else root)
            partials.append(_partials(place, D, root))
        return at.point(sds, partials, 1.0, np.zeros(0))


def _partials(place: TermPlace, D: Floats, root: Floats) -> Floats:
    """Return the partial correlations of an estimate, or the one correlation, away from their ends."""
    if place.n_partial:
        R = D / np.outer(root, root)
        R = 0.9 * np.where(np.eye(place.size) > 0, 1.0, R) + 0.1 * np.eye(place.size)
        return np.asarray(np.clip(partial_from_factor(np.linalg.cholesky(R)), -0.95, 0.95))
    if place.common >= 0:
        share = (D[0, 1] / root[0] ** 2 - place.low) / (place.high - place.low)
        return np.array([place.low + np.clip(share, 0.05, 0.95) * (place.high - place.low)])
    return np.zeros(0)
