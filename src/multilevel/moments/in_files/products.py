"""Parquet files -> products: one pass of our own over the rows, in threads, batch by batch."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilevel import kernels
from multilevel.data.sources import Source
from multilevel.design.blueprint import Blueprint, Coded
from multilevel.errors import DataError
from multilevel.kernels import core
from multilevel.moments.in_files.batches import (
    FileFacts,
    Kind,
    Lane,
    batches,
    key_numbers,
    lanes_of,
    numbers_of,
    read_metadata,
)
from multilevel.moments.in_files.keys import KeyPlan, TextCodes, key_plan, keys_of, labels_of
from multilevel.moments.in_files.plan import RESPONSE_COLUMN, StreamPlan, plan_of
from multilevel.moments.in_files.values import Cells, RowValues, Used, cells_of, used_rows
from multilevel.moments.products import Products
from multilevel.moments.scaling import Scaling

MOST_LANES = 16
"""Lanes of one pass: more would only help machines with more processors."""
LANE_BYTES = 1 << 28
"""Sums of all lanes together take at most so much, if two of them do."""
ROWS_PER_LEVEL = 4
"""A lane has so many rows for each level, or there are only two."""


@dataclass(frozen=True, slots=True, eq=False)
class Pass:
    """What every lane of one pass knows.

    Parameters
    ----------
    blueprint, plan, cells
        What is summed.
    kinds
        Of the columns.
    key_columns
        Columns of all grouping factors, each once.
    key_plans
        How the kernel numbers the values of each.
    plain
        For each column of the plan the source's own column, where all are columns of the source as they are
        and no row has a weight: their batches go to the kernel as they are.
    """

    blueprint: Blueprint
    plan: StreamPlan
    cells: dict[Coded, Cells]
    kinds: dict[str, Kind]
    key_columns: tuple[str, ...]
    key_plans: tuple[KeyPlan, ...]
    plain: tuple[str, ...] | None

    def new_stream(self) -> Any:
        """Return a kernel with sums of zero."""
        at = {name: number for number, name in enumerate(self.key_columns)}
        factors = [
            ([at[name] for name in names], list(products))
            for names, products in zip(self.blueprint.factors, self.plan.products, strict=True)
        ]
        columns = len(self.plan.columns) + 1
        return core.Stream(columns, list(self.key_plans), factors, list(self.plan.direct), self.plan.pairs)


@dataclass(slots=True, eq=False)
class Sums:
    """Sums of some rows, which grow: of one lane, or of all lanes so far.

    Parameters
    ----------
    stream
        Of the kernel.
    labels
        By key column of texts: its codes.
    missing, infinite
        Values by column.
    lost
        Rows with a missing value.
    n_observations, log_weights
        As in `Products`; without weights ``n_observations`` is not counted here.
    """

    stream: Any
    labels: dict[str, TextCodes]
    missing: Counter[str] = field(default_factory=Counter)
    infinite: Counter[str] = field(default_factory=Counter)
    n_observations: float = 0.0
    log_weights: float = 0.0


def products_of_files(
    source: Source, blueprint: Blueprint, scaling: Scaling, *, threads: int = kernels.threads
) -> Products:
    """Sum the cross-products of the rows of Parquet files, in one pass that never holds the rows.

    Parameters
    ----------
    source
        Of the kind "parquet".
    blueprint, scaling
        The columns; the scaling has no mixtures.
    threads
        Lanes summed at a time. The result does not depend on it: what a lane is depends on the files alone.

    Raises
    ------
    DataError
        A file cannot be read, a value is infinite, a weight is negative, or an expression has no value.
    """
    facts = read_metadata(source.files, blueprint.needed)
    setup = _pass_of(facts, blueprint, scaling)
    lanes = lanes_of(facts.groups, _most_lanes(setup, facts.n_rows))
    total = _empty(setup)
    with _summed_lanes(setup, lanes, threads) as found:
        for sums in found:
            _merge(setup, total, sums)
    _refuse_infinite(total)
    return _products(setup, facts, total)


def _pass_of(facts: FileFacts, blueprint: Blueprint, scaling: Scaling) -> Pass:
    """Return what is to be summed, and how keys are numbered."""
    plan = plan_of(blueprint, scaling)
    columns = tuple(dict.fromkeys(name for names in blueprint.factors for name in names))
    return Pass(
        blueprint=blueprint,
        plan=plan,
        cells=cells_of([column.lazy for column in plan.columns], blueprint.categories),
        kinds=facts.kinds,
        key_columns=columns,
        key_plans=tuple(key_plan(name, facts) for name in columns),
        plain=_plain(plan, blueprint, facts, columns),
    )


def _plain(
    plan: StreamPlan, blueprint: Blueprint, facts: FileFacts, keys: Sequence[str]
) -> tuple[str, ...] | None:
    """Return the source's column behind each column of the plan, if the kernel takes batches as they are."""
    weighted = blueprint.precision_weights is not None or blueprint.frequency_weights is not None
    if weighted or blueprint.offsets or any(facts.kinds[name] not in ("whole", "boolean") for name in keys):
        return None
    names = []
    for column in plan.columns:
        lazy = column.lazy
        texts = (blueprint.response,) if lazy is RESPONSE_COLUMN else lazy.numbers
        if lazy.coded is not None or len(texts) != 1 or facts.kinds.get(texts[0], "text") == "text":
            return None
        names.append(texts[0])
    return tuple(names) if {*names, *keys} >= set(blueprint.needed) else None


