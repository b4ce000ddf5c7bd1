"""Generalised models at size: rows that merge in the engine, and rows that do not, in memory and in files.

    python benchmarks/generalised_at_size.py [--rows 10000000] [--groups 10000] [--folder PATH]

Each fit runs in a process of its own with one BLAS thread; "memory" is the largest that the process held and
that no file backs, read every 10 ms from /proc, "resident" the peak with pages of files that the system
could take back. The Parquet file is made in pieces and removed at the end.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).resolve()
THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "POLARS_MAX_THREADS")
PIECE = 1_000_000
CASES = {
    "merged": ("y ~ c + k + (1 | g)", "a predictor of 8 values, one of 3 categories: rows merge"),
    "memory": ("y ~ x + (1 | g)", "a continuous predictor, in memory"),
    "files": ("y ~ x + (1 | g)", "a continuous predictor, in files"),
}


def write(path: Path, rows: int, groups: int) -> None:
    """Write yes or no in groups to a Parquet file, piece by piece."""
    rng = np.random.default_rng(20261121)
    effect = 0.8 * rng.standard_normal(groups)
    with pq.ParquetWriter(path, schema()) as file:
        for first in range(0, rows, PIECE):
            n = min(PIECE, rows - first)
            g, x, c = rng.integers(0, groups, n), rng.standard_normal(n), rng.integers(0, 8, n) / 4.0
            k = rng.integers(0, 3, n)
            eta = -0.5 + 0.5 * x - 0.3 * c + 0.2 * k + effect[g]
            y = (rng.random(n) < 1.0 / (1.0 + np.exp(-eta))).astype(np.int8)
            file.write_table(pa.table([y, x, c, pa.array(np.array(["a", "b", "c"])[k]), g], schema=schema()))


def schema() -> pa.Schema:
    """Return the columns of the file."""
    return pa.schema(
        [("y", pa.int8()), ("x", pa.float64()), ("c", pa.float64()), ("k", pa.string()), ("g", pa.int64())]
    )


def anonymous() -> int:
    """Return the bytes of this process that no file backs."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))


def measure(case: str, path: str) -> dict[str, float]:
    """Fit once and return time, memory and the criterion."""
    import multilevel as ml
    from multilevel.data import merged, sources

    if case == "files":
        merged.memory_bytes = lambda: 1
    else:
        sources.SHARE = 1e9
        merged.SHARE = 1e9
    peak, over = [anonymous()], threading.Event()

    def watch() -> None:
        while not over.wait(0.01):
            peak[0] = max(peak[0], anonymous())

    watcher = threading.Thread(target=watch)
    base = anonymous()
    watcher.start()
    start, used = time.perf_counter(), time.process_time()
    fit = ml.fit(CASES[case][0], [path], family="bernoulli")
    found = {"wall": time.perf_counter() - start, "cpu": time.process_time() - used}
    over.set()
    watcher.join()
    found |= {"memory": (peak[0] - base) / 1e6, "value": fit.deviance, "rows": fit.design.n_rows}
    return found | {"resident": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3}


def main() -> None:
    """Print a table, or with ``--one`` a fit's figures."""
    parser = argparse.ArgumentParser(description="Generalised models at size.")
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--groups", type=int, default=10_000)
    parser.add_argument("--folder", default=None)
    parser.add_argument("--cases", type=lambda s: s.split(","), default=list(CASES))
    parser.add_argument("--one", nargs=2)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure(*given.one)))
        return
    environment = {**os.environ, **dict.fromkeys(THREADS, "1")}
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        path = Path(folder) / "rows.parquet"
        write(path, given.rows, given.groups)
        print(f"load average {os.getloadavg()[0]:.1f}; {given.rows:,} rows, {given.groups:,} groups")
        print("| rows | fitted rows | time | cpu | memory | resident | -2 log-likelihood |\n|" + "---|" * 7)
        for case in given.cases:
            command = [sys.executable, str(HERE), "--one", case, str(path)]
            done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
            found = json.loads(done.stdout.splitlines()[-1])
            print(
                f"| {CASES[case][1]} | {found['rows']:,} | {found['wall']:.1f} s | {found['cpu']:.1f} s"
                f" | {found['memory']:.0f} MB | {found['resident']:.0f} MB | {found['value']:.6f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
