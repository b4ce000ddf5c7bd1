"""Small models for the tests of the Gibbs engine: bundled data, dense arrays in the user's units, states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilevel.data import datasets, read_table
from multilevel.design import Design, bind, columns_needed
from multilevel.design.bound_priors import BoundPriors
from multilevel.design.priors import bind_priors
from multilevel.engines.gibbs.chain import Chain, Plan, State
from multilevel.engines.gibbs.terms import TermState
from multilevel.engines.marginal.coordinates import coordinates_of
from multilevel.language import parse_formula
from multilevel.model import Covariance
from multilevel.moments import Moments, summarise

Floats = NDArray[np.float64]


def model_of(formula: str, data: Any, priors: Any = None, **options: Any) -> tuple[Moments, BoundPriors]:
    """Return moments and priors of a model; ``data`` is a table or the name of a bundled one."""
    table = datasets.load(data) if isinstance(data, str) else data
    model = parse_formula(formula)
    named = {key: value for key, value in options.items() if key.endswith(("weights", "groups"))}
    design = bind(model, read_table(table, columns_needed(model, **named)), **options)
    return summarise(design), bind_priors(design, priors)


def schools(priors: Any) -> tuple[Moments, BoundPriors]:
    """Return the eight schools with known standard errors."""
    table = datasets.load("eight_schools")
    data = {"effect": table["effect"], "school": table["school"], "w": 1.0 / table["sd"] ** 2}
    return model_of("effect ~ 1 + (1 | school)", data, priors, precision_weights="w", residual_sd=1.0)


def plan_of(moments: Moments, priors: BoundPriors) -> Plan:
    """Return the plan of a model."""
    return Plan(moments, priors, coordinates_of(moments, priors))


def some_terms(moments: Moments, seed: int = 1) -> list[TermState]:
    """Return a covariance matrix for each term."""
    rng = np.random.default_rng(seed)
    found = []
    for block in moments.blocks:
        k, L = block.size, np.eye(block.size)
        sds = rng.uniform(0.5, 1.5, k)
        if block.covariance is Covariance.UNSTRUCTURED:
            L = np.tril(rng.normal(size=(k, k)), -1) * 0.5 + np.eye(k)
            L /= np.sqrt((L * L).sum(axis=1))[:, None]
        elif block.covariance.one_sd:
            sds[:] = sds[0]
        if block.covariance is Covariance.COMPOUND_SYMMETRIC and k > 1:
            r = rng.uniform(-0.9 / (k - 1), 0.9)
            L = np.linalg.cholesky(np.full((k, k), r) + (1.0 - r) * np.eye(k))
        found.append(TermState(sds, L))
    return found


def chain_at(plan: Plan, terms: list[TermState], sigma: float, *, seed: int = 1, number: int = 0) -> Chain:
    """Return a chain at given covariances."""
    empty = [np.zeros((0, 0))] * len(plan.moments.levels)
    start = State(list(terms), sigma, np.zeros(plan.moments.p), empty)
    return Chain(plan, start, seed=seed, number=number)


@dataclass(frozen=True, slots=True)
class DenseModel:
    """A design as plain arrays: response, ``X``, for each term ``(n, m k)`` columns, weights of the rows."""

    y: Floats
    X: Floats
    Z: tuple[Floats, ...]
    weights: Floats


def dense_model(design: Design) -> DenseModel:
    """Return the arrays of a design, in the user's units; a row that counts twice has twice the weight."""
    y = design.y if design.offset is None else design.y - design.offset
    weights = np.ones(design.n_rows)
    for given in (design.precision_weights, design.frequency_weights):
        weights = weights if given is None else weights * given
    columns = []
    for term in design.terms:
        factor = design.factors[term.factor]
        one = np.eye(len(factor.levels))[factor.index]
        columns.append((one[:, :, None] * term.Z[:, None, :]).reshape(design.n_rows, -1))
    return DenseModel(y, design.fixed.X, tuple(columns), weights)


def covariance_of(term: TermState) -> Floats:
    """Return ``D`` of a term."""
    half = term.sds[:, None] * term.L
    return np.asarray(half @ half.T)


def users_values(plan: Plan, state: State) -> tuple[Floats, list[Floats]]:
    """Return coefficients ``(p,)`` and for each term effects ``(m, k)`` of a state, in the user's units."""
    scaling = plan.moments.scaling
    beta = scaling.y_scale * scaling.fixed.back @ state.gamma + scaling.constant
    effects = []
    for t, block in enumerate(plan.moments.blocks):
        b = state.effects[block.factor][:, block.start : block.start + block.size]
        effects.append(scaling.y_scale * b @ scaling.terms[t].back.T)
    return beta, effects
