"""How one competitor is measured in its own process: time, added memory, criterion, as a line of JSON."""

from __future__ import annotations

import importlib
import json
import statistics
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pandas as pd
from problems import PROBLEMS, Problem

Fit = Callable[[], float]
"""Fits once, from the data frame, and returns -2 log (restricted) likelihood."""

BUDGET = 10.0
MOST = 30
ABSENT = 3


def main(package: str, prepare: Callable[[Problem, pd.DataFrame, ModuleType], tuple[Fit, str]]) -> None:
    """Measure the problem named on the command line and print one line of JSON.

    Parameters
    ----------
    package
        Name of the module to import; if it is not installed, the process says so and exits with `ABSENT`.
    prepare
        Receives problem, data frame and module; returns what to time, and a note on what differs.
    """
    if find_spec(package) is None:
        absent(f"the package {package} is not installed")
    problem = PROBLEMS[sys.argv[1]]
    frame = problem.frame()
    module = importlib.import_module(package)
    fit, note = prepare(problem, frame, module)
    release = getattr(module, "__version__", None) or version(package)
    print(json.dumps({**times(fit), "note": note, "version": release}))


def absent(reason: str) -> None:
    """Say why this competitor cannot take part, and stop."""
    print(json.dumps({"absent": reason}))
    sys.exit(ABSENT)


def times(fit: Fit) -> dict[str, float | int]:
    """Call ``fit`` until `BUDGET` seconds or `MOST` calls are used; times in seconds, memory in MB."""
    before = reset_peak()
    taken: list[float] = []
    criterion = float("nan")
    while not taken or (sum(taken) < BUDGET and len(taken) < MOST):
        start = time.perf_counter()
        criterion = fit()
        taken.append(time.perf_counter() - start)
    return {
        "first": taken[0],
        "best": min(taken),
        "median": statistics.median(taken),
        "calls": len(taken),
        "criterion": criterion,
        "memory": memory("VmHWM") - before,
    }


def memory(entry: str) -> float:
    """Return a figure of this process's memory in MB (Linux), or NaN where there is none."""
    status = Path("/proc/self/status")
    if not status.exists():
        return float("nan")
    lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
    return float(lines[entry].split()[0]) / 1024


def reset_peak() -> float:
    """Set the recorded peak back to the memory in use now, and return that."""
    clear = Path("/proc/self/clear_refs")
    if clear.exists():
        clear.write_text("5")
    return memory("VmRSS")
