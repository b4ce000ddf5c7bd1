"""A Spark cluster of two workers: sums, names and faults; one test, because a cluster takes long to start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from multilevel.data.sources import is_source, open_source
from multilevel.design.blueprint_outline import outline_of
from multilevel.errors import DataError
from multilevel.language import parse_formula
from multilevel.moments.in_engine.columns import collected, engine_columns
from multilevel.moments.in_engine.facts import facts_in_engine
from tests.moments.engine_cases import CASES, asked, bound, compare, rows
from tests.spark_cluster import spark_session

SOME = ("nested and crossed", "categories", "expressions", "both weights", "missing")
"""Cases that together have everything; DuckDB and polars run all of them."""


@pytest.mark.engines
def test_a_cluster_gives_the_sums_of_the_rows(tmp_path: Path) -> None:
    spark = spark_session()
    workers = spark.sparkContext._jsc.sc().getExecutorMemoryStatus().size() - 1
    assert workers >= 1, "processes other than the driver"
    for name in SOME:
        _check_case(spark, name, tmp_path / name)
    _check_names(spark)
    _check_faults(spark, tmp_path)
    _check_stopped(spark)


def _check_case(spark: Any, name: str, folder: Path) -> None:
    """Assert that the sums over three files equal those over the rows."""
    case = CASES[name]
    table = rows(case)
    design = bound(case, table)
    folder.mkdir()
    arrow = pa.Table.from_pandas(table, preserve_index=False)
    for part in range(3):
        pq.write_table(arrow.slice(200 * part, 200), folder / f"{part}.parquet")
    data = spark.read.parquet(str(folder))
    source = open_source(data)
    assert is_source(data) and source.engine == "PySpark"
    facts, products, _, scaling = asked(source, case, design)
    compare(products, facts, design, scaling, 1e-12 if case.shift == 0.0 else 1e-10)


def _check_names(spark: Any) -> None:
    """Assert that dots, spaces and letters' case in names are only names."""
    names = ["x.y", "X", "x", "a b", "c`d"]
    columns = engine_columns(open_source(spark.createDataFrame([(1.0, 2.0, 3.0, 4.0, 5.0)], names)), names)
    for at, name in enumerate(names):
        found = collected(columns, columns.frame.select(columns.number(name).alias("v")))
        np.testing.assert_array_equal(found["v"].to_numpy(), [at + 1.0])


def _check_faults(spark: Any, folder: Path) -> None:
    """Assert that a file that is gone and a value that cannot be read are told in one line."""
    pq.write_table(pa.table({"x": [1.0]}), folder / "gone.parquet")
    gone = spark.read.parquet(str(folder / "gone.parquet"))
    (folder / "gone.parquet").unlink()
    bad = spark.createDataFrame([("a",)], ["t"]).selectExpr("cast(t as double) as x")
    for data, message in ((gone, r"gone\.parquet"), (bad, "CAST_INVALID_INPUT")):
        columns = engine_columns(open_source(data), ["x"])
        with pytest.raises(DataError, match=f"PySpark cannot compute the sums: .*{message}"):
            collected(columns, columns.frame.select(columns.number("x").sum()))


def _check_stopped(spark: Any) -> None:
    """Assert that a session that was stopped is told as such, wherever it is noticed first."""
    data = spark.createDataFrame([(1.0, 1)], ["y", "g"])
    source = open_source(data)
    outline = outline_of(parse_formula("y ~ 1 + (1 | g)"), source.schema)
    spark.stop()
    with pytest.raises(DataError, match=r"PySpark cannot .*(stopped|created first)"):
        facts_in_engine(source, outline)
