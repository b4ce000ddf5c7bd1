"""One pass over Parquet files: cross-products by group beside DuckDB's sums of the same columns.

python benchmarks/one_pass.py [--rows 1e8] [--levels 1e5] [--pieces 10] [--sorted] [--repeats 3]
    [--folder PATH] [--formula "y ~ x + (1 + x | g)"] [--second-factor 0]

Files are written in pieces into a new folder and deleted at the end. Each competitor runs in a process of its
own, by turns, with two threads; wall time, processor time of all threads and peak resident memory are told.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

THREADS = 2


def write(folder: Path, given: argparse.Namespace) -> None:
    """Write the rows: whole numbers g (and h), numbers x and y, in random order or sorted by g."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = np.random.default_rng(1)
    effects = rng.normal(size=(given.levels, 2)) * [0.7, 0.3]
    others = rng.normal(size=max(1, given.second_factor)) * 0.4
    for piece in range(given.pieces):
        n = given.rows * (piece + 1) // given.pieces - given.rows * piece // given.pieces
        low, high = 0, given.levels
        if given.sorted:
            low, high = (given.levels * at // given.pieces for at in (piece, piece + 1))
        g = rng.integers(low, high, n).astype(np.int32)
        g = np.sort(g) if given.sorted else g
        x = rng.normal(size=n)
        y = 1.0 + effects[g, 0] + (0.5 + effects[g, 1]) * x + rng.normal(size=n)
        columns = {"g": g, "x": x}
        if given.second_factor:
            h = rng.integers(0, given.second_factor, n).astype(np.int32)
            y += others[h]
            columns["h"] = h
        pq.write_table(pa.table({**columns, "y": y}), folder / f"part{piece:03d}.parquet")


def duckdb_sums(folder: Path, query: str) -> Callable[[], object]:
    """Return DuckDB's answer to a query over the files."""
    import duckdb

    connection = duckdb.connect()
    connection.execute(f"SET threads={THREADS}")
    return lambda: connection.execute(query.format(f"read_parquet('{folder}/*.parquet')")).fetchnumpy()


def decoded(folder: Path) -> Callable[[], object]:
    """Return the mere reading of the files, in the batches of our pass."""
    from concurrent.futures import ThreadPoolExecutor

    from multilevel.moments.in_files.batches import batches, lanes_of, read_metadata

    files = sorted(folder.glob("*.parquet"))

    def run() -> object:
        lanes = lanes_of(read_metadata(files, ["g", "x", "y"]).groups, 16)
        with ThreadPoolExecutor(THREADS) as pool:
            return list(
                pool.map(lambda lane: sum(b.num_rows for b in batches(lane, ["g", "x", "y"], [])), lanes)
            )

    return run


def products(folder: Path, formula: str) -> Callable[[], object]:
    """Return our one pass over the rows."""
    from multilevel.data.sources import open_source
    from multilevel.design.blueprint_columns import blueprint_of
    from multilevel.design.blueprint_outline import outline_of
    from multilevel.language import parse_formula
    from multilevel.moments.in_files.facts import facts_of_files
    from multilevel.moments.in_files.products import products_of_files
    from multilevel.moments.of_source.fact_scaling import scaling_from_facts

    source = open_source(folder)
    outline = outline_of(parse_formula(formula), source.schema)
    facts = facts_of_files(source, outline)
    blueprint = blueprint_of(outline, source.schema, facts.levels).blueprint
    scaling = scaling_from_facts(blueprint, facts)
    return lambda: products_of_files(source, blueprint, scaling, threads=THREADS)


def fit(folder: Path, formula: str) -> Callable[[], object]:
    """Return a whole fit from the files."""
    import multilevel as ml

    return lambda: ml.fit(formula, folder)


def competitor(name: str, folder: Path, formula: str) -> Callable[[], object]:
    """Return what is timed under a name."""
    match name:
        case "duckdb: sums":
            return duckdb_sums(folder, "SELECT sum(g), sum(x), sum(y) FROM {}")
        case "duckdb: sums by g":
            return duckdb_sums(folder, "SELECT g, count(*), sum(x), sum(y) FROM {} GROUP BY g")
        case "pyarrow: reading":
            return decoded(folder)
        case "multilevel: products":
            return products(folder, formula)
        case _:
            return fit(folder, formula)


COMPETITORS = (
    "duckdb: sums",
    "multilevel: products",
    "pyarrow: reading",
    "duckdb: sums by g",
    "multilevel: fit",
)


def peak() -> float:
    """Return the highest resident memory of this process in MB (Linux); that of its parent does not count."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return float(lines["VmHWM"].split()[0]) / 1024


def measure(name: str, folder: Path, formula: str) -> None:
    """Run one competitor once and print its figures as JSON."""
    run = competitor(name, folder, formula)
    wall, cpu = time.perf_counter(), time.process_time()
    run()
    found = {
        "wall": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
        "peak": peak(),
        "load": os.getloadavg()[0],
    }
    print(json.dumps(found))


def read_arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the command line's choices."""
    parser = argparse.ArgumentParser(description="One pass over Parquet files.")
    for name, size in (("rows", 1e8), ("levels", 1e5), ("second-factor", 0)):
        parser.add_argument(f"--{name}", type=lambda s: int(float(s)), default=int(size))
    parser.add_argument("--pieces", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--sorted", action="store_true", help="rows sorted by group")
    parser.add_argument("--folder", type=Path, help="where the files go; they are deleted at the end")
    parser.add_argument("--formula", default="y ~ x + (1 + x | g)")
    parser.add_argument("--measure", choices=COMPETITORS, help=argparse.SUPPRESS)
    return parser.parse_args(words)


def main() -> None:
    """Write the files, run the competitors by turns, and print the best of each."""
    given = read_arguments()
    if given.measure:
        measure(given.measure, given.folder, given.formula)
        return
    folder = Path(tempfile.mkdtemp(prefix="one-pass-", dir=given.folder))
    try:
        write(folder, given)
        size = sum(file.stat().st_size for file in folder.iterdir()) / 2**30
        order = "sorted by group" if given.sorted else "in random order"
        print(f"{given.rows:.3g} rows {order}, {given.levels} levels, {size:.2f} GB in {given.pieces} files")
        found: dict[str, list[dict[str, float]]] = {name: [] for name in COMPETITORS}
        for _ in range(given.repeats):
            for name in COMPETITORS:
                words = ["--measure", name, "--folder", str(folder), "--formula", given.formula]
                done = subprocess.run(
                    [sys.executable, __file__, *words], capture_output=True, text=True, check=True
                )
                found[name].append(json.loads(done.stdout.splitlines()[-1]))
        base = {what: min(run[what] for run in found[COMPETITORS[0]]) for what in ("wall", "cpu")}
        for name, runs in found.items():
            wall, cpu = (min(run[what] for run in runs) for what in ("wall", "cpu"))
            print(
                f"{name:22s} wall {wall:6.2f} s ({wall / base['wall']:4.2f}), processors {cpu:6.2f} s "
                f"({cpu / base['cpu']:4.2f}), peak {max(run['peak'] for run in runs):5.0f} MB, "
                f"load {min(run['load'] for run in runs):.1f} to {max(run['load'] for run in runs):.1f}"
            )
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
