"""How far a run has come is said on a terminal, in a log if asked, or to a function."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest

from multilevel.engines.pace import SamplingProgress, Watch
from multilevel.report.sampling_progress import duration, progress_text, sampling_progress
from multilevel.report.terminal_line import ERASE_LINE


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def at(share: float, left: float | None = None) -> SamplingProgress:
    """Return a run of 4,000 draws at some share."""
    return SamplingProgress("gibbs", share, int(4000 * share), 4000, 1.0, left)


def told(
    asked: bool | Watch | None, stream: io.StringIO, clock: Callable[[], float], *progress: SamplingProgress
) -> str:
    """Return what is written."""
    with sampling_progress(asked, stream, clock) as watch:
        for one in progress:
            if watch is not None:
                watch(one)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "0 s"), (59.6, "1 min 0 s"), (61, "1 min 1 s"), (3599, "59 min 59 s"), (7300, "2 h 1 min")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_the_time_left_is_not_guessed() -> None:
    assert progress_text(at(0.5)) == "gibbs: 50% done, 2,000 of 4,000 draws"
    assert progress_text(at(0.5, 90.0)) == "gibbs: 50% done, 2,000 of 4,000 draws, 1 min 30 s left"


def test_a_terminal_shows_a_line_after_two_seconds() -> None:
    clock = iter([0.0, 1.9, 2.0, 2.1, 2.3]).__next__
    text = told(None, Terminal(), clock, at(0.1), at(0.2), at(0.3), at(0.4))
    assert text == f"{ERASE_LINE}{progress_text(at(0.2))}{ERASE_LINE}{progress_text(at(0.4))}{ERASE_LINE}"


def test_a_terminal_shows_a_line_at_once_if_asked() -> None:
    assert told(True, Terminal(), iter([0.0, 0.0]).__next__, at(0.1)) == (
        f"{ERASE_LINE}{progress_text(at(0.1))}{ERASE_LINE}"
    )


def test_a_log_gets_a_line_for_every_tenth_if_asked() -> None:
    text = told(True, io.StringIO(), iter([]).__next__, *(at(i / 100) for i in range(101)))
    assert text.splitlines() == [progress_text(at(i / 10)) for i in range(11)]


@pytest.mark.parametrize(("asked", "stream"), [(None, io.StringIO()), (False, Terminal())])
def test_otherwise_nothing_is_written(asked: bool | None, stream: io.StringIO) -> None:
    assert told(asked, stream, iter([]).__next__, at(0.5)) == ""


def test_a_function_is_called_as_it_is() -> None:
    seen: list[SamplingProgress] = []
    assert told(seen.append, Terminal(), iter([]).__next__, at(0.5)) == ""
    assert seen == [at(0.5)]
