"""The search: to the exact optimum where nothing is left to chance, from anywhere, and to boundaries."""

from __future__ import annotations

import numpy as np
import pytest

from multilevel.engines.likelihood import solve
from multilevel.engines.likelihood.problem import relative_covariances
from multilevel.engines.monte_carlo import search as module
from multilevel.engines.monte_carlo.frames import relative_of
from multilevel.engines.monte_carlo.point import problem_of
from multilevel.engines.monte_carlo.search import Aims, newton_at, search
from multilevel.engines.monte_carlo.system import system_of
from multilevel.engines.solution import Status
from multilevel.moments import summarise
from tests.engines.monte_carlo.crossed_cases import crossed, few_rows, uniform
from tests.engines.structures import by_name, design_of

NAMES = ("crossed", "crossed, known sigma", "crossed k=2, 1", "crossed and nested", "three crossed")


def always(evaluations: int, decrement: float) -> bool:
    """Let the search go on."""
    return True


@pytest.fixture
def unit_vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Probe with every level's unit vector, so that nothing is left to chance."""
    monkeypatch.setattr(module, "FIRST_PROBES", 10**6)


@pytest.mark.usefixtures("unit_vectors")
@pytest.mark.parametrize("far", [1.0, 1e-3, 30.0])
@pytest.mark.parametrize("name", NAMES)
def test_it_ends_at_the_exact_optimum_from_anywhere(name: str, far: float) -> None:
    moments = summarise(design_of(by_name(name)))
    exact = solve(moments, method="reml")
    problem = problem_of(moments, system_of(moments), reml=True)
    start = [far * np.eye(block.size) for block in moments.blocks]
    found = search(problem, start, Aims(0.001, 0, 200), always)
    assert found.newton.decrement <= 1e-8
    assert found.newton.error == 0.0
    for term, T, E in zip(
        found.point.frame,
        relative_of(found.point.frame),
        relative_covariances(moments, exact.theta),
        strict=True,
    ):
        # a decrement of 1e-8 leaves 1e-4 standard errors; variances below the floor count as zero
        np.testing.assert_allclose(T, E, atol=3e-3 * max(1.0, np.abs(E).max()) + 3 * term.floor.max())


@pytest.mark.usefixtures("unit_vectors")
def test_a_variance_without_support_goes_to_zero_and_is_held() -> None:
    moments = summarise(crossed(uniform, sds=(0.0, 1.0, 0.0), seed=1))
    assert solve(moments, method="reml").status is Status.BOUNDARY
    problem = problem_of(moments, system_of(moments), reml=True)
    found = search(problem, [np.eye(1), np.eye(1)], Aims(0.01, 0, 200), always)
    assert relative_of(found.point.frame)[0].tolist() == [[0.0]]
    assert found.newton.free.tolist() == [False, True]
    assert found.point.gradient[0] > 0.0


def test_probes_are_added_until_the_error_is_reached() -> None:
    moments = summarise(crossed(few_rows))
    problem = problem_of(moments, system_of(moments), reml=True)
    start = [np.eye(1), np.eye(1)]
    loose, tight = (search(problem, start, Aims(error, 0, 200), always) for error in (0.3, 0.02))
    assert loose.probes.number == module.FIRST_PROBES
    assert tight.probes.number > module.FIRST_PROBES
    assert loose.newton.error <= 0.3
    assert tight.newton.error <= 0.02
    again = newton_at(tight.point, tight.probes)
    assert again.error == tight.newton.error


def test_its_watcher_and_its_limit_end_it() -> None:
    moments = summarise(crossed(few_rows))
    problem = problem_of(moments, system_of(moments), reml=True)
    seen: list[tuple[int, float]] = []

    def stop(evaluations: int, decrement: float) -> bool:
        seen.append((evaluations, decrement))
        return len(seen) < 2

    stopped = search(problem, [30 * np.eye(1), 30 * np.eye(1)], Aims(0.01, 0, 200), stop)
    assert stopped.interrupted
    assert seen[1][0] > seen[0][0]
    assert seen[1][1] < seen[0][1]
    short = search(problem, [30 * np.eye(1), 30 * np.eye(1)], Aims(0.01, 0, 1), always)
    assert short.evaluations == 1
    assert not short.interrupted
