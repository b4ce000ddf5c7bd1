"""Known sds of terms: the optimum and its criterion against dense algebra and SciPy, curvature, refusals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize

from multilevel.engines.likelihood import solve
from multilevel.engines.likelihood.known_sds import criterion_of, evaluate_known, solve_known
from multilevel.engines.solution import Status
from multilevel.errors import OptionError
from multilevel.moments import summarise
from tests.oracle import designs
from tests.oracle.criterion import criterion, gls
from tests.oracle.dense import dense, marginal_covariance

CASES = [
    (designs.nested, (1.0, None), True),
    (designs.nested, (None, 0.3), True),
    (designs.nested, (0.5, 0.9), True),
    (designs.crossed, (None, 1.5), True),
    (designs.friends, (0.9,), False),
]
"""Design, known sds, whether the residual sd is estimated."""


def covariances_at(known, x, sizes):
    """Return diagonal covariance matrices from logs of the sds that are free."""
    found, used = [], 0
    for sd, k in zip(known, sizes, strict=True):
        if sd is None:
            found.append(np.diag(np.exp(2 * x[used : used + k])))
            used += k
        else:
            found.append(np.array([[sd * sd]]))
    return found


def dense_optimum(problem, known, sizes, method, sigma):
    """Return the optimum in the logs of the sds by SciPy on dense matrices."""
    free = sum(k for sd, k in zip(known, sizes, strict=True) if sd is None) + (sigma is None)

    def value(x):
        return criterion(problem, covariances_at(known, x, sizes), sigma or np.exp(x[-1]), method)

    if free == 0:
        return np.zeros(0), value(np.zeros(0))
    found = minimize(value, np.full(free, -0.3), method="Nelder-Mead",
                     options={"xatol": 1e-8, "fatol": 1e-11, "maxiter": 4000, "maxfev": 4000})  # fmt: skip
    return found.x, found.fun


@pytest.mark.parametrize("method", ["reml", "ml"])
@pytest.mark.parametrize(("make", "known", "estimated"), CASES)
def test_optimum_is_that_of_dense_algebra(make, known, estimated, method) -> None:
    design = make()
    sizes = [len(term.names) for term in design.terms]
    solution = solve_known(summarise(design), known, method=method)
    problem = dense(design)
    x, wanted = dense_optimum(problem, known, sizes, method, None if estimated else design.residual_sd)
    assert solution.criterion == pytest.approx(wanted, abs=2e-8)  # the minimum is flat: SciPy stops at 1e-11
    here = criterion(problem, list(solution.covariances), solution.sigma, method)
    assert solution.criterion == pytest.approx(here, rel=1e-11)
    logs = [
        0.5 * np.log(np.diagonal(T)) for T, sd in zip(solution.covariances, known, strict=True) if sd is None
    ]
    found = np.concatenate([*logs, [np.log(solution.sigma)] if estimated else []])
    np.testing.assert_allclose(found, x, atol=1e-5)
    for T, sd in zip(solution.covariances, known, strict=True):
        assert sd is None or np.sqrt(T[0, 0]) == pytest.approx(sd, rel=1e-12)
    exact = gls(problem, marginal_covariance(problem, list(solution.covariances), solution.sigma))
    np.testing.assert_allclose(solution.beta, exact.beta, rtol=1e-9)
    np.testing.assert_allclose(solution.vcov_beta, exact.vcov, rtol=1e-9)
    assert (solution.status, solution.certificate.holds) == (Status.OPTIMAL, True)
    assert solution.n_parameters == len(exact.beta) + found.size


@pytest.mark.parametrize("method", ["reml", "ml"])
def test_sds_known_at_the_estimate_change_nothing(method) -> None:
    moments = summarise(designs.crossed())
    free = solve(moments, method=method)
    known = (None, float(np.sqrt(free.covariances[1][0, 0])))
    found = solve_known(moments, known, method=method)
    assert found.criterion == pytest.approx(free.criterion, abs=1e-9)
    np.testing.assert_allclose(found.groups.modes(0), free.groups.modes(0), atol=1e-5)


def test_gradient_is_that_of_differences() -> None:
    for known in [(1.0, None), (0.5, 0.9)]:
        found = criterion_of(summarise(designs.nested()), known, "reml")
        x = np.linspace(0.4, -0.4, found.free.size + 1)
        for i in range(x.size):
            step = np.zeros(x.size)
            step[i] = 1e-6
            slope = (found.evaluate(x + step)[0] - found.evaluate(x - step)[0]) / 2e-6
            assert found.evaluate(x)[1][i] == pytest.approx(slope, rel=1e-5, abs=1e-5)


def test_curvature_is_that_of_the_dense_criterion() -> None:
    """Satterthwaite's ingredients in the residual sd alone: variance of its log, slope of Var(beta)."""
    design = designs.nested()
    known = (0.5, 0.9)
    solution = solve_known(summarise(design), known, method="reml")
    problem = dense(design)
    T = [np.array([[0.25]]), np.array([[0.81]])]
    at, h = np.log(solution.sigma), 1e-4
    values = [criterion(problem, T, np.exp(at + step), "reml") for step in (-h, 0.0, h)]
    second = (values[0] - 2 * values[1] + values[2]) / h**2
    ends = [gls(problem, marginal_covariance(problem, T, np.exp(at + step))).vcov for step in (-h, h)]
    found = solution.groups.curvature()
    assert found.covariance[0, 0] == pytest.approx(2 / second, rel=1e-4)
    np.testing.assert_allclose(found.gradient[0], (ends[1] - ends[0]) / (2 * h), rtol=1e-5)
    with pytest.raises(OptionError, match="kenward-roger"):
        solution.groups.kenward_roger()


