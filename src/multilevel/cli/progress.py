"""The line that shows on a terminal how far a long fit has come."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from multilevel.api import Progress
from multilevel.report.terminal_line import ERASE_LINE, TerminalLine

__all__ = ["ERASE_LINE", "QUIET_SECONDS", "progress_line"]

QUIET_SECONDS = 1.0
"""A fit that takes less says nothing."""


@contextmanager
def progress_line(
    stream: TextIO, clock: Callable[[], float] = time.monotonic
) -> Iterator[Callable[[Progress], None] | None]:
    """Give what `multilevel.fit` takes as ``progress``: it keeps one line up to date, erased at the end.

    Parameters
    ----------
    stream
        Where the line goes; nothing is shown (``None`` is given) if it is not a terminal.
    clock
        Seconds since some moment.
    """
    if not stream.isatty():
        yield None
        return
    line = TerminalLine(stream, quiet=QUIET_SECONDS, clock=clock)

    def show(progress: Progress) -> None:
        line.show(
            lambda seconds: (
                f"{seconds:.0f} s, evaluation {progress.evaluations}: "
                f"criterion {progress.criterion:.4f}, at most {progress.decrement:.2g} still to fall"
            )
        )

    try:
        yield show
    finally:
        line.erase()
