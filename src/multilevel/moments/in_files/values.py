"""One batch of rows -> its used rows, the columns of a design there, its weights and its keys."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilevel.design.blueprint import Coded, LazyColumn, Outline
from multilevel.design.expressions import evaluate
from multilevel.design.scope import Factor, Scope
from multilevel.design.sizes import require_size
from multilevel.errors import DataError
from multilevel.moments.in_files.batches import Kind, codes_of, numbers_of, whole_numbers
from multilevel.moments.of_source.fact_checks import bad_weights
from multilevel.moments.scaling import Floats

Values = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Texts:
    """Texts of one column in one batch: the place of each in a dictionary of Arrow."""

    codes: NDArray[np.int32]
    dictionary: Any


@dataclass(frozen=True, slots=True, eq=False)
class Used:
    """The used rows of one batch: those without a missing value and with positive weights.

    Parameters
    ----------
    n_input
        Rows of the batch.
    n
        Used rows.
    lost
        Rows with a missing value.
    missing, infinite
        By column, its number of missing and of infinite values; only columns with some.
    numbers
        By numeric or boolean column, ``(n,)`` float64.
    wholes
        By column of whole numbers that is a key, ``(n,)`` without loss.
    texts
        By column of texts.
    kinds
        By column.
    precision, frequency
        ``(n,)`` or ``None``.
    booleans
        Columns that hold booleans.
    """

    n_input: int
    n: int
    lost: int
    missing: Counter[str]
    infinite: Counter[str]
    numbers: Mapping[str, Floats]
    wholes: Mapping[str, Values]
    texts: Mapping[str, Texts]
    kinds: Mapping[str, Kind]
    precision: Floats | None
    frequency: Floats | None
    booleans: frozenset[str]

    @property
    def root(self) -> Floats | None:
        """Square roots of the products of both weights, or ``None`` without weights."""
        if self.precision is None and self.frequency is None:
            return None
        first = 1.0 if self.precision is None else self.precision
        second = 1.0 if self.frequency is None else self.frequency
        return np.ascontiguousarray(np.sqrt(first * second * np.ones(self.n)))

    @property
    def log_weights(self) -> float:
        """Sum of the logs of the precision weights, each counted with its frequency."""
        if self.precision is None:
            return 0.0
        logs = np.log(self.precision)
        return float(logs.sum() if self.frequency is None else logs @ self.frequency)

    @property
    def n_observations(self) -> float:
        """Used rows, each counted with its frequency."""
        return float(self.n) if self.frequency is None else float(self.frequency.sum())


def used_rows(batch: Any, outline: Outline, kinds: Mapping[str, Kind]) -> Used:
    """Return the used rows of a batch.

    Raises
    ------
    DataError
        A weight is negative or infinite.
    """
    columns = {name: batch.column(name) for name in outline.needed}
    wholes, texts, numbers = {}, {}, {}
    gaps: dict[str, NDArray[np.bool_]] = {}
    infinite: Counter[str] = Counter()
    for name, column in columns.items():
        if kinds[name] == "text":
            codes, dictionary = codes_of(column)
            texts[name] = Texts(codes, dictionary)
            gaps[name] = codes < 0
            continue
        if kinds[name] in ("whole", "unsigned") and name in outline.grouping:
            wholes[name], _ = whole_numbers(column)
        numbers[name] = numbers_of(column).astype(np.float64, copy=False)
        gaps[name] = np.isnan(numbers[name])
        if np.isinf(numbers[name]).any():
            infinite[name] = int(np.isinf(numbers[name]).sum())
    whole = np.ones(batch.num_rows, dtype=np.bool_)
    missing: Counter[str] = Counter()
    for name, gap in gaps.items():
        if gap.any():
            missing[name] = int(gap.sum())
            whole &= ~gap
    used = Used(
        n_input=batch.num_rows,
        n=batch.num_rows,
        lost=0,
        missing=missing,
        infinite=infinite,
        numbers=numbers,
        wholes=wholes,
        texts=texts,
        kinds=kinds,
        precision=None,
        frequency=None,
        booleans=outline.booleans,
    )
    used = replace(_only(used, whole), lost=int(whole.size - whole.sum()))
    return _weighted(used, outline) if used.n else used


def _only(used: Used, kept: NDArray[np.bool_]) -> Used:
    """Return the rows of a mask."""
    if kept.all():
        return used
    return replace(
        used,
        n=int(kept.sum()),
        numbers={name: values[kept] for name, values in used.numbers.items()},
        wholes={name: values[kept] for name, values in used.wholes.items()},
        texts={name: Texts(text.codes[kept], text.dictionary) for name, text in used.texts.items()},
        precision=None if used.precision is None else used.precision[kept],
        frequency=None if used.frequency is None else used.frequency[kept],
    )


def _weighted(used: Used, outline: Outline) -> Used:
    """Return the rows with their weights, without those of weight zero."""
    if outline.precision_weights is None and outline.frequency_weights is None:
        return used
    found = {}
    for option in ("precision_weights", "frequency_weights"):
        text = getattr(outline, option)
        if text is None:
            continue
        if option == "precision_weights":
            _require_positive_sds(used, outline)
        weights = found[option] = RowValues(used).number(text)
        bad = ~(np.isfinite(weights) & (weights >= 0.0))
        if bad.any():
            raise bad_weights(outline, option, f"{weights[bad][0]:g} in a row")
        require_size(f"`{option}`", weights)
    positive = np.ones(used.n, dtype=np.bool_)
    for some in found.values():
        positive &= some > 0.0
    weighted = replace(
        used, precision=found.get("precision_weights"), frequency=found.get("frequency_weights")
    )
    return _only(weighted, positive)


def _require_positive_sds(used: Used, outline: Outline) -> None:
    """Raise `DataError` unless residual sds, if they are a column, are all positive."""
    for option, column in outline.weighing:
        if option == "residual_sd" and not (used.numbers[column] > 0.0).all():
            raise bad_weights(outline, "precision_weights", f"{used.numbers[column].min():g} in a row")


@dataclass(frozen=True, slots=True, eq=False)
class RowValues:
    """Computes columns of a design from the used rows of one batch.

    Parameters
    ----------
    used
        The rows.
    cells
        Codings of the categorical columns (see `cells_of`); needed for coded columns only.
    """

    used: Used
    cells: Mapping[Coded, Cells] = field(default_factory=dict)

    def column(self, lazy: LazyColumn) -> Floats:
        """Return the values of a column, not scaled."""
        values = None if lazy.coded is None else self.cells[lazy.coded].values(self.used)
        for text in lazy.numbers:
            values = self.number(text) if values is None else values * self.number(text)
        return np.ones(self.used.n) if values is None else values

    def response(self, outline: Outline) -> Floats:
        """Return the response less its offsets."""
        values = self.number(outline.response)
        for offset in outline.offsets:
            values = values - (offset if isinstance(offset, (int, float)) else self.number(offset))
        return values

    def number(self, text: str) -> Floats:
        """Return a numeric column, or the values of an expression."""
        own = self.used.numbers.get(text)
        return own if own is not None else np.asarray(evaluate(text, self._scope(), {}), dtype=np.float64)

    def _scope(self) -> Scope:
        used = self.used
        columns: dict[str, Floats | Factor] = dict(used.numbers)
        for name in used.booleans & used.numbers.keys():
            columns[name] = Factor(used.numbers[name].astype(np.int32), ("False", "True"))
        return Scope(columns, used.booleans, used.n)


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """The table of a coded number: a value for each combination of levels of its columns."""

    columns: tuple[str, ...]
    levels: tuple[tuple[str, ...], ...]
    table: Floats

    def values(self, used: Used) -> Floats:
        """Return the number in each used row.

        Raises
        ------
        DataError
            A row has a level that is not among those known.
        """
        places = [level_codes(used, name, own) for name, own in zip(self.columns, self.levels, strict=True)]
        return np.ascontiguousarray(self.table[tuple(places)])


def cells_of(columns: Sequence[LazyColumn], categories: Mapping[str, tuple[str, ...]]) -> dict[Coded, Cells]:
    """Return the tables of the coded numbers among some columns."""
    found = {}
    for coded in dict.fromkeys(lazy.coded for lazy in columns if lazy.coded is not None):
        levels = tuple(categories[name] for name in coded.columns)
        at = [{label: number for number, label in enumerate(own)} for own in levels]
        table = np.zeros(tuple(len(own) for own in levels))
        for labels, value in coded.cells:
            table[tuple(known[label] for known, label in zip(at, labels, strict=True))] = value
        found[coded] = Cells(coded.columns, levels, table)
    return found


def level_codes(used: Used, name: str, levels: tuple[str, ...]) -> NDArray[np.intp]:
    """Return the place of each used row's label among some levels.

    Raises
    ------
    DataError
        A row has a label that is not one of them.
    """
    kind = used.kinds[name]
    if kind == "text":
        at = {label: number for number, label in enumerate(levels)}
        own = np.array([at.get(label, -1) for label in used.texts[name].dictionary.to_pylist()] or [-1])
        codes = own[used.texts[name].codes]
    elif kind == "boolean":
        at = {label: number for number, label in enumerate(levels)}
        codes = np.array([at.get("False", -1), at.get("True", -1)])[used.numbers[name].astype(np.intp)]
    else:
        known = np.array([float(label) for label in levels])
        order = np.argsort(known)
        place = np.minimum(np.searchsorted(known[order], used.numbers[name]), len(levels) - 1)
        codes = np.where(known[order][place] == used.numbers[name], order[place], -1)
    if codes.size and codes.min() < 0:
        raise DataError(
            f"the column `{name}` has a level that was not there when its levels were read",
            remedy="give files that do not change while they are read",
        )
    return codes.astype(np.intp)
