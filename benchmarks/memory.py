"""Predicted and measured peak memory of fits and runs, each in a fresh process.

    python -m benchmarks.memory [CASE ...]

The peak is the highest resident memory of the process during the call, less that before it, with the data
already there; a small fit of the same kind has gone before, so that libraries are loaded. Linux only.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

import multilevel as ml

CASES: dict[str, dict[str, Any]] = {
    "one factor, 1e6 rows": {"formula": "y ~ x + (1 | g)", "rows": 1_000_000, "levels": [1000]},
    "one factor, 1e7 rows": {"formula": "y ~ x + (1 | g)", "rows": 10_000_000, "levels": [1000]},
    "slopes, 1e6 rows, 1e5 groups": {"formula": "y ~ x + (x | g)", "rows": 1_000_000, "levels": [100_000]},
    "slopes, 1e7 rows, 1e6 groups": {"formula": "y ~ x + (x | g)", "rows": 10_000_000, "levels": [1_000_000]},
    "labels as text, 3e6 rows": {
        "formula": "y ~ x + (1 | g)",
        "rows": 3_000_000,
        "levels": [300_000],
        "text": True,
    },
    "eight predictors, 3e6 rows": {
        "formula": "y ~ x + x2 + x3 + x4 + I(x * x2) + I(x ** 2) + exp(x3) + f + (x | g)",
        "rows": 3_000_000,
        "levels": [10_000],
    },
    "missing values, 3e6 rows": {
        "formula": "y ~ x + (1 | g)",
        "rows": 3_000_000,
        "levels": [10_000],
        "missing": True,
    },
    "Parquet file in memory, 1e7 rows": {
        "formula": "y ~ x + (1 | g)",
        "rows": 10_000_000,
        "levels": [1000],
        "file": True,
    },
    "Parquet folder streamed, 1e7 rows": {
        "formula": "y ~ x + (x | g)",
        "rows": 10_000_000,
        "levels": [1000],
        "folder": True,
    },
    "Parquet folder streamed, 5e6 rows, 5e5 groups": {
        "formula": "y ~ x + (x | g)",
        "rows": 5_000_000,
        "levels": [500_000],
        "folder": True,
    },
    "Parquet folder streamed, crossed, 2e6 rows": {
        "formula": "y ~ x + (1 | g) + (1 | h)",
        "rows": 2_000_000,
        "levels": [50_000, 300],
        "folder": True,
    },
    "crossed, small core, 5e6 rows": {
        "formula": "y ~ x + (1 | g) + (1 | h)",
        "rows": 5_000_000,
        "levels": [200_000, 200],
    },
    "crossed by Monte Carlo, 1e6 rows": {
        "formula": "y ~ x + (1 | g) + (1 | h)",
        "rows": 1_000_000,
        "levels": [100_000, 50_000],
        "solver": "monte_carlo",
    },
    "crossed, core of 4,000, 1e6 rows": {
        "formula": "y ~ x + (1 | g) + (1 | h)",
        "rows": 1_000_000,
        "levels": [6000, 4000],
        "solver": "exact",
    },
    "bernoulli, 1e6 rows": {
        "formula": "y ~ x + (1 | g)",
        "rows": 1_000_000,
        "levels": [1000],
        "method": "laplace",
    },
    "bernoulli, 1e7 rows": {
        "formula": "y ~ x + (1 | g)",
        "rows": 10_000_000,
        "levels": [10_000],
        "method": "laplace",
    },
    "posterior, 1e6 rows, 5e4 groups": {
        "formula": "y ~ x + (1 | g)",
        "rows": 1_000_000,
        "levels": [50_000],
        "method": "marginal",
    },
}


def rows_of(case: dict[str, Any], n: int, levels: list[int]) -> Any:
    """Return the data of a case as a dictionary of arrays, or the path of a Parquet file."""
    rng = np.random.default_rng(1)
    rows: dict[str, Any] = {
        name: rng.normal(size=n) for name in ("x", "x2", "x3", "x4") if name in words(case)
    }
    eta = 0.5 * rows["x"]
    for name, m in zip("gh", levels, strict=False):
        codes = rng.integers(0, m, n)
        eta += rng.normal(size=m)[codes]
        rows[name] = (
            np.array([f"level {i}" for i in range(m)], dtype=object)[codes] if case.get("text") else codes
        )
    if "f" in words(case):
        rows["f"] = np.array(list("abcd"), dtype=object)[rng.integers(0, 4, n)]
    rows["y"] = eta + rng.normal(size=n)
    if case.get("method") == "laplace":
        rows["y"] = (rows["y"] > 0).astype(np.float64)
    if case.get("missing"):
        rows["x"][::50] = np.nan
    return rows


def written(case: dict[str, Any], rows: dict[str, Any], folder: Path) -> Any:
    """Return the rows, or the Parquet file or folder of files that they are written to."""
    if not case.get("file") and not case.get("folder"):
        return rows
    folder.mkdir()
    frame, parts = pd.DataFrame(rows), 4 if case.get("folder") else 1
    for part in range(parts):
        some = frame[len(frame) * part // parts : len(frame) * (part + 1) // parts]
        some.to_parquet(folder / f"{part}.parquet", row_group_size=250_000)
    return folder if case.get("folder") else folder / "0.parquet"


def words(case: dict[str, Any]) -> set[str]:
    """Return the names in the formula of a case."""
    return set("".join(c if c.isalnum() else " " for c in case["formula"]).split())


def solve(case: dict[str, Any], data: Any) -> None:
    """Fit or sample."""
    method = case.get("method", "reml")
    if method == "marginal":
        ml.sample(case["formula"], data, seed=1)
    else:
        family = "bernoulli" if method == "laplace" else None
        solver = case.get("solver", "auto")
        ml.fit(case["formula"], data, method=method, family=family, missing="drop", solver=solver)


def status(name: str) -> int:
    """Return an entry of this process's status in bytes."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(name))


