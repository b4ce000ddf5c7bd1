"""Chains take turns, end together, and go on from a checkpoint with the same bits."""

from __future__ import annotations

import threading
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from multilevel.design.bound_priors import BoundPriors
from multilevel.engines.checkpoint import Checkpoint, Record, open_checkpoint
from multilevel.engines.draws import Draws
from multilevel.engines.gibbs import sample_gibbs
from multilevel.engines.gibbs.chain import Chain
from multilevel.engines.pace import Pace, SamplingProgress
from multilevel.errors import DesignError, OptionError, StorageError
from multilevel.model.priors import HalfCauchy, StudentT
from multilevel.moments import Moments
from tests.engines.gibbs_cases import model_of

CASES = {
    "random walks, two effects": (
        "reaction ~ days + (days | subject)",
        "sleepstudy",
        {"subject": {"sd": HalfCauchy(20)}, "days": StudentT(3, 0, 20)},
    ),
    "exact, crossed": ("diameter ~ 1 + (1 | plate) + (1 | sample)", "penicillin", None),
    "residual sds by group": ("reaction ~ days + (days | subject)", "sleepstudy", None),
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> tuple[Moments, BoundPriors]:
    groups = {"residual_groups": "subject"} if request.param == "residual sds by group" else {}
    return model_of(*CASES[request.param], **groups)


class Steps:
    """A clock that goes on by some seconds whenever it is read, and may be read by several threads."""

    def __init__(self, step: float) -> None:
        self._step, self._now, self._guard = step, 0.0, threading.Lock()

    def __call__(self) -> float:
        with self._guard:
            self._now += self._step
            return self._now


def sampled(
    case: tuple[Moments, BoundPriors],
    pace: Pace | None = None,
    store: Checkpoint | None = None,
    threads: int = 1,
) -> Draws:
    """Return a short run of three chains."""
    return sample_gibbs(
        *case, draws=90, chains=3, warmup=40, seed=5, threads=threads, pace=pace, checkpoint=store
    )


def bits(draws: Draws) -> list[bytes]:
    """Return everything that a run gives, as bytes."""
    arrays = [draws.coefficients, draws.sigma, *draws.sds, *draws.correlations, *draws.effects, draws.kept]
    if draws.residual is not None:
        arrays += [draws.residual.sds, *(values for _, values in draws.residual.parameters)]
    numbers = np.array(list(draws.diagnostics.values()))
    return [array.tobytes() for array in (*arrays, numbers)]


@pytest.mark.parametrize("threads", [1, 2])
def test_a_run_in_pieces_has_the_same_bits(
    case: tuple[Moments, BoundPriors], tmp_path: Path, threads: int
) -> None:
    """Pieces of a few sweeps, in warm-up and after, each read from the file by a run of its own."""
    path, sessions = tmp_path / "run.ckpt", 0
    while True:
        sessions += 1
        with open_checkpoint(path, {}, resume=True) as store:
            pace = Pace(max_time=1.0, clock=Steps(0.011 / sessions**0.5))
            try:
                found = sampled(case, pace, store, threads)
            except OptionError as error:
                assert "before the first draw after warm-up: the checkpoint holds" in str(error)
                continue
        if found.complete:
            break
    assert sessions > 3
    assert bits(found) == bits(sampled(case))


def test_a_complete_checkpoint_gives_the_draws_without_a_sweep(
    case: tuple[Moments, BoundPriors], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_checkpoint(tmp_path / "run.ckpt", {}, resume=False) as store:
        first = sampled(case, store=store)
    monkeypatch.delattr("multilevel.engines.gibbs.chain.Chain.sweep")
    with open_checkpoint(tmp_path / "run.ckpt", {}, resume=True) as store:
        assert bits(sampled(case, store=store)) == bits(first)


def test_ctrl_c_gives_the_same_number_of_draws_of_every_chain() -> None:
    case, calls = model_of(*CASES["exact, crossed"]), iter(range(7))

    def watch(progress: SamplingProgress) -> None:
        if next(calls) == 6:
            raise KeyboardInterrupt

    pace = Pace(watch=watch)
    found, whole = sample_gibbs(*case, draws=60_000, chains=3, warmup=5, seed=5, pace=pace), sampled(case)
    chains, n = found.sigma.shape
    assert (chains, found.complete) == (3, False)
    assert 1 <= n < 20_000
    assert all(a.shape[:2] == (3, n) for a in (found.coefficients, *found.sds, *found.correlations))
    assert found.effects[0].shape[:2] == (3, found.kept.size)
    assert found.kept.max() < n
    assert f"3 chains of {n} sweeps after 5 of warm-up, stopped by Ctrl-C" in found.sentence
    assert whole.complete


def test_ctrl_c_in_warmup_is_passed_on_with_a_word() -> None:
    def watch(progress: SamplingProgress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match="stopped by Ctrl-C before the first draw after warm-up"):
        sample_gibbs(
            *model_of(*CASES["exact, crossed"]), draws=30, warmup=10**6, seed=1, pace=Pace(watch=watch)
        )


def test_chains_are_about_equally_far() -> None:
    """The chains of one thread take turns: none waits for another to end."""
    seen: list[SamplingProgress] = []
    pace = Pace(max_time=6.0, watch=seen.append, clock=Steps(0.01))
    found = sample_gibbs(
        *model_of(*CASES["exact, crossed"]), draws=10**6, chains=4, warmup=1, seed=1, threads=1, pace=pace
    )
    last = seen[-1]
    assert found.sigma.size > 0.5 * last.draws


def test_a_run_that_ends_with_its_last_draw_is_complete() -> None:
    """Whoever is told of the last draw may say that the run is over: nothing is missing."""
    pace = Pace(watch=lambda progress: progress.share < 1.0)
    found = sampled(model_of(*CASES["exact, crossed"]), pace)
    assert (found.complete, found.sigma.shape, pace.reason) == (True, (3, 30), "progress")
    assert "stopped" not in found.sentence


def test_an_error_of_one_chain_ends_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    case, sweep = model_of(*CASES["exact, crossed"]), Chain.sweep

    def broken(chain: Chain) -> None:
        if chain.number == 1:
            raise np.linalg.LinAlgError("not positive definite")
        sweep(chain)

    monkeypatch.setattr(Chain, "sweep", broken)
    with pytest.raises(DesignError, match="chain 2, in sweep 1 of 20000"):
        sample_gibbs(*case, draws=60_000, chains=3, warmup=0, seed=5, threads=2)


def test_an_error_of_writing_ends_the_run_and_keeps_the_chunks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case, path, append = model_of(*CASES["exact, crossed"]), tmp_path / "run.ckpt", Checkpoint.append
    asked = count()

    def full(store: Checkpoint, record: Record) -> None:
        if next(asked) > 0:
            raise StorageError("cannot write: No space left on device")
        append(store, record)

    with open_checkpoint(path, {}, resume=False) as store:
        monkeypatch.setattr(Checkpoint, "append", full)
        with pytest.raises(StorageError, match="No space left on device"):
            sampled(case, store=store)
        monkeypatch.undo()
    with open_checkpoint(path, {}, resume=True) as store:
        assert store.of_kind("gibbs")
        assert bits(sampled(case, store=store)) == bits(sampled(case))
