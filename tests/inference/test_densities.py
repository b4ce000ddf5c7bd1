"""Densities against SciPy's kernel density, exact laws, and the normalisation to one."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import beta, gaussian_kde, norm

import multilevel as ml
from multilevel.errors import OptionError
from multilevel.inference.densities import kernel_density, lkj_densities, prior_and_posterior
from tests.oracle.posteriors import sleep_posterior

PRIORS = {
    "Intercept": ml.Normal(0, 10),
    "afternoon": ml.Normal(0, 2),
    "cafe": {"sd": ml.HalfNormal(1), "correlation": ml.LKJ(2)},
    "sigma": ml.HalfNormal(1),
}


@pytest.fixture(scope="module")
def cafes() -> ml.Posterior:
    return ml.sample("wait ~ afternoon + (afternoon | cafe)", ml.datasets.load("cafes"), PRIORS, seed=1)


def test_kernel_density_is_scipys() -> None:
    """Without bounds it differs by the 4,096 cells only: 1e-5 of the largest density."""
    values = np.random.default_rng(1).gamma(3.0, size=500)
    grid = np.linspace(-2.0, 12.0, 50)
    theirs = gaussian_kde(values, bw_method=0.3 / values.std(ddof=1))(grid)
    found = kernel_density(values, grid, bandwidth=0.3)
    np.testing.assert_allclose(found, theirs, atol=1e-5 * theirs.max())


def test_the_usual_bandwidth_is_silvermans() -> None:
    values = np.random.default_rng(2).standard_normal(400)
    grid = np.linspace(-3.0, 3.0, 25)
    iqr = np.subtract(*np.quantile(values, [0.75, 0.25]))
    h = 0.9 * min(values.std(), iqr / 1.34) * 400**-0.2
    np.testing.assert_array_equal(kernel_density(values, grid), kernel_density(values, grid, bandwidth=h))


@pytest.mark.parametrize("bounds", [(0.0, np.inf), (0.0, 1.0), (-np.inf, 1.0)])
def test_reflected_densities_integrate_to_one(bounds: tuple[float, float]) -> None:
    """Trapezoid over 4,001 points."""
    values = np.random.default_rng(3).random(1000)
    grid = np.linspace(-1.0, 2.0, 4001)
    density = kernel_density(values, grid, bounds=bounds)
    assert np.trapezoid(density, grid) == pytest.approx(1.0, abs=2e-3)
    assert not np.any(density[(grid < bounds[0]) | (grid > bounds[1])])


def test_time_does_not_depend_on_the_tail() -> None:
    values = np.concatenate([np.random.default_rng(4).standard_normal(999), [1e12]])
    at = kernel_density(values, np.array([0.0]), bandwidth=0.2)
    assert at[0] == pytest.approx(norm.pdf(0.0, scale=np.hypot(1.0, 0.2)), abs=0.03)


@pytest.mark.parametrize("size", [2, 3, 6])
def test_lkj_is_a_stretched_beta(size: int) -> None:
    table = lkj_densities([0.4, 1.0, 3.0], size=size)
    for eta in (0.4, 1.0, 3.0):
        own = table["eta"] == eta
        a = eta - 1 + size / 2
        expected = beta.pdf(table["correlation"][own], a, a, loc=-1, scale=2)
        np.testing.assert_allclose(table["density"][own], expected, rtol=1e-12)


def test_lkj_of_two_variables_is_the_determinant_to_the_shape_less_one() -> None:
    table = lkj_densities([2.0])
    r = table["correlation"]
    np.testing.assert_allclose(table["density"], 0.75 * (1 - r**2), rtol=1e-12)


def test_the_prior_of_the_correlation_is_lkj(cafes: ml.Posterior) -> None:
    """20,000 draws smoothed: within 0.06 of the exact density, away from the ends where it is reflected."""
    table = prior_and_posterior(cafes, "correlation(cafe, Intercept, afternoon)")
    prior = np.array(table["source"]) == "prior"
    r = table["value"][prior]
    assert (r[0], r[-1]) == (-1.0, 1.0)
    inner = np.abs(r) < 0.9
    np.testing.assert_allclose(table["density"][prior][inner], 0.75 * (1 - r[inner] ** 2), atol=0.06)
    mean = np.trapezoid(table["density"][~prior] * r, r)
    drawn = cafes.draws["correlation(cafe, Intercept, afternoon)"]
    assert mean == pytest.approx(drawn.mean(), abs=0.01)


@pytest.mark.parametrize(
    ("name", "exact"),
    [
        ("afternoon", norm(0, 2).pdf),
        ("sd(cafe, Intercept)", lambda s: 2 * norm.pdf(s)),
        ("sigma", lambda s: 2 * norm.pdf(s)),
    ],
)
def test_priors_of_coefficients_and_sds(cafes: ml.Posterior, name: str, exact: object) -> None:
    table = prior_and_posterior(cafes, name, seed=2)
    prior = np.array(table["source"]) == "prior"
    value = table["value"][prior]
    assert callable(exact)
    np.testing.assert_allclose(table["density"][prior], exact(value), atol=0.05 * exact(value).max())
    assert np.trapezoid(table["density"][~prior], value) == pytest.approx(1.0, abs=0.01)
    if name != "afternoon":
        assert value[0] >= 0


def test_refusals(cafes: ml.Posterior) -> None:
    with pytest.raises(OptionError, match="there are no draws of 'slope'"):
        prior_and_posterior(cafes, "slope")
    with pytest.raises(OptionError, match="has a value for each level"):
        prior_and_posterior(cafes, "effects(cafe, Intercept)")
    with pytest.raises(OptionError, match="loaded from a file"):
        prior_and_posterior(sleep_posterior(), "days")
    fixed = ml.sample(
        "wait ~ afternoon + (1 | cafe)",
        ml.datasets.load("cafes"),
        {"afternoon": ml.Fixed(-1.0)},
        seed=1,
    )
    with pytest.raises(OptionError, match="`afternoon` was asked, which is fixed at one value"):
        prior_and_posterior(fixed, "afternoon")
    for etas in ([0.0], [-1.0], [np.nan], [], 2.0, "a", [True]):
        with pytest.raises(OptionError, match="etas="):
            lkj_densities(etas)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="size"):
        lkj_densities([1.0], size=1)
