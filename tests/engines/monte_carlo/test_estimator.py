"""Whole fits by Monte Carlo against the exact engine, in units of standard errors; refusals; saved fits."""

from __future__ import annotations

import numpy as np
import pytest

from multilevel.engines.likelihood import Progress, solve
from multilevel.engines.monte_carlo.estimator import evaluate_monte_carlo, solve_monte_carlo
from multilevel.engines.solution import Method, Status
from multilevel.errors import DesignError, OptionError
from multilevel.moments import summarise
from tests.engines.monte_carlo.crossed_cases import PATTERNS, crossed, difference, few_rows, uniform
from tests.engines.structures import by_name, design_of


@pytest.mark.parametrize("method", ["reml", "ml"])
@pytest.mark.parametrize("pattern", PATTERNS, ids=[one.__name__ for one in PATTERNS])
def test_hard_patterns_are_within_the_error_that_is_reported(pattern, method: Method) -> None:  # type: ignore[no-untyped-def]
    moments = summarise(crossed(pattern))
    exact = solve(moments, method=method)
    found = solve_monte_carlo(moments, method=method, mc_error=0.02, mc_seed=1)
    chance = found.monte_carlo
    assert chance is not None
    assert found.status is Status.OPTIMAL
    assert found.certificate.holds
    assert chance.error <= 0.02
    assert difference(found, exact) < 3.0 * 0.02  # three Monte Carlo errors
    assert abs(found.criterion - exact.criterion) < 4.0 * 2.0 * chance.loglik_error
    np.testing.assert_allclose(found.beta, exact.beta, atol=2e-3 * np.sqrt(exact.vcov_beta[0, 0]))
    np.testing.assert_allclose(found.vcov_beta, exact.vcov_beta, rtol=5e-3)
    assert found.sigma == pytest.approx(exact.sigma, rel=1e-3)
    assert found.n_parameters == exact.n_parameters


def test_vector_terms_and_weights() -> None:
    moments = summarise(crossed(uniform, slopes=True))
    exact = solve(moments, method="reml")
    found = solve_monte_carlo(moments, mc_error=0.02)
    assert difference(found, exact) < 0.06
    for name in ("crossed k=2, 3", "crossed and nested vectors", "two on each"):
        small = summarise(design_of(by_name(name)))
        assert solve_monte_carlo(small, mc_error=1.0).monte_carlo is not None


def test_another_seed_gives_other_estimates_the_same_one_the_same() -> None:
    moments = summarise(crossed(few_rows))
    one, same, other = (solve_monte_carlo(moments, mc_error=0.1, mc_seed=seed) for seed in (0, 0, 1))
    assert (one.theta == same.theta).all()
    assert one.criterion == same.criterion
    assert (one.theta != other.theta).any()


def test_boundaries_are_told_and_certified() -> None:
    moments = summarise(crossed(uniform, sds=(0.0, 1.0, 0.0), seed=1))
    exact = solve(moments, method="reml")
    assert exact.status is Status.BOUNDARY
    found = solve_monte_carlo(moments)
    assert found.status is Status.BOUNDARY
    assert "on the boundary" in found.sentence
    assert found.covariances[0].tolist() == [[0.0]]
    assert found.boundary[0].startswith("`(1 | a)`: the sd of `Intercept` is estimated as exactly 0")
    assert found.certificate.holds
    assert found.certificate.dual == 0.0


def test_a_correlation_of_one_is_found() -> None:
    moments = summarise(crossed(uniform, slopes=True, sds=(0.9, 1.2, 0.0), seed=3))
    exact, found = solve(moments, method="reml"), solve_monte_carlo(moments)
    assert exact.status is found.status is Status.BOUNDARY
    assert found.boundary[0].startswith(
        "`(1 + x | a)`: the correlation of its effects is estimated as exactly 1"
    )
    np.testing.assert_allclose(found.covariances[0], exact.covariances[0], atol=2e-3)  # a tenth of an error


def test_an_error_that_cannot_be_reached_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("multilevel.engines.monte_carlo.search.MOST_PROBES", 8)
    found = solve_monte_carlo(summarise(crossed(few_rows)), mc_error=0.001)
    assert found.status is Status.STALLED
    assert not found.certificate.holds
    assert "more than mc_error=0.001; allow a larger one, or solver='exact'" in found.sentence


def test_progress_and_limits() -> None:
    moments = summarise(crossed(few_rows))
    seen: list[Progress] = []
    stopped = solve_monte_carlo(moments, progress=lambda step: seen.append(step) or False)
    assert stopped.status is Status.INTERRUPTED
    assert np.isnan(seen[0].criterion)
    short = solve_monte_carlo(moments, max_evaluations=1)
    assert short.status is Status.EVALUATION_LIMIT
    assert not short.certificate.holds


def test_saved_coordinates_give_the_same_solution() -> None:
    moments = summarise(crossed(uniform, slopes=True))
    found = solve_monte_carlo(moments, mc_error=0.05, mc_seed=3)
    assert found.monte_carlo is not None
    again = evaluate_monte_carlo(
        moments,
        method="reml",
        theta=found.theta,
        mc_error=0.05,
        probes=found.monte_carlo.probes,
        seed=3,
        evaluations=found.certificate.evaluations,
    )
    assert again.criterion == pytest.approx(found.criterion, rel=1e-9)
    assert again.status is found.status
    assert again.sentence == found.sentence
    np.testing.assert_allclose(again.beta, found.beta, rtol=1e-6)
    ended = evaluate_monte_carlo(
        moments, method="reml", theta=found.theta, mc_error=0.05, probes=8, seed=3, status=Status.INTERRUPTED
    )
    assert ended.status is Status.INTERRUPTED


OPTIONS = {
    "error": ({"mc_error": 0.0}, "mc_error=0.0 is not a Monte Carlo error"),
    "no number": ({"mc_error": "small"}, "mc_error='small' is not"),
    "flag": ({"mc_error": True}, "mc_error=True is not"),
    "seed": ({"mc_seed": -1}, "mc_seed=-1 is not a seed"),
    "whole": ({"mc_seed": 1.5}, "mc_seed=1.5 is not a seed"),
    "start": ({"start": np.zeros(5)}, "cannot be start values"),
    "limit": ({"max_evaluations": 0}, "max_evaluations=0 is not"),
}


@pytest.mark.parametrize("case", OPTIONS.values(), ids=OPTIONS.keys())
def test_options_are_checked(case) -> None:  # type: ignore[no-untyped-def]
    options, message = case
    moments = summarise(design_of(by_name("crossed")))
    with pytest.raises(OptionError, match=message.replace("(", r"\(")):
        solve_monte_carlo(moments, **options)


def test_one_factor_is_refused() -> None:
    moments = summarise(design_of(by_name("k=2")))
    with pytest.raises(DesignError, match="fewer than two grouping factors"):
        solve_monte_carlo(moments)
