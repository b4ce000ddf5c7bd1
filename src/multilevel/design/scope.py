"""What an expression may see: the used rows of the table's columns, as numbers or as factors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multilevel.data.columns import label_of
from multilevel.data.names import normal_form
from multilevel.data.table import Column
from multilevel.errors import DataError

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Factor:
    """A categorical variable: for each row the number of its level.

    Parameters
    ----------
    codes
        ``(n,)`` int32, every level used at least once in the rows that were fitted.
    levels
        Labels in their order; the first is the reference level.
    """

    codes: Ints
    levels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scope:
    """The columns that expressions are evaluated on.

    Parameters
    ----------
    columns
        Name to numbers or factor, the used rows only.
    booleans
        Names of the factors that were boolean columns; in arithmetic they are 0 and 1.
    n_rows
        Rows of every column.
    """

    columns: Mapping[str, Floats | Factor]
    booleans: frozenset[str]
    n_rows: int

    def __getitem__(self, name: str) -> Floats | Factor:
        """Return a column by its name, in any Unicode form."""
        found = self.columns.get(name)
        if found is None:
            wanted = normal_form(name)
            found = next((value for key, value in self.columns.items() if normal_form(key) == wanted), None)
        if found is None:
            raise DataError(
                f"the expression uses `{name}`, which was not read from the table",
                allowed=", ".join(f"`{key}`" for key in self.columns),
            )
        return found

    def numbers(self, name: str) -> Floats:
        """Return a numeric column."""
        found = self[name]
        if isinstance(found, Factor):
            raise DataError(f"the column `{name}` is not numeric")
        return found


def used_rows(column: Column, rows: NDArray[np.int64] | None) -> Floats | Factor:
    """Return a column's used rows, as a factor of the levels that occur there if it has levels.

    Parameters
    ----------
    column
        A column without missing values in the used rows.
    rows
        Positions of the used rows, or ``None`` for all of them (nothing is then copied).
    """
    values = column.values if rows is None else column.values[rows]
    if column.boolean:
        return compact(values.astype(np.int32), ("False", "True"))
    if column.levels is None:
        return values.astype(np.float64, copy=False)
    return compact(values.astype(np.int32, copy=False), column.levels)


def as_numbers(column: Column) -> Column:
    """Return a column for expressions: labels that are large whole numbers become numbers again."""
    if not column.whole:
        return column
    numbers = np.array([float(label) for label in column.levels or ()])
    values = np.where(column.values < 0, np.nan, numbers[column.values.astype(np.int32)])
    return Column(column.name, values)


def compact(codes: Ints, levels: tuple[str, ...]) -> Factor:
    """Return a factor without the levels that do not occur."""
    used = np.bincount(codes, minlength=len(levels)) > 0
    if used.all():
        return Factor(codes, levels)
    renumber = (np.cumsum(used) - 1).astype(np.int32)
    return Factor(renumber[codes], tuple(level for level, kept in zip(levels, used, strict=True) if kept))


def as_trained(column: Column, levels: tuple[str, ...]) -> Factor:
    """Return a column of new rows as a factor with the levels of the fitted rows.

    Numbers that read like the levels, as in a file, are these levels.

    Raises
    ------
    DataError
        A row has a level that the fitted rows did not have, or the column is not of labels any more.
    """
    own = ("False", "True") if column.boolean else column.levels
    if own is None:
        different, which = np.unique(column.values, return_inverse=True)
        labels = tuple(label_of(number) for number in different)
        if set(labels) <= set(levels):
            return as_trained(Column(column.name, which.astype(np.int32).ravel(), labels), levels)
        raise DataError(
            f"the column `{column.name}` was categorical when the model was fitted and is numeric now",
            allowed=f"one of the levels {_listed(levels)}",
            remedy=f"turn `{column.name}` into text",
        )
    known = {level: number for number, level in enumerate(levels)}
    renumber = np.array([known.get(level, -1) for level in own] or [-1], dtype=np.int32)
    codes = renumber[column.values.astype(np.int32)]
    if codes.size and codes.min() < 0:
        unseen = [own[code] for code in np.unique(column.values[codes < 0]).astype(int)]
        raise DataError(
            f"the column `{column.name}` has {_listed(unseen)}, which the fitted rows did not have",
            allowed=f"the levels {_listed(levels)}",
            remedy="leave those rows out, or fit the model again with rows that have this level",
        )
    return Factor(codes, levels)


def _listed(labels: tuple[str, ...] | list[str], most: int = 12) -> str:
    """Return labels in quotes, cut after ``most``."""
    shown = ", ".join(repr(label) for label in labels[:most])
    return shown + (f" ... ({len(labels)} in all)" if len(labels) > most else "")
