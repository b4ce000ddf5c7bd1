"""Chains on a known density: moments, seeds, early ends, and a library that is not there."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

from multilevel.engines.nuts.chains import Chains, nutpie_is_installed, run_chains
from multilevel.engines.pace import Pace, SamplingProgress
from multilevel.errors import OptionError
from tests.engines.structures import Floats

VARIANCE = np.array([[4.0, 1.5], [1.5, 1.0]])


class Normal:
    """A normal density of two numbers."""

    names = ("a", "b")

    def log_density(self, x: Floats) -> Floats:
        return self.log_density_and_gradient(x)[0]

    def log_density_and_gradient(self, x: Floats) -> tuple[Floats, Floats]:
        slope = -(x - 1.0) @ np.linalg.inv(VARIANCE)
        return 0.5 * ((x - 1.0) * slope).sum(axis=1), slope


def chains(seed: int = 1, *, draws: int = 500, **options: Any) -> Chains:
    return run_chains(
        Normal(), np.zeros(2), draws=draws, chains=2, warmup=200, seed=seed, **{"together": 2, **options}
    )


def test_moments_are_those_of_the_density() -> None:
    found = chains()
    assert found.points.shape == (2, 500, 2)
    assert found.divergent.shape == found.too_long.shape == found.energy.shape == (2, 500)
    assert found.complete
    assert not found.divergent.any()
    x = found.points.reshape(-1, 2)
    # five standard errors of 300 effective draws at the least
    np.testing.assert_allclose(x.mean(axis=0), 1.0, atol=5 * 2.0 / np.sqrt(300))
    np.testing.assert_allclose(np.cov(x.T), VARIANCE, atol=5 * 4.0 * np.sqrt(2.0 / 300))
    assert found.least_information > 0.3


@pytest.mark.parametrize("threads", [None, 1, 2])
def test_the_same_seed_gives_the_same_draws(threads: int | None) -> None:
    np.testing.assert_array_equal(chains(seed=4, threads=threads).points, chains(seed=4).points)
    assert not np.array_equal(chains(seed=4).points, chains(seed=5).points)


def test_energy_information_is_that_of_its_definition() -> None:
    energy = np.array([[1.0, 2.0, 4.0], [0.0, 0.0, 0.0]])
    flags = np.zeros((2, 3), dtype=bool)
    found = Chains(np.zeros((2, 3, 1)), flags, flags, energy, 0, 0, True)
    spread = ((energy[0] - energy[0].mean()) ** 2).sum()
    assert found.least_information == pytest.approx(min(1.0, (1.0 + 4.0) / spread))


def test_a_run_that_is_stopped_gives_the_draws_so_far() -> None:
    seen: list[SamplingProgress] = []

    def watch(progress: SamplingProgress) -> bool:
        seen.append(progress)
        return progress.draws < 40

    pace = Pace(watch=watch)
    found = chains(pace=pace, draws=200_000)
    assert not found.complete
    assert 0 < found.points.shape[1] < 200_000
    assert found.points.shape[0] == 2
    assert pace.ending() == "stopped by `progress`"
    assert seen[-1].method == "nuts"


def interrupt(progress: SamplingProgress) -> None:
    """Do what Ctrl-C does once there are draws."""
    if progress.draws >= 40:
        raise KeyboardInterrupt


def test_ctrl_c_gives_the_draws_so_far() -> None:
    pace = Pace(watch=interrupt)
    found = chains(pace=pace, draws=200_000)
    assert not found.complete
    assert found.points.shape[1] > 0
    assert pace.ending() == "stopped by Ctrl-C"


def test_ctrl_c_in_warm_up_is_passed_on() -> None:
    def at_once(progress: SamplingProgress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match="before the first draw after warm-up"):
        run_chains(
            Normal(), np.zeros(2), draws=10, chains=2, warmup=1_000_000, seed=1, pace=Pace(watch=at_once)
        )


def test_a_run_that_is_stopped_in_warm_up_has_no_draws() -> None:
    pace = Pace(watch=lambda _: False)
    with pytest.raises(OptionError, match="before the first draw after warm-up") as caught:
        run_chains(Normal(), np.zeros(2), draws=10, chains=2, warmup=1_000_000, seed=1, pace=pace)
    assert caught.value.remedy == "more time, or less warm-up"


def test_nothing_to_sample_needs_no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nutpie", None)
    found = run_chains(Normal(), np.zeros(0), draws=5, chains=2, warmup=3, seed=1)
    assert found.points.shape == (2, 5, 0)
    assert found.least_information == 1.0


def test_a_library_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert nutpie_is_installed()
    monkeypatch.setitem(sys.modules, "nutpie", None)
    assert not nutpie_is_installed()
    with pytest.raises(OptionError, match="method='nuts' needs nutpie") as caught:
        chains()
    assert 'try: pip install "multilevel[nuts]"' in str(caught.value)
