"""Recordings take draws after warm-up, give them out in pieces, and are put together from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from multilevel.engines.gibbs.metropolis import Walk
from multilevel.engines.gibbs.recording import Recording
from multilevel.errors import DesignError
from tests.engines.gibbs_cases import Floats

KEPT = np.array([0, 3, 4], dtype=np.int64)


class Counter:
    """A chain whose every number is the number of the sweep."""

    number = 2

    def __init__(self, breaks: int = -1) -> None:
        self.at, self.frozen_at, self._breaks = 0, -1, breaks

    def sweep(self) -> None:
        self.at += 1
        if self.at == self._breaks:
            raise np.linalg.LinAlgError("Matrix is not positive definite")

    def freeze(self) -> None:
        self.frozen_at = self.at

    def values(self) -> dict[str, Floats | float]:
        k = float(self.at)
        return {"gamma": np.full(2, k), "sigma": k, "sds 0": np.full(1, k), "factors 0": np.full((1, 1), k)}

    def effects(self) -> Sequence[Floats]:
        return [np.full((4, 1), float(self.at))]


def after(sweeps: int) -> Callable[[], bool]:
    """Return what says that a run is over after so many sweeps."""
    left = iter([False] * sweeps)
    return lambda: next(left, True)


def test_draws_begin_after_warmup() -> None:
    chain, recording = Counter(), Recording(3, 5, KEPT)
    recording.advance(chain, lambda: False)
    run = recording.run(5, {"a": Walk(1)})
    assert run.sigma.tolist() == [4, 5, 6, 7, 8]
    assert run.gamma.shape == (5, 2)
    assert run.effects[0][:, 0, 0].tolist() == [4, 7, 8]
    assert (run.sds[0].shape, run.factors[0].shape) == ((5, 1), (5, 1, 1))
    assert (chain.frozen_at, recording.done, recording.drawn, recording.complete) == (3, 8, 5, True)
    assert run.impossible == 0


def test_fewer_draws_have_fewer_effects() -> None:
    recording = Recording(3, 5, KEPT)
    recording.advance(Counter(), after(6))
    assert (recording.drawn, recording.complete) == (3, False)
    run = recording.run(3, {})
    assert run.sigma.tolist() == [4, 5, 6]
    assert run.effects[0][:, 0, 0].tolist() == [4]


@pytest.mark.parametrize("stops", [(1,), (3,), (2, 2), (4, 1, 2), (1, 1, 1, 1, 1, 1, 1)])
def test_pieces_make_the_whole(stops: tuple[int, ...]) -> None:
    whole = Recording(3, 5, KEPT)
    whole.advance(Counter(), lambda: False)
    chain, recording, copy = Counter(), Recording(3, 5, KEPT), Recording(3, 5, KEPT)
    for sweeps in (*stops, 100):
        recording.advance(chain, after(sweeps))
        assert recording.unwritten > 0
        copy.take(*recording.chunk())
        assert recording.unwritten == 0
    assert copy.done == 8
    for name, array in whole.run(5, {}).values.items():
        np.testing.assert_array_equal(copy.run(5, {}).values[name], array)
    np.testing.assert_array_equal(copy.run(5, {}).effects[0], whole.run(5, {}).effects[0])


def test_a_chunk_out_of_order_is_refused() -> None:
    recording = Recording(0, 5, KEPT)
    recording.advance(Counter(), after(2))
    facts, arrays = recording.chunk()
    with pytest.raises(ValueError, match="a chunk begins at draw 0 after 2 draws"):
        recording.take(facts, arrays)


@pytest.mark.parametrize("breaks", [2, 6])
def test_the_chain_that_leaves_the_numbers_is_named(breaks: int) -> None:
    with pytest.raises(DesignError) as caught:
        Recording(3, 5, KEPT).advance(Counter(breaks), lambda: False)
    assert str(caught.value).startswith(
        f"a chain left the range of numbers: chain 3, in sweep {breaks} of 8: a covariance matrix is not"
        " positive definite any more"
    )