def _most_lanes(setup: Pass, n_rows: int) -> int:
    """Return how many lanes there may be: few where their sums would be large, or many beside the rows."""
    sizes = {name: plan[2] for name, plan in zip(setup.key_columns, setup.key_plans, strict=True)}
    levels, bytes_each = 0, 0
    for names, products in zip(setup.blueprint.factors, setup.plan.products, strict=True):
        if len(names) == 1:
            levels += sizes[names[0]]
            bytes_each += 8 * sizes[names[0]] * len(products)
    most = min(LANE_BYTES // max(1, bytes_each), n_rows // max(1, ROWS_PER_LEVEL * levels))
    return int(np.clip(most, 2, MOST_LANES))


def _empty(setup: Pass) -> Sums:
    return Sums(
        setup.new_stream(), {name: TextCodes() for name in setup.key_columns if setup.kinds[name] == "text"}
    )


@contextmanager
def _summed_lanes(setup: Pass, lanes: Sequence[Lane], threads: int) -> Iterator[Iterator[Sums]]:
    """Give the sums of each lane, in order; only few are summed or wait at a time. Leaving stops the rest."""
    stop = threading.Event()

    def in_order(pool: ThreadPoolExecutor) -> Iterator[Sums]:
        ahead: deque[Future[Sums]] = deque()
        for lane in lanes:
            if len(ahead) > threads:
                yield ahead.popleft().result()
            ahead.append(pool.submit(_sum_lane, setup, lane, stop))
        while ahead:
            yield ahead.popleft().result()

    with ThreadPoolExecutor(max(1, threads)) as pool:
        try:
            yield in_order(pool)
        finally:
            stop.set()


def _sum_lane(setup: Pass, lane: Lane, stop: threading.Event) -> Sums:
    """Sum the rows of one lane."""
    sums = _empty(setup)
    texts = [name for name in setup.blueprint.needed if setup.kinds[name] == "text"]
    for batch in batches(lane, setup.blueprint.needed, texts):
        if stop.is_set():
            break
        if setup.plain is not None and not any(column.null_count for column in batch.columns):
            _add_plain(setup, sums, batch, setup.plain)
        else:
            _add_used(setup, sums, used_rows(batch, setup.blueprint.outline, setup.kinds))
    if setup.plain is not None:
        _, missing, infinite = sums.stream.counts()
        for counts, found in ((sums.missing, missing), (sums.infinite, infinite)):
            own = dict(zip(setup.plain, found[1:].tolist(), strict=True))
            counts.update({name: count for name, count in own.items() if count})
    return sums


def _add_plain(setup: Pass, sums: Sums, batch: Any, names: tuple[str, ...]) -> None:
    """Add a batch whose columns are taken as they are; the kernel leaves out rows with a NaN."""
    columns = [
        (numbers_of(batch.column(name)), column.centre, column.factor)
        for name, column in zip(names, setup.plan.columns, strict=True)
    ]
    keys = [key_numbers(batch.column(name)) for name in setup.key_columns]
    sums.stream.add(columns, keys, batch.num_rows, None)


def _add_used(setup: Pass, sums: Sums, used: Used) -> None:
    """Add the used rows of a batch, their columns computed here."""
    sums.missing.update(used.missing)
    sums.infinite.update(used.infinite)
    if not used.n or used.infinite:
        return
    values = RowValues(used, setup.cells)
    columns = []
    for column in setup.plan.columns:
        own = (
            values.response(setup.blueprint.outline)
            if column.lazy is RESPONSE_COLUMN
            else values.column(column.lazy)
        )
        columns.append((np.ascontiguousarray(own), column.centre, column.factor))
    keys = [keys_of(name, used, sums.labels.get(name)) for name in setup.key_columns]
    sums.stream.add(columns, keys, used.n, used.root)
    sums.n_observations += used.n_observations
    sums.log_weights += used.log_weights


def _merge(setup: Pass, total: Sums, sums: Sums) -> None:
    """Add the sums of a lane to the total."""
    codes: list[NDArray[np.int64] | None] = []
    for name in setup.key_columns:
        if name not in total.labels:
            codes.append(None)
            continue
        codes.append(total.labels[name].added(sums.labels[name]))
    total.stream.merge(sums.stream, codes)
    total.missing.update(sums.missing)
    total.infinite.update(sums.infinite)
    total.n_observations += sums.n_observations
    total.log_weights += sums.log_weights


def _refuse_infinite(total: Sums) -> None:
    """Raise `DataError` if a column has infinite values."""
    if total.infinite:
        listed = ", ".join(f"`{name}` in {count} rows" for name, count in total.infinite.items())
        raise DataError(
            f"infinite values: {listed}",
            allowed="finite numbers, or missing values",
            remedy="replace them by a number or a missing value",
        )


def _products(setup: Pass, facts: FileFacts, total: Sums) -> Products:
    """Return what all lanes together have summed."""
    plan = setup.plan
    rows = int(total.stream.counts()[0])
    keys, A, C = [], [], []
    first = np.zeros((0, 0))
    for f, names in enumerate(setup.blueprint.factors):
        found, sums = total.stream.factor(f)
        keys.append(
            tuple(
                labels_of(own, setup.kinds[name], total.labels.get(name))
                for name, own in zip(names, found, strict=True)
            )
        )
        of_levels = plan.factor_products(f, sums)
        A.append(of_levels[0])
        C.append(of_levels[1])
        first = sums if f == 0 else first
    weighted = setup.blueprint.frequency_weights is not None
    return Products(
        n_rows=rows,
        n_observations=total.n_observations if weighted else float(rows),
        n_input=facts.n_rows,
        missing=dict(total.missing),
        log_weights=total.log_weights,
        keys=tuple(keys),
        A=tuple(A),
        C=tuple(C),
        D=plan.fixed_products(first, total.stream.direct()),
        pairs={(f, g): total.stream.pair(p) for p, (f, g, _, _) in enumerate(plan.pairs)},
    )
