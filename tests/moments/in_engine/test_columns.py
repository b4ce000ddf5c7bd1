"""Expressions of columns in engines: values, names, types, and faults of the engine."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import duckdb
import narwhals as nw
import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from multilevel.data.sources import open_source
from multilevel.design.blueprint import Coded
from multilevel.errors import DataError
from multilevel.moments.in_engine.columns import EngineColumns, collected, engine_columns, labels_of

Make = Callable[[dict[str, Any]], Any]
ENGINES: dict[str, Make] = {
    "polars": lambda columns: pl.from_arrow(pa.table(columns)).lazy(),
    "duckdb": lambda columns: duckdb.from_arrow(pa.table(columns)),
}
X = np.array([0.5, 2.0, 1e-12, 3.75])


def opened(make: Make, columns: dict[str, Any]) -> EngineColumns:
    """Return the columns of a source."""
    return engine_columns(open_source(make(columns)), list(columns))


def values(columns: EngineColumns, expression: nw.Expr) -> Any:
    """Return an expression's values."""
    return collected(columns, columns.frame.select(expression.alias("v")))["v"].to_numpy()


EXPRESSIONS: dict[str, Any] = {
    "x": X,
    "log(x)": np.log(X),
    "log2(x) + log10(x)": np.log2(X) + np.log10(X),
    "log1p(x)": np.log1p(X),
    "expm1(x)": np.expm1(X),
    "expm1(-x * 20)": np.expm1(-X * 20),
    "exp(x) - 1": np.exp(X) - 1,
    "sqrt(x) * abs(-x)": np.sqrt(X) * X,
    "sin(x) / cos(x) - tan(x) + 1": np.ones(4),
    "2 ** x - x ** 2": 2.0**X - X**2,
    "1 / x": 1.0 / X,
    "-x + +3": 3.0 - X,
    "I(2 ** 3 / 4 - 1 + x)": X + 1.0,
    "flag * 2": np.array([2.0, 0.0, 2.0, 0.0]),
}


@pytest.mark.parametrize("make", ENGINES.values(), ids=ENGINES)
@pytest.mark.parametrize(("text", "wanted"), EXPRESSIONS.items(), ids=EXPRESSIONS)
def test_expressions_have_the_values_of_numpy(text: str, wanted: Any, make: Make) -> None:
    """Correct to the last digits, close to zero too: the functions of two libraries."""
    columns = opened(make, {"x": X, "flag": [True, False, True, False]})
    found = np.broadcast_to(values(columns, columns.number(text)), 4)
    np.testing.assert_allclose(found, wanted, rtol=1e-14, atol=1e-15 if "tan" in text else 0.0)


NAMES = ("a b", 'q"q', "x.y", "größe", "select", "c1", "c0", "1")


@pytest.mark.parametrize("make", ENGINES.values(), ids=ENGINES)
def test_columns_may_have_any_name(make: Make) -> None:
    columns = opened(make, {name: [float(at)] for at, name in enumerate(NAMES)})
    for at, name in enumerate(NAMES):
        assert values(columns, columns.number(name)).tolist() == [float(at)]


TYPES: dict[str, Any] = {
    "int8": pa.array([100, 100], pa.int8()),
    "uint8": pa.array([200, 200], pa.uint8()),
    "int32": pa.array([2_000_000_000, 1], pa.int32()),
    "float32": pa.array([0.1, 3e38], pa.float32()),
    "decimal": pa.array([Decimal("1.25"), Decimal("-2")], pa.decimal128(9, 2)),
    "int64": pa.array([2**62, 3], pa.int64()),
}


@pytest.mark.parametrize("make", ENGINES.values(), ids=ENGINES)
@pytest.mark.parametrize("column", TYPES.values(), ids=TYPES)
def test_products_of_any_type_are_float64(column: Any, make: Make) -> None:
    """Whole numbers must not wrap around, nor short floats overflow."""
    columns = opened(make, {"x": column})
    found = values(columns, columns.product(("x", "x")))
    assert found.dtype == np.float64
    exact = np.array([float(value) for value in column.to_pylist()])
    np.testing.assert_allclose(found, exact * exact, rtol=1e-15)


@pytest.mark.parametrize("kind", [pl.String(), pl.Categorical(), pl.Enum(["b", "a"])])
def test_coded_numbers_of_texts_booleans_and_numbers(kind: Any) -> None:
    table = pl.LazyFrame(
        {"f": pl.Series(["a", "b", "a"], dtype=kind), "b": [True, True, False], "k": [1.5, 2.0, 1.5]}
    )
    columns = engine_columns(open_source(table), ["f", "b", "k"])
    coded = Coded(("f", "b", "k"), ((("a", "True", "1.5"), 2.0), (("b", "True", "2"), -1.0)))
    assert values(columns, columns.coded(coded)).tolist() == [2.0, -1.0, 0.0]
    assert values(columns, columns.coded(Coded(("f",), ()))).tolist()[0] == 0.0


def test_sums_of_offsets() -> None:
    columns = opened(ENGINES["polars"], {"x": X})
    total = columns.sum_of(("x", 2.0, "log(x)"))
    assert total is not None and columns.sum_of(()) is None
    np.testing.assert_allclose(values(columns, total), X + 2.0 + np.log(X), rtol=1e-15)


@pytest.mark.parametrize("make", ENGINES.values(), ids=ENGINES)
def test_missing_values_are_null_or_nan(make: Make) -> None:
    columns = opened(make, {"x": pa.array([1.0, None, float("nan")]), "g": pa.array(["a", None, "b"])})
    assert values(columns, columns.is_missing("x")).tolist() == [False, True, True]
    assert values(columns, columns.is_missing("g")).tolist() == [False, True, False]
    assert values(columns, columns.is_complete()).tolist() == [True, False, False]


def dropped() -> Any:
    """Return a relation whose table is gone."""
    connection = duckdb.connect()
    connection.sql("create table t as select 1.0 as x")
    relation = connection.table("t")
    connection.sql("drop table t")
    return relation


FAULTS: dict[str, tuple[Callable[[], Any], str]] = {
    "dropped table": (
        dropped,
        "DuckDB cannot read the table: Catalog Error: Table with name t does not exist!",
    ),
    "bad cast in DuckDB": (
        lambda: duckdb.sql("select cast(v as double) as x from (values ('a')) t(v)"),
        "DuckDB cannot compute the sums: Conversion Error",
    ),
    "bad cast in polars": (
        lambda: pl.LazyFrame({"x": ["a"]}).with_columns(pl.col("x").cast(pl.Float64)),
        "polars cannot compute the sums: conversion from",
    ),
}


@pytest.mark.parametrize(("make", "message"), FAULTS.values(), ids=FAULTS)
def test_faults_of_the_engine_are_data_errors(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        columns = engine_columns(open_source(make()), ["x"])
        values(columns, columns.number("x"))


def test_labels_are_sorted_as_numbers() -> None:
    assert labels_of(np.array([10.0, 2.0, 0.5])) == ("0.5", "2", "10")
