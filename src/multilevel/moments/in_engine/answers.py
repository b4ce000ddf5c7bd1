"""What comes back from an engine: sums by keys, and the levels that the keys stand for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from multilevel.data.columns import from_arrow, from_pandas, from_polars
from multilevel.moments.products import Floats, Keys

Codes = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class KeyColumn:
    """One key of an answer: for each of its rows the number of a label.

    Parameters
    ----------
    codes
        ``(rows,)``.
    labels
        Each once, in any order.
    """

    codes: Codes
    labels: Keys


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """Sums by combinations of keys; each combination is one row.

    Parameters
    ----------
    keys
        By column of the source.
    table
        The sums, under the names in which they were asked for.
    """

    keys: Mapping[str, KeyColumn]
    table: nw.DataFrame[Any]

    @property
    def rows(self) -> int:
        """Combinations of keys."""
        return len(self.table)

    def sums(self, name: str) -> Floats:
        """Return ``(rows,)`` sums."""
        return np.asarray(self.table[name].to_numpy(), dtype=np.float64)

    def total(self, name: str) -> float:
        """Return the sum over all keys."""
        return float(self.sums(name).sum())


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """The levels of a grouping factor, in the order in which an answer has them first.

    Parameters
    ----------
    columns, keys
        The factor's columns, and for each the ``(m,)`` labels of the levels.
    """

    columns: tuple[str, ...]
    keys: tuple[Keys, ...]

    @property
    def m(self) -> int:
        """Number of levels."""
        return int(self.keys[0].shape[0])


def answer_of(table: nw.DataFrame[Any], keys: Mapping[str, str]) -> Answer:
    """Return an answer of an engine; ``keys`` has for each column of the source its name in the table."""
    return Answer({column: _key_column(name, table[name]) for column, name in keys.items()}, table)


def levels_in(answer: Answer, columns: tuple[str, ...]) -> tuple[Levels, Codes | None]:
    """Return the levels of a factor in an answer, and the level of each row; ``None``: each row is a level.

    Parameters
    ----------
    answer
        Its keys hold the factor's columns.
    columns
        The factor's columns.
    """
    if set(columns) == set(answer.keys):
        keys = tuple(answer.keys[name].labels[answer.keys[name].codes] for name in columns)
        return Levels(columns, keys), None
    codes, first = _combined([answer.keys[name] for name in columns])
    keys = tuple(answer.keys[name].labels[answer.keys[name].codes[first]] for name in columns)
    return Levels(columns, keys), codes


def numbered(levels: Levels, answer: Answer) -> Codes:
    """Return for each row of an answer the number of its level, -1 where there is none."""
    known: Codes = np.zeros(levels.m, dtype=np.int64)
    asked: Codes = np.zeros(answer.rows, dtype=np.int64)
    lost = np.zeros(answer.rows, dtype=np.bool_)
    for name, labels in zip(levels.columns, levels.keys, strict=True):
        own, distinct = pd.factorize(labels)
        key = answer.keys[name]
        place = pd.Index(distinct).get_indexer(pd.Index(key.labels))[key.codes]
        lost |= place < 0
        joint, _ = pd.factorize(np.concatenate([known * len(distinct) + own, asked * len(distinct) + place]))
        known, asked = joint[: levels.m].astype(np.int64), joint[levels.m :].astype(np.int64)
    number = np.full(int(max(known.max(), asked.max(initial=0))) + 1, -1, dtype=np.int64)
    number[known] = np.arange(levels.m)
    return np.where(lost, -1, number[asked])


def gathered(sums: Floats, codes: Codes | None, m: int) -> Floats:
    """Return sums added up by level; as they are if each is a level of its own."""
    if codes is None:
        return sums
    return np.bincount(codes, weights=sums, minlength=m).astype(np.float64, copy=False)


def _combined(keys: Sequence[KeyColumn]) -> tuple[Codes, Codes]:
    """Return the number of each row's combination of labels, and the row where each occurs first."""
    codes = keys[0].codes
    for key in keys[1:]:
        codes = pd.factorize(codes * len(key.labels) + key.codes)[0].astype(np.int64)
    numbers, distinct = pd.factorize(codes)
    first = np.full(len(distinct), -1, dtype=np.int64)
    first[numbers[::-1]] = np.arange(len(numbers))[::-1]
    return numbers.astype(np.int64), first


def _key_column(name: str, series: nw.Series[Any]) -> KeyColumn:
    """Return a key as codes into labels: whole numbers, numbers, or texts."""
    if series.dtype == nw.Boolean:
        codes = series.cast(nw.Int64).to_numpy()
        return KeyColumn(np.asarray(codes, dtype=np.int64), np.array(["False", "True"], dtype=object))
    if series.dtype.is_numeric():
        whole = np.uint64 if series.dtype == nw.UInt64 else np.int64
        kind = whole if series.dtype.is_integer() else np.float64
        numbers, distinct = pd.factorize(np.asarray(series.to_numpy()).astype(kind, copy=False))
        return KeyColumn(numbers.astype(np.int64), np.asarray(distinct))
    native = series.to_native()
    home = type(native).__module__.partition(".")[0]
    read = {"polars": from_polars, "pyarrow": from_arrow}.get(home, from_pandas)
    column = read(name, native)
    return KeyColumn(column.values.astype(np.int64), np.array(column.levels, dtype=object))
