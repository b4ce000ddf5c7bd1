"""The line that shows on a terminal how far a long fit has come."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from multilevel.api import Progress

QUIET_SECONDS = 1.0
"""A fit that takes less says nothing."""
ERASE_LINE = "\r\x1b[K"


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
    start = clock()
    shown = False

    def show(progress: Progress) -> None:
        nonlocal shown
        seconds = clock() - start
        if seconds >= QUIET_SECONDS:
            shown = True
            stream.write(
                f"{ERASE_LINE}{seconds:.0f} s, evaluation {progress.evaluations}: "
                f"criterion {progress.criterion:.4f}, at most {progress.decrement:.2g} still to fall"
            )
            stream.flush()

    try:
        yield show
    finally:
        if shown:
            stream.write(ERASE_LINE)
            stream.flush()
