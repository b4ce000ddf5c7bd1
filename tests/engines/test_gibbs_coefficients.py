"""The distribution of the coefficients given the covariances against dense generalised least squares."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg

from multilevel.design.bound_priors import BoundPriors
from multilevel.design.priors import bind_priors
from multilevel.engines.gibbs.coefficients import CoefficientBlock
from multilevel.engines.likelihood.problem import native_problem
from multilevel.errors import OptionError
from multilevel.model.priors import Fixed, Flat, MVNormal, Normal, StudentT
from multilevel.moments import summarise
from tests.engines.gibbs_cases import covariance_of, dense_model, model_of, plan_of, some_terms
from tests.engines.structures import STRUCTURES, Structure, design_of, names_of

SIGMA = 0.8


@pytest.mark.parametrize("structure", STRUCTURES, ids=names_of(STRUCTURES))
def test_moments_are_those_of_dense_algebra(structure: Structure) -> None:
    """Under the default (normal) priors; 1e-9 is rounding."""
    design = design_of(structure)
    moments, priors = summarise(design), bind_priors(design)
    plan, terms = plan_of(moments, priors), some_terms(moments)
    scaling = moments.scaling
    sigma = SIGMA / scaling.y_scale
    _, S = native_problem(moments, "ml").reductions(plan.theta(tuple(terms), sigma))
    mean, covariance = plan.coefficients.moments(S[0], sigma)
    dense = dense_model(design)
    V = np.diag(SIGMA**2 / dense.weights)
    for Z, term in zip(dense.Z, terms, strict=True):
        k = term.sds.size
        V += Z @ np.kron(np.eye(Z.shape[1] // k), covariance_of(term)) @ Z.T
    centre, Q, _ = priors.coefficient_normal()
    A = dense.X.T @ np.linalg.solve(V, dense.X) + Q
    expected = np.linalg.solve(A, dense.X.T @ np.linalg.solve(V, dense.y) + Q @ centre)
    back = scaling.y_scale * scaling.fixed.back
    np.testing.assert_allclose(back @ mean + scaling.constant, expected, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(back @ covariance @ back.T, np.linalg.inv(A), rtol=1e-8, atol=1e-10)


PRIORS = {
    "fixed": {"days": Fixed(9.0)},
    "both fixed": {"fixed": Fixed(3.0)},
    "flat": {"fixed": Flat()},
    "mixed": {"Intercept": Normal(200, 10), "days": Flat()},
    "several": {"fixed": MVNormal([250, 10], [[9, 1], [1, 4]])},
}


@pytest.mark.parametrize("name", PRIORS)
def test_draws_have_the_moments(name: str) -> None:
    """Of 4,000 draws; four standard errors. A fixed coefficient is what it was fixed at."""
    moments, priors = model_of("reaction ~ days + (1 | subject)", "sleepstudy", PRIORS[name])
    plan = plan_of(moments, priors)
    scaling, sigma = moments.scaling, 0.5
    _, S = native_problem(moments, "ml").reductions(np.array([[0.7]]))
    rng = np.random.default_rng(1)
    draws = np.array([plan.coefficients.draw(S[0], sigma, rng) for _ in range(4000)])
    beta = scaling.y_scale * draws @ scaling.fixed.back.T + scaling.constant
    mean, covariance = plan.coefficients.moments(S[0], sigma)
    back = scaling.y_scale * scaling.fixed.back
    sd = np.sqrt(np.maximum(np.diagonal(back @ covariance @ back.T), 0.0))
    error = np.abs(beta.mean(axis=0) - back @ mean - scaling.constant)
    assert (error <= 4.0 * sd / np.sqrt(4000) + 1e-9).all()
    np.testing.assert_allclose(beta.std(axis=0), sd, rtol=0.05, atol=1e-9)
    if "fixed" in name:
        np.testing.assert_allclose(beta[:, 1], 9.0 if name == "fixed" else 3.0)


def test_a_prior_that_is_not_conjugate_is_refused() -> None:
    moments, priors = model_of("reaction ~ days + (1 | subject)", "sleepstudy", {"days": StudentT(3, 0, 5)})
    assert isinstance(priors, BoundPriors)
    with pytest.raises(OptionError) as caught:
        CoefficientBlock(moments, priors)
    assert str(caught.value) == (
        'method="gibbs" with the prior StudentT(3, 0, 5) of the coefficient `days`\n'
        "  allowed: Normal, MVNormal, Flat or Fixed\n"
        '  try: method="marginal"'
    )


def test_the_origin_holds_without_free_coefficients() -> None:
    moments, priors = model_of("reaction ~ days + (1 | subject)", "sleepstudy", {"fixed": Fixed(0.0)})
    _, covariance = CoefficientBlock(moments, priors).moments(scipy.linalg.pascal(3), 1.0)
    np.testing.assert_array_equal(covariance, np.zeros((2, 2)))
