"""Separation: found exactly where a direction exists, by every family that can be separated, and named."""

from __future__ import annotations

import dataclasses
import warnings
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize

import multilevel as ml
from multilevel.data import read_table
from multilevel.design import bind, columns_needed
from multilevel.engines.laplace.separation import refuse_inflation_separation, separating

N = 90


def data(seed: int = 3) -> dict[str, Any]:
    """Return predictors, groups and responses that are not separated."""
    rng = np.random.default_rng(seed)
    g, x, z = np.arange(N) % 9, rng.normal(size=N), rng.normal(size=N)
    eta = 0.3 + x + 0.7 * rng.normal(size=9)[g]
    return {
        "g": g,
        "x": x,
        "z": z,
        "f": np.array(list("abc"))[rng.integers(0, 3, N)],
        "b": (rng.random(N) < 1 / (1 + np.exp(-eta))).astype(float),
        "n": np.full(N, 6),
        "s": rng.binomial(6, 1 / (1 + np.exp(-eta))),
        "c": rng.poisson(np.exp(eta)),
        "o": 1 + (eta + rng.logistic(size=N) > 0) + (eta + rng.logistic(size=N) > 1),
    }


D = data()
C = D["f"] == "c"
CASES = [
    ("b ~ x + z + (1 | g)", "bernoulli", {"b": (D["x"] > 0.2).astype(float)}, "`x`:"),
    ("b ~ x + z + (1 | g)", "bernoulli", {"b": (D["x"] - D["z"] > 0.2).astype(float)}, "`x`, `z`:"),
    ("b ~ f + z + (1 | g)", "bernoulli", {"b": np.where(C, 0.0, D["b"])}, "`f[T.c]`:"),
    ("b ~ 0 + f + z + (1 | g)", "bernoulli", {"b": np.where(C, 0.0, D["b"])}, "`f[c]`:"),
    ("prop(s, n) ~ f + (1 | g)", "binomial", {"s": np.where(C, 6, D["s"])}, "`f[T.c]`:"),
    ("prop(s, n) ~ f + (1 | g)", "beta_binomial", {"s": np.where(C, 0, D["s"])}, "`f[T.c]`:"),
    ("c ~ f + x + (1 | g)", "poisson", {"c": np.where(C, 0, D["c"])}, "`f[T.c]`:"),
    ("c ~ f + x + (1 | g)", "negative_binomial", {"c": np.where(C, 0, D["c"])}, "`f[T.c]`:"),
    ("o ~ x + z + (1 | g)", "ordinal", {"o": 1 + (D["x"] > -0.5) + (D["x"] > 0.7)}, "`x`:"),
    ("b ~ I(x * 1e6 + 2e9) + (1 | g)", "bernoulli", {"b": (D["x"] > 0.2).astype(float)}, "`I(x"),
]


@pytest.mark.parametrize(("formula", "family", "change", "words"), CASES)
def test_separation_is_named(formula: str, family: str, change: dict[str, Any], words: str) -> None:
    with pytest.raises(ml.DesignError) as refused:
        ml.fit(formula, D | change, family=family)
    message = str(refused.value)
    assert f"separation on {words}" in message.replace("***", "*")
    assert "try: ml.sample with proper priors" in message


@pytest.mark.parametrize("link", ["logit", "probit", "cloglog"])
@pytest.mark.parametrize("method", ["laplace", "quadrature"])
def test_every_link_and_method_finds_it(link: Any, method: Any) -> None:
    family = ml.families.Bernoulli(link=link)
    with pytest.raises(ml.DesignError, match="separation on `x`"):
        ml.fit("b ~ x + (1 | g)", D | {"b": (D["x"] > 0.2).astype(float)}, family=family, method=method)


def test_one_row_on_the_other_side_is_no_separation() -> None:
    x = np.sort(D["x"])
    b = (np.arange(N) > 40).astype(float)
    b[[20, 70]] = [1.0, 0.0]
    fit = ml.fit("b ~ x", D | {"x": 40 * x, "b": b}, family="bernoulli")
    assert fit.certificate.holds


def test_small_probabilities_are_no_separation() -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=20_000)
    b = (rng.random(x.size) < 1 / (1 + np.exp(-(-6 + 3 * x)))).astype(float)
    fit = ml.fit("b ~ x", {"b": b, "x": x}, family="bernoulli")
    np.testing.assert_allclose(fit.fixed_effects["estimate"], [-6, 3], atol=0.5)


