"""The progress line appears on a terminal, after a while, and is erased."""

from __future__ import annotations

import io

from multilevel.api import Progress
from multilevel.cli.progress import ERASE_LINE, progress_line


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_nothing_is_shown_where_there_is_no_terminal() -> None:
    with progress_line(io.StringIO()) as progress:
        assert progress is None


def test_a_quick_fit_says_nothing() -> None:
    stream = Terminal()
    with progress_line(stream, clock=iter([0.0, 0.5]).__next__) as progress:
        assert progress is not None
        progress(Progress(1, 1743.6, 0.1))
    assert stream.getvalue() == ""


def test_a_long_fit_shows_a_line_and_erases_it() -> None:
    stream = Terminal()
    with progress_line(stream, clock=iter([0.0, 0.5, 2.0]).__next__) as progress:
        assert progress is not None
        progress(Progress(1, 1750.0, 2.0))
        progress(Progress(2, 1743.62827, 0.0125))
    assert stream.getvalue() == (
        f"{ERASE_LINE}2 s, evaluation 2: criterion 1743.6283, at most 0.013 still to fall{ERASE_LINE}"
    )


def test_the_line_is_erased_after_an_interruption() -> None:
    stream = Terminal()
    try:
        with progress_line(stream, clock=iter([0.0, 9.0]).__next__) as progress:
            assert progress is not None
            progress(Progress(1, 1.0, 1.0))
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        assert stream.getvalue().endswith(ERASE_LINE)
