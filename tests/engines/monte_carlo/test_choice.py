"""Which engine is taken, and why."""

from __future__ import annotations

import pytest

from multilevel.engines.monte_carlo.choice import choice_for, choose
from multilevel.moments import summarise
from tests.engines.structures import by_name, design_of

CASES = {
    "small": (1000, 10**5, "exact", "Exact: 1,000 effects are solved together, in about 1 s."),
    "slow": (8000, 10**6, "monte_carlo", "of 8,000 effects together needs 1.5 GB and about 102 s."),
    "hours": (50_000, 10**7, "monte_carlo", "of 50,000 effects together needs 60.0 GB"),
    "dense pairs": (2500, 10**9, "exact", "Exact: 2,500 effects"),
    "nothing left": (0, 10**9, "exact", "Exact."),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_the_cheaper_engine_is_taken(case: tuple[int, int, str, str]) -> None:
    core, pairs, solver, words = case
    choice = choose(core=core, pairs=pairs, effects=1, columns=2)
    assert choice.solver == solver
    assert words in choice.sentence


def test_memory_decides_whatever_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("multilevel.engines.monte_carlo.choice.max_core", lambda: 100)
    assert choose(core=101, pairs=10**9, effects=1, columns=2).solver == "monte_carlo"


def test_what_monte_carlo_cannot_fit_is_exact() -> None:
    assert "fewer than two" in choice_for(summarise(design_of(by_name("k=1")))).sentence
    assert choice_for(summarise(design_of(by_name("three crossed")))).solver == "exact"
