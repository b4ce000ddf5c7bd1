"""Batches of the marginal density: the same values stored or not, and partial runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from multilevel.design.bound_priors import BoundPriors
from multilevel.engines.checkpoint import Checkpoint, open_checkpoint
from multilevel.engines.draws import Draws
from multilevel.engines.marginal import batches as module
from multilevel.engines.marginal import sample_marginal
from multilevel.engines.marginal.batches import FEWEST, Batches
from multilevel.engines.pace import Pace, SamplingProgress
from multilevel.errors import OptionError
from multilevel.moments import Moments
from tests.engines.gibbs_cases import Floats, model_of

MANY = 10**6
"""Group effects of a model whose batches are the smallest."""


class Density:
    """A log density that counts its points, and stops the run after some of them."""

    def __init__(self, stop: Callable[[], None] = lambda: None, after: int = 10**9) -> None:
        self.points, self._stop, self._after = 0, stop, after

    def __call__(self, x: Floats) -> Floats:
        self.points += x.shape[0]
        if self.points > self._after:
            self._stop()
        return np.asarray(np.sin(x).sum(axis=1))


def interrupt() -> None:
    """Stand for Ctrl-C."""
    raise KeyboardInterrupt


X = np.random.default_rng(1).normal(size=(4 * FEWEST - 10, 3))


def test_values_are_those_of_the_density() -> None:
    density = Density()
    found = Batches(density, Pace(), None, draws=10, effects=MANY)(X)
    np.testing.assert_array_equal(found, np.sin(X).sum(axis=1))
    assert density.points == X.shape[0]


def test_stored_values_are_not_computed_again(tmp_path: Path) -> None:
    with open_checkpoint(tmp_path / "run", {}, resume=False) as store:
        batches = Batches(Density(interrupt, 3 * FEWEST), Pace(), store, draws=10, effects=MANY)
        first = batches(X[: FEWEST + 1])
        assert batches.until_over(X).size == FEWEST
    density = Density()
    with open_checkpoint(tmp_path / "run", {}, resume=True) as store:
        batches = Batches(density, Pace(), store, draws=10, effects=MANY)
        assert batches(X[: FEWEST + 1]).tobytes() == first.tobytes()
        assert batches(X).tobytes() == np.sin(X).sum(axis=1).tobytes()
    assert density.points == X.shape[0] - FEWEST


def test_ctrl_c_leaves_the_whole_batches() -> None:
    pace = Pace()
    batches = Batches(Density(interrupt, 2 * FEWEST + 1), pace, None, draws=10, effects=MANY)
    assert batches.until_over(X).size == 2 * FEWEST
    assert pace.ending() == "stopped by Ctrl-C"


def test_ctrl_c_before_the_weighted_points_is_passed_on() -> None:
    with pytest.raises(KeyboardInterrupt):
        Batches(Density(interrupt, 1), Pace(), None, draws=10, effects=MANY)(X)


def test_a_limit_before_the_weighted_points_is_an_error() -> None:
    pace = Pace(max_time=1.0, clock=iter([0.0, 0.5, 2.0]).__next__)
    with pytest.raises(OptionError, match="stopped by max_time=1 before the first draw"):
        Batches(Density(), pace, None, draws=10, effects=MANY)(X)


def test_progress_is_told_of_every_batch() -> None:
    seen: list[SamplingProgress] = []
    Batches(Density(), Pace(watch=seen.append), None, draws=100, effects=MANY).until_over(X)
    assert [(progress.method, progress.draws, progress.of) for progress in seen] == [
        ("marginal", 25, 100),
        ("marginal", 50, 100),
        ("marginal", 75, 100),
        ("marginal", 100, 100),
    ]


@pytest.fixture(scope="module")
def case() -> tuple[Moments, BoundPriors]:
    return model_of("reaction ~ days + (days | subject)", "sleepstudy")


def sampled(
    case: tuple[Moments, BoundPriors], pace: Pace | None = None, store: Checkpoint | None = None
) -> Draws:
    """Return a run of 500 draws."""
    return sample_marginal(*case, draws=500, chains=4, seed=3, pace=pace, checkpoint=store, threads=1)


def bits(draws: Draws) -> list[bytes]:
    """Return everything that a run gives, as bytes."""
    numbers = np.array([*draws.diagnostics.values(), draws.efficiency, draws.log_evidence])
    arrays = [draws.coefficients, draws.sigma, *draws.sds, *draws.correlations, *draws.effects, draws.kept]
    return [array.tobytes() for array in (*arrays, numbers)]


@pytest.mark.parametrize("share", [0.0, 0.3, 0.8])
def test_a_resumed_run_has_the_same_bits(
    case: tuple[Moments, BoundPriors], share: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "batch_size", lambda effects: FEWEST)
    with open_checkpoint(tmp_path / "run", {}, resume=False) as store:
        partial = sampled(case, Pace(watch=lambda progress: progress.share < share), store)
    assert not partial.complete
    assert 4 <= partial.sigma.size < 500
    assert partial.sigma.shape[0] == 4
    assert partial.sentence.endswith("The run was stopped by `progress`.")
    with open_checkpoint(tmp_path / "run", {}, resume=True) as store:
        found = sampled(case, None, store)
    assert found.complete
    assert bits(found) == bits(sampled(case))


def test_the_draws_do_not_depend_on_the_threads(case: tuple[Moments, BoundPriors]) -> None:
    one, two = (sample_marginal(*case, draws=500, seed=3, threads=threads) for threads in (1, 2))
    assert bits(one) == bits(two)


def test_a_partial_run_draws_from_the_same_distribution(case: tuple[Moments, BoundPriors]) -> None:
    """Means of a run that ended after half of its points; five standard errors."""
    whole = sample_marginal(*case, draws=8000, seed=4)
    part = sample_marginal(*case, draws=8000, seed=5, pace=Pace(watch=lambda progress: progress.share < 0.5))
    assert 3000 < part.sigma.size < 6000
    a, b = whole.coefficients.reshape(-1, 2), part.coefficients.reshape(-1, 2)
    error = a.std(axis=0) * np.sqrt(1 / (0.6 * len(a)) + 1 / (0.6 * len(b)))
    assert (np.abs(a.mean(axis=0) - b.mean(axis=0)) < 5.0 * error).all()


def test_draws_that_the_chains_do_not_divide(case: tuple[Moments, BoundPriors]) -> None:
    assert sample_marginal(*case, draws=503, chains=4, seed=3).sigma.shape == (4, 125)
