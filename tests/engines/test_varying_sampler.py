"""The marginal engine with residual sds by group: against quadrature, the one-sd engine, and Gibbs chains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

import multilevel as ml
from multilevel.design.priors import bind_priors
from multilevel.engines.draws import Draws
from multilevel.engines.marginal import sample_marginal
from multilevel.model import priors as p
from tests.engines.varying_cases import (
    CASES,
    INVERSE_GAMMA,
    LOG_NORMAL,
    bound_case,
    dense_groups,
    made_data,
    named_case,
)
from tests.oracle.varying import LogLaw, inverse_gamma_law, log_normal_law, tiny_posterior

Floats = NDArray[np.float64]


def standard_errors(draws: Floats, efficiency: float) -> tuple[float, float]:
    """Return Monte Carlo standard errors of the mean and of the sd."""
    effective = draws.size * efficiency
    square = np.square(draws - draws.mean())
    return draws.std() / np.sqrt(effective), square.std() / np.sqrt(effective) / (2.0 * draws.std())


@pytest.mark.statistics
@pytest.mark.parametrize("log_normal", [False, True])
def test_evidence_and_moments_agree_with_brute_quadrature(log_normal: bool) -> None:
    """Four groups, intercept only, a known law: sums over log sd and intercept, and over each residual sd."""
    rng = np.random.default_rng(1)
    g = np.repeat(np.arange(4), [1, 3, 5, 8])
    data = {
        "g": g,
        "y": 2.0 + rng.standard_normal(4)[g] + np.exp(rng.normal(0, 0.6, 4))[g] * rng.normal(size=17),
    }
    sigma: dict[str, Any] = (
        {"sigma": p.LogNormal(0.1, 0.6)} if log_normal else {"sigma2": p.InverseGamma(3, 2)}
    )
    case = bound_case(
        "y ~ 1 + (1 | g)", {"Intercept": p.Normal(1, 2), "g": {"sd": p.LogNormal(0, 0.7)}, **sigma}, data
    )
    draws = sample_marginal(case.moments, case.priors, draws=16_000, chains=4, seed=5, threads=1)
    law = log_normal_law(0.1, 0.6) if log_normal else inverse_gamma_law(3.0, 2.0)
    grids = (np.linspace(-5.0, 3.5, 86), np.linspace(-5.0, 8.0, 101))
    exact = tiny_posterior(
        dense_groups(case.design),
        law,
        LogLaw(stats.norm(0.0, 0.7).logpdf, grids[0]),
        LogLaw(stats.norm(1.0, 2.0).logpdf, grids[1]),
        which=2,
    )
    assert draws.log_evidence == pytest.approx(exact.log_evidence, abs=0.02)
    assert draws.residual is not None
    assert draws.efficiency is not None
    found = (draws.sds[0][..., 0], draws.coefficients[..., 0], draws.residual.sds[..., 2])
    for values, mean, sd in zip(found, exact.means, exact.sds, strict=True):
        errors = standard_errors(values, draws.efficiency)
        assert abs(values.mean() - mean) < 4.0 * errors[0]
        assert abs(values.std() - sd) < 4.0 * errors[1]


@pytest.mark.statistics
def test_a_law_without_spread_is_the_model_with_one_known_sd() -> None:
    """Two densities of different engines: the evidence is the same number."""
    data = {**made_data(), "s": np.full(len(made_data()["y"]), 1.7)}
    given = {"fixed": p.Normal(10, 20), "g": {"sd": p.HalfNormal(2), "correlation": p.LKJ(2)}}
    narrow = p.Hierarchical(p.LogNormal, mu=float(np.log(1.7)), sigma=1e-6)
    case = bound_case("y ~ x + (x | g)", {**given, "sigma": narrow}, data)
    varying = sample_marginal(case.moments, case.priors, draws=8000, chains=4, seed=1, threads=1)
    fit = ml.fit("y ~ x + (x | g)", data)
    known = bind_priors(fit.design, {**given, "sigma": p.Fixed(1.7)})
    one = sample_marginal(fit.moments, known, draws=8000, chains=4, seed=1, threads=1)
    assert varying.log_evidence == pytest.approx(one.log_evidence, abs=0.03)
    np.testing.assert_allclose(varying.sigma, 1.7, rtol=1e-4)
    assert varying.efficiency is not None
    for name in range(2):
        values, others = varying.effects[0][:, :, 4, name], one.effects[0][:, :, 4, name]
        error = np.hypot(*(standard_errors(v, varying.efficiency)[0] for v in (values, others)))
        assert abs(values.mean() - others.mean()) < 4.0 * error


AGREEMENT: dict[str, tuple[str, Mapping[str, Any]]] = {
    "B9 known": (
        "y ~ x + (x | g)",
        {"sigma2": p.InverseGamma(3, 4), "g": p.InverseWishart(5, [[3, 0], [0, 1]])},
    ),
    "B9 unknown": ("y ~ x + (1 | g)", {"sigma2": INVERSE_GAMMA, "g": {"variance": p.InverseGamma(2, 2)}}),
    "B10": ("y ~ x + (1 | g)", {"sigma": LOG_NORMAL, "g": {"sd": p.HalfNormal(2)}}),
}


@pytest.mark.statistics
@pytest.mark.parametrize("name", AGREEMENT)
def test_the_marginal_engine_agrees_with_gibbs_chains(name: str) -> None:
    formula, priors = AGREEMENT[name]
    given = {"Intercept": p.Normal(20, 5), "x": p.Normal(0, 3), **priors}
    data = made_data(15, seed=8)
    one, two = (
        ml.sample(formula, data, given, residual_groups="g", method=method, draws=2000, warmup=500, seed=3)
        for method in ("marginal", "gibbs")
    )
    for table in ("fixed_effects", "variance_components", "residual_sds"):
        a, b = getattr(one, table), getattr(two, table)
        error = np.hypot(a["mcse"], b["mcse"])
        assert np.all(np.abs(a["mean"] - b["mean"]) < 4.0 * error), table
    for parameter in ("x", "sd(g, Intercept)", "sigma"):
        values = [post.draws[parameter] for post in (one, two)]
        share = [float(post.variance_components["ess_bulk"].min()) / 2000 for post in (one, two)]
        errors = [standard_errors(v, s)[1] for v, s in zip(values, share, strict=True)]
        assert abs(values[0].std() - values[1].std()) < 4.0 * np.hypot(*errors), parameter


@pytest.mark.parametrize("name", CASES)
def test_draws_are_complete_and_trusted(name: str) -> None:
    case = named_case(name)
    draws = sample_marginal(case.moments, case.priors, draws=400, chains=4, seed=2, threads=1)
    assert draws.residual is not None
    assert draws.residual.sds.shape == (4, 100, 9)
    assert np.all(draws.residual.sds > 0.0)
    assert draws.diagnostics["pareto_k"] < 0.7
    assert [effect.shape[:3] for effect in draws.effects] == [(4, 100, 9)] * len(case.design.terms)
    assert (draws.log_evidence is None) is (name == "mean held, variance of logs")
    again: Draws = sample_marginal(case.moments, case.priors, draws=400, chains=4, seed=2, threads=2)
    assert again.residual is not None
    np.testing.assert_array_equal(draws.residual.sds, again.residual.sds)
    np.testing.assert_array_equal(draws.coefficients, again.coefficients)
    assert all(np.array_equal(a, b) for a, b in zip(draws.effects, again.effects, strict=True))


def test_auto_takes_gibbs_where_groups_are_not_those_of_the_effects() -> None:
    data = {**made_data(), "h": np.array([f"h{i % 3}" for i in range(len(made_data()["y"]))])}
    with pytest.warns(ml.ConvergenceWarning):
        post = ml.sample("y ~ x + (1 | g)", data, residual_groups="h", draws=40, warmup=20, chains=2, seed=1)
    assert post.method == "gibbs"
    with pytest.raises(ml.DesignError, match="residual sds of other groups") as caught:
        ml.sample("y ~ x + (1 | g)", data, residual_groups="h", method="marginal", seed=1)
    assert caught.value.remedy == 'method="gibbs"'
