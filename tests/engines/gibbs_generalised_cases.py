"""Small generalised models with proper priors, draws from these priors, and responses drawn given all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from multilevel.design.bound_priors import BoundPriors
from multilevel.design.design import Design
from multilevel.design.priors import bind_priors
from multilevel.engines.gibbs.terms import TermState
from multilevel.engines.gibbs_generalised.chain import GeneralisedPlan, GeneralisedState
from multilevel.model.priors import Fixed, MVNormal
from tests.design.generalised_cases import generalised

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Case:
    """A model of the table `rows` and its priors."""

    formula: str
    family: Any
    priors: dict[str, Any]
    zero_inflation: str | None = None


def rows(y: Any) -> dict[str, Any]:
    """Return nine rows with two predictors, groups ``g``, parts ``s`` of these, and ``h`` across both."""
    rng = np.random.default_rng(8)
    i = np.arange(9)
    x = rng.normal(size=9)
    level = np.array([-0.7, 0.2, 0.5])[i % 3]
    return {"y": y, "size": 3.0 + i % 3, "x": x, "w": level, "g": i % 3, "s": i % 6, "h": i // 5}


def bound(case: Case) -> tuple[Design, BoundPriors]:
    """Return the case's design, with some response, and its priors."""
    numbers = np.arange(9) % 3 + 1.0
    if case.family in ("bernoulli", "beta"):
        numbers = np.arange(9) % 2 if case.family == "bernoulli" else numbers / 4.0
    design = generalised(case.formula, rows(numbers), case.family, zero_inflation=case.zero_inflation)
    return design, bind_priors(design, case.priors)


def drawn_terms(priors: BoundPriors, design: Design, rng: np.random.Generator) -> list[TermState]:
    """Return covariance matrices drawn from their priors."""
    found = []
    for prior, term in zip(priors.terms, design.terms, strict=True):
        k = len(term.names)
        R = np.eye(k)
        if prior.covariance is not None:
            D = prior.covariance.draw(rng, 1)[0]
            sds = np.sqrt(np.diagonal(D))
            R = D / np.outer(sds, sds)
        else:
            sds = np.array([drawn(own, rng) for own in prior.sds])  # type: ignore[union-attr]
            sds = np.full(k, sds[0]) if sds.size < k else sds
            if prior.correlation is not None:
                R = prior.correlation.draw(rng, 1, k)[0]  # type: ignore[union-attr, call-arg]
        found.append(TermState(sds, np.linalg.cholesky(R)))
    return found


def drawn(prior: Any, rng: np.random.Generator) -> float:
    """Return one draw from a prior, or its value."""
    return float(prior.value) if isinstance(prior, Fixed) else float(prior.draw(rng, 1)[0])


def prior_state(plan: GeneralisedPlan, rng: np.random.Generator) -> GeneralisedState:
    """Return everything drawn from the priors."""
    problem, priors = plan.problem, plan.problem.priors
    if isinstance(priors.coefficients, MVNormal):
        beta = rng.multivariate_normal(priors.coefficients.mean, priors.coefficients.covariance)
    else:
        gamma = np.array([drawn(prior, rng) for prior in priors.coefficients])
        beta = (2.0 * np.eye(gamma.size) - priors.to_centred) @ gamma
    values = np.array([drawn(prior, rng) for _, prior in problem.family.parameters])
    while problem.ordinal and not (np.diff(values) > 0.0).all():
        values = np.array([drawn(prior, rng) for _, prior in problem.family.parameters])
    if problem.family.centre is not None:
        values = values + float(problem.family.centre @ beta)
    inflation = np.array([drawn(prior, rng) for _, prior in problem.family.inflation])
    terms = drawn_terms(priors, problem.design, rng)
    effects = [
        rng.standard_normal((m, K)) @ problem.root(f, terms).T
        for f, (m, K) in enumerate(zip(problem.levels, problem.widths, strict=True))
    ]
    return GeneralisedState(terms, beta, values, inflation, effects)


def drawn_response(plan: GeneralisedPlan, state: GeneralisedState, rng: np.random.Generator) -> Floats:
    """Return a response of the design's rows drawn given everything, by dense algebra."""
    design, problem = plan.problem.design, plan.problem
    eta = design.fixed.X @ state.beta
    for t, term in enumerate(design.terms):
        b = problem.term_effects(t, state.effects)
        eta = eta + np.einsum("ik,ik->i", term.Z, b[design.factors[term.factor].index])
    if problem.ordinal:
        latent = eta + rng.logistic(size=eta.size)
        return np.asarray(1.0 + (latent[:, None] > state.values).sum(axis=1))
    y = design.family.draw(rng, design.family.mean(eta), state.values, design.trials)
    if design.inflation is not None:
        y = np.where(rng.random(y.size) < expit(design.inflation.X @ state.inflation), 0.0, y)
    return np.asarray(y, dtype=np.float64)


def numbers_of(plan: GeneralisedPlan, state: GeneralisedState) -> Floats:
    """Return what tests look at: covariances, coefficients, parameters, effects of one level."""
    values = state.values if plan.problem.ordinal else np.log(state.values)
    parts = [state.beta, values, state.inflation]
    for t, term in enumerate(state.terms):
        parts += [np.log(np.maximum(term.sds, 1e-300)), (term.L @ term.L.T)[0, 1:]]
        parts.append(plan.problem.term_effects(t, state.effects)[0])
    return np.concatenate(parts)