def test_the_program_agrees_with_a_search_for_the_maximum() -> None:
    """Small random tables: separated exactly if the coefficients of a logistic regression run away."""
    outcomes = []
    for seed in range(80):
        rng = np.random.default_rng(seed)
        X = np.column_stack([np.ones(9), rng.normal(size=(9, 2))])
        sign = np.where(rng.random(9) < 0.5, 1.0, -1.0)
        A = sign[:, None] * X
        found = minimize(lambda v, A=A: np.logaddexp(0, -A @ v).sum(), np.zeros(3), method="BFGS")
        direction = separating(A, np.arange(3))
        assert (direction is not None) == (found.fun < 0.05), seed
        if direction is not None:
            assert (A @ direction).min() > -1e-6
        outcomes.append(direction is not None)
    assert 8 < sum(outcomes) < 60


@pytest.mark.parametrize("method", ["laplace", "quadrature"])
def test_groups_of_one_response_only_are_named(method: Any) -> None:
    with pytest.raises(ml.DesignError, match="separation on `g`: each of its 9 levels"):
        ml.fit("b ~ x + (1 | g)", D | {"b": (D["g"] % 2).astype(float)}, family="bernoulli", method=method)


def test_one_group_with_both_responses_has_a_maximum() -> None:
    b = (D["g"] % 2).astype(float)
    b[D["g"] == 4] = np.arange(10) % 2
    b[D["g"] == 5] = np.arange(10) % 3 == 0
    fit = ml.fit("b ~ 1 + (1 | g)", D | {"b": b}, family="bernoulli", method="quadrature")
    assert fit.certificate.holds


ZERO_CASES = [
    ("~ f", {"c": np.where(C, 0, D["c"])}, "`f[T.c]` (plus infinity)"),
    ("~ 0 + f", {"c": np.where(C, 0, D["c"])}, "`f[c]` (plus infinity)"),
    ("~ x + z", {"c": np.where(D["x"] > 0.1, 0, D["c"])}, "`x` (plus infinity)"),
    ("~ I(1e5 - 3 * x)", {"c": np.where(D["x"] > 0.1, 0, np.maximum(D["c"], 1))}, "(minus infinity)"),
]


@pytest.mark.parametrize("family", ["poisson", "negative_binomial"])
@pytest.mark.parametrize(("inflation", "change", "words"), ZERO_CASES)
def test_separation_in_the_zero_inflation_is_named_with_its_direction(
    inflation: str, change: dict[str, Any], words: str, family: str
) -> None:
    with pytest.raises(ml.DesignError) as refused:
        ml.fit("c ~ z + (1 | g)", D | change, family=family, zero_inflation=inflation)
    message = str(refused.value)
    assert message.startswith("separation in the zero inflation on ")
    assert words in message
    assert "rows where `c` is 0" in message
    assert "try: ml.sample with proper priors, or leave the predictor out of zero_inflation" in message


@pytest.mark.parametrize("share", [0.0, 0.4])
def test_shares_of_extra_zeros_that_are_none_or_moderate_are_not_refused(share: float) -> None:
    rng = np.random.default_rng(8)
    c = np.where(rng.random(N) < share, 0, D["c"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ml.MultilevelWarning)
        fit = ml.fit("c ~ z + (1 | g)", D | {"c": c}, family="poisson", zero_inflation="~ x")
    assert fit.certificate.holds


def test_zeros_that_may_or_may_not_be_extra_hold_the_direction() -> None:
    """One zero at a moderate share on the other side keeps the coefficient finite: it is not refused."""
    model = ml.formula("c ~ 1 + (1 | g)", family="poisson", zero_inflation="~ x")
    x = np.array([-2.0, -1.0, -0.5, 1.0, 2.0] * 6)
    y = np.where(x > 0, 0, 3)
    design = bind(model, read_table({"c": y, "x": x, "g": np.arange(30) % 5}, columns_needed(model)))
    with pytest.raises(ml.DesignError, match="in 12 of the 12 rows where `c` is 0"):
        refuse_inflation_separation(design, np.array([0.0, 30.0]))
    refuse_inflation_separation(design, np.array([0.0, 3.0]))
    held = dataclasses.replace(design, y=np.where(np.arange(30) == 0, 0.0, design.y))
    refuse_inflation_separation(held, np.array([20.0, 12.0]))
