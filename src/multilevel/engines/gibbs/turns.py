"""Chains that take turns on threads, so that all are about equally far whenever the run ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any, Protocol

from numpy.typing import NDArray

from multilevel.engines.checkpoint import Checkpoint, Record
from multilevel.engines.gibbs.metropolis import AnyWalk
from multilevel.engines.gibbs.recording import Recording, Run, Sweeper
from multilevel.engines.pace import Pace

TURN = 0.1
"""Seconds that a chain runs before another has its turn."""
CHUNK = 0.5
"""Seconds at least between two chunks of a chain."""
WRITING = 20.0
"""Times as long as writing a chunk took that a chain runs before the next."""


class StoredChain(Sweeper, Protocol):
    """A chain that can be stored and gone on with."""

    def walks(self) -> Mapping[str, AnyWalk]:
        """Return all walks by the name of what they draw."""

    def snapshot(self) -> Mapping[str, NDArray[Any]]:
        """Return all that the next sweeps depend on."""

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Go back to where `snapshot` was taken."""


class Course:
    """A chain on its way through its sweeps, written to a checkpoint now and then.

    Parameters
    ----------
    chain
        At its start; if the checkpoint has chunks of it, it is put where the last of them ends.
    recording
        Nothing recorded yet.
    pace
        Of the run.
    checkpoint
        Where chunks come from and go to, or ``None``.
    """

    __slots__ = ("_chain", "_due", "_pace", "_store", "recording")

    def __init__(
        self, chain: StoredChain, recording: Recording, pace: Pace, checkpoint: Checkpoint | None
    ) -> None:
        self._chain, self.recording = chain, recording
        self._pace, self._store, self._due = pace, checkpoint, pace.clock() + CHUNK
        last = None
        for record in checkpoint.of_kind("gibbs") if checkpoint is not None else ():
            if record.facts["chain"] == chain.number:
                recording.take(record.facts, record.arrays)
                last = record
        if last is not None:
            chain.restore({name[6:]: a for name, a in last.arrays.items() if name.startswith("state ")})

    def turn(self) -> None:
        """Sweep for a moment; write a chunk if it is time."""
        clock = self._pace.clock
        end = clock() + TURN
        self.recording.advance(self._chain, lambda: clock() >= end or self._pace.over())
        if self.recording.complete or clock() >= self._due:
            self.write()

    def run(self, n: int) -> Run:
        """Return the first ``n`` draws."""
        return self.recording.run(n, self._chain.walks())

    def write(self) -> None:
        """Write what was done since the last chunk, and the state after it."""
        if self._store is None or not self.recording.unwritten:
            return
        start = self._pace.clock()
        facts, arrays = self.recording.chunk()
        state = {f"state {name}": array for name, array in self._chain.snapshot().items()}
        self._store.append(
            Record({"kind": "gibbs", "chain": self._chain.number, **facts}, {**arrays, **state})
        )
        now = self._pace.clock()
        self._due = now + max(CHUNK, WRITING * (now - start))


def take_turns(courses: Sequence[Course], threads: int, pace: Pace) -> None:
    """Run chains to their ends, or until the pace or Ctrl-C ends the run; then write what there is.

    Parameters
    ----------
    courses
        The chains; whichever is least far has the next turn.
    threads
        How many run at the same time.
    pace
        Told how far all are; after Ctrl-C it says so. A second Ctrl-C is passed on.
    """
    running: dict[Future[None], Course] = {}
    with ThreadPoolExecutor(threads) as pool:
        try:
            while True:
                ready = [c for c in courses if not c.recording.complete and c not in running.values()]
                ready.sort(key=lambda course: course.recording.done)
                for course in ready[: 0 if pace.over() else threads - len(running)]:
                    running[pool.submit(course.turn)] = course
                if not running:
                    break
                for future in wait(running, timeout=TURN, return_when=FIRST_COMPLETED).done:
                    del running[future]
                    future.result()
                _tell(courses, pace)
        except KeyboardInterrupt:
            pace.stop("Ctrl-C")
        except BaseException:
            pace.stop("progress")
            raise
    for future in running:
        future.result()
    for course in courses:
        course.write()


def _tell(courses: Sequence[Course], pace: Pace) -> None:
    """Say how far the chains are."""
    recordings = [course.recording for course in courses]
    share = sum(r.done for r in recordings) / sum(r.total for r in recordings)
    draws = sum(r.drawn for r in recordings)
    pace.tell("gibbs", share, draws, sum(r.draws for r in recordings))
