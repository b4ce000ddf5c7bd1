"""Variances of predictions of generalised fits against dense algebra on the log densities themselves.

With ``H`` minus the Hessian of ``log p(y, b | psi)`` at the modes, ``D = -H_bb^-1 H_b,psi`` moves the modes,
and the variance is ``(g + D'z)' C (g + D'z) + z' H_bb^-1 z`` with ``C`` the covariance matrix of ``psi``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import optimize
from scipy.special import expit, gammaln

import multilevel as ml
from multilevel.engines.laplace.natural import natural_jacobian

Floats = NDArray[np.float64]


def table() -> dict[str, Any]:
    """Return 160 rows in two crossed factors: counts with extra zeros and ordered classes."""
    rng = np.random.default_rng(7)
    n = 160
    g, h = np.arange(n) % 8, (np.arange(n) // 8) % 5
    x = rng.normal(size=n)
    eta = 0.6 + 0.5 * x + 0.7 * rng.normal(size=8)[g] + 1.2 * rng.normal(size=5)[h]
    zero = rng.random(n) < expit(-0.8 + 0.5 * x)
    latent = eta + rng.logistic(size=n)
    return {
        "x": x,
        "g": g.astype(str),
        "h": h.astype(str),
        "count": np.where(zero, 0.0, rng.poisson(np.exp(eta))),
        "class": 1.0 + (latent[:, None] > np.array([-0.5, 0.8, 2.0])).sum(axis=1),
    }


def zero_inflated(y: Floats, eta: Any, extra: Any) -> Any:
    """Return Poisson log densities with extra zeros, ``extra`` their logit; analytic in both."""
    pi = 1 / (1 + np.exp(-extra))
    count = y * eta - np.exp(eta) - gammaln(y + 1)
    return np.where(y > 0, np.log(1 - pi) + count, np.log(pi + (1 - pi) * np.exp(-np.exp(eta))))


def ordinal(y: Floats, eta: Any, cuts: Any) -> Any:
    """Return log probabilities of the classes 1 .. 4, analytic in both arguments."""
    ends = [1 / (1 + np.exp(-(cut - eta))) for cut in cuts]
    below = np.array([0 * eta, *ends, 0 * eta + 1])
    at = y.astype(int)
    rows = np.arange(y.size)
    return np.log(below[at, rows] - below[at - 1, rows])


CASES = {
    "zero inflation": ("count ~ x + (1 | g)", {"family": "poisson", "zero_inflation": "~ x"}),
    "ordinal": ("class ~ x + (1 | g)", {"family": "ordinal"}),
    "ordinal, crossed": ("class ~ x + (1 | g) + (1 | h)", {"family": "ordinal"}),
}


def log_joint(fit: ml.Fit) -> Callable[[Any], Any]:
    """Return ``log p(y, b | psi)`` but for constants as a function of ``(psi, b)``, which may be complex."""
    design = fit.design
    p, q = len(design.fixed.names), 0 if design.inflation is None else 2
    a = fit.solution.family_numbers.values.size

    def value(v: Any) -> Any:
        psi, b = v[: p + q + a], v[p + q + a :]
        eta, prior, start = design.fixed.X @ psi[:p], 0.0, 0
        for term, T in zip(design.terms, fit.solution.covariances, strict=True):
            index = design.factors[term.factor].index
            mine = b[start : start + index.max() + 1]
            eta, prior, start = eta + mine[index], prior - (mine @ mine) / T[0, 0] / 2, start + mine.size
        if q:
            return np.sum(zero_inflated(design.y, eta, design.inflation.X @ psi[p:])) + prior
        return np.sum(ordinal(design.y, eta, psi[p:])) + prior

    return value


def hessian(value: Callable[[Any], Any], v: Floats) -> Floats:
    """Return the Hessian: differences of gradients by complex steps."""

    def gradient(at: Floats) -> Floats:
        return np.array([np.imag(value(at + 1e-30j * e)) / 1e-30 for e in np.eye(v.size)])

    columns = [(gradient(v + 1e-5 * e) - gradient(v - 1e-5 * e)) / 2e-5 for e in np.eye(v.size)]
    return np.array(columns)


@pytest.fixture(scope="module", params=CASES)
def fit(request: pytest.FixtureRequest) -> ml.Fit:
    text, keywords = CASES[request.param]
    return ml.fit(text, table(), **keywords)


def psi_of(fit: ml.Fit) -> Floats:
    """Return coefficients, coefficients of zero inflation, thresholds."""
    numbers = fit.solution.family_numbers
    return np.concatenate([fit.solution.beta, numbers.inflation, numbers.values])


def test_variances_are_those_of_dense_algebra(fit: ml.Fit) -> None:
    design, psi = fit.design, psi_of(fit)
    d = psi.size
    modes = np.concatenate([fit.solution.groups.modes(t)[:, 0] for t in range(len(design.terms))])
    value = log_joint(fit)
    found = optimize.minimize(lambda b: -float(np.real(value(np.concatenate([psi, b])))), modes, tol=1e-10)
    np.testing.assert_allclose(modes, found.x, atol=2e-5)
    H = -hessian(value, np.concatenate([psi, modes]))
    own = np.linalg.inv(H[d:, d:])
    D = -own @ H[d:, :d]
    problem, x = fit.solution.groups._problem, fit.solution.theta
    J = natural_jacobian(problem, x)
    C = J @ fit.solution.groups._covariance[:d, :d] @ J.T
    np.testing.assert_allclose(C[: fit.vcov.shape[0], : fit.vcov.shape[0]], fit.vcov, rtol=1e-9)
    rng = np.random.default_rng(1)
    G, some = rng.normal(size=(10, d)), slice(0, 10)
    index = [design.factors[term.factor].index[some].copy() for term in design.terms]
    Z = [rng.normal(size=(10, 1)) for _ in index]
    index[0][3] = -1
    wide = np.zeros((10, modes.size))
    start = 0
    for levels, z, term in zip(index, Z, design.terms, strict=True):
        for row in np.flatnonzero(levels >= 0):
            wide[row, start + levels[row]] = z[row, 0]
        start += len(design.factors[term.factor].levels)
    moved = G + wide @ D
    known = np.einsum("ij,jk,ik->i", moved, C, moved) + np.einsum("ij,jk,ik->i", wide, own, wide)
    np.testing.assert_allclose(fit.solution.groups.response_variance(G, index, Z), known, rtol=2e-5)


def test_without_groups_the_variance_is_that_of_the_numbers(fit: ml.Fit) -> None:
    """Their standard errors are those of the tables; asking moves nothing."""
    d, n_terms = psi_of(fit).size, len(fit.design.terms)
    left_out = [np.full(d, -1, dtype=np.int32)] * n_terms
    Z = [np.ones((d, 1))] * n_terms
    numbers = fit.solution.family_numbers
    errors = np.concatenate(
        [np.sqrt(np.diag(fit.vcov)), np.sqrt(np.diag(numbers.inflation_vcov)), numbers.std_errors]
    )
    before = fit.solution.groups.modes(0).copy()
    found = fit.solution.groups.response_variance(np.eye(d), left_out, Z)
    np.testing.assert_allclose(np.sqrt(found), errors, rtol=1e-9)
    np.testing.assert_array_equal(fit.solution.groups.modes(0), before)
