"""Priors of generalised models before the data: closed forms, order statistics, plain simulation by NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit

import multilevel as ml
from multilevel.design.family_priors import FamilyPriors
from multilevel.design.priors import bind_priors
from multilevel.errors import OptionError
from multilevel.inference.prior_family import draw_family
from multilevel.inference.prior_predictive import prior_predictive
from tests.design.generalised_cases import generalised
from tests.engines.joint_cases import table

DATA = table()
N = 20_000
KNOWN = {"Intercept": ml.Fixed(0.3), "x": ml.Fixed(0.4), "g": {"sd": ml.Fixed(0.5)}}
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(60)
WEIGHTS = WEIGHTS / WEIGHTS.sum()


def drawn(
    formula: str, family: Any, priors: Any, *, zero_inflation: str | None = None, draws: int = N
) -> tuple[Any, ml.PriorPredictive]:
    """Return the design and draws from priors as the user writes them."""
    design = generalised(formula, DATA, family, zero_inflation=zero_inflation)
    return design, prior_predictive(design, bind_priors(design, priors), draws=draws, seed=1)


def averaged(value: Any) -> np.ndarray:
    """Return the mean of a function of the linear predictor over normal group effects of sd 0.5."""
    eta = 0.3 + 0.4 * np.asarray(DATA["x"])
    return np.asarray(value(eta[:, None] + 0.5 * NODES) @ WEIGHTS)


def assert_moments(y: np.ndarray, first: np.ndarray, second: np.ndarray) -> None:
    """Compare first and second moments of each row with their own standard errors."""
    for power, expected in ((1, first), (2, second)):
        values = y**power
        error = values.std(axis=0) / np.sqrt(y.shape[0])
        assert np.abs((values.mean(axis=0) - expected) / error).max() < 4.5, power


TRIALS = np.asarray(DATA["trials"])
THETA = ml.Gamma(6, 4)  # E[1 / theta] = 4 / 5
MEAN, SQUARE = averaged(np.exp), averaged(lambda eta: np.exp(2 * eta))
P, P2 = averaged(expit), averaged(lambda eta: expit(eta) ** 2)
MOMENTS: dict[str, tuple[str, Any, Any, np.ndarray, np.ndarray]] = {
    "bernoulli": ("yes ~ x + (1 | g)", "bernoulli", {}, P, P),
    "binomial": (
        "prop(hits, trials) ~ x + (1 | g)",
        "binomial",
        {},
        TRIALS * P,
        TRIALS * P + TRIALS * (TRIALS - 1) * P2,
    ),
    # E[s^2] of a beta variable: mu^2 + mu (1 - mu) / (1 + phi), phi = 3
    "beta-binomial": (
        "prop(hits, trials) ~ x + (1 | g)",
        "beta_binomial",
        {"phi": ml.Fixed(3)},
        TRIALS * P,
        TRIALS * P + TRIALS * (TRIALS - 1) * (P2 + (P - P2) / 4),
    ),
    "beta": ("share ~ x + (1 | g)", "beta", {"phi": ml.Fixed(3)}, P, P2 + (P - P2) / 4),
    "poisson": ("count ~ x + (1 | g)", "poisson", {}, MEAN, MEAN + SQUARE),
    "exposure": (
        "count ~ x + offset(exposure) + (1 | g)",
        "poisson",
        {},
        MEAN * np.exp(DATA["exposure"]),
        MEAN * np.exp(DATA["exposure"]) + SQUARE * np.exp(2 * DATA["exposure"]),
    ),
    "negative binomial": (
        "count ~ x + (1 | g)",
        "negative_binomial",
        {"theta": THETA},
        MEAN,
        MEAN + SQUARE * 1.8,
    ),
    "linear negative binomial": (
        "count ~ x + (1 | g)",
        "negative_binomial_linear",
        {"phi": ml.Gamma(2, 4)},
        MEAN,
        MEAN * 1.5 + SQUARE,
    ),
    "gamma": ("positive ~ x + (1 | g)", "gamma", {"phi": ml.Gamma(2, 8)}, MEAN, SQUARE * 1.25),
    "Student": (
        "real ~ x + (1 | g)",
        "student",
        {"nu": ml.Fixed(12), "sigma": ml.Exponential(2)},
        averaged(lambda eta: eta),
        averaged(lambda eta: eta**2) + 0.5 * 12 / 10,  # E[sigma^2] = 2 / 4
    ),
}


@pytest.mark.parametrize("name", MOMENTS)
def test_moments_of_responses(name: str) -> None:
    formula, family, own, first, second = MOMENTS[name]
    _, before = drawn(formula, family, {**KNOWN, **own})
    assert_moments(before.responses, first, second)


def test_extra_zeros() -> None:
    priors = {**KNOWN, "zero_inflation": {"Intercept": ml.Normal(-1, 0.7), "x": ml.Fixed(0.5)}}
    _, before = drawn("zeros ~ x + (1 | g)", "poisson", priors, zero_inflation="~ x")
    share = expit(-1 + 0.5 * np.asarray(DATA["x"])[:, None] + 0.7 * NODES) @ WEIGHTS
    assert_moments(before.responses, (1 - share) * MEAN, (1 - share) * (MEAN + SQUARE))
    values = before.draws["zero_inflation(Intercept)"][0]
    assert stats.kstest(values, stats.norm(-1, 0.7).cdf).pvalue > 0.01


def test_crossed_factors_covary_as_the_priors_say() -> None:
    priors = {"fixed": ml.Fixed(0.2), "g": {"sd": ml.Fixed(0.4)}, "i": {"sd": ml.Fixed(0.3)}}
    design, before = drawn("count ~ 1 + (1 | g) + (1 | i)", "poisson", priors)
    y, index = before.responses, [factor.index for factor in design.factors]
    mean = np.exp(0.2 + 0.25 / 2)
    for pair in ((0, 1), (0, 6), (0, 12), (3, 117)):
        between = sum(v * (at[pair[0]] == at[pair[1]]) for v, at in zip((0.16, 0.09), index, strict=True))
        product = (y[:, pair[0]] - mean) * (y[:, pair[1]] - mean)
        expected = mean**2 * np.expm1(between)  # of log-normal means
        assert product.mean() == pytest.approx(expected, abs=4.5 * product.std() / np.sqrt(N))


def test_classes() -> None:
    priors = {"x": ml.Fixed(0.4), "g": {"sd": ml.Fixed(0.5)}, "thresholds": {"1|2": ml.Fixed(-0.5)}}
    _, before = drawn("class ~ x + (1 | g)", "ordinal", priors)
    tau, law = before.draws["2|3"][0], stats.t(3, loc=0, scale=2.5)  # the default, cut off at the first one
    above = (law.cdf(tau) - law.cdf(-0.5)) / law.sf(-0.5)
    assert stats.kstest(above, stats.uniform.cdf).pvalue > 0.01
    eta = 0.4 * np.asarray(DATA["x"])[:, None] + 0.5 * NODES
    assert (before.responses == 1).mean(axis=0) == pytest.approx(expit(-0.5 - eta) @ WEIGHTS, abs=0.016)
    third = np.array([(1 - expit(tau[:, None] - row)).mean(axis=0) @ WEIGHTS for row in eta[:5]])
    assert (before.responses[:, :5] == 3).mean(axis=0) == pytest.approx(third, abs=0.016)


def test_thresholds_with_one_prior_are_order_statistics() -> None:
    priors = FamilyPriors(tuple((name, ml.Normal(1, 2)) for name in ("a|b", "b|c", "c|d")))
    values = draw_family(priors, np.zeros((N, 1)), np.random.default_rng(2), ordinal=True).values[0]
    for rank in range(3):
        law = stats.beta(rank + 1, 3 - rank)
        assert stats.kstest(stats.norm(1, 2).cdf(values[:, rank]), law.cdf).pvalue > 0.01


def test_thresholds_with_priors_of_their_own() -> None:
    one, two = ml.Normal(0, 1), ml.StudentT(5, 0.5, 1)
    priors = FamilyPriors((("a|b", one), ("b|c", two)))
    values = draw_family(priors, np.zeros((N, 1)), np.random.default_rng(1), ordinal=True).values[0]
    rng = np.random.default_rng(2)
    plain = np.stack([rng.normal(0, 1, 2 * N), 0.5 + rng.standard_t(5, 2 * N)], axis=1)
    plain = plain[plain[:, 0] < plain[:, 1]]
    for at in range(2):
        assert stats.ks_2samp(values[:, at], plain[:, at]).pvalue > 0.01
    assert np.corrcoef(values.T)[0, 1] == pytest.approx(np.corrcoef(plain.T)[0, 1], abs=0.03)


def test_thresholds_move_with_the_centre() -> None:
    beta = np.random.default_rng(3).normal(size=(N, 2))
    priors = FamilyPriors((("a|b", ml.Normal(1, 0.5)),), centre=np.array([0.5, -2.0]))
    values = draw_family(priors, beta, np.random.default_rng(1), ordinal=True).values[0, :, 0]
    assert stats.kstest(values - beta @ [0.5, -2.0], stats.norm(1, 0.5).cdf).pvalue > 0.01


def test_parameters_that_underflow_are_held() -> None:
    priors = FamilyPriors((("phi", ml.Gamma(0.001, 0.001)),))
    values = draw_family(priors, np.zeros((100, 1)), np.random.default_rng(1), ordinal=False).values
    assert values.min() == 1e-150


@pytest.mark.parametrize(
    ("family", "response"), [("beta", "share"), ("gamma", "positive"), ("inverse_gaussian", "positive")]
)
def test_default_priors_give_responses(family: str, response: str) -> None:
    """Their parameters spread over hundreds of powers of ten."""
    _, before = drawn(f"{response} ~ 1 + (1 | g)", family, None, draws=300)
    assert np.isfinite(before.responses).all()


ERRORS: dict[str, tuple[str, Any, str | None, Any, str]] = {
    "flat coefficient": (
        "count",
        "poisson",
        None,
        {"x": ml.Flat()},
        'the prior of `x` is flat.*\n.*\n  try: priors=\\{"x": Normal',
    ),
    "flat parameter": (
        "count",
        "negative_binomial",
        None,
        {"theta": ml.Flat()},
        'prior of `theta` is flat.*\n.*\n  try: priors=\\{"theta": Gamma\\(shape, rate\\)\\}',
    ),
    "flat threshold": (
        "class",
        "ordinal",
        None,
        {"thresholds": {"1|2": ml.Flat()}},
        r'prior of `1\|2` is flat.*\n.*\n  try: priors=\{"thresholds": Normal\(mean, sd\)\}',
    ),
    "flat inflation": (
        "zeros",
        "poisson",
        "~ x",
        {"zero_inflation": {"x": ml.Flat()}},
        'prior of `zero inflation: x` is flat.*\n.*\n  try: priors=\\{"zero_inflation": Normal',
    ),
    "thresholds out of order": (
        "class",
        "ordinal",
        None,
        {"thresholds": {"1|2": ml.Normal(9, 0.1), "2|3": ml.Normal(-9, 0.1)}},
        r"hardly ever give them in ascending order\n  allowed: priors under which `1\|2` < `2\|3` is",
    ),
    "negative means": (
        "positive",
        ml.families.Gamma(link="inverse"),
        None,
        {"Intercept": ml.Normal(0, 1)},
        "a mean of -.* was drawn",
    ),
    "infinite means": (
        "count",
        "poisson",
        None,
        {"Intercept": ml.Normal(0, 10_000)},
        "responses of .* of 100 draws are too large for a number\n.*\n  try: narrower priors",
    ),
}


@pytest.mark.parametrize("case", ERRORS.values(), ids=ERRORS)
def test_errors(case: tuple[str, Any, str | None, Any, str]) -> None:
    response, family, inflation, priors, message = case
    with pytest.raises(OptionError, match=message):
        drawn(f"{response} ~ x + (1 | g)", family, priors, zero_inflation=inflation, draws=100)
