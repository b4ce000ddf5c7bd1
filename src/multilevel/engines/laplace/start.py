"""Where the search starts: a generalised linear model, then a linear mixed model of its working response."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multilevel.design.design import Design
from multilevel.engines.likelihood import solve
from multilevel.engines.likelihood.problem import n_theta, theta_of
from multilevel.model.families import Family, Gaussian, link_of, slope
from multilevel.moments import Layout, Moments, summarise

Floats = NDArray[np.float64]

STEPS = 4
"""Steps of the generalised linear model at most."""
SETTLED = 0.1
"""Root mean square change of linear predictors, of the links without ends, after which no step follows."""
FURTHEST = 6.0
"""Working residuals of the links without ends are cut here: one outlier must not throw the start away."""
SMOOTH = ("log", "logit", "probit", "cloglog")
MOST_ROWS = 50_000
"""Rows, taken at random, from which the generalised linear model is estimated at most."""
PLAUSIBLE = 0.5
"""Relative sds from which the linear mixed model of several factors is searched, once."""
LEAST = 0.1
"""Relative sds that the linear mixed model finds to be smaller start here, in scaled columns."""


@dataclass(frozen=True, slots=True, eq=False)
class Working:
    """The linear model that a generalised one resembles at given means.

    Parameters
    ----------
    response
        ``(n,)`` ``eta + (y - mu) / slope``, offset included.
    weights
        ``(n,)`` ``slope^2 / Var(y)``, each row counted once.
    mu
        ``(n,)`` means.
    """

    response: Floats
    weights: Floats
    mu: Floats


def working_model(design: Design, eta: Floats, parameters: Floats) -> Working:
    """Return the working response and weights at linear predictors."""
    family = design.family
    mu, by_eta = family.mean(eta), slope(family.link, eta)
    trials = np.ones_like(mu) if design.trials is None else design.trials
    variance = np.maximum(family.variance(mu, parameters, design.trials), 1e-300) / trials**2
    weights = np.clip(by_eta * by_eta / variance, 1e-10, 1e12)
    safe = np.where(np.abs(by_eta) > 1e-12, by_eta, 1e-12)
    residual = (design.y / trials - mu) / safe
    if family.link in SMOOTH:
        residual = np.clip(residual, -FURTHEST, FURTHEST)
    return Working(eta + residual, weights, mu)


def start_vector(design: Design, layout: Layout) -> Floats:
    """Return coefficients, inflation, auxiliary numbers and theta to start from."""
    p = len(design.fixed.names)
    q = 0 if design.inflation is None else len(design.inflation.names)
    T = sum(n_theta(block) for block in layout.blocks)
    if design.family.name == "ordinal":
        return np.concatenate([np.zeros(p + q), _thresholds(design), _unit_theta(layout, 0.5)])
    some = _some_rows(design)
    eta = some.family.predictor(some.family.start(some.y, some.trials))
    parameters = some.family.start_parameters(some.y, some.family.mean(eta), some.trials)
    for _ in range(STEPS):
        working = working_model(some, eta, parameters)
        beta = _least_squares(some, working)
        before, eta = eta, _allowed(some, some.fixed.X @ beta, eta)
        if some.family.link in SMOOTH and np.linalg.norm(eta - before) < SETTLED * np.sqrt(eta.size):
            break
    if some is not design:
        mean = design.family.predictor(design.family.start(design.y, design.trials))
        eta = _allowed(design, design.fixed.X @ beta, mean)
    parameters = design.family.start_parameters(design.y, design.family.mean(eta), design.trials)
    working = working_model(design, eta, parameters)
    theta = np.zeros(0)
    if T:
        theta, beta = _mixed_start(design, layout, working)
    gamma = np.linalg.solve(layout.scaling.fixed.back, beta) if p else beta
    inflation = np.zeros(q)
    return np.concatenate([gamma, inflation, np.log(parameters), theta])


def _some_rows(design: Design) -> Design:
    """Return what a generalised linear model needs of a design, of some rows where there are many."""
    n = design.n_rows
    if n <= MOST_ROWS:
        return design
    rows = np.sort(np.random.default_rng(0).choice(n, MOST_ROWS, replace=False))
    frequency = design.frequency_weights
    return dataclasses.replace(
        design,
        y=design.y[rows],
        fixed=dataclasses.replace(design.fixed, X=np.asfortranarray(design.fixed.X[rows])),
        offset=None if design.offset is None else design.offset[rows],
        trials=None if design.trials is None else design.trials[rows],
        frequency_weights=None if frequency is None else frequency[rows],
    )


def plain_start(design: Design, layout: Layout) -> Floats:
    """Return a vector of one mean for all rows and moderate sds, to start again from."""
    x = start_vector(design, layout)
    p, q = len(design.fixed.names), 0 if design.inflation is None else len(design.inflation.names)
    a = x.size - p - q - _unit_theta(layout, 0.0).size
    x[:p] = 0.0
    x[p + q + a :] = _unit_theta(layout, 0.3)
    if design.family.name == "ordinal":
        return x
    mu = design.family.start(design.y, design.trials)
    eta = np.full_like(mu, float(design.family.predictor(np.array([np.average(mu)]))[0]))
    spread = design.family.start_parameters(design.y, design.family.mean(eta), design.trials)
    x[p + q : p + q + a] = np.log(spread)
    if p:
        beta = _least_squares(design, Working(eta, np.ones_like(eta), mu))
        x[:p] = np.linalg.solve(layout.scaling.fixed.back, beta)
    return x


def _least_squares(design: Design, working: Working) -> Floats:
    """Return the weighted least-squares coefficients of the working response."""
    weights = (
        working.weights if design.frequency_weights is None else working.weights * design.frequency_weights
    )
    response = working.response if design.offset is None else working.response - design.offset
    X = design.fixed.X
    size = np.sqrt(np.maximum(np.einsum("ij,ij->j", X, X), 1e-300))
    WX = (X / size) * weights[:, None]
    gram = (X / size).T @ WX
    return np.asarray(np.linalg.lstsq(gram, WX.T @ response, rcond=None)[0] / size)


def _allowed(design: Design, eta: Floats, before: Floats) -> Floats:
    """Return linear predictors at which the mean is allowed: halfway back to the last ones until it is."""
    offset = 0.0 if design.offset is None else design.offset
    eta = eta + offset
    for _ in range(20):
        mu = design.family.mean(
            np.clip(eta, -30.0, 30.0) if design.family.link in ("log", "logit", "probit", "cloglog") else eta
        )
        if np.isfinite(mu).all() and _mean_is_allowed(design.family, mu):
            break
        eta = 0.5 * (eta + before)
    return np.clip(eta, -30.0, 30.0) if design.family.link in ("log", "logit", "probit", "cloglog") else eta


def _mean_is_allowed(family: Family, mu: Floats) -> bool:
    """Return whether every mean is inside the family's range."""
    if family.link in ("identity", "inverse", "sqrt") and family.name not in ("gaussian", "student"):
        return bool((mu > 0.0).all())
    return True


