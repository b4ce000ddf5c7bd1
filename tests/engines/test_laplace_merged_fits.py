"""Merged rows: the fit and the log-likelihood are those of the rows as they were."""

from __future__ import annotations

import dataclasses
import warnings
from typing import Any

import numpy as np
import pytest
from scipy import stats

import multilevel as ml
from multilevel.engines.laplace.merge import response_rows
from multilevel.model.families import Bernoulli, Binomial, Family, NegativeBinomial, Poisson
from tests.engines.laplace_cases import dense_of, design_of, problem_of, random_point
from tests.oracle.laplace import laplace

N = 240
FAMILIES = [Bernoulli(), Bernoulli(link="probit"), Binomial(link="cloglog"), Poisson(), Poisson(link="sqrt")]
every = pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f"{f.name} {f.link}")


def repeated(family: Family, **options: Any) -> dict[str, Any]:
    """Return columns in which most rows have another one with the same covariates and groups."""
    rng = np.random.default_rng(7)
    data: dict[str, Any] = {
        "x": rng.integers(-1, 2, N).astype(float),
        "g": rng.integers(0, 8, N),
        "h": rng.integers(0, 3, N),
        "o": rng.integers(0, 2, N) * 0.3,
        "w": rng.integers(1, 4, N).astype(float),
        "n": rng.integers(1, 6, N).astype(float),
    }
    eta = 0.4 * data["x"] + 0.6 * rng.normal(size=8)[data["g"]] + 0.4 * rng.normal(size=3)[data["h"]]
    eta = 2.0 + 0.4 * eta if family.link == "sqrt" else eta
    trials = data["n"] if family.trials else None
    return data | {"y": family.draw(rng, family.mean(eta), np.zeros(0), trials)}


def fitted(family: Family, data: dict[str, Any], jitter: float = 0.0, **options: Any) -> ml.Fit:
    """Fit a model with two factors; a jitter of the predictor makes every row unlike the others."""
    left = "prop(y, n)" if family.trials else "y"
    x = data["x"] + jitter * np.linspace(-1, 1, N)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ml.MultilevelWarning)
        return ml.fit(f"{left} ~ x + (1 | g) + (1 | h)", data | {"x": x}, family=family, **options)


OPTIONS: list[dict[str, Any]] = [
    {},
    {"offset": "o"},
    {"frequency_weights": "w"},
    {"offset": "o", "frequency_weights": "w"},
]


@every
@pytest.mark.parametrize("options", OPTIONS, ids=["plain", "offset", "frequency", "both"])
def test_a_merged_fit_is_that_of_the_rows(family: Family, options: dict[str, Any]) -> None:
    data = repeated(family)
    merged, plain = fitted(family, data, **options), fitted(family, data, 1e-7, **options)
    assert response_rows(merged.design).rows is not None
    assert response_rows(plain.design).rows is None
    assert abs(merged.loglik - plain.loglik) < 1e-4
    np.testing.assert_allclose(
        merged.fixed_effects["estimate"], plain.fixed_effects["estimate"], rtol=1e-4, atol=1e-5
    )
    np.testing.assert_allclose(merged.fixed_effects["std_error"], plain.fixed_effects["std_error"], rtol=1e-3)


@every
def test_the_merged_value_is_that_of_dense_algebra_on_the_rows(family: Family) -> None:
    design = design_of(family, "one", n=60, offset=True, frequency=True)
    coarse = dataclasses.replace(
        design,
        fixed=dataclasses.replace(
            design.fixed, X=np.asfortranarray(np.clip(np.round(design.fixed.X), -1, 1))
        ),
        offset=np.where(design.offset > 0, 0.1, 0.0),
    )
    problem = problem_of(coarse)
    assert problem.rows.rows is not None
    x = random_point(problem, 4)
    assert abs(problem.at(x).value - laplace(dense_of(problem, x))) < 1e-6


def test_without_groups_the_log_likelihood_is_that_of_scipy() -> None:
    data = repeated(Poisson())
    fit = ml.fit("y ~ x", data, family="poisson", offset="o", frequency_weights="w")
    a, b = np.asarray(fit.fixed_effects["estimate"])
    expected = data["w"] @ stats.poisson.logpmf(data["y"], np.exp(a + b * data["x"] + data["o"]))
    assert abs(fit.loglik - expected) < 1e-7


def test_a_family_with_a_dispersion_and_inflated_zeros_are_not_merged() -> None:
    data = repeated(Poisson())
    assert response_rows(ml.fit("y ~ x", data, family=NegativeBinomial()).design).rows is None
    inflated = ml.fit("y ~ x", data, family="poisson", zero_inflation="~ 1")
    assert response_rows(inflated.design).rows is None


@every
def test_order_of_rows_and_factors_and_units_do_not_change_the_fit(family: Family) -> None:
    data = repeated(family)
    left = "prop(y, n)" if family.trials else "y"
    order = np.random.default_rng(3).permutation(N)
    plain = ml.fit(f"{left} ~ x + (1 | g) + (1 | h)", data, family=family)
    others = [
        ml.fit(f"{left} ~ x + (1 | g) + (1 | h)", {k: v[order] for k, v in data.items()}, family=family),
        ml.fit(f"{left} ~ x + (1 | h) + (1 | g)", data, family=family),
        ml.fit(f"{left} ~ x + (1 | g) + (1 | h)", data | {"x": data["x"] * 1e6 + 3e6}, family=family),
    ]
    for other in others:
        assert abs(other.loglik - plain.loglik) < 1e-7
    slope = np.asarray(plain.fixed_effects["estimate"])[1]
    for other, unit in zip(others, (1.0, 1.0, 1e-6), strict=True):
        assert abs(np.asarray(other.fixed_effects["estimate"])[1] / unit - slope) < 1e-5
