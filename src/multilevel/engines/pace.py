"""The pace of a run: how far it has come, how long it will take, and whether it must stop early."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from multilevel.errors import OptionError

Reason = Literal["Ctrl-C", "max_time", "progress"]


@dataclass(frozen=True, slots=True)
class SamplingProgress:
    """How far a run has come.

    Parameters
    ----------
    method
        The engine at work.
    share
        Work done, from 0 to 1, warm-up included.
    draws, of
        Draws made so far in all chains, and how many are wanted.
    seconds
        Since the run was started, or resumed.
    seconds_left
        Estimate from the speed so far; ``None`` before anything was done.

    Examples
    --------
    >>> SamplingProgress("gibbs", 0.25, 500, 4000, 10.0, 30.0).seconds_left
    30.0
    """

    method: str
    share: float
    draws: int
    of: int
    seconds: float
    seconds_left: float | None


Watch = Callable[[SamplingProgress], object]
"""Called now and then from the thread that started the run; returning ``False`` ends it."""


class Pace:
    """Tells a run how far it has come and when it must end; may be asked by several threads.

    Parameters
    ----------
    max_time
        Seconds after which the run ends with what there is; ``None`` for no limit.
    watch
        Who is told how far the run has come.
    clock
        Seconds since some moment.
    """

    __slots__ = ("_first", "_limit", "_start", "_watch", "clock", "reason")

    def __init__(
        self,
        *,
        max_time: float | None = None,
        watch: Watch | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.clock, self._limit, self._watch = clock, max_time, watch
        self._start = clock()
        self._first: tuple[str, float, float] | None = None
        self.reason: Reason | None = None

    def stop(self, reason: Reason) -> None:
        """End the run at the next occasion; the first reason is kept."""
        self.reason = self.reason or reason

    def over(self) -> bool:
        """Return whether the run must end now."""
        if self.reason is None and self._limit is not None and self.clock() - self._start >= self._limit:
            self.stop("max_time")
        return self.reason is not None

    def tell(self, method: str, share: float, draws: int, of: int) -> None:
        """Say how far an engine has come; the time left follows from the speed since its first word."""
        if self._watch is None:
            return
        seconds = self.clock() - self._start
        if self._first is None or self._first[0] != method:
            self._first = (method, share, seconds)
        gained = share - self._first[1]
        left = (seconds - self._first[2]) * (1.0 - share) / gained if gained > 0.0 else None
        if self._watch(SamplingProgress(method, share, draws, of, seconds, left)) is False:
            self.stop("progress")

    def ending(self) -> str:
        """Return why the run ended early, in words; empty if it did not."""
        words = {
            "Ctrl-C": "stopped by Ctrl-C",
            "max_time": f"stopped by max_time={self._limit:g}" if self._limit is not None else "",
            "progress": "stopped by `progress`",
        }
        return "" if self.reason is None else words[self.reason]

    def nothing(
        self, *, kept: bool, remedy: str = "more time, or checkpoint=path to go on later"
    ) -> BaseException:
        """Return what is raised if a run ended before its first draw after warm-up.

        Parameters
        ----------
        kept
            Whether a checkpoint holds what was done.
        remedy
            What to try where none does.
        """
        after = ": the checkpoint holds what was done, resume=True goes on" if kept else ""
        said = f"{self.ending()} before the first draw after warm-up{after}"
        if self.reason == "Ctrl-C":
            return KeyboardInterrupt(said)
        return OptionError(said, remedy="the same call with resume=True" if kept else remedy)
