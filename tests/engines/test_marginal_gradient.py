"""The gradient of the marginal density and the chain rule of each term against finite differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from multilevel.design.priors import bind_priors
from multilevel.engines.marginal.density import MarginalDensity, term_log_prior
from multilevel.engines.marginal.gradient import TermSlopes, prior_term_slopes, term_gradient
from multilevel.model import Covariance
from multilevel.model import priors as p
from multilevel.moments import summarise
from tests.engines.structures import STRUCTURES, Floats, by_name, design_of, names_of

POINTS = 50
STEP = 1e-3
GROUPED = [s for s in STRUCTURES if s.terms]

PRIORS: dict[str, tuple[str, Any]] = {
    "brms": ("k=2", "brms"),
    "rstanarm: relative sds, Decov": ("crossed k=2, 3", "rstanarm"),
    "rstanarm, one sd": ("k=2 scalar", "rstanarm"),
    "half-normal, half-Cauchy": ("k=2", {"g": {"sd": {"Intercept": p.HalfNormal(2), "x1": p.HalfCauchy(1)}}}),
    "log-normal, exponential": (
        "k=2",
        {"g": {"sd": {"Intercept": p.LogNormal(0, 1), "x1": p.Exponential(2)}}},
    ),
    "gamma, inverse gamma": ("k=2", {"g": {"sd": {"Intercept": p.Gamma(2, 1), "x1": p.InverseGamma(3, 2)}}}),
    "flat, uniform": ("k=2", {"g": {"sd": {"Intercept": p.Flat(), "x1": p.Uniform(0, 50)}}}),
    "one sd held": ("k=3", {"g": {"sd": {"x1": p.Fixed(0.7)}, "correlation": p.LKJ(0.7)}}),
    "variances": ("k=2", {"g": {"variance": {"Intercept": p.InverseGamma(2, 1), "x1": p.Uniform(0, 2500)}}}),
    "variances of one sd": ("k=2 scalar", {"g": {"variance": p.Gamma(2, 1)}, "sigma2": p.InverseGamma(2, 1)}),
    "inverse-Wishart": ("k=3", {"g": p.InverseWishart(6, np.diag([1.0, 2.0, 3.0]))}),
    "Wishart": ("k=2", {"g": p.Wishart(5, [[1, 0.3], [0.3, 2]])}),
    "scaled inverse-Wishart": ("k=2", {"g": p.ScaledInverseWishart(4, [[1, 0.2], [0.2, 2]])}),
    "covariance held": ("crossed k=2, 1", {"g": p.FixedMatrix([[1, 0.2], [0.2, 2]])}),
    "LKJ(1)": ("k=4", {"g": {"correlation": p.LKJ(1)}}),
    "flat coefficients": ("crossed", {"fixed": p.Flat()}),
    "joint normal coefficients": ("k=2", {"fixed": p.MVNormal([1, 2], [[2, 0.5], [0.5, 1]])}),
    "coefficients sampled": ("k=2", {"Intercept": p.StudentT(3, 0, 2), "x1": p.Uniform(-60, 60)}),
    "one sampled, one held": ("nested", {"Intercept": p.StudentT(3, 0, 2), "x1": p.Fixed(0.5)}),
    "one sampled, one integrated": ("crossed k=2, 1", {"x1": p.StudentT(4, 1, 2)}),
    "one correlation, LKJ(3)": ("k=3 symmetric", {"g": {"correlation": p.LKJ(3)}}),
    "one correlation, bounded": ("k=2 symmetric", {"g": {"correlation": p.Uniform(-0.4, 0.9)}}),
    "one correlation, held": ("k=3 symmetric", {"g": {"correlation": p.Fixed(-0.2)}}),
    "one correlation, rstanarm": ("symmetric and others on one factor", "rstanarm"),
    "sigma held": ("k=2 diagonal", {"sigma": p.Fixed(0.8)}),
    "sigma log-normal": ("nested", {"sigma": p.LogNormal(0, 0.5)}),
}


def density_of(structure: str, priors: Any = None) -> MarginalDensity:
    """Return the density of a small random design."""
    design = design_of(by_name(structure))
    return MarginalDensity(summarise(design), bind_priors(design, priors))


def points(density: MarginalDensity) -> Floats:
    """Return random points where variances are neither zero nor enormous."""
    return np.random.default_rng(7).normal(0.0, 0.7, (POINTS, len(density.at.names)))


def differences(density: MarginalDensity, x: Floats) -> Floats:
    """Return the gradient by differences of fourth order."""
    columns = []
    for e in STEP * np.eye(x.shape[1]):
        near = density.log_density(x + e) - density.log_density(x - e)
        far = density.log_density(x + 2.0 * e) - density.log_density(x - 2.0 * e)
        columns.append((8.0 * near - far) / (12.0 * e.sum()))
    return np.stack(columns, axis=1)


def check_gradient(density: MarginalDensity) -> None:
    x = points(density)
    value, gradient = density.log_density_and_gradient(x)
    np.testing.assert_array_equal(value, density.log_density(x))
    assert np.isfinite(value).all()
    # the differences: rounding of values of 1e2 over steps of 1e-3, and 1e-12 times fifth derivatives
    expected = differences(density, x)
    np.testing.assert_allclose(gradient, expected, rtol=1e-7, atol=1e-7 * max(1.0, np.abs(expected).max()))


@pytest.mark.parametrize("structure", GROUPED, ids=names_of(GROUPED))
def test_the_gradient_is_that_of_differences_for_every_structure(structure: Any) -> None:
    check_gradient(density_of(structure.name))


@pytest.mark.parametrize("name", PRIORS)
def test_the_gradient_is_that_of_differences_for_every_prior(name: str) -> None:
    check_gradient(density_of(*PRIORS[name]))


def test_points_that_have_no_density_have_no_gradient() -> None:
    density = density_of("k=2", {"g": {"sd": {"Intercept": p.Uniform(0, 3)}}})
    x = np.zeros((4, 4))
    x[1, 0], x[2, 1], x[3, 3] = np.log(4.0), np.nan, -800.0
    value, gradient = density.log_density_and_gradient(x)
    assert np.isfinite(value[0])
    assert np.all(value[1:] == -np.inf)
    assert not gradient[1:].any()
    empty = density.log_density_and_gradient(np.zeros((0, 4)))
    assert [part.shape for part in empty] == [(0,), (0, 4)]


def test_points_together_are_points_one_by_one() -> None:
    density = density_of("crossed and nested vectors")
    x = points(density)
    value, gradient = density.log_density_and_gradient(x)
    for i in range(5):
        one = density.log_density_and_gradient(x[i : i + 1])
        np.testing.assert_allclose(one[0][0], value[i], rtol=1e-13)
        np.testing.assert_allclose(one[1][0], gradient[i], rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("structure", ["k=1", "k=2", "k=2 diagonal", "k=2 scalar", "k=3", "k=4"])
def test_a_term_s_own_jacobian_is_that_of_differences(structure: str) -> None:
    """With ``tr(C D)`` as the part that goes through the matrix, and the volume element."""
    density = density_of(structure)
    at, x = density.at, points(density)
    place = at.terms[0]
    k, rng = place.size, np.random.default_rng(3)
    C, c, power = rng.normal(size=(k, k)), rng.normal(size=k), 0.6
    C = C + C.T
    fixed = np.zeros(POINTS)

    def total(x: Floats) -> Floats:
        values = at.values(x)
        sds, L = values.sds[0], values.factors[0]
        log_det = 2.0 * np.log(np.diagonal(L, axis1=1, axis2=2)).sum(axis=1)
        half = sds[:, :, None] * L
        through = (
            np.einsum("ij,nij->n", C, half @ np.swapaxes(half, 1, 2)) + np.log(sds) @ c + power * log_det
        )
        return np.asarray(through + values.log_jacobian - x[:, at.sigma])

    values = at.values(x)
    slopes = TermSlopes(np.broadcast_to(C, (POINTS, k, k)), np.tile(c, (POINTS, 1)), power, fixed)
    found = term_gradient(place, x, (values.sds[0], values.factors[0]), slopes)
    for i, e in enumerate(1e-5 * np.eye(x.shape[1])):
        expected = (total(x + e) - total(x - e)) / 2e-5
        # rounding 1e-16 times values of 1e1 over 1e-5, and 1e-10 times third derivatives
        np.testing.assert_allclose(found[:, i], expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    "name", [n for n in PRIORS if "sd" in n or "Wishart" in n or "LKJ" in n or "brms" in n]
)
def test_slopes_of_a_term_s_prior_are_those_of_differences(name: str) -> None:
    structure, given = PRIORS[name]
    design = design_of(by_name(structure))
    priors = bind_priors(design, given)
    density = MarginalDensity(summarise(design), priors)
    at, x = density.at, points(density)
    shared = design.terms[0].covariance is Covariance.SCALAR

    def total(x: Floats) -> Floats:
        values = at.values(x)
        sds = values.sds[0][:, :1] if shared else values.sds[0]
        return term_log_prior(priors.terms[0], sds, values.factors[0], values.sigma)

    values = at.values(x)
    sds, L = values.sds[0], values.factors[0]
    half = sds[:, :, None] * L
    D = half @ np.swapaxes(half, 1, 2)
    slopes = prior_term_slopes(priors.terms[0], sds, D, values.sigma, shared=shared)
    found = term_gradient(at.terms[0], x, (sds, L), slopes)
    found[:, at.sigma] += slopes.log_sigma
    own = term_gradient(at.terms[0], x, (sds, L), no_slopes(sds))
    for i, e in enumerate(1e-5 * np.eye(x.shape[1])):
        expected = (total(x + e) - total(x - e)) / 2e-5
        np.testing.assert_allclose(found[:, i] - own[:, i], expected, rtol=1e-6, atol=1e-5)


def no_slopes(sds: Floats) -> TermSlopes:
    """Return slopes of zero: what is left is the volume element."""
    n, k = sds.shape
    return TermSlopes(np.zeros((n, k, k)), np.zeros((n, k)), 0.0, np.zeros(n))
