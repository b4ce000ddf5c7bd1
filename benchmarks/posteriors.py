"""Wall time to 1,000 effective draws of a posterior, program by program: a Markdown table.

    python benchmarks/posteriors.py [--problem sleepstudy] [--peers PYTHON] [--cap 600] [--programs a,b]

`--peers` is the interpreter in which Bambi and nutpie are installed (default: this one). Every program draws
4 chains of 1,000 after 1,000 of warm-up, two chains at a time, with its own default priors, in a process of
its own; imports are not timed. The effective size is the smallest bulk effective size over coefficients,
sds, correlations and residual sd, by one formula for all (Vehtari et al. 2021). Time to 1,000 effective draws
is the sampling time scaled to 1,000, and, in the other column, compilation in front of it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from posteriors_problem import PROBLEMS
from run import ONE_THREAD, Result, duration

from multilevel.inference.convergence import ess_bulk

HERE = Path(__file__).resolve().parent
PROGRAMS = {
    "multilevel marginal": ("posteriors_ours.py", "marginal"),
    "multilevel gibbs": ("posteriors_ours.py", "gibbs"),
    "multilevel nuts": ("posteriors_ours.py", "nuts"),
    "bambi": ("posteriors_bambi.py",),
    "rstanarm": ("posteriors_r.py", "rstanarm"),
    "brms": ("posteriors_r.py", "brms"),
}
COLUMNS = (
    "program",
    "whole call",
    "of it compiling",
    "draws",
    "worst ess",
    "of",
    "1,000 effective, compiled",
    "1,000 effective, compiling too",
    "ratio to ours, compiled",
    "ratio to ours, compiling too",
    "remark",
)
GOAL = 1000


def run_one(python: str, program: str, problem: str, *, cap: float) -> Result:
    """Run one program in its own process and judge its draws; a fault becomes a remark."""
    script, *words = PROGRAMS[program]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "draws.npz"
        command = [python, str(HERE / script), *words, problem, str(path)]
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
        facts: Result = json.loads(lines[-1])
        if "absent" in facts:
            return {"remark": f"absent: {facts['absent']}"}
        with np.load(path) as draws:
            return judged(facts, {name: draws[name] for name in draws.files})


def judged(facts: Result, draws: dict[str, np.ndarray]) -> Result:
    """Return the facts with the worst effective size and the times to the goal."""
    sizes = {name: float(ess_bulk(values)) for name, values in draws.items()}
    name = min(sizes, key=lambda name: sizes[name])
    total = next(iter(draws.values())).size
    # Importance sampling pays with duplicates, which autocorrelation does not show.
    size = min(sizes[name], float(facts.get("efficiency", 1.0)) * total)
    sampling = (float(facts["whole"]) - float(facts["compiling"])) * GOAL / size
    return {
        **facts,
        "remark": str(facts.get("note", "")),
        "draws": total,
        "ess": size,
        "worst": name,
        "sampling": sampling,
        "both": sampling + float(facts["compiling"]),
    }


def row(program: str, found: Result, ours: Result | None) -> str:
    """Return one row of the table."""
    if "ess" not in found:
        return f"| {program} " + "| " * 10 + f"{found['remark']} |"
    ratios = ["", ""]
    if ours is not None and "ess" in ours:
        ratios = [f"{float(found[key]) / float(ours[key]):.3g}" for key in ("sampling", "both")]
    cells = [
        f"{program} {found['version']}",
        duration(float(found["whole"])),
        duration(float(found["compiling"])),
        f"{found['draws']}",
        f"{float(found['ess']):.0f}",
        str(found["worst"]),
        duration(float(found["sampling"])),
        duration(float(found["both"])),
        *ratios,
        str(found["remark"]),
    ]
    return "| " + " | ".join(cells) + " |"


def main(words: Sequence[str] | None = None) -> None:
    """Run the programs in turn and print each row as soon as it is known."""
    parser = argparse.ArgumentParser(description="Time to 1,000 effective draws of a posterior.")
    parser.add_argument("--problem", choices=list(PROBLEMS), default="sleepstudy")
    parser.add_argument("--peers", default=sys.executable, help="interpreter with Bambi and nutpie")
    parser.add_argument("--cap", type=float, default=600, help="seconds that one process may take")
    parser.add_argument("--programs", type=lambda s: s.split(","), default=list(PROGRAMS))
    given = parser.parse_args(words)
    unknown = [name for name in given.programs if name not in PROGRAMS]
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; known: {', '.join(PROGRAMS)}")
    print(
        f"Measured {datetime.now(UTC):%Y-%m-%d} with Python {platform.python_version()} on "
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, "
        f"load average {os.getloadavg()[0]:.1f} at the start.\n"
    )
    print(f"| {' | '.join(COLUMNS)} |\n|" + "---|" * len(COLUMNS), flush=True)
    ours: Result | None = None
    for program in given.programs:
        python = given.peers if program == "bambi" else sys.executable
        found = run_one(python, program, given.problem, cap=given.cap)
        ours = found if ours is None and program.startswith("multilevel") else ours
        print(row(program, found, ours), flush=True)


if __name__ == "__main__":
    main()
