"""Columns of a source as expressions of the engine that holds it, through Narwhals."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np

from multilevel.data.columns import label_of
from multilevel.data.engine_errors import errors_of, reason
from multilevel.data.sources import Source
from multilevel.design.blueprint import Coded, Outline
from multilevel.errors import DataError, MultilevelError
from multilevel.language import Binary, Call, Column, Constant, Expression, Unary, parse_expression

Value = nw.Expr | float
"""An expression of columns, or a constant."""

_BINARY: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "**": lambda a, b: a**b,
}


def _log1p(x: nw.Expr) -> nw.Expr:
    """Return ``log(1 + x)``, exact for small ``x`` (N. J. Higham, Accuracy and Stability, 1.14.1)."""
    one = x + 1.0
    return nw.when(one == 1.0).then(x).otherwise(one.log() * x / nw.when(one != 1.0).then(one - 1.0))


def _expm1(x: nw.Expr) -> nw.Expr:
    """Return ``exp(x) - 1``, exact for small ``x`` (Higham as above): far from zero the plain difference."""
    e = x.exp()
    near = (x.abs() < 1.0) & (e != 1.0)
    return (
        nw.when(e == 1.0)
        .then(x)
        .otherwise(nw.when(near).then((e - 1.0) * x / nw.when(near).then(e.log())).otherwise(e - 1.0))
    )


_CALLS: Mapping[str, Callable[[nw.Expr], nw.Expr]] = {
    "log": lambda x: x.log(),
    "log2": lambda x: x.log(2.0),
    "log10": lambda x: x.log(10.0),
    "log1p": _log1p,
    "exp": lambda x: x.exp(),
    "expm1": _expm1,
    "sqrt": lambda x: x.sqrt(),
    "abs": lambda x: x.abs(),
    "sin": lambda x: x.sin(),
    "cos": lambda x: x.cos(),
    "tan": lambda x: x.sin() / x.cos(),
    "I": lambda x: x,
}


@dataclass(frozen=True, slots=True, eq=False)
class EngineColumns:
    """The needed columns of a source under short names, and expressions of them.

    Parameters
    ----------
    source
        Of the kind "frame".
    frame
        A LazyFrame of the needed columns only: ``c0``, ``c1``, ...
    inner
        Short name of each needed column.
    floating
        Needed columns that may be NaN or infinite.
    declared
        Levels of the columns that declare them, as an Enum of polars does, in their order.
    """

    source: Source
    frame: nw.LazyFrame[Any]
    inner: Mapping[str, str]
    floating: frozenset[str]
    declared: Mapping[str, tuple[str, ...]]

    def number(self, text: str) -> nw.Expr:
        """Return a column, or an expression in the grammar of formulas, as float64."""
        found = self._value(Column(text) if text in self.inner else parse_expression(text))
        assert isinstance(found, nw.Expr), "the grammar refuses expressions without a column"
        return found

    def product(self, texts: Sequence[str]) -> nw.Expr:
        """Return the product of several expressions."""
        found = self.number(texts[0])
        for text in texts[1:]:
            found = found * self.number(text)
        return found

    def coded(self, coded: Coded) -> nw.Expr:
        """Return a number that depends on the levels of categorical columns."""
        cells = [self._cell(coded.columns, labels) * value for labels, value in coded.cells]
        found = cells[0] if cells else nw.lit(0.0, nw.Float64)
        for cell in cells[1:]:
            found = found + cell
        return found

    def sum_of(self, parts: Sequence[str | float]) -> nw.Expr | None:
        """Return a sum of expressions and numbers, or ``None`` without any."""
        found: nw.Expr | None = None
        for part in parts:
            own = nw.lit(part, nw.Float64) if isinstance(part, float) else self.number(part)
            found = own if found is None else found + own
        return found

    def is_missing(self, name: str) -> nw.Expr:
        """Return where a column is null or NaN."""
        column = nw.col(self.inner[name])
        if name not in self.floating:
            return column.is_null()
        return column.is_null() | nw.when(~column.is_null()).then(column.is_nan()).otherwise(nw.lit(False))

    def is_complete(self) -> nw.Expr:
        """Return where no needed column is missing."""
        found = nw.lit(True)
        for name in self.inner:
            found = found & ~self.is_missing(name)
        return found

    def used(self, outline: Outline) -> nw.LazyFrame[Any]:
        """Return the rows that are used: nothing missing, weights positive."""
        complete = self.frame.filter(self.is_complete()) if self.inner else self.frame
        weights = [outline.precision_weights, outline.frequency_weights]
        for weight in dict.fromkeys(text for text in weights if text is not None):
            complete = complete.filter(self.number(weight) > 0.0)
        return complete

    def _cell(self, columns: Sequence[str], labels: Sequence[str]) -> nw.Expr:
        """Return 1 where the columns have these labels, else 0."""
        found: nw.Expr | None = None
        for name, label in zip(columns, labels, strict=True):
            here = nw.col(self.inner[name]) == self._labelled(name, label)
            found = here if found is None else found & here
        assert found is not None
        return found.cast(nw.Float64)

    def _labelled(self, name: str, label: str) -> str | float | bool:
        """Return what a label stands for in its column."""
        kind = self.source.schema[name]
        if kind == "boolean":
            return label == "True"
        return float(label) if kind == "number" else label

    def _value(self, node: Expression) -> Value:
        """Return the value of a node of an expression."""
        match node:
            case Column(name):
                return nw.col(self.inner[name]).cast(nw.Float64)
            case Constant(value):
                return float(value)  # type: ignore[arg-type]
            case Unary(operator, operand):
                inside = self._value(operand)
                return inside * -1.0 if operator == "-" else inside
            case Binary(operator, left, right):
                found: Value = _BINARY[operator](self._value(left), self._value(right))
                return found
            case Call(name, arguments):
                inside = self._value(arguments[0])
                assert isinstance(inside, nw.Expr), "the grammar refuses calls without a column"
                return _CALLS[name](inside)


def engine_columns(source: Source, needed: Sequence[str]) -> EngineColumns:
    """Choose the needed columns of a source and give them short names.

    Raises
    ------
    DataError
        The engine cannot read the table, or takes a column's name for a pattern.
    """
    for name in needed:
        if name == "*" or (name.startswith("^") and name.endswith("$")):
            raise DataError(
                f"the name of the column `{name}` is a pattern of names to {source.engine}",
                remedy="rename the column",
            )
    inner = {name: f"c{number}" for number, name in enumerate(needed)}
    try:
        frame, own = _renamed(source)
        schema = frame.collect_schema()
        chosen = [_plain(own[name], schema[own[name]]).alias(short) for name, short in inner.items()]
        frame = frame.select(*chosen) if chosen else frame
    except errors_of(str(source.frame.implementation)) as error:
        raise DataError(f"{source.engine} cannot read the table: {reason(error)}") from error
    floating = frozenset(name for name in needed if schema[own[name]].is_float())
    declared = {}
    for name in needed:
        dtype = schema[own[name]]
        if isinstance(dtype, nw.Enum) and source.engine == "polars":
            declared[name] = tuple(dtype.categories)
    return EngineColumns(source, frame, inner, floating, declared)


def _renamed(source: Source) -> tuple[nw.LazyFrame[Any], dict[str, str]]:
    """Return the frame and its name for each column; Spark reads dots and letters' case in names its way."""
    frame = source.frame
    if str(frame.implementation) != "pyspark":
        return frame, {name: name for name in source.names}
    own = {name: f"s{number}" for number, name in enumerate(source.names)}
    return nw.from_native(frame.to_native().toDF(*own.values())), own


