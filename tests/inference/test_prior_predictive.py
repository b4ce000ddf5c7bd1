"""Draws from the priors have the distributions that the priors say, and responses their moments."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from scipy import stats

import multilevel as ml
from multilevel.design.bound_priors import ResidualPriors
from multilevel.design.design import Design
from multilevel.design.priors import bind_priors
from multilevel.errors import OptionError
from multilevel.inference.prior_predictive import draw_priors, prior_predictive
from tests.design.cases import base, bound, cycled
from tests.oracle import designs

DATA = base(h=cycled("pqrst"))
SLOPES = bound("y ~ x + (x | g)", DATA)
DIAGONAL = bound("y ~ x + (x || g)", DATA)
SHARED = bound("y ~ x + homdiag(x | g)", DATA)
N = 4000


def drawn(design: Design, priors: Any, *, draws: int = N, seed: int = 1) -> ml.PriorPredictive:
    """Return draws from priors as the user writes them."""
    return prior_predictive(design, bind_priors(design, priors), draws=draws, seed=seed)


SD, SD_X, R = "sd(g, Intercept)", "sd(g, x)", "correlation(g, Intercept, x)"
INVERSE_WISHART = ml.InverseWishart(6.0, [[2.0, 0.5], [0.5, 3.0]])
LAWS: dict[str, tuple[Design, Any, dict[str, Any]]] = {
    "sds": (
        SLOPES,
        {"g": {"sd": {"Intercept": ml.HalfCauchy(2), "x": ml.Exponential(4)}}},
        {SD: stats.halfcauchy(scale=2), SD_X: stats.expon(scale=1 / 4)},
    ),
    "a variance": (
        DIAGONAL,
        {"g": {"variance": ml.InverseGamma(3, 4)}, "sigma2": ml.Gamma(2, 3)},
        {
            SD: stats.invgamma(3, scale=4),
            SD_X: stats.invgamma(3, scale=4),
            "sigma": stats.gamma(2, scale=1 / 3),
        },
    ),
    "correlations": (
        SLOPES,
        {"g": {"correlation": ml.LKJ(2)}, "sigma": ml.HalfNormal(3)},
        {R: stats.beta(2, 2, loc=-1, scale=2), "sigma": stats.halfnorm(scale=3)},  # eta - 1 + k / 2 = 2
    ),
    "one sd for all": (SHARED, {"g": {"sd": ml.HalfT(3, 2)}}, {SD: "half t", SD_X: "half t"}),
    # Marginals of the diagonal: InverseGamma((df - k + 1) / 2, S_ii / 2)
    "a covariance matrix": (
        SLOPES,
        {"g": INVERSE_WISHART},
        {SD: stats.invgamma(2.5, scale=1.0), SD_X: stats.invgamma(2.5, scale=1.5)},
    ),
    "coefficients": (
        SLOPES,
        {"Intercept": ml.StudentT(4, 1, 2), "x": ml.Uniform(-1, 3)},
        {"Intercept": stats.t(4, loc=1, scale=2), "x": stats.uniform(-1, 4)},
    ),
}


@pytest.mark.parametrize("case", LAWS.values(), ids=LAWS)
def test_parameters_are_distributed_as_their_priors(case: tuple[Design, Any, dict[str, Any]]) -> None:
    design, priors, laws = case
    found = drawn(design, priors)
    for name, law in laws.items():
        values = found.draws[name][0]
        if law == "half t":
            assert stats.kstest(values, lambda s: 2 * stats.t(3, scale=2).cdf(s) - 1).pvalue > 0.01
            continue
        squared = law.dist.name in ("invgamma", "gamma")  # priors of the variance
        assert stats.kstest(values**2 if squared else values, law.cdf).pvalue > 0.01, name


def test_effects_that_share_an_sd_have_one_sd() -> None:
    found = drawn(SHARED, {"g": {"sd": ml.HalfT(3, 2)}}).draws
    np.testing.assert_array_equal(found[SD], found[SD_X])


def test_the_covariance_matrix_has_the_mean_of_its_prior() -> None:
    found = drawn(SLOPES, {"g": INVERSE_WISHART}, draws=40_000).draws
    D = found[R] * found[SD] * found[SD_X]
    # mean of D_12: 0.5 / (6 - 2 - 1); its sd is below 1, so 40,000 draws give it to 0.02
    assert D.mean() == pytest.approx(0.5 / 3, abs=0.02)


def test_sds_relative_to_sigma() -> None:
    found = drawn(SLOPES, "rstanarm").draws
    ratios = np.concatenate([found[SD], found[SD_X]]) / found["sigma"]
    total = (ratios**2).sum(axis=0)
    assert stats.kstest(np.sqrt(total / 2), stats.expon.cdf).pvalue > 0.01
    assert stats.kstest(ratios[0] ** 2 / total, stats.uniform.cdf).pvalue > 0.01
    assert abs(np.corrcoef(ratios[0], found["sigma"][0])[0, 1]) < 0.06


def test_a_known_correlation() -> None:
    found = drawn(SLOPES, {"g": {"sd": ml.Fixed(2), "correlation": ml.Fixed(-0.5)}})
    assert (found.draws[R] == -0.5).all()
    effects = [found.draws[f"effects(g, {name})"].ravel() for name in ("Intercept", "x")]
    np.testing.assert_allclose(np.cov(effects), [[4, -2], [-2, 4]], atol=0.1)


def test_one_correlation_of_all_effects() -> None:
    design = designs.alike()
    found = drawn(design, {"g": {"correlation": ml.Uniform(0, 1)}}).draws
    r = [found[f"correlation(g, {a}, {b})"][0] for a, b in ("ab", "ac", "bc")]
    assert stats.kstest(r[0], stats.uniform.cdf).pvalue > 0.01
    np.testing.assert_array_equal(r[0], r[1])
    np.testing.assert_array_equal(r[0], r[2])


def test_the_intercept_of_centred_columns() -> None:
    found = drawn(SLOPES, None, draws=20_000).draws
    beta = np.stack([found["Intercept"][0], found["x"][0]])
    priors = bind_priors(SLOPES)
    a, b = priors.coefficients  # type: ignore[misc]
    mean = float(SLOPES.fixed.X[:, 1].mean())
    expected = [[a.sd**2 + (mean * b.sd) ** 2, -mean * b.sd**2], [-mean * b.sd**2, b.sd**2]]
    np.testing.assert_allclose(np.cov(beta), expected, atol=0.04 * np.max(expected))
    assert beta[0].mean() == pytest.approx(a.mean - mean * b.mean, abs=4 * np.sqrt(expected[0][0] / 20_000))


def test_coefficients_together() -> None:
    covariance = np.array([[2.0, -1.0], [-1.0, 3.0]])
    found = drawn(SLOPES, {"fixed": ml.MVNormal([1.0, -2.0], covariance)}, draws=20_000).draws
    beta = np.stack([found["Intercept"][0], found["x"][0]])
    np.testing.assert_allclose(beta.mean(axis=1), [1, -2], atol=0.05)
    np.testing.assert_allclose(np.cov(beta), covariance, atol=0.12)


def test_moments_of_the_responses() -> None:
    design = dataclasses.replace(designs.crossed(weighted=True), n_input=73)
    priors = {
        "fixed": ml.Normal(1, 0.5),
        "g": {"variance": {"Intercept": ml.InverseGamma(6, 10), "x": ml.Uniform(0, 2)}},
        "h": {"sd": ml.HalfNormal(2)},
        "sigma2": ml.InverseGamma(6, 5),
    }
    found = drawn(design, priors, draws=20_000)
    assert found.responses.shape == (20_000, 73)
    assert np.isnan(found.responses[:, 72]).all()
    y = found.responses[:, :72]
    X, w = design.fixed.X, design.precision_weights
    assert w is not None
    assert design.offset is not None
    D = {0: np.diag([10 / 5, 1.0]), 1: np.array([[4.0]])}  # means of the variances
    V = 0.25 * X @ X.T + np.diag(1 / w)  # mean of sigma2: 5 / 5
    for block in design.terms:
        index = design.factors[block.factor].index
        V += (index[:, None] == index) * (block.Z @ D[block.factor] @ block.Z.T)
    sd = np.sqrt(np.diagonal(V))
    # standard errors of a mean and of a (co)variance, in units of the sd and of the product of two: 0.007 and
    # at most 0.02 with these tails; the largest of 72 and of 5,184
    np.testing.assert_allclose((y.mean(axis=0) - X.sum(axis=1) - design.offset) / sd, 0, atol=0.03)
    np.testing.assert_allclose(np.cov(y.T) / np.outer(sd, sd), V / np.outer(sd, sd), atol=0.06)


RESIDUAL = bound("y ~ x + (1 | g)", DATA, residual_groups="h")
ONE_EFFECT = bound("y ~ x + (1 | g)", DATA)
ZERO = {"fixed": ml.Fixed(0), "g": {"sd": ml.Fixed(0)}}


@pytest.mark.parametrize(
    ("law", "first", "second", "cdf"),
    [
        ("inverse_gamma", 3.0, 4.0, lambda s: stats.invgamma(3, scale=4).cdf(s**2)),
        ("log_normal", 0.5, 0.7, stats.lognorm(0.7, scale=np.exp(0.5)).cdf),
    ],
)
def test_residual_sds_of_groups(law: Any, first: float, second: float, cdf: Any) -> None:
    residual = ResidualPriors(law, ("one", "two"), ml.Fixed(first), ml.Fixed(second))
    priors = dataclasses.replace(bind_priors(ONE_EFFECT, ZERO), residual=residual, sigma=ml.Fixed(1.0))
    found = draw_priors(RESIDUAL, priors, draws=N, rng=np.random.default_rng(1)).residual
    assert found is not None
    assert found.sds.shape == (1, N, 5)
    assert stats.kstest(found.sds[0, :, 2], cdf).pvalue > 0.01
    assert abs(np.corrcoef(found.sds[0, :, 0], found.sds[0, :, 1])[0, 1]) < 0.06
    assert [(name, values.shape) for name, values in found.parameters] == [("one", (1, N)), ("two", (1, N))]
    responses = prior_predictive(RESIDUAL, priors, draws=N, seed=np.random.default_rng(1)).responses
    factor = RESIDUAL.residual_groups
    assert factor is not None
    standard = responses / found.sds[0][:, factor.index]
    assert stats.kstest(standard[:, 3], stats.norm.cdf).pvalue > 0.01
    drawn_again = draw_priors(RESIDUAL, priors, draws=N, rng=np.random.default_rng(1))
    pooled = np.sqrt((found.sds[0][:, factor.index] ** 2).mean(axis=1))
    np.testing.assert_allclose(drawn_again.sigma[0], pooled, rtol=1e-12)


def test_unknown_parameters_of_the_residual_law() -> None:
    residual = ResidualPriors("log_normal", ("one", "two"), ml.Normal(0, 2), ml.HalfNormal(1))
    priors = dataclasses.replace(bind_priors(ONE_EFFECT), residual=residual, sigma=ml.Fixed(1.0))
    found = draw_priors(RESIDUAL, priors, draws=N, rng=np.random.default_rng(1)).residual
    assert found is not None
    mean, sd = (values[0] for _, values in found.parameters)
    assert stats.kstest(mean, stats.norm(0, 2).cdf).pvalue > 0.01
    assert stats.kstest(sd, stats.halfnorm.cdf).pvalue > 0.01
    assert stats.kstest((np.log(found.sds[0, :, 1]) - mean) / sd, stats.norm.cdf).pvalue > 0.01
    flat = dataclasses.replace(priors, residual=dataclasses.replace(residual, first=ml.Flat()))
    with pytest.raises(
        OptionError, match=r'of `one` is flat.*\n.*\n  try: priors=\{"sigma": Hierarchical\(LogNormal'
    ):
        prior_predictive(RESIDUAL, flat, seed=1)


def test_residual_sds_of_groups_by_name() -> None:
    law = ml.Hierarchical(ml.LogNormal, mu=ml.Normal(0, 2), sigma=ml.HalfNormal(1))
    found = ml.prior_predictive(
        "y ~ x + (1 | g)", DATA, {"sigma": law}, residual_groups="h", draws=N, seed=1
    ).draws
    assert found["sigma[h]"].shape == (1, N, 5)
    assert list(found.coordinates["sigma[h]"]["h"]) == list("pqrst")
    assert stats.kstest(found["mean(log sigma)"][0], stats.norm(0, 2).cdf).pvalue > 0.01


def test_names_and_coordinates_are_those_of_the_posterior() -> None:
    sleep = ml.datasets.load("sleepstudy")
    post = ml.sample("reaction ~ days + (days | subject)", sleep, seed=1, draws=1000)
    found = post.prior_predictive(100, seed=1)
    assert list(found.draws) == list(post.draws)
    for name in post.draws:
        assert list(found.draws.coordinates[name]) == list(post.draws.coordinates[name])
    of = "effects(subject, days)"
    assert found.draws.coordinates[of]["subject"] == post.draws.coordinates[of]["subject"]
    assert (found.draws["days"].shape, found.draws[of].shape) == ((1, 100), (1, 100, 18))
    again = ml.prior_predictive("reaction ~ days + (days | subject)", sleep, draws=100, seed=1)
    np.testing.assert_array_equal(again.responses, found.responses)
    assert repr(found) == "PriorPredictive(100 draws, 180 rows)"


def test_the_seed_decides() -> None:
    once, again = (drawn(SLOPES, None, draws=3, seed=3).responses for _ in range(2))
    np.testing.assert_array_equal(once, again)
    assert not np.array_equal(once, drawn(SLOPES, None, draws=3, seed=4).responses)


FLAT = {"Intercept": ml.Flat(), "x": ml.Flat()}
ERRORS: dict[str, tuple[Design, Any, str]] = {
    "one flat coefficient": (
        SLOPES,
        {"x": ml.Flat()},
        'the prior of `x` is flat, .*\n  allowed: a proper .*\n  try: priors=\\{"x": Normal\\(mean, sd\\)\\}',
    ),
    "two": (SLOPES, FLAT, "the priors of `Intercept`, `x` are flat"),
    "a flat sd": (
        SLOPES,
        {"g": {"sd": ml.Flat()}},
        'of `g: sd` is flat.*\n.*\n  try: priors=\\{"g": \\{"sd": HalfT\\(3, scale\\)\\}\\}',
    ),
    "a flat variance": (SLOPES, {"sigma2": ml.Flat()}, "of `sigma` is flat"),
    "a prior without bounds": (
        SLOPES,
        {"g": {"sd": ml.LogNormal(0, 1000)}},
        "draws of `sd\\(g, Intercept\\)` are too large for a number\n.*\n  try: a narrower prior",
    ),
    "rows that stand for several": (
        dataclasses.replace(SLOPES, frequency_weights=np.full(100, 2.0)),
        None,
        "asked of rows with frequency weights",
    ),
}


@pytest.mark.parametrize(("design", "priors", "message"), ERRORS.values(), ids=ERRORS)
def test_errors(design: Design, priors: Any, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        drawn(design, priors)


@pytest.mark.parametrize(("draws", "seed"), [(0, 1), (2.5, 1), (10, -1)])
def test_numbers_that_make_no_sense(draws: Any, seed: int) -> None:
    with pytest.raises(OptionError, match=f"draws={draws}|seed={seed}"):
        drawn(SLOPES, None, draws=draws, seed=seed)
