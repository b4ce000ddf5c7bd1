"""Errors of engines: which they are, and their reason in one line."""

from __future__ import annotations

import duckdb
import polars as pl
import pytest

from multilevel.data.engine_errors import errors_of, reason


@pytest.mark.parametrize(
    ("engine", "own"),
    [
        ("duckdb", duckdb.CatalogException),
        ("polars", pl.exceptions.ComputeError),
        ("dask", KeyError),
        ("pyspark", AssertionError),
        ("pyspark[connect]", AssertionError),
        ("ibis", RuntimeError),
        ("duckdb", OSError),
    ],
)
def test_errors_of_an_engine(engine: str, own: type[Exception]) -> None:
    assert issubclass(own, errors_of(engine))


JAVA = (
    "An error occurred.\n: Thrown in await\n\tat x\nCaused by: Failed\n\tat y\nCaused by: no file z\n\tat q"
)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (
            duckdb.CatalogException("Catalog Error: no table t!\nDid you mean u?"),
            "Catalog Error: no table t!",
        ),
        (RuntimeError(JAVA), "no file z"),
        (AssertionError(), "its session has been stopped"),
        (KeyError(), "KeyError"),
    ],
)
def test_reasons(error: Exception, line: str) -> None:
    assert reason(error) == line