def _plain(name: str, dtype: Any) -> nw.Expr:
    """Return a column as whole numbers, float64, text or booleans."""
    column = nw.col(name)
    if dtype.is_decimal() or (dtype.is_float() and dtype != nw.Float64):
        return column.cast(nw.Float64)
    return column.cast(nw.String) if dtype in (nw.Categorical, nw.Enum) else column


def collected(columns: EngineColumns, frame: nw.LazyFrame[Any]) -> nw.DataFrame[Any]:
    """Let the engine compute sums; the only place where anything leaves it.

    Raises
    ------
    DataError
        As `reported`.
    """
    with reported(columns.source), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # Dask takes logs of rows that are not used, too
        is_polars = str(frame.implementation) == "polars"
        return frame.collect(engine="streaming") if is_polars else frame.collect()


@contextmanager
def reported(source: Source) -> Iterator[None]:
    """Turn errors of the engine, while a question is written or answered, into those of the library.

    Raises
    ------
    DataError
        With the engine's reason in one line.
    """
    try:
        yield
    except MultilevelError:
        raise
    except errors_of(str(source.frame.implementation)) as error:
        raise DataError(
            f"{source.engine} cannot compute the sums: {reason(error)}",
            remedy="check that the table is still there, and the types of its columns",
        ) from error


def labels_of(values: np.ndarray[Any, Any]) -> tuple[str, ...]:
    """Return labels of numbers in ascending order."""
    return tuple(label_of(float(value)) for value in np.sort(values))
