"""The sampled numbers of residual sds by group: places, starts, ways back."""

from __future__ import annotations

import numpy as np
import pytest

from multilevel.design.bound_priors import ResidualLaw, ResidualPriors
from multilevel.engines.likelihood import solve
from multilevel.engines.marginal.varying_coordinates import LawPlace, start_law, varying_coordinates
from multilevel.model import priors as p
from tests.engines.varying_cases import named_case

NAMES = ("first", "second")


@pytest.mark.parametrize(
    ("law", "first", "second", "point", "values", "log_volume"),
    [
        ("inverse_gamma", 0, 1, (0.5, -0.2), (np.exp(0.5), np.exp(0.3)), 0.8),
        ("inverse_gamma", 0, -1, (0.5,), (np.exp(0.5), 7.0), 0.5),
        ("inverse_gamma", -1, 0, (0.5,), (3.0, np.exp(0.5)), 0.5),
        ("inverse_gamma", -1, -1, (), (3.0, 7.0), 0.0),
        ("log_normal", 0, 1, (0.5, -0.2), (0.5, np.exp(-0.2)), -0.2),
        ("log_normal", 0, -1, (0.5,), (0.5, 7.0), 0.0),
        ("log_normal", -1, 0, (0.5,), (3.0, np.exp(0.5)), 0.5),
    ],
)
def test_points_stand_for_the_parameters_of_the_law(
    law: ResidualLaw,
    first: int,
    second: int,
    point: tuple[float, ...],
    values: tuple[float, float],
    log_volume: float,
) -> None:
    place = LawPlace(law, first, second, (3.0, 7.0))
    found, volume = place.values(np.array([point, point]))
    np.testing.assert_allclose(found, [values, values], rtol=1e-14)
    np.testing.assert_allclose(volume, log_volume, atol=1e-14)
    back = np.zeros(len(point))
    place.fill_point((float(found[0, 0]), float(found[0, 1])), back)
    np.testing.assert_allclose(back, point, atol=1e-14)


def test_held_numbers_are_not_sampled_and_keep_their_values() -> None:
    case = named_case("log-normal, a coefficient and an sd held")
    at = varying_coordinates(case.moments, case.priors, case.residual, solve(case.moments, method="reml"))
    assert at.names == (
        "mean(log sigma)",
        "log sd(log sigma)",
        "coefficient Intercept",
        "coefficient z",
    )
    x = np.random.default_rng(1).standard_normal((4, 4))
    np.testing.assert_array_equal(at.coefficients(x)[:, 1], 1.5)
    np.testing.assert_array_equal(at.term_values(x).sds[0], 1.2)


def test_coefficients_stand_about_their_estimates_in_units_of_their_errors() -> None:
    case = named_case("defaults")
    solution = solve(case.moments, method="reml")
    at = varying_coordinates(case.moments, case.priors, case.residual, solution)
    T = case.priors.to_centred
    np.testing.assert_allclose(at.coefficients(np.zeros((1, 7)))[0], T @ solution.beta, rtol=1e-13)
    np.testing.assert_allclose(at.spread @ at.spread.T, T @ solution.vcov_beta @ T.T, rtol=1e-12)
    assert at.log_volume == pytest.approx(0.5 * np.linalg.slogdet(solution.vcov_beta)[1], rel=1e-10)


def residual(law: ResidualLaw, first: p.ScalarPrior, second: p.ScalarPrior) -> ResidualPriors:
    return ResidualPriors(law, NAMES, first, second)


def test_starts_recover_the_law_of_many_groups() -> None:
    rng = np.random.default_rng(2)
    dof = np.full(4000, 8.0)
    noise = rng.chisquare(8.0, 4000) / 8.0
    log_normal = 2.0 * (0.7 + 0.5 * rng.standard_normal(4000)) + np.log(noise)
    first, second = start_law(residual("log_normal", p.Normal(0, 2), p.HalfNormal(1)), log_normal, dof, 1.0)
    assert (first, second) == pytest.approx((0.7, 0.5), abs=0.1)
    inverse = np.log(6.0 / rng.standard_gamma(4.0, 4000)) + np.log(noise)
    first, second = start_law(residual("inverse_gamma", p.Gamma(2, 1), p.Gamma(2, 1)), inverse, dof, 1.0)
    assert first == pytest.approx(4.0, rel=0.3)
    assert second / first == pytest.approx(1.5, rel=0.3)


@pytest.mark.parametrize("law", ["inverse_gamma", "log_normal"])
def test_starts_lie_inside_supports_and_keep_what_is_known(law: ResidualLaw) -> None:
    none = np.zeros(0)
    narrow = residual(law, p.Uniform(2, 3), p.Uniform(20, 30))
    first, second = start_law(narrow, none, none, 5.0)
    assert 2.0 < first < 3.0
    assert 20.0 < second < 30.0
    assert start_law(residual(law, p.Fixed(1.5), p.Fixed(2.5)), none, none, 5.0) == (1.5, 2.5)
