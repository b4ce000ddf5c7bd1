"""Starts: defined, safe against outliers; the search does not depend on the unit of the response."""

from __future__ import annotations

import numpy as np
import pytest

import multilevel as ml
from multilevel.engines.laplace.start import plain_start, start_vector
from multilevel.model.families import Family, Gamma, InverseGaussian, Poisson, Student
from tests.engines.laplace_cases import data_of, design_of, problem_of
from tests.oracle.families import every_family_and_link

FAMILIES = every_family_and_link()
every = pytest.mark.parametrize("family", FAMILIES, ids=[f"{f.name} {f.link}" for f in FAMILIES])


@every
@pytest.mark.parametrize("structure", ["one", "crossed vectors"])
def test_the_likelihood_is_defined_at_both_starts(family: Family, structure: str) -> None:
    problem = problem_of(design_of(family, structure, n=60))
    for start in (start_vector, plain_start):
        x = start(problem.design, problem.layout)
        assert x.shape == (problem.places.size,)
        assert np.isfinite(x).all()
        point = problem.at(x)
        assert np.isfinite(point.value)
        assert np.isfinite(point.gradient).all()


def test_outliers_do_not_throw_the_start_away() -> None:
    """Gamma responses from 1e-8 to 1e3: working responses of thousands."""
    rng = np.random.default_rng(18)
    x, g = rng.normal(size=200), np.arange(200) % 12
    y = np.maximum(rng.gamma(0.5, 2.0 * np.exp(x + 1.5 * rng.normal(size=12)[g])), 1e-8)
    fit = ml.fit("y ~ x + (1 | g)", {"y": y, "x": x, "g": g}, family="gamma")
    assert fit.certificate.holds
    assert fit.certificate.evaluations < 60


@pytest.mark.parametrize(
    "family",
    [Student(), Gamma(), Gamma(link="identity"), Gamma(link="inverse"), InverseGaussian()],
    ids=lambda f: f"{f.name} {f.link}",
)
@pytest.mark.parametrize("unit", [1e9, 1e-9])
def test_the_unit_of_the_response_does_not_change_the_fit(family: Family, unit: float) -> None:
    data = data_of(family, n=80, seed=2)
    one = ml.fit("y ~ x + (1 | g)", data, family=family)
    other = ml.fit("y ~ x + (1 | g)", data | {"y": data["y"] * unit}, family=family)
    assert one.status is other.status
    assert abs(other.loglik - one.loglik + 80 * np.log(unit)) < 1e-5
    slope, error = (np.asarray(fit.fixed_effects["estimate"])[1] for fit in (one, other)), one.fixed_effects
    here, there = slope
    factor = {"identity": unit, "log": 1.0, "inverse": 1.0 / unit}[family.link]
    assert abs(there / factor - here) < 2e-3 * np.asarray(error["std_error"])[1]


def test_huge_offsets_are_harmless() -> None:
    data = data_of(Poisson(), n=80)
    plain = ml.fit("y ~ x + (1 | g)", data, family="poisson")
    for offset in (50.0, -1e3, 1e6):
        fit = ml.fit("y ~ x + (1 | g)", data, family="poisson", offset=np.full(80, offset))
        assert abs(fit.loglik - plain.loglik) < 1e-6
        shift = np.asarray(fit.fixed_effects["estimate"]) - np.asarray(plain.fixed_effects["estimate"])
        np.testing.assert_allclose(shift, [-offset, 0.0], atol=1e-5)
