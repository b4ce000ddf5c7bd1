"""Run every competitor on every problem, each in its own process; print a Markdown table of ratios.

    python benchmarks/run.py [--cap 300] [--peers PYTHON] [--problems a,b] [--competitors a,b] [--out FILE]

`--peers` is the interpreter in which the competing packages are installed (default: this one). Linear
algebra libraries get one thread; each package's own threads are left at its default. A competitor that is
not installed is a row that says so.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bandwidth import read_bandwidth
from problems import PROBLEMS, model_bytes

HERE = Path(__file__).resolve().parent
COMPETITORS = {
    "multilevel": "ours.py",
    "multilevel-tables": "ours_with_tables.py",
    "glmm": "against_glmm.py",
    "mixedlm": "against_mixedlm.py",
    "gpboost": "against_gpboost.py",
    "statsmodels": "against_statsmodels.py",
    "lme4": "against_lme4.py",
}
ONE_THREAD = dict.fromkeys(
    ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"
)
COLUMNS = (
    "problem",
    "program",
    "best",
    "median",
    "first call",
    "ratio to ours",
    "x memory limit",
    "added memory",
    "criterion",
    "remark",
)

Result = dict[str, float | str]


def run_one(python: str, competitor: str, problem: str, *, cap: float) -> Result:
    """Run one competitor on one problem in its own process; a fault becomes a remark."""
    command = [python, str(HERE / COMPETITORS[competitor]), problem]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=cap,
            env={**os.environ, **ONE_THREAD},
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"remark": f"over the cap of {cap:.0f} s"}
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines:
        why = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        return {"remark": f"failed: {why[:120]}"}
    result: Result = json.loads(lines[-1])
    if "absent" in result:
        return {"remark": f"absent: {result['absent']}"}
    return {**result, "remark": str(result["note"])}


def duration(seconds: float) -> str:
    """Return a time with its unit and three digits."""
    return f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def row(problem: str, competitor: str, result: Result, *, ours: float | None, limit: float) -> str:
    """Return one row of the table; ``limit`` is the time to read the model's columns once."""
    remark = str(result["remark"])
    if "best" not in result:
        return f"| {problem} | {competitor} | | | | | | | | {remark} |"
    best = float(result["best"])
    ratio = f"{best / ours:.2f}" if ours else ""
    cells = [
        problem,
        f"{competitor} {result['version']}",
        duration(best),
        duration(float(result["median"])),
        duration(float(result["first"])),
        ratio,
        f"{best / limit:.3g}",
        f"{float(result['memory']):.0f} MB",
        f"{float(result['criterion']):.6f}",
        remark,
    ]
    return "| " + " | ".join(cells) + " |"


def table(arguments: argparse.Namespace, *, bandwidth: float) -> list[str]:
    """Run what was asked for and return the table's lines, each printed as soon as it is known."""
    lines = [f"| {' | '.join(COLUMNS)} |", "|" + "---|" * len(COLUMNS)]
    print("\n".join(lines), flush=True)
    for problem in arguments.problems:
        limit = model_bytes(PROBLEMS[problem], PROBLEMS[problem].frame()) / bandwidth
        ours: float | None = None
        for competitor in arguments.competitors:
            python = sys.executable if competitor.startswith("multilevel") else arguments.peers
            result = run_one(python, competitor, problem, cap=arguments.cap)
            if competitor == "multilevel" and "best" in result:
                ours = float(result["best"])
            lines.append(row(problem, competitor, result, ours=ours, limit=limit))
            print(lines[-1], flush=True)
    return lines


def read_arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the command line's choices."""
    parser = argparse.ArgumentParser(description="Compare multilevel with other programs.")
    parser.add_argument("--cap", type=float, default=300, help="seconds that one process may take")
    parser.add_argument("--peers", default=sys.executable, help="interpreter with the competing packages")
    parser.add_argument("--problems", type=lambda s: s.split(","), default=list(PROBLEMS))
    parser.add_argument("--competitors", type=lambda s: s.split(","), default=list(COMPETITORS))
    parser.add_argument("--out", type=Path, help="Markdown file to write")
    arguments = parser.parse_args(words)
    for given, known in ((arguments.problems, PROBLEMS), (arguments.competitors, COMPETITORS)):
        unknown = [name for name in given if name not in known]
        if unknown:
            parser.error(f"unknown: {', '.join(unknown)}; known: {', '.join(known)}")
    return arguments


def main() -> None:
    """Run, print, and write the file if one was asked for."""
    arguments = read_arguments()
    os.environ.update(ONE_THREAD)
    bandwidth = read_bandwidth()
    cores = os.cpu_count()
    head = (
        f"Measured {datetime.now(UTC):%Y-%m-%d} with Python {platform.python_version()} on "
        f"{platform.system()} {platform.machine()}, {cores} cores, "
        f"load average {os.getloadavg()[0]:.1f} at the start, "
        f"read bandwidth {bandwidth / 1e9:.1f} GB/s. "
        "Whole call from a data frame (`refit`: new response only), REML unless remarked. "
        "`x memory limit`: best time over the time to read the model's columns once."
    )
    print(head + "\n")
    lines = table(arguments, bandwidth=bandwidth)
    if arguments.out:
        arguments.out.write_text("\n".join(["# Results", "", head, "", *lines, ""]))


if __name__ == "__main__":
    main()