def test_a_variance_that_the_known_sd_leaves_nothing_for_is_zero() -> None:
    moments = summarise(designs.nested())
    found = solve_known(moments, (None, 3.0), method="ml")
    assert found.covariances[0][0, 0] == 0.0
    assert (found.status, found.certificate.holds) == (Status.BOUNDARY, True)
    assert found.certificate.dual > 0.0
    assert "exactly 0" in found.boundary[0]


@pytest.mark.parametrize("sd", [1e-9, 1e-3, 1e3])
def test_a_known_sd_is_what_it_is_and_no_boundary(sd) -> None:
    found = solve_known(summarise(designs.nested()), (sd, None), method="reml")
    assert (found.covariances[0][0, 0], found.boundary[0]) == (sd * sd, "")
    assert (found.status, found.certificate.holds) == (Status.OPTIMAL, True)


def test_a_response_without_residuals_is_saturated() -> None:
    design = designs.nested()
    first = replace(design, y=np.linspace(0.0, 1.0, 24)[design.factors[1].index])
    found = solve_known(summarise(first), (None, 1.0), method="reml")
    assert (found.status, found.certificate.holds) == (Status.SATURATED, False)


@pytest.mark.parametrize("known", [(1.0, None), (0.5, 0.9)])
def test_evaluated_again_it_is_the_same(known) -> None:
    moments = summarise(designs.nested())
    found = solve_known(moments, known, method="reml")
    again = evaluate_known(moments, known, method="reml", theta=found.theta)
    assert again.criterion == found.criterion
    assert again.status is found.status
    limited = evaluate_known(moments, known, method="reml", theta=found.theta, status=Status.INTERRUPTED)
    assert not limited.certificate.holds
    assert solve_known(moments, known, start=found.theta).criterion == pytest.approx(
        found.criterion, abs=1e-9
    )


def test_a_search_can_be_limited_watched_and_ended() -> None:
    moments = summarise(designs.nested())
    assert solve_known(moments, (1.0, None), max_evaluations=3).status is Status.EVALUATION_LIMIT
    seen = []
    assert solve_known(moments, (1.0, None), progress=seen.append).status is Status.OPTIMAL
    assert seen[-1].criterion == pytest.approx(solve_known(moments, (1.0, None)).criterion, abs=1e-6)
    assert solve_known(moments, (1.0, None), progress=lambda _: False).status is Status.INTERRUPTED
    with pytest.raises(OptionError, match="start="):
        solve_known(moments, (1.0, None), start=np.zeros(5))
