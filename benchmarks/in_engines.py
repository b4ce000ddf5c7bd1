"""Cross-products inside engines: facts and sums by group beside the engine's own sums of the same columns.

python -m benchmarks.in_engines [--rows 1e7] [--levels 1e5] [--second-factor 1e3]
    [--engines DuckDB polars Dask PySpark]

The rows are Parquet files in a new folder, deleted at the end. Each engine runs in a process of its own with
two threads (Spark: two worker processes); told are wall time, processor time of the process, and its highest
resident memory.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ENGINES = ("DuckDB", "polars", "Dask", "PySpark")
FORMULAS = ("y ~ x + (x | g)", "y ~ x + (1 | g) + (1 | h)")
COLUMNS = ("g", "x", "y")


def write(folder: Path, rows: int, levels: int, second: int) -> None:
    """Write four files of rows in random order."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = np.random.default_rng(1)
    for part in range(4):
        n = rows // 4
        g, h, x = rng.integers(0, levels, n), rng.integers(0, second, n), rng.normal(size=n)
        y = g % 7 + 0.5 * x + h % 5 + rng.normal(size=n)
        table = pa.table({"g": g, "h": h, "x": x, "y": y})
        pq.write_table(table, folder / f"{part}.parquet", row_group_size=250_000)


def opened(engine: str, folder: Path) -> Any:
    """Return the files as a lazy frame of an engine."""
    files = f"{folder}/*.parquet"
    if engine == "DuckDB":
        import duckdb

        duckdb.sql("set threads = 2")
        return duckdb.read_parquet(files)
    if engine == "polars":
        import polars as pl

        return pl.scan_parquet(files)
    if engine == "Dask":
        import dask
        import dask.dataframe as dd

        dask.config.set(scheduler="threads", num_workers=2)
        return dd.read_parquet(str(folder))
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local-cluster[2,1,2048]")
    for name, value in {
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "4",
        "spark.ui.showConsoleProgress": "false",
    }.items():
        builder = builder.config(name, value)
    return builder.getOrCreate().read.parquet(str(folder))


def measure(engine: str, folder: Path) -> None:
    """Print the lines of one engine: the best of three, the first run of each set aside."""
    import narwhals as nw

    from multilevel.data.sources import open_source
    from multilevel.design.blueprint_columns import blueprint_of
    from multilevel.design.blueprint_outline import outline_of
    from multilevel.language import parse_formula
    from multilevel.moments.in_engine.products import facts_in_engine, products_in_engine
    from multilevel.moments.of_source.fact_scaling import scaling_from_facts

    source = open_source(opened(engine, folder))
    streaming = {"engine": "streaming"} if engine == "polars" else {}
    sums = source.frame.select(*(nw.col(name).sum() for name in COLUMNS))
    by_group = source.frame.group_by("g").agg(nw.len().alias("n"), nw.col("x").sum(), nw.col("y").sum())
    base = _line(engine, "sum(g), sum(x), sum(y)", lambda: sums.collect(**streaming), None)
    _line(engine, "the same and count by g", lambda: by_group.collect(**streaming), base)
    for formula in FORMULAS:
        outline = outline_of(parse_formula(formula), source.schema)
        facts = facts_in_engine(source, outline)
        blueprint = blueprint_of(outline, source.schema, facts.levels).blueprint
        scaling = scaling_from_facts(blueprint, facts)
        _line(engine, f"facts of `{formula}`", lambda o=outline: facts_in_engine(source, o), base)
        _line(
            engine,
            f"products of `{formula}`",
            lambda b=blueprint, s=scaling, f=facts: products_in_engine(source, b, s, facts=f),
            base,
        )


def _line(
    engine: str, what: str, work: Callable[[], Any], base: tuple[float, float] | None
) -> tuple[float, float]:
    """Time a piece of work three times and print the least; return wall and processor seconds."""
    walls, processors = [], []
    for _ in range(3):
        start, used = time.perf_counter(), time.process_time()
        work()
        walls.append(time.perf_counter() - start)
        processors.append(time.process_time() - used)
    wall, processor = min(walls), min(processors)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    ratio = "" if base is None else f"{wall / base[0]:.1f}"
    own = "elsewhere" if engine == "PySpark" else f"{processor:.2f} s"
    cells = (engine, what.replace("|", "\\|"), f"{wall:.2f} s", own, ratio, f"{peak:,.0f} MB")
    print("| " + " | ".join(cells) + " |", flush=True)
    return wall, processor


def main(given: Namespace) -> None:
    """Write the rows, run every engine in its own process, and print the table."""
    folder = Path(tempfile.mkdtemp(prefix="in_engines_"))
    try:
        write(folder, int(given.rows), int(given.levels), int(given.second_factor))
        size = sum(file.stat().st_size for file in folder.iterdir())
        load = os.getloadavg()[0]
        print(f"{int(given.rows):,} rows, {size / 1e6:.0f} MB; load average {load:.1f} at the start.\n")
        print(
            "| engine | what | wall | processor | of the sums | peak |\n|---|---|---|---|---|---|", flush=True
        )
        for engine in given.engines:
            command = [sys.executable, "-m", "benchmarks.in_engines", "--measure", engine, str(folder)]
            environment = {**os.environ, "POLARS_MAX_THREADS": "2", "PYSPARK_PYTHON": sys.executable}
            subprocess.run(command, check=True, env=environment)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        measure(sys.argv[2], Path(sys.argv[3]))
    else:
        parser = argparse.ArgumentParser()
        parser.add_argument("--rows", type=float, default=1e7)
        parser.add_argument("--levels", type=float, default=1e5)
        parser.add_argument("--second-factor", type=float, default=1e3)
        parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
        main(parser.parse_args())
