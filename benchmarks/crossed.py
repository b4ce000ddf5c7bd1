"""Crossed factors of any size: every program on the same files, each in its own process, with caps.

    python benchmarks/crossed.py [--patterns uniform,ring] [--rows 1e5,1e6] [--programs exact,monte_carlo]
        [--seconds 120] [--memory 8] [--peers PYTHON] [--out FILE]

`--memory` caps the address space of each process in GiB, `--seconds` its time with reading the columns;
over a cap is a result. `--peers` is the interpreter in which the competing packages are installed. Linear
algebra libraries get one thread; each package's own threads are left at its default.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from crossed_patterns import PATTERNS, Pattern, write_rows
from crossed_program import PROGRAMS

HERE = Path(__file__).resolve().parent
ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS"), "1")
COLUMNS = (
    "pattern",
    "rows",
    "levels",
    "program",
    "time",
    "added memory",
    "sd a",
    "sd b",
    "sigma",
    "criterion",
    "iterations",
    "MC error / SE",
    "off the exact fit / SE",
    "remark",
)
GONE = ("MemoryError", "bad_alloc", "cannot allocate", "Unable to allocate", "memory")

Result = dict[str, float | str]


def run_one(program: str, folder: Path, arguments: argparse.Namespace) -> Result:
    """Run one program on one folder; a fault becomes a remark."""
    own = PROGRAMS.get(program, ("",))[0] == "multilevel"
    python = sys.executable if own else arguments.peers
    cap = int(arguments.memory * 2**30)
    process = subprocess.Popen(
        [python, str(HERE / "crossed_program.py"), program, str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **ONE_THREAD},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (cap, cap)),
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=arguments.seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # with the programs that it started itself
        process.communicate()
        return {"remark": f"over {arguments.seconds:.0f} s"}
    lines = [line for line in out.splitlines() if line.startswith("{")]
    if not lines:
        last = (err.strip().splitlines() or [f"exit code {process.returncode}"])[-1]
        short = process.returncode < 0 or any(word in err for word in GONE)
        return {
            "remark": f"over {arguments.memory:.0f} GiB: {last[:80]}" if short else f"failed: {last[:100]}"
        }
    result: Result = json.loads(lines[-1])
    return {**result, "remark": str(result.get("note", f"absent: {result.get('absent')}"))}


def in_standard_errors(result: Result, exact: Result | None) -> float | None:
    """Return how far sds over sigma are from the exact fit in standard errors; the larger of both."""
    if exact is None or "se a" not in exact or "a" not in result:
        return None
    off = []
    for name in ("a", "b"):
        ratio = [float(r[name]) / float(r["sigma"]) for r in (result, exact)]
        off.append(abs(ratio[0] - ratio[1]) / float(exact[f"se {name}"]))
    return max(off)


def row(words: Sequence[str], result: Result, off: float | None) -> str:
    """Return one row of the table."""

    def number(name: str, form: str) -> str:
        return format(result[name], form) if name in result else ""

    cells = [
        *words,
        number("seconds", ".3g") + (" s" if "seconds" in result else ""),
        number("memory", ".0f") + (" MB" if "memory" in result else ""),
        *(number(name, ".5f") for name in ("a", "b", "sigma")),
        number("criterion", ".3f"),
        number("iterations", "d"),
        number("mc_error", ".4f"),
        "" if off is None else f"{off:.4f}",
        str(result["remark"]),
    ]
    return "| " + " | ".join(cells) + " |"


def table(arguments: argparse.Namespace) -> list[str]:
    """Run what was asked for and return the table's lines, each printed as soon as it is known."""
    lines = [f"| {' | '.join(COLUMNS)} |", "|" + "---|" * len(COLUMNS)]
    print("\n".join(lines), flush=True)
    for name in arguments.patterns:
        for n in arguments.rows:
            lines += problem(name, PATTERNS[name], n, arguments)
    return lines


def problem(name: str, pattern: Pattern, n: int, arguments: argparse.Namespace) -> list[str]:
    """Write the files of one problem, run every program on them, and return and print their rows."""
    lines, exact = [], None
    q1, q2 = pattern.levels(n)
    with tempfile.TemporaryDirectory() as folder:
        write_rows(Path(folder), pattern, n)
        for program in arguments.programs:
            result = run_one(program, Path(folder), arguments)
            if program == "exact":
                exact = result
            version = f"{program} {result.get('version', '')}".strip()
            words = (name, f"{n:,}", f"{q1:,} x {q2:,}", version)
            lines.append(row(words, result, in_standard_errors(result, exact)))
            print(lines[-1], flush=True)
    return lines


def read_arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the command line's choices."""
    known = [*PROGRAMS, "lme4"]
    parser = argparse.ArgumentParser(description="Crossed factors of any size, with several programs.")
    parser.add_argument("--patterns", type=lambda s: s.split(","), default=list(PATTERNS))
    parser.add_argument("--rows", type=lambda s: [int(float(n)) for n in s.split(",")], default=[100_000])
    parser.add_argument("--programs", type=lambda s: s.split(","), default=known)
    parser.add_argument("--seconds", type=float, default=120, help="time cap of a process")
    parser.add_argument("--memory", type=float, default=8, help="memory cap of a process in GiB")
    parser.add_argument("--peers", default=sys.executable, help="interpreter with the competing packages")
    parser.add_argument("--out", type=Path, help="Markdown file to write")
    arguments = parser.parse_args(words)
    for given, allowed in ((arguments.patterns, PATTERNS), (arguments.programs, known)):
        unknown = [name for name in given if name not in allowed]
        if unknown:
            parser.error(f"unknown: {', '.join(unknown)}; known: {', '.join(allowed)}")
    return arguments


def main() -> None:
    """Run, print, and write the file if one was asked for."""
    arguments = read_arguments()
    head = (
        f"Measured {datetime.now(UTC):%Y-%m-%d} with Python {platform.python_version()} on "
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, load average "
        f"{os.getloadavg()[0]:.1f} at the start; caps of {arguments.seconds:.0f} s and "
        f"{arguments.memory:.0f} GiB of address space."
    )
    print(head + "\n")
    lines = table(arguments)
    if arguments.out:
        arguments.out.write_text("\n".join(["# Crossed factors", "", head, "", *lines, ""]))


if __name__ == "__main__":
    main()
