"""Runs the code blocks of the Markdown pages, in order, and compares their output with what the page shows.

A block marked ``python`` runs in a namespace shared by its page; if a block marked ``text`` follows with
nothing but empty lines between, it must be the output. In a block marked ``console`` each line that begins
with ``$ `` is a shell command (continued by lines that begin with ``> ``) and the lines below it are its
output. ``...`` in a shown output stands for anything. Blocks with other marks are not run. Each page has its
own empty folder.
"""

from __future__ import annotations

import code
import contextlib
import difflib
import io
import os
import re
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


class Interpreter(code.InteractiveInterpreter):
    """Runs code objects; remembers whether one of them ended in an exception."""

    failed = False

    def showtraceback(self) -> None:
        """Write the traceback of the exception and remember that there was one."""
        self.failed = True
        super().showtraceback()


@dataclass(frozen=True, slots=True)
class Snippet:
    """One piece of code and the output that the page shows for it (``None`` if it shows none)."""

    kind: str
    source: str
    shown: str | None
    line: int
    shown_line: int = 0


def read_snippets(text: str) -> Iterator[Snippet]:
    """Yield the snippets of a Markdown text in order."""
    fences = list(FENCE.finditer(text))
    for position, fence in enumerate(fences):
        kind, body = fence.groups()
        line = text.count("\n", 0, fence.start()) + 1
        if kind == "python":
            after = fences[position + 1] if position + 1 < len(fences) else None
            follows = (
                after is not None and after[1] == "text" and not text[fence.end() : after.start()].strip()
            )
            if after is not None and follows:
                yield Snippet("python", body, after[2], line + 1, text.count("\n", 0, after.start()) + 2)
            else:
                yield Snippet("python", body, None, line + 1)
        elif kind == "console":
            yield from read_commands(body, line + 1)


def read_commands(body: str, line: int) -> Iterator[Snippet]:
    """Yield the commands of a console block, each with the lines below it as its output."""
    command: list[str] = []
    shown: list[str] = []
    start = line
    for number, text in enumerate(body.splitlines(), start=line):
        if text.startswith("$ "):
            if command:
                yield Snippet("console", "\n".join(command), "\n".join(shown), start, start + len(command))
            command, shown, start = [text[2:]], [], number
        elif text.startswith("> ") and command and not shown:
            command.append(text[2:])
        else:
            shown.append(text)
    if command:
        yield Snippet("console", "\n".join(command), "\n".join(shown), start, start + len(command))


def tidy(output: str) -> str:
    """Return an output without trailing blanks, and without empty lines at its ends."""
    return "\n".join(line.rstrip() for line in output.splitlines()).strip("\n")


def matches(shown: str, printed: str) -> bool:
    """Tell whether a printed output is what the page shows, ``...`` standing for anything."""
    pattern = ".*".join(re.escape(part) for part in tidy(shown).split("..."))
    return re.fullmatch(pattern, tidy(printed), re.DOTALL) is not None


def run_python(snippet: Snippet, page: str, names: dict[str, object]) -> tuple[str, str]:
    """Run a Python block; return what it printed, and the traceback or ""."""
    printed, failure = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(failure):
        try:
            program = compile("\n" * (snippet.line - 1) + snippet.source, page, "exec")
        except SyntaxError as error:
            return "", "".join(traceback.format_exception_only(error))
        interpreter = Interpreter(names)
        interpreter.runcode(program)
    return printed.getvalue(), failure.getvalue() if interpreter.failed else ""


def run_console(snippet: Snippet, folder: Path) -> tuple[str, str]:
    """Run a shell command; return what it printed (both streams). Its exit code is not judged."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    done = subprocess.run(
        ["bash", "-c", snippet.source],
        cwd=folder,
        env={**os.environ, "PATH": path, "COLUMNS": "100"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    return done.stdout, ""


def run_page(page: Path) -> Iterator[tuple[Snippet, str, str]]:
    """Run one page in an empty folder; yield each snippet, what it printed, and its traceback or ""."""
    names: dict[str, object] = {"__name__": "__main__"}
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for snippet in read_snippets(page.read_text(encoding="utf-8")):
            if snippet.kind == "python":
                yield snippet, *run_python(snippet, str(page), names)
            else:
                yield snippet, *run_console(snippet, Path(folder))


def page_faults(page: Path) -> Iterator[str]:
    """Run one page; yield one message for each snippet that does not do as shown."""
    for snippet, printed, failure in run_page(page):
        if failure:
            yield f"{page}:{snippet.line}: the code failed\n{failure}"
        elif snippet.shown is not None and not matches(snippet.shown, printed):
            difference = difflib.unified_diff(
                tidy(snippet.shown).splitlines(), tidy(printed).splitlines(), "shown", "printed", lineterm=""
            )
            yield f"{page}:{snippet.line}: the output differs\n" + "\n".join(difference)


def rewrite(page: Path) -> None:
    """Run one page and put what was printed in the place of each shown output that differs."""
    lines = page.read_text(encoding="utf-8").splitlines()
    for snippet, printed, _ in reversed(list(run_page(page))):
        if snippet.shown is not None and not matches(snippet.shown, printed):
            start = snippet.shown_line - 1
            lines[start : start + len(snippet.shown.splitlines())] = tidy(printed).splitlines()
    page.write_text("\n".join(lines) + "\n", encoding="utf-8")


def main(arguments: list[str]) -> int:
    """Run the pages named, or the README and every page of docs/; the exit code is 1 if one is wrong.

    With ``--write`` the outputs that the pages show are renewed first; read the difference before committing.
    """
    root = Path(__file__).resolve().parents[1]
    names = [name for name in arguments if name != "--write"]
    every = [root / "README.md", *sorted(root.glob("docs/*.md"))]
    pages = [Path(name).resolve() for name in names] or every
    if "--write" in arguments:
        for page in pages:
            rewrite(page)
    wrong = 0
    for page in pages:
        found = list(page_faults(page))
        wrong += len(found)
        for fault in found:
            print(fault)
    count = sum(1 for page in pages for _ in read_snippets(page.read_text(encoding="utf-8")))
    print(f"snippets: {count} run from {len(pages)} pages, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
