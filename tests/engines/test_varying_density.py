"""The density with residual sds by group: dense likelihoods, priors, Jacobians, gradients by differences."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
from numpy.typing import NDArray

from multilevel.engines.marginal.mode import find_mode
from multilevel.engines.marginal.sampler import start_point
from multilevel.engines.marginal.varying_density import VaryingDensity
from multilevel.model import priors as p
from multilevel.model.priors.one_correlation import OneCorrelation
from tests.engines.varying_cases import CASES, BoundCase, bound_case, dense_groups, made_data, named_case
from tests.oracle.varying import LogLaw, group_log_likelihood, inverse_gamma_law, log_normal_law

Floats = NDArray[np.float64]


def density_of(case: BoundCase) -> VaryingDensity:
    return VaryingDensity(case.moments, case.priors, case.residual, threads=1)


def points_near(case: BoundCase, density: VaryingDensity, n: int, spread: float) -> Floats:
    start = density.start(start_point(case.moments, case.priors, density.at.terms))
    centre, _, _ = find_mode(density.log_density, start)
    return np.asarray(centre + spread * np.random.default_rng(2).standard_normal((n, centre.size)))


def law_of(case: BoundCase, law: Floats) -> LogLaw:
    if case.residual.law == "log_normal":
        return log_normal_law(*law)
    return inverse_gamma_law(*law)


def covariance_at(density: VaryingDensity, x: Floats) -> Floats:
    """Covariance matrix of a group's effects at one point, in the user's units."""
    values = density.at.term_values(x[None])
    halves = [s[0][:, None] * L[0] for s, L in zip(values.sds, values.factors, strict=True)]
    return np.asarray(scipy.linalg.block_diag(np.zeros((0, 0)), *(half @ half.T for half in halves)))


def log_priors(case: BoundCase, density: VaryingDensity, x: Floats) -> float:
    """Log prior density of the sds, correlations, law and coefficients at one point."""
    values = density.at.term_values(x[None])
    total = 0.0
    for b, prior in enumerate(case.priors.terms):
        s, L = values.sds[b], values.factors[b]
        if prior.covariance is not None:
            half = s[0][:, None] * L[0]
            assert not isinstance(prior.covariance, p.FixedMatrix)
            k = s.shape[1]
            total += float(prior.covariance.logpdf(half @ half.T)) + k * np.log(2.0) + k * np.log(s).sum()
            continue
        shared = case.moments.blocks[b].covariance.one_sd
        total += float(prior.log_sds(s[:, :1] if shared else s, np.ones(1))[0])
        if isinstance(prior.correlation, OneCorrelation):
            total += float(prior.correlation.logpdf(L[0][1, 0]))
        if isinstance(prior.correlation, p.LKJ):
            total += float(prior.correlation.logpdf(L[0] @ L[0].T))
    law = density.law(x[None])[0]
    for prior_of, value in zip((case.residual.first, case.residual.second), law, strict=True):
        total += 0.0 if isinstance(prior_of, p.Fixed) else float(prior_of.logpdf(value))
    beta = density.coefficients(x[None])[0]
    held = [i for i in range(beta.size) if i not in density.at.free]
    if isinstance(case.priors.coefficients, tuple):
        c = case.priors.to_centred @ beta
        for i in held:
            assert c[i] == pytest.approx(case.priors.coefficients[i].mean)
        return total + sum(float(case.priors.coefficients[i].logpdf(c[i])) for i in density.at.free)
    return total + float(case.priors.log_coefficients(beta))


def numbers_of(density: VaryingDensity, x: Floats) -> Floats:
    """What has the priors: sds, correlations, law and coefficients, as many as there are sampled numbers."""
    values = density.at.term_values(x[None])
    parts: list[Floats] = []
    for place, s, L in zip(density.at.terms.terms, values.sds, values.factors, strict=True):
        parts.append(s[0][[a for a in range(place.size) if place.sds[a] not in (-1, *place.sds[:a])]])
        if place.common >= 0:
            parts.append(L[0][1, :1])
        if place.n_partial:
            R = L[0] @ L[0].T
            parts.append(np.array([R[i, j] for i in range(1, place.size) for j in range(i)]))
    law, place_of = density.law(x[None])[0], density.at.law
    parts.append(law[[place_of.first >= 0, place_of.second >= 0]])
    parts.append(density.at.coefficients(x[None])[0][list(density.at.free)])
    return np.concatenate(parts)


@pytest.mark.parametrize("name", CASES)
def test_the_density_is_dense_likelihood_times_priors_times_volume(name: str) -> None:
    """The volume element is the determinant of the map from points to what has the priors, by differences."""
    case = named_case(name)
    density = density_of(case)
    groups = dense_groups(case.design)
    for x in points_near(case, density, 3, 0.5):
        law, D = law_of(case, density.law(x[None])[0]), covariance_at(density, x)
        beta = density.coefficients(x[None])[0]
        likelihood = sum(group_log_likelihood(group, D, beta, law) for group in groups)
        steps = 1e-5 * np.eye(x.size)
        jacobian = np.array([(numbers_of(density, x + s) - numbers_of(density, x - s)) / 2e-5 for s in steps])
        volume = np.linalg.slogdet(jacobian)[1]
        expected = likelihood + log_priors(case, density, x) + volume
        assert density.log_density(x[None])[0] == pytest.approx(expected, abs=2e-7)


@pytest.mark.parametrize("name", CASES)
def test_gradients_are_those_of_differences_at_fifty_points(name: str) -> None:
    case = named_case(name)
    density = density_of(case)
    x = points_near(case, density, 50, 0.7)
    values, gradients = density.log_density_and_gradient(x)
    np.testing.assert_array_equal(values, density.log_density(x))
    step = 1e-5
    for i, name_of in enumerate(density.names):
        e = step * np.eye(x.shape[1])[i]
        differences = (density.log_density(x + e) - density.log_density(x - e)) / (2.0 * step)
        np.testing.assert_allclose(gradients[:, i], differences, rtol=1e-6, atol=2e-5, err_msg=name_of)


def test_points_outside_the_support_have_no_density_and_no_slope() -> None:
    case = bound_case(
        "y ~ x + (1 | g)",
        {
            "g": {"sd": p.Uniform(0, 10)},
            "sigma": p.Hierarchical(p.LogNormal, mu=p.Uniform(-1, 2), sigma=p.Uniform(0, 3)),
        },
        made_data(),
    )
    density = density_of(case)
    inside = points_near(case, density, 1, 0.0)
    outside = np.tile(inside, (5, 1))
    outside[np.arange(3), np.arange(3)] = [np.log(11.0), 2.1, np.log(3.1)]
    outside[3, 0], outside[4, 3] = np.inf, np.nan
    values, gradients = density.log_density_and_gradient(np.vstack([inside, outside]))
    assert np.isfinite(values[0])
    assert np.all(values[1:] == -np.inf)
    assert np.all(gradients[1:] == 0.0)
    assert density.log_density(np.zeros((0, inside.size))).shape == (0,)
    assert density.log_density_and_gradient(np.zeros((0, inside.size)))[1].shape == (0, inside.size)


def test_results_do_not_depend_on_threads() -> None:
    case = named_case("three effects")
    x = points_near(case, density_of(case), 20, 0.5)
    two = VaryingDensity(case.moments, case.priors, case.residual, threads=2)
    np.testing.assert_array_equal(density_of(case).log_density(x), two.log_density(x))
    for one, other in zip(density_of(case).draw_groups(x, 4, 7)[1], two.draw_groups(x, 4, 7)[1], strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", ["two terms", "known inverse gamma, inverse-Wishart"])
def test_group_draws_are_in_the_units_and_order_of_the_user(name: str) -> None:
    """Given the drawn sds, effects have the dense conditional mean, by residual group."""
    case = named_case(name)
    density = density_of(case)
    x = np.repeat(points_near(case, density, 1, 0.1), 6000, axis=0)
    sds, effects = density.draw_groups(x, 3, 0)
    drawn = np.concatenate(effects, axis=2)
    D, beta = covariance_at(density, x[0]), density.coefficients(x[:1])[0]
    factor = case.design.factors[0]
    for j, group in enumerate(dense_groups(case.design)):
        level = factor.index[np.flatnonzero(case.design.residual_groups.index == j)[0]]
        s2 = np.square(sds[:, j])[:, None, None]
        A = np.linalg.inv(D) + (group.Z.T * group.w) @ group.Z / s2
        h = (group.Z.T * group.w) @ (group.y - group.X @ beta) / s2[:, :, 0]
        z = drawn[:, level] - np.linalg.solve(A, h[:, :, None])[:, :, 0]
        error = np.sqrt(np.linalg.inv(A)[:, range(len(D)), range(len(D))].mean(axis=0) / len(z))
        assert np.all(np.abs(z.mean(axis=0)) < 4.5 * error)
    np.testing.assert_allclose(
        density.pooled(sds[:5]),
        np.sqrt(
            sum(g.y.size * sds[:5, j] ** 2 for j, g in enumerate(dense_groups(case.design)))
            / sum(g.y.size for g in dense_groups(case.design))
        ),
        rtol=1e-12,
    )


@pytest.mark.parametrize(("name", "proper"), [("defaults", True), ("mean held, variance of logs", False)])
def test_flat_priors_are_not_proper(name: str, proper: bool) -> None:
    assert density_of(named_case(name)).proper is proper
