"""A line on a terminal appears after a while, not too often, and is erased."""

from __future__ import annotations

import io

from multilevel.report.terminal_line import ERASE_LINE, TerminalLine


def test_a_line_appears_after_a_while_and_is_erased() -> None:
    stream = io.StringIO()
    line = TerminalLine(stream, quiet=1.0, apart=0.5, clock=iter([10.0, 10.9, 11.0, 11.4, 11.6]).__next__)
    for _ in range(4):
        line.show(lambda seconds: f"{seconds:.1f} s")
    line.erase()
    assert stream.getvalue() == f"{ERASE_LINE}1.0 s{ERASE_LINE}1.6 s{ERASE_LINE}"


def test_nothing_is_erased_that_was_not_shown() -> None:
    stream = io.StringIO()
    line = TerminalLine(stream, quiet=5.0, clock=iter([0.0, 1.0]).__next__)
    line.show(str)
    line.erase()
    assert stream.getvalue() == ""
