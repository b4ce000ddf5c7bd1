"""Linear models go to the engine that was asked for, or to the cheaper one, which says why."""

from __future__ import annotations

import pytest

from multilevel.engines.linear import Solving, solve_linear
from multilevel.errors import OptionError
from multilevel.moments import summarise
from tests.engines.monte_carlo.crossed_cases import crossed, uniform


def test_the_solver_decides_and_auto_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = summarise(crossed(uniform))
    assert solve_linear(moments, Solving(solver="exact")).monte_carlo is None
    assert solve_linear(moments, Solving()).monte_carlo is None
    asked = solve_linear(moments, Solving(solver="monte_carlo", mc_error=0.1, mc_seed=2))
    assert asked.monte_carlo is not None
    assert (asked.monte_carlo.asked, asked.monte_carlo.seed) == (0.1, 2)
    assert asked.sentence.startswith("The optimum is certified within its Monte Carlo error")
    monkeypatch.setattr("multilevel.engines.monte_carlo.choice.max_core", lambda: 10)
    taken = solve_linear(moments, Solving())
    assert taken.monte_carlo is not None
    assert taken.sentence.startswith("Monte Carlo: an exact solution of 200 effects together needs")
    assert solve_linear(moments, Solving(method="em")).trace is not None


def test_auto_is_exact_where_probes_do_not_get_as_precise_as_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = summarise(crossed(uniform))
    monkeypatch.setattr("multilevel.engines.monte_carlo.choice.PATIENCE", 0.0)
    monkeypatch.setattr("multilevel.engines.monte_carlo.choice.ADVANTAGE", 0.0)
    monkeypatch.setattr("multilevel.engines.monte_carlo.search.MOST_PROBES", 8)
    found = solve_linear(moments, Solving(mc_error=0.001))
    assert found.monte_carlo is None and found.certificate.holds
    assert found.sentence.startswith("Exact, because the Monte Carlo error asked for was not reached. ")
    assert found.criterion == pytest.approx(
        solve_linear(moments, Solving(solver="exact")).criterion, abs=1e-6
    )


def test_options_that_do_not_go_together_are_refused() -> None:
    with pytest.raises(OptionError, match="method='em'"):
        Solving(method="em", solver="monte_carlo")
    with pytest.raises(OptionError, match="mc_error"):
        Solving(mc_error=2.0)
