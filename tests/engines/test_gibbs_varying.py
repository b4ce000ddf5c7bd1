"""Chains with residual sds by group: exact draws, Geweke's joint test, other engines, recovery, storage."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import scipy.linalg

from multilevel.design import Design
from multilevel.design.bound_priors import BoundPriors, ResidualPriors
from multilevel.design.priors import bind_priors
from multilevel.engines.draws import Draws
from multilevel.engines.gibbs import sample_gibbs
from multilevel.engines.gibbs.chain import State
from multilevel.engines.gibbs.terms import TermState
from multilevel.engines.gibbs.varying import VaryingChain, VaryingPlan
from multilevel.engines.gibbs.varying_law import SdState
from multilevel.engines.marginal import sample_marginal
from multilevel.errors import DesignError
from multilevel.inference.convergence import ess_mean
from multilevel.model.priors import (
    Exponential,
    Fixed,
    Gamma,
    HalfNormal,
    InverseGamma,
    InverseWishart,
    LogNormal,
    Normal,
    RootOf,
)
from multilevel.moments import replace_response, summarise
from tests.engines.gibbs_cases import Floats, covariance_of, dense_model, plan_of, some_terms, users_values
from tests.engines.gibbs_varying_cases import gamma_priors, normal_priors
from tests.engines.structures import Structure, by_name, design_of, group_factor
from tests.engines.test_gibbs_chain import GEWEKE, TINY, batch_error, numbers_of, prior_draws
from tests.engines.varying_cases import CASES, bound_case, made_data

LAWS: dict[str, ResidualPriors] = {
    "inverse gamma": gamma_priors(Fixed(6), Fixed(5)),
    "inverse gamma, conjugate scale": gamma_priors(Gamma(9, 1.5), Gamma(9, 1.8)),
    "inverse gamma, walks": gamma_priors(LogNormal(1.7, 0.3), LogNormal(1.6, 0.3)),
    "log-normal": normal_priors(Fixed(0), Fixed(0.5)),
    "log-normal, conjugate": normal_priors(Normal(0, 0.5), RootOf(InverseGamma(6, 2))),
    "log-normal, walks": normal_priors(LogNormal(0, 0.3), HalfNormal(0.6)),
}
GROUPS = 3


def varying(structure: Structure, law: ResidualPriors, priors: Any = None) -> tuple[Design, BoundPriors]:
    """Return a design with three residual groups that cross everything, and priors with a law."""
    design = design_of(structure)
    level = np.random.default_rng(3).permutation(np.arange(design.n_rows) % GROUPS)
    design = dataclasses.replace(design, residual_groups=group_factor("r", level))
    return design, law_put_in(bind_priors(dataclasses.replace(design, residual_groups=None), priors), law)


def law_put_in(priors: BoundPriors, law: ResidualPriors) -> BoundPriors:
    """Return priors with a law of residual sds."""
    return dataclasses.replace(priors, sigma=Fixed(1.0), residual=law)


def chain_of(
    plan: VaryingPlan,
    terms: list[TermState],
    residual: SdState,
    *,
    levels: int,
    seed: int = 1,
    number: int = 0,
) -> VaryingChain:
    """Return a chain at given covariances and residual sds."""
    p = plan.priors.centre.size
    start = State(list(terms), 1.0, np.zeros(p), [np.zeros((0, 0))] * levels)
    return VaryingChain(plan, start, residual, seed=seed, number=number)


def law_draws(law: ResidualPriors, n: int, m: int, rng: np.random.Generator) -> list[SdState]:
    """Return residual sds and parameters drawn from their priors."""
    first, second = (
        np.full(n, prior.value) if isinstance(prior, Fixed) else prior.draw(rng, n)
        for prior in (law.first, law.second)
    )
    if law.law == "inverse_gamma":
        sds = np.sqrt(second[:, None] / rng.standard_gamma(np.repeat(first[:, None], m, axis=1)))
    else:
        sds = np.exp(first[:, None] + second[:, None] * rng.standard_normal((n, m)))
    return [SdState(*row) for row in zip(sds, first.tolist(), second.tolist(), strict=True)]


@pytest.mark.statistics
@pytest.mark.parametrize("name", ["crossed k=2, 1", "k=1, weights", "nested vectors, weights"])
def test_coefficients_and_effects_are_drawn_from_their_joint_distribution(name: str) -> None:
    """Mean and covariance of 3,000 draws given residual sds against dense algebra; five standard errors."""
    design, priors = varying(by_name(name), LAWS["log-normal"])
    assert design.residual_groups is not None
    moments, dense = summarise(design), dense_model(design)
    terms, sds = some_terms(moments), np.array([0.5, 1.0, 1.8])
    chain = chain_of(VaryingPlan(moments, priors), terms, SdState(sds, 0.0, 0.5), levels=len(moments.levels))
    plan, draws = plan_of(moments, priors), []
    for _ in range(3000):
        chain.draw_means()
        beta, effects = users_values(plan, chain.state)
        draws.append(np.concatenate([beta, *(b.reshape(-1) for b in effects)]))
    A = np.hstack([dense.X, *dense.Z])
    weights = dense.weights / sds[design.residual_groups.index] ** 2
    centre, Q, _ = priors.coefficient_normal()
    blocks = [Q]
    for Z, term in zip(dense.Z, terms, strict=True):
        blocks.append(np.kron(np.eye(Z.shape[1] // term.sds.size), np.linalg.inv(covariance_of(term))))
    P = (A.T * weights) @ A + scipy.linalg.block_diag(*blocks)
    h = (A.T * weights) @ dense.y
    h[: centre.size] += Q @ centre
    covariance = np.linalg.inv(P)
    sd = np.sqrt(np.diagonal(covariance))
    error = (np.mean(draws, axis=0) - np.linalg.solve(P, h)) / sd
    assert np.abs(error).max() < 5.0 / np.sqrt(3000)
    found = np.cov(np.array(draws).T) / np.outer(sd, sd)
    np.testing.assert_allclose(found, covariance / np.outer(sd, sd), atol=5.0 * np.sqrt(2.0 / 3000))


@pytest.mark.statistics
@pytest.mark.parametrize("name", LAWS)
def test_the_joint_distribution_of_everything_is_that_of_the_model(name: str) -> None:
    """Geweke (2004), as for one residual sd: log sds, parameters, covariances, coefficients; 4.5 errors."""
    law, rng = LAWS[name], np.random.default_rng(7)
    given = {key: value for key, value in GEWEKE["conjugate"].items() if key != "sigma2"}
    design, priors = varying(TINY, law, {"fixed": Normal(0, 1), **given})
    assert design.residual_groups is not None
    n_direct = 20_000
    every, _, betas = prior_draws(dataclasses.replace(priors, sigma=Exponential(1)), n_direct, rng)
    residuals = law_draws(law, n_direct, GROUPS, rng)

    def numbers(terms: list[TermState], residual: SdState, beta: Floats) -> Floats:
        both = [residual.first, np.log(residual.second), *np.log(residual.sds)]
        return np.append(both, np.delete(numbers_of(terms, 1.0, beta), 4))

    direct = np.array([numbers(*row) for row in zip(every, residuals, betas, strict=True)])
    moments, terms, residual, dense = summarise(design), every[0], residuals[0], dense_model(design)
    seen = np.empty((1200, direct.shape[1]))
    for i in range(seen.shape[0]):
        plan = VaryingPlan(moments, priors)
        chain = chain_of(plan, terms, residual, levels=2, seed=13, number=i)
        chain.freeze()
        chain.sweep()
        terms, residual = chain.state.terms, chain.residual
        beta, effects = users_values(plan_of(moments, priors), chain.state)
        seen[i] = numbers(terms, residual, beta)
        y = dense.X @ beta + residual.sds[design.residual_groups.index] * rng.standard_normal(design.n_rows)
        for Z, b in zip(dense.Z, effects, strict=True):
            y += Z @ b.reshape(-1)
        moments = replace_response(moments, design, y)
    vary = direct.std(axis=0) > 1e-9
    np.testing.assert_allclose(seen[:, ~vary], np.broadcast_to(direct[0, ~vary], (1200, (~vary).sum())))
    direct, seen = direct[:, vary], seen[:, vary]
    for power in (1, 2):
        a, b = (direct - direct.mean(axis=0)) ** power, (seen - direct.mean(axis=0)) ** power
        error = np.hypot(batch_error(b), a.std(axis=0) / np.sqrt(len(a)))
        assert np.abs((a.mean(axis=0) - b.mean(axis=0)) / error).max() < 4.5


PRIORS = {"fixed": Normal(0, 2), "g": InverseWishart(4, [[1.0, 0.0], [0.0, 1.0]])}


@pytest.mark.statistics
def test_sds_that_hardly_differ_are_one_residual_sd() -> None:
    """Their law has sd 1e-3: the marginal engine with a log-normal prior of one sd, within 4 errors."""
    structure = dataclasses.replace(TINY, n=40)
    given = {**PRIORS, "h": {"variance": InverseGamma(3, 1)}}
    design, priors = varying(structure, normal_priors(Normal(0.1, 0.6), Fixed(1e-3)), given)
    chains = sample_gibbs(summarise(design), priors, draws=6000, chains=2, warmup=500, seed=3)
    assert chains.residual is not None
    single = dataclasses.replace(design, residual_groups=None)
    one = bind_priors(single, {**given, "sigma": LogNormal(0.1, 0.6)})
    exact = sample_marginal(summarise(single), one, draws=8000, seed=5)
    for a, b in (
        (exact.sigma, chains.sigma),
        (exact.sigma, chains.residual.sds[:, :, 0]),
        *((exact.coefficients[:, :, i], chains.coefficients[:, :, i]) for i in range(2)),
        *((x[:, :, 0], y[:, :, 0]) for x, y in zip(exact.sds, chains.sds, strict=True)),
    ):
        for power in (1, 2):
            x, y = ((v - exact.sigma.mean()) ** power for v in (a, b))
            error = np.sqrt(
                x.var() / (x.size * (exact.efficiency or 1.0)) + y.var() / ess_mean(y[:, :, None])[0]
            )
            assert abs(x.mean() - y.mean()) < 4.0 * error


def all_numbers(drawn: Draws) -> Floats:
    """Return ``(chains, draws, numbers)``: everything but the effects, and those of two groups."""
    assert drawn.residual is not None
    parameters = [values[:, :, None] for _, values in drawn.residual.parameters]
    columns = [
        drawn.coefficients,
        np.log(drawn.residual.sds),
        *parameters,
        drawn.sigma[:, :, None],
        *drawn.sds,
    ]
    for R, b in zip(drawn.correlations, drawn.effects, strict=True):
        columns += [R[:, :, 0, 1:], b[:, :, 0], b[:, :, -1]]
    return np.concatenate(columns, axis=2)


SLOW = "mean held, variance of logs"
"""No constant: its chains take fifty sweeps for an independent draw; here they are given one."""


@pytest.mark.statistics
@pytest.mark.parametrize("name", CASES)
def test_the_two_engines_agree(name: str) -> None:
    """Means and sds within four Monte Carlo standard errors of both; what is known is known."""
    formula, given, options = CASES[name]
    case = bound_case("y ~ x + (x | g)" if name == SLOW else formula, given, made_data(), **options)
    exact = sample_marginal(case.moments, case.priors, draws=6000, seed=5)
    chains = sample_gibbs(case.moments, case.priors, draws=1600, chains=2, warmup=300, seed=6)
    a, b = all_numbers(exact), all_numbers(chains)
    vary = b.std(axis=(0, 1)) > 1e-9 * (1.0 + np.abs(b).max(axis=(0, 1)))
    np.testing.assert_allclose(a[0, 0, ~vary], b[0, 0, ~vary], rtol=1e-9, atol=1e-9)
    a, b = a[:, :, vary], b[:, :, vary]
    centre, sd = a.mean(axis=(0, 1)), a.std(axis=(0, 1))
    size = a.shape[0] * a.shape[1] * (exact.efficiency or 1.0)
    for power in (1, 2):
        x, y = ((a - centre) / sd) ** power, ((b - centre) / sd) ** power
        error = np.sqrt(x.var(axis=(0, 1)) / size + y.var(axis=(0, 1)) / ess_mean(y))
        assert (np.abs(x.mean(axis=(0, 1)) - y.mean(axis=(0, 1))) < 4.0 * error).all()


@pytest.mark.statistics
def test_sds_of_crossed_data_are_recovered() -> None:
    """Twelve sds from 0.3 to 3, 4,000 rows, two crossed terms: off by what the posterior says, and little."""
    structure = Structure("recovery", TINY.factors, (), n=10)
    rng, n, m = np.random.default_rng(9), 4000, 12
    g, h, r = (rng.integers(0, size, n) for size in (60, 25, m))
    x, truth = rng.normal(size=n), np.geomspace(0.3, 3.0, m)
    y = 1 + 2 * x + rng.normal(size=60)[g] + 0.5 * rng.normal(size=25)[h] + truth[r] * rng.normal(size=n)
    design = design_of(dataclasses.replace(by_name("crossed"), n=n, name=structure.name))
    terms = tuple(dataclasses.replace(term, Z=np.ones((n, 1), order="F")) for term in design.terms)
    design = dataclasses.replace(
        design,
        y=y,
        fixed=dataclasses.replace(design.fixed, X=np.asfortranarray(np.column_stack([np.ones(n), x]))),
        factors=(group_factor("g", g), group_factor("h", h)),
        terms=terms,
        residual_groups=group_factor("r", np.array([f"{level:02d}" for level in r])),
    )
    priors = law_put_in(
        bind_priors(dataclasses.replace(design, residual_groups=None)),
        normal_priors(Normal(0, 2), HalfNormal(1)),
    )
    drawn = sample_gibbs(summarise(design), priors, draws=600, chains=2, warmup=200, seed=3)
    assert drawn.residual is not None
    sds = drawn.residual.sds.reshape(-1, m)
    z = (np.log(sds).mean(axis=0) - np.log(truth)) / np.log(sds).std(axis=0)
    assert np.sqrt(np.mean(z * z)) < 1.6
    assert np.abs(sds.mean(axis=0) / truth - 1.0).max() < 0.12
    assert abs(drawn.coefficients[:, :, 1].mean() - 2.0) < 4.0 * drawn.coefficients[:, :, 1].std()
    spread = drawn.residual.parameters[1][1]
    assert abs(spread.mean() - np.log(truth).std()) < 3.0 * spread.std()
    pooled = np.sqrt(np.square(sds) @ np.bincount(r) / n)
    np.testing.assert_allclose(drawn.sigma.reshape(-1), pooled)


@pytest.mark.parametrize("name", ["inverse gamma, walks", "log-normal, walks"])
def test_a_chain_goes_on_from_its_snapshot(name: str) -> None:
    """Ten more sweeps of a chain restored in the midst of its warm-up, bit for bit."""
    design, priors = varying(TINY, LAWS[name])
    moments = summarise(design)
    plan, terms = VaryingPlan(moments, priors), some_terms(moments)
    one = chain_of(plan, terms, SdState(np.ones(GROUPS), 1.0, 1.0), levels=2)
    for _ in range(10):
        one.sweep()
    other = chain_of(plan, terms, SdState(np.full(GROUPS, 3.0), 2.0, 2.0), levels=2)
    other.restore({name: array.copy() for name, array in one.snapshot().items()})
    for chain in (one, other):
        for _ in range(10):
            chain.sweep()
    for left, right in zip(one.snapshot().values(), other.snapshot().values(), strict=True):
        np.testing.assert_array_equal(left, right)


def test_a_run_tells_everything_about_the_sds() -> None:
    """Shapes, names, acceptance; the draws do not depend on the threads."""
    design, priors = varying(by_name("crossed"), LAWS["log-normal, walks"])
    moments = summarise(design)
    one, two = (
        sample_gibbs(moments, priors, draws=60, chains=3, warmup=40, seed=1, threads=threads)
        for threads in (1, 2)
    )
    assert one.residual is not None
    assert two.residual is not None
    np.testing.assert_array_equal(one.residual.sds, two.residual.sds)
    assert (one.residual.law, one.residual.sds.shape) == ("log_normal", (3, 20, GROUPS))
    assert [(name, x.shape) for name, x in one.residual.parameters] == [("mu", (3, 20)), ("sigma", (3, 20))]
    rates = [name for name in one.diagnostics if name.startswith("acceptance")]
    assert rates[-4:] == [
        "acceptance residual sds",
        "acceptance law of residual sds",
        "acceptance mu",
        "acceptance sigma",
    ]


@pytest.mark.statistics
def test_a_model_without_groups_has_residual_sds_too() -> None:
    """Known law, known coefficients: the variances are inverse-gamma, by their means in 4.5 errors."""
    design, priors = varying(by_name("no groups"), LAWS["inverse gamma"], {"fixed": Fixed(0.5)})
    assert design.residual_groups is not None
    drawn = sample_gibbs(summarise(design), priors, draws=4000, chains=1, warmup=0, seed=1)
    assert drawn.residual is not None
    r = design.y - design.fixed.X @ [0.5, 0.5]
    for j in range(GROUPS):
        mine = r[design.residual_groups.index == j]
        shape, scale = 6 + mine.size / 2, 5 + float(mine @ mine) / 2
        variances = drawn.residual.sds[0, :, j] ** 2
        error = variances.std() / np.sqrt(4000)
        assert abs(variances.mean() - scale / (shape - 1)) < 4.5 * error


def test_priors_without_a_law_are_refused() -> None:
    design = design_of(TINY)
    with pytest.raises(DesignError, match="residual sds by group need a law"):
        VaryingPlan(summarise(design), bind_priors(design))


def test_an_sd_that_is_no_number_ends_the_chain() -> None:
    design, priors = varying(TINY, LAWS["log-normal"])
    moments = summarise(design)
    chain = chain_of(
        VaryingPlan(moments, priors), some_terms(moments), SdState(np.ones(GROUPS), 0.0, 0.5), levels=2
    )
    with pytest.raises(np.linalg.LinAlgError, match="a residual sd is not a positive number"):
        chain.put_residual(SdState(np.array([1.0, np.nan, 1.0]), 0.0, 0.5))