def measure(case: dict[str, Any]) -> dict[str, float]:
    """Return peak and prediction in bytes, and seconds, of a case in this process."""
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        solve(case, written(case, rows_of(case, 4000, [20] * len(case["levels"])), Path(folder) / "small"))
        data = written(case, rows_of(case, case["rows"], case["levels"]), Path(folder) / "large")
        gc.collect()
        pa.default_memory_pool().release_unused()
        ctypes.CDLL("libc.so.6").malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
        before, start = status("VmRSS"), time.perf_counter()
        solve(case, data)
        seconds, peak = time.perf_counter() - start, status("VmHWM") - before
        family = "bernoulli" if case.get("method") == "laplace" else None
        plan = ml.explain(
            case["formula"],
            data,
            method=case.get("method"),
            family=family,
            solver=case.get("solver", "auto"),
        )
    return {"peak": peak, "predicted": plan.facts["memory"], "seconds": seconds}


def main() -> None:
    """Measure each case in a process of its own and print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("cases", nargs="*", default=list(CASES))
    parser.add_argument("--here", action="store_true", help="measure one case in this process")
    options = parser.parse_args()
    if options.here:
        print(json.dumps(measure(CASES[options.cases[0]])))
        return
    print(f"Load average {os.getloadavg()[0]:.1f} at the start.\n")
    print("| job | peak | predicted | predicted / peak | time |\n|---|---|---|---|---|")
    for name in options.cases:
        command = [sys.executable, "-m", "benchmarks.memory", "--here", name]
        found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        peak, predicted = found["peak"], found["predicted"]
        print(
            f"| {name} | {peak / 1e6:,.0f} MB | {predicted / 1e6:,.0f} MB | {predicted / peak:.2f}"
            f" | {found['seconds']:.1f} s |",
            flush=True,
        )


if __name__ == "__main__":
    main()
