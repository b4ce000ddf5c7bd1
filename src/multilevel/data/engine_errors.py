"""What the engines behind lazy frames raise when they cannot compute, and its reason in one line."""

from __future__ import annotations

import sys

from narwhals.exceptions import NarwhalsError

Errors = tuple[type[Exception], ...]

_DASK: Errors = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RuntimeError)
"""Dask gives on whatever pandas or a user's function raised in a partition."""


def errors_of(engine: str) -> Errors:
    """Return the errors that an engine raises when a query fails.

    Parameters
    ----------
    engine
        Name of the library: "duckdb", "polars", "pyspark", "dask", ...

    Examples
    --------
    >>> OSError in errors_of("duckdb")
    True
    """
    ancestors: Errors = (OSError, NarwhalsError, MemoryError)
    if engine == "duckdb" and "duckdb" in sys.modules:
        return (*ancestors, sys.modules["duckdb"].Error)
    if engine == "polars" and "polars" in sys.modules:
        return (*ancestors, sys.modules["polars"].exceptions.PolarsError)
    if engine.startswith("pyspark"):
        return ancestors + _errors_of_spark()
    return ancestors + _DASK if engine == "dask" else (*ancestors, RuntimeError, ValueError)


def _errors_of_spark() -> Errors:
    """Return the errors of Spark; a session that was stopped fails an assertion in its library."""
    own = sys.modules.get("pyspark.errors")
    bridge = sys.modules.get("py4j.protocol")
    found: Errors = (AssertionError, AttributeError)
    if own is not None:
        found = (*found, own.PySparkException)
    return found if bridge is None else (*found, bridge.Py4JError)


def reason(error: Exception) -> str:
    """Return the reason of an engine's error in one line.

    Examples
    --------
    >>> reason(ValueError("no such table\\nat line 1"))
    'no such table'
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if isinstance(error, AssertionError) and not lines:
        return "its session has been stopped"
    causes = [line.removeprefix("Caused by: ") for line in lines if line.startswith("Caused by: ")]
    return (causes or lines or [type(error).__name__])[-1 if causes else 0]
