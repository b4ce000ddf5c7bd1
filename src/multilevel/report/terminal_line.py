"""One line of text on a terminal that is kept up to date while something long runs, and erased at its end."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TextIO

ERASE_LINE = "\r\x1b[K"


class TerminalLine:
    """A line that appears after a while.

    Parameters
    ----------
    stream
        Where it goes.
    quiet
        Seconds before it appears.
    apart
        Seconds at least between two states of it.
    clock
        Seconds since some moment.
    """

    __slots__ = ("_apart", "_clock", "_last", "_quiet", "_shown", "_start", "_stream")

    def __init__(
        self,
        stream: TextIO,
        *,
        quiet: float,
        apart: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream, self._quiet, self._apart, self._clock = stream, quiet, apart, clock
        self._start, self._last, self._shown = clock(), float("-inf"), False

    def show(self, text: Callable[[float], str]) -> None:
        """Show a text, made from the seconds since the start, if it is time."""
        now = self._clock()
        seconds = now - self._start
        if seconds >= self._quiet and now - self._last >= self._apart:
            self._shown, self._last = True, now
            self._stream.write(ERASE_LINE + text(seconds))
            self._stream.flush()

    def erase(self) -> None:
        """Take the line away."""
        if self._shown:
            self._stream.write(ERASE_LINE)
            self._stream.flush()
