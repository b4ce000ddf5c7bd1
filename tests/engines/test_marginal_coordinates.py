"""One correlation of all effects among the sampled numbers: what they stand for, the volume, the way back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from multilevel.design.priors import bind_priors
from multilevel.engines.marginal.coordinates import Coordinates, coordinates_of
from multilevel.engines.marginal.density import MarginalDensity
from multilevel.engines.marginal.sampler import start_point
from multilevel.model import priors as p
from multilevel.moments import summarise
from tests.engines.structures import Floats, by_name, design_of

CASES: dict[str, tuple[str, Any]] = {
    "two effects": ("k=2 symmetric", None),
    "three effects, LKJ(2)": ("k=3 symmetric", {"g": {"correlation": p.LKJ(2)}}),
    "four effects, bounded": ("k=4 symmetric, known sigma", {"g": {"correlation": p.Uniform(-0.2, 0.7)}}),
    "a known sd": ("k=3 symmetric", {"g": {"sd": p.Fixed(0.8), "correlation": p.Uniform(0, 2)}}),
    "a known correlation": ("k=3 symmetric", {"g": {"correlation": p.Fixed(-0.3)}}),
    "beside other terms": ("symmetric and others on one factor", None),
}


def coordinates(name: str) -> Coordinates:
    """Return the coordinates of a case."""
    structure, given = CASES[name]
    design = design_of(by_name(structure))
    return coordinates_of(summarise(design), bind_priors(design, given))


@pytest.mark.parametrize("name", CASES)
def test_the_volume_element_is_that_of_differences(name: str) -> None:
    """Of log sd, correlation and log sigma, at 50 points; the other terms hold still."""
    at = coordinates(name)
    place = at.terms[0]
    mine = sorted({*place.sds, place.common, at.sigma} - {-1})

    def flat(x: Floats) -> Floats:
        values = at.values(x[None])
        R = values.factors[0][0] @ values.factors[0][0].T
        named = {place.sds[0]: values.sds[0][0, 0], place.common: R[0, 1], at.sigma: values.sigma[0]}
        return np.array([named[i] for i in mine])

    rng, step = np.random.default_rng(6), 1e-5
    for _ in range(50):
        x = np.zeros(len(at.names))
        rest = at.values(x[None]).log_jacobian[0]
        rest -= np.linalg.slogdet(_columns(flat, x, mine, step))[1]
        x[mine] = rng.normal(0.0, 1.5, len(mine))
        expected = np.linalg.slogdet(_columns(flat, x, mine, step))[1]
        assert at.values(x[None]).log_jacobian[0] - rest == pytest.approx(expected, abs=1e-6)
    if len(at.terms) == 1:
        assert rest == pytest.approx(0.0, abs=1e-9)


def _columns(flat: Any, x: Floats, mine: list[int], step: float) -> Floats:
    """Return the matrix of derivatives by the numbers ``mine``."""
    return np.array([(flat(x + step * e) - flat(x - step * e)) / (2 * step) for e in np.eye(x.size)[mine]])


@pytest.mark.parametrize("name", CASES)
def test_every_correlation_is_the_same_and_within_its_bounds(name: str) -> None:
    at = coordinates(name)
    place = at.terms[0]
    x = np.random.default_rng(7).normal(0.0, 3.0, (200, len(at.names)))
    values = at.values(x)
    R = values.factors[0] @ np.swapaxes(values.factors[0], 1, 2)
    r = R[:, 0, 1]
    expected = r[:, None, None] * (1.0 - np.eye(place.size)) + np.eye(place.size)
    np.testing.assert_allclose(R, expected, atol=1e-12)
    np.testing.assert_array_equal(values.sds[0], np.repeat(values.sds[0][:, :1], place.size, axis=1))
    if place.common >= 0:
        assert np.all((r > place.low) & (r < place.high))
        assert at.names[place.common].startswith("logit correlation(g, ")
    else:
        np.testing.assert_allclose(r, -0.3, atol=1e-14)


@pytest.mark.parametrize("name", CASES)
def test_a_point_is_found_again_from_its_values(name: str) -> None:
    at = coordinates(name)
    x = np.random.default_rng(8).normal(0.0, 1.0, (20, len(at.names)))
    values = at.values(x)
    for i in range(len(x)):
        sds = [s[i] for s in values.sds]
        R = values.factors[0][i] @ values.factors[0][i].T
        partials = [R[0, 1:2]]
        partials += [np.tanh(x[i, t.partial : t.partial + t.n_partial]) for t in at.terms[1:]]
        found = at.point(sds, partials, float(values.sigma[i]), np.zeros(2))
        np.testing.assert_allclose(found, x[i], atol=1e-9)
        place = at.terms[0]
        if place.common >= 0:
            z = place.common_number(values.factors[0][i])
            assert z == pytest.approx(x[i, place.common], abs=1e-9)


def test_near_its_limits_a_correlation_keeps_its_digits() -> None:
    """``1 - r`` and ``1 + 2 r`` far below rounding of ``r`` itself."""
    place = coordinates("three effects, LKJ(2)").terms[0]
    for z in (-300.0, 300.0):
        L, log_slope = place.common_factor(np.array([z]))
        log_det = 2.0 * np.log(np.diagonal(L[0])).sum()
        assert log_det == pytest.approx(np.log(27 / 4) + (z if z < 0 else -2.0 * z), rel=1e-12)
        assert log_slope[0] == pytest.approx(np.log(1.5) - 300.0, rel=1e-12)


def test_a_correlation_at_a_limit_is_taken_to_be_just_inside() -> None:
    place = coordinates("four effects, bounded").terms[0]
    assert place.common_number(np.eye(4)) == pytest.approx(np.log(0.2 / 0.7))
    R = np.full((4, 4), 0.9) + 0.1 * np.eye(4)
    assert place.common_number(np.linalg.cholesky(R)) == pytest.approx(np.log(1.1 / 0.9e-12))


@pytest.mark.parametrize("name", CASES)
def test_a_chain_of_draws_may_start_at_the_estimates(name: str) -> None:
    structure, given = CASES[name]
    design = design_of(by_name(structure))
    moments, priors = summarise(design), bind_priors(design, given)
    density = MarginalDensity(moments, priors)
    assert np.isfinite(density.log_density(start_point(moments, priors, density.at)[None])).all()
