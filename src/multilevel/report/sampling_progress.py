"""How far a sampling run has come, as text: one line that changes on a terminal, a few lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from multilevel.engines.pace import SamplingProgress, Watch
from multilevel.report.terminal_line import TerminalLine

QUIET_SECONDS = 2.0
"""A run that takes less says nothing unless it was asked to."""
APART_SECONDS = 0.2
STEPS = 10
"""Lines that a whole run writes where there is no terminal."""


def progress_text(progress: SamplingProgress) -> str:
    """Return one line: share done, draws, time left.

    Examples
    --------
    >>> progress_text(SamplingProgress("gibbs", 0.25, 500, 4000, 10.0, 30.0))
    'gibbs: 25% done, 500 of 4,000 draws, 30 s left'
    """
    done = f"{progress.method}: {100 * progress.share:.0f}% done, {progress.draws:,} of {progress.of:,} draws"
    return done if progress.seconds_left is None else f"{done}, {duration(progress.seconds_left)} left"


def duration(seconds: float) -> str:
    """Return a time as people say it.

    Examples
    --------
    >>> duration(9.6), duration(75), duration(3 * 3600 + 59)
    ('10 s', '1 min 15 s', '3 h 0 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


@contextmanager
def sampling_progress(
    asked: bool | Watch | None, stream: TextIO, clock: Callable[[], float] = time.monotonic
) -> Iterator[Watch | None]:
    """Give the function that is told how far a run has come, or ``None`` if nobody wants to know.

    Parameters
    ----------
    asked
        As ``progress`` of `multilevel.sample`.
    stream
        Where lines go.
    clock
        Seconds since some moment.
    """
    if asked is False or (asked is None and not stream.isatty()):
        yield None
    elif not isinstance(asked, bool) and asked is not None:
        yield asked
    elif not stream.isatty():
        yield _StepLines(stream)
    else:
        line = TerminalLine(stream, quiet=0.0 if asked else QUIET_SECONDS, apart=APART_SECONDS, clock=clock)

        def show(progress: SamplingProgress) -> None:
            line.show(lambda seconds: progress_text(progress))

        try:
            yield show
        finally:
            line.erase()


class _StepLines:
    """Writes a line of its own whenever another tenth is done."""

    __slots__ = ("_last", "_stream")

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._last = stream, ("", -1)

    def __call__(self, progress: SamplingProgress) -> None:
        step = (progress.method, int(STEPS * progress.share))
        if step != self._last:
            self._last = step
            self._stream.write(progress_text(progress) + "\n")
            self._stream.flush()