def _mixed_start(design: Design, layout: Layout, working: Working) -> tuple[Floats, Floats]:
    """Return theta and coefficients of the linear mixed model of the working response."""
    moments = moments_at(design, working)
    start = _unit_theta(layout, PLAUSIBLE) if len(layout.effects) > 1 else None
    solution = solve(moments, method="ml", start=start, max_evaluations=12)
    relative = []
    for scaling, D in zip(layout.scaling.terms, solution.covariances, strict=True):
        front = np.linalg.inv(scaling.back)
        T = front @ D @ front.T
        relative.append(T + LEAST**2 * np.eye(T.shape[0]))
    return theta_of(moments, relative), solution.beta


def _unit_theta(layout: Layout, sd: float) -> Floats:
    """Return theta of uncorrelated effects with one sd in the scaled columns."""
    parts = []
    for block in layout.blocks:
        values = np.zeros(n_theta(block))
        k, at = block.size, 0
        if values.size == k * (k + 1) // 2:
            for column in range(k):
                values[at] = sd
                at += k - column
        else:
            values[:] = sd
        parts.append(values)
    return np.concatenate([np.zeros(0), *parts])


def _thresholds(design: Design) -> Floats:
    """Return the first threshold and the logs of the steps, at the shares of the classes."""
    counts = np.bincount(design.y.astype(np.int64), weights=design.frequency_weights)[1:]
    shares = np.cumsum(counts + 0.5)[:-1] / (counts.sum() + 0.5 * counts.size)
    tau = link_of(design.family.link, shares)
    return np.concatenate([tau[:1], np.log(np.maximum(np.diff(tau), 1e-3))])


def moments_at(design: Design, working: Working) -> Moments:
    """Return the moments of the working model, for predictions about the estimates."""
    linear = dataclasses.replace(
        design, y=working.response, precision_weights=working.weights, residual_sd=1.0, family=Gaussian(),
        trials=None, inflation=None,
    )  # fmt: skip
    return summarise(linear)
