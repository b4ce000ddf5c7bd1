"""One model from every kind of source: equal log-likelihoods, whatever computes the sums."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import multilevel as ml
from tests.spark_cluster import spark_session

FORMULAS: dict[str, tuple[str, dict[str, Any]]] = {
    "one factor": ("y ~ x + (x | g)", {}),
    "crossed and weighted": ("y ~ x + f + (1 | g) + (x | h)", {"precision_weights": "w"}),
    "nested": ("y ~ x + u + (1 | h / k)", {"frequency_weights": "n", "offset": "u"}),
}


@cache
def table() -> pd.DataFrame:
    """Return 400,000 rows in 100,000 groups, the response and a slope's column at an offset of 1e8."""
    rng = np.random.default_rng(6)
    n, m = 400_000, 100_000
    g, h, x = rng.permutation(n) % m, rng.integers(0, 200, n), rng.normal(size=n)
    k = 7 * h + rng.integers(0, 5, n)
    y = 1e8 + 0.4 * x + rng.normal(size=m)[g] + 0.5 * rng.normal(size=200)[h] * x + rng.normal(size=1500)[k]
    return pd.DataFrame(
        {
            "y": y + rng.normal(size=n),
            "x": x + 1e8,
            "u": np.sin(h),
            "f": np.array(["low", "mid", "high"])[rng.integers(0, 3, n)],
            "g": g,
            "h": [f"site {number}" for number in h],
            "k": k,
            "w": rng.integers(1, 4, n) / 2.0,
            "n": rng.integers(0, 3, n),
        }
    )


@cache
def wanted(name: str) -> float:
    """Return the log-likelihood of the rows in memory."""
    formula, options = FORMULAS[name]
    return ml.fit(formula, table(), **options).loglik


def files(folder: Path) -> Path:
    """Write the rows as three Parquet files and return their folder."""
    arrow = pa.Table.from_pandas(table(), preserve_index=False)
    for part in range(3):
        pq.write_table(
            arrow.slice(150_000 * part, 150_000), folder / f"{part}.parquet", row_group_size=40_000
        )
    return folder


def dask_frame(folder: Path) -> Any:
    """Return the rows as a frame of Dask."""
    import dask.dataframe as dd

    return dd.from_pandas(table(), npartitions=4)


SOURCES: dict[str, Callable[[Path], Any]] = {
    "polars": lambda folder: pl.from_pandas(table()).lazy(),
    "DuckDB": lambda folder: duckdb.from_df(table()),
    "DuckDB on files": lambda folder: duckdb.read_parquet(str(files(folder) / "*.parquet")),
    "polars on files": lambda folder: pl.scan_parquet(files(folder) / "*.parquet"),
    "Parquet": files,
}
CLUSTERS: dict[str, Callable[[Path], Any]] = {
    "Dask": dask_frame,
    "PySpark": lambda folder: spark_session().read.parquet(str(files(folder))),
}
EVERY = [
    *(pytest.param(make, id=name) for name, make in SOURCES.items()),
    *(pytest.param(make, id=name, marks=pytest.mark.engines) for name, make in CLUSTERS.items()),
]


@pytest.mark.parametrize("make", EVERY)
def test_log_likelihoods_are_equal_from_every_source(make: Callable[[Path], Any], tmp_path: Path) -> None:
    """Sums in another order differ in the last digits; 1e-8 relative is asked for, far more is kept."""
    data = make(tmp_path)
    for name, (formula, options) in FORMULAS.items():
        fit = ml.fit(formula, data, **options)
        np.testing.assert_allclose(fit.loglik, wanted(name), rtol=1e-11)
        with pytest.raises(ml.errors.MultilevelError, match="rows"):
            fit.residuals()
