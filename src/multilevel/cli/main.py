"""The entry point of the command: runs it, and turns what happened into text on a stream and an exit code."""

from __future__ import annotations

import io
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from multilevel.cli.options import build_parser
from multilevel.errors import MultilevelError

OK = 0
FAILED = 1
INTERRUPTED = 130
BROKEN_PIPE = 141


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code.

    Parameters
    ----------
    arguments
        Words after the name of the command; those of the process if ``None``.

    Returns
    -------
    int
        0 if all went well; 1 after an error of ours (told on standard error); 130 after Ctrl-C; 141 if the
        reader of the output went away. A wrong usage leaves with 2 (`SystemExit`, from `argparse`).
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        options = build_parser().parse_args(arguments)
        with _warnings_as_lines():
            options.run(options)
        sys.stdout.flush()
    except MultilevelError as error:
        print(f"error: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt as stop:
        print(f"interrupted: {stop}" if str(stop) else "interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The interpreter flushes standard output once more at its end; give it somewhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    return OK


@contextmanager
def _warnings_as_lines() -> Iterator[None]:
    """Print each warning as a line `warning: ...` on standard error instead of with a place in our code."""

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: object = None,
        line: str | None = None,
    ) -> None:
        print(f"warning: {message}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.simplefilter("default")
        warnings.showwarning = show
        yield
