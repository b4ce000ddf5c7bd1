"""Posteriors with made-up draws: effects exactly normal, parameters spread about values."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from multilevel.data import datasets, read_table
from multilevel.data.table import Table
from multilevel.design import Design, bind
from multilevel.design.bound_priors import RESIDUAL_NAMES
from multilevel.engines.draws import Draws, ResidualDraws
from multilevel.language import parse_formula
from multilevel.posterior_answers import POSTERIOR_ANSWERS
from multilevel.results.posterior import Posterior
from multilevel.results.posterior_options import SampleOptions
from multilevel.results.prior_texts import PriorTexts
from tests.oracle.fits import table_of

SLEEP = "reaction ~ days + (days | subject)"
PRIORS = PriorTexts((("Intercept", "Normal(300, 100)"), ("sigma", "HalfT(3, 60)")))


def made_up_draws(
    design: Design,
    *,
    sigma: float = 25.0,
    sds: tuple[tuple[float, ...], ...] = ((24.0, 6.0),),
    correlation: float = 0.1,
    chains: int = 4,
    draws: int = 250,
    seed: int = 1,
    spread: float = 0.1,
    **changes: Any,
) -> Draws:
    """Return independent draws; coefficients and group effects jointly normal given the central values."""
    rng = np.random.default_rng(seed)
    shape = (chains, draws)
    matrices = [np.full((len(s), len(s)), correlation) + (1 - correlation) * np.eye(len(s)) for s in sds]
    W = np.ones(design.n_rows) if design.precision_weights is None else design.precision_weights
    columns, penalty = [design.fixed.X], [np.zeros((design.fixed.X.shape[1],) * 2)]
    for block, s, R in zip(design.terms, sds, matrices, strict=True):
        factor = design.factors[block.factor]
        one = np.eye(len(factor.levels))[factor.index]
        columns.append((one[:, :, None] * block.Z[:, None, :]).reshape(design.n_rows, -1))
        penalty.append(np.kron(np.eye(len(factor.levels)), np.linalg.inv(np.diag(s) @ R @ np.diag(s))))
    A = np.hstack(columns)
    y = design.y if design.offset is None else design.y - design.offset
    C = (A.T * W) @ A / sigma**2 + scipy.linalg.block_diag(*penalty)
    mean = np.linalg.solve(C, (A.T * W) @ y / sigma**2)
    noise = rng.standard_normal((*shape, mean.size))
    both = mean + scipy.linalg.solve_triangular(
        np.linalg.cholesky(C).T, noise.reshape(-1, mean.size).T, lower=False
    ).T.reshape(noise.shape)
    p = design.fixed.X.shape[1]
    effects, at = [], p
    for block in design.terms:
        m, k = len(design.factors[block.factor].levels), len(block.names)
        effects.append(both[:, :, at : at + m * k].reshape(*shape, m, k))
        at += m * k
    values: dict[str, Any] = {
        "method": "marginal",
        "coefficients": both[:, :, :p],
        "sigma": sigma * np.exp(spread * rng.standard_normal(shape)),
        "sds": tuple(np.array(s) * np.exp(spread * rng.standard_normal((*shape, len(s)))) for s in sds),
        "correlations": tuple(
            np.eye(len(s)) + (R - np.eye(len(s))) * np.exp(spread * rng.standard_normal((*shape, 1, 1)))
            for s, R in zip(sds, matrices, strict=True)
        ),
        "effects": tuple(effects),
        "kept": np.arange(draws),
        "efficiency": None,
        "log_evidence": -880.5,
        "diagnostics": {"evaluations": 812.0},
        "sentence": "The draws are independent.",
    }
    return Draws(**{**values, **changes})


def posterior_of(design: Design, draws: Draws, table: Table | None = None, **options: Any) -> Posterior:
    """Return a posterior with the given draws."""
    asked = SampleOptions(**{"draws": draws.sigma.size, "chains": draws.sigma.shape[0], **options})
    kept = table_of(design) if table is None else table
    return Posterior(design, None, draws, PRIORS, kept, asked, POSTERIOR_ANSWERS)


def sleep_posterior(*, level: float = 0.95, **changes: Any) -> Posterior:
    """Return a posterior of the sleepstudy data with made-up draws."""
    model = parse_formula(SLEEP)
    table = read_table(datasets.load("sleepstudy"), model.variables)
    design = bind(model, table)
    return posterior_of(design, made_up_draws(design, **changes), table, level=level)


def varying_residuals(design: Design, *, seed: int = 3, chains: int = 4, draws: int = 250) -> dict[str, Any]:
    """Return made-up residual sds of the residual groups, and the pooled sd, for `made_up_draws`.

    Half of the groups have an sd near 10, the others one near 40; the law is log-normal about 20.
    """
    assert design.residual_groups is not None
    rng = np.random.default_rng(seed)
    m = len(design.residual_groups.levels)
    level = np.where(np.arange(m) % 2 == 0, 10.0, 40.0)
    sds = level * np.exp(0.1 * rng.standard_normal((chains, draws, m)))
    mean = np.log(20.0) + 0.1 * rng.standard_normal((chains, draws))
    sd = 0.8 * np.exp(0.1 * rng.standard_normal((chains, draws)))
    share = np.bincount(design.residual_groups.index, minlength=m) / design.n_rows
    names = RESIDUAL_NAMES["log_normal"]
    residual = ResidualDraws("log_normal", sds, ((names[0], mean), (names[1], sd)))
    return {"sigma": np.sqrt(sds**2 @ share), "residual": residual}


def varying_posterior(residual_groups: str = "subject", **changes: Any) -> Posterior:
    """Return a posterior of the sleepstudy data in which groups have made-up residual sds of their own."""
    model = parse_formula(SLEEP)
    data = datasets.load("sleepstudy")
    data["late"] = np.where(data["days"] > 4, "late", "early")
    table = read_table(data, (*model.variables, "late"))
    design = bind(model, table, residual_groups=residual_groups)
    made = made_up_draws(design)
    draws = dataclasses.replace(made, **{**varying_residuals(design), **changes})
    return posterior_of(design, draws, table, residual_groups=residual_groups)


def with_frequencies(posterior: Posterior, times: NDArray[np.int64]) -> Posterior:
    """Return a posterior of the same draws whose rows have frequency weights."""
    design = dataclasses.replace(posterior.design, frequency_weights=times.astype(float))
    return dataclasses.replace(posterior, design=design, memory={})


def with_rows(posterior: Posterior, rows: NDArray[np.int64]) -> Posterior:
    """Return a posterior of the same draws whose table has other rows, or the same ones several times."""
    old = posterior.design
    design = dataclasses.replace(
        old,
        y=old.y[rows],
        fixed=dataclasses.replace(old.fixed, X=old.fixed.X[rows]),
        terms=tuple(dataclasses.replace(block, Z=block.Z[rows]) for block in old.terms),
        factors=tuple(dataclasses.replace(one, index=one.index[rows]) for one in old.factors),
        rows=np.arange(rows.size),
        n_input=rows.size,
    )
    return dataclasses.replace(posterior, design=design, memory={})
