"""Parquet files -> facts: their metadata, a sample of their rows, one scan of categorical predictors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import islice

import numpy as np

from multilevel.data.columns import label_of
from multilevel.data.sources import Source
from multilevel.design.blueprint import Outline
from multilevel.design.contrasts import require_exact
from multilevel.moments.in_files.batches import FileFacts, Lane, batches, read_metadata
from multilevel.moments.in_files.values import RowValues, Used, used_rows
from multilevel.moments.products import RESPONSE, Facts
from multilevel.moments.scaling import Floats

WHOLE = 1 << 18
"""Files of no more rows are read once in full."""
PLACES = 16
"""Of larger ones so many row groups, evenly spread, are looked at."""
SAMPLE = 1 << 14
"""So many rows of each, its first."""

Summary = tuple[float, float, float, float]
"""Mean, root mean square deviation, least and greatest value."""

WEIGHTS = ("precision_weights", "frequency_weights")


def facts_of_files(source: Source, outline: Outline) -> Facts:
    """Return what choosing shifts and scales needs of the rows of Parquet files.

    Of files with many rows, counts of missing values are those that the metadata tell, ``n_used`` is an
    estimate, and means, sds, lowest and highest values are of a sample and of the metadata; the products
    have the exact counts. Levels of categorical predictors are always those of all used rows.

    Parameters
    ----------
    source
        Of the kind "parquet".
    outline
        What the model needs.

    Raises
    ------
    DataError
        A file cannot be read, or an expression has no value in some row.
    """
    files = read_metadata(source.files, outline.needed)
    whole = files.n_rows <= WHOLE
    sampled = list(_sampled(files, outline, whole=whole))
    if not whole and not any(used.n for used in sampled):
        whole, sampled = True, list(_sampled(files, outline, whole=True))
    columns = _columns(sampled, outline)
    missing: Counter[str] = Counter()
    infinite: Counter[str] = Counter()
    for used in sampled:
        missing.update(used.missing)
        infinite.update(used.infinite)
    read, complete = sum(used.n_input for used in sampled), sum(used.n for used in sampled)
    lost = sum(used.lost for used in sampled)
    if not whole:
        missing.update(
            {name: count - missing[name] for name, count in files.nulls.items() if count > missing[name]}
        )
    moments = {name: _moments(values) for name, values in columns.items()}
    for name in moments:
        if not whole or name in WEIGHTS:  # rows of weight zero are not used, but their weights count
            moments[name] = _widened(moments[name], _own_column(name, outline), files)
    share = files.n_rows / max(1, read)
    return Facts(
        n_input=files.n_rows,
        missing=dict(missing),
        n_used=complete if whole else round(complete * share),
        infinite=dict(infinite),
        levels=_levels(files, outline, some_missing=bool(missing)),
        mean={name: found[0] for name, found in moments.items() if name not in WEIGHTS},
        deviation={name: found[1] for name, found in moments.items() if name not in WEIGHTS},
        low={name: found[2] for name, found in moments.items()},
        high={name: found[3] for name, found in moments.items()},
        sampled=not whole,
        lost=lost if whole else round(lost * share),
    )


def _sampled(files: FileFacts, outline: Outline, *, whole: bool) -> Iterator[Used]:
    """Yield the used rows of all batches, or of the first batch of some row groups."""
    texts = [name for name in outline.needed if files.kinds[name] == "text"]
    if whole:
        for batch in batches(files.groups, outline.needed, texts):
            yield used_rows(batch, outline, files.kinds)
        return
    count = len(files.groups)
    for place in range(min(PLACES, count)):
        lane: Lane = (files.groups[place * count // min(PLACES, count)],)
        with closing(batches(lane, outline.needed, texts, rows=SAMPLE)) as found:
            yield from (used_rows(batch, outline, files.kinds) for batch in islice(found, 1))


def _columns(sampled: Sequence[Used], outline: Outline) -> dict[str, Floats]:
    """Return the sampled values of the outline's numeric columns, of the response and of the weights."""
    found: dict[str, list[Floats]] = {}
    for used in sampled:
        if not used.n or used.infinite:
            continue
        values = RowValues(used)
        for lazy in outline.numeric:
            found.setdefault(lazy.numeric, []).append(values.column(lazy))
        found.setdefault(RESPONSE, []).append(values.response(outline))
        for name, weights in zip(WEIGHTS, (used.precision, used.frequency), strict=True):
            if weights is not None:
                found.setdefault(name, []).append(weights)
    return {name: np.concatenate(parts) for name, parts in found.items()}


def _moments(values: Floats) -> Summary:
    """Return mean, root mean square deviation, least and greatest value."""
    with np.errstate(over="ignore", invalid="ignore"):  # sizes that cannot be used are refused later
        mean = float(values[0] + np.mean(values - values[0]))
        deviation = float(np.sqrt(np.mean(np.square(values - mean))))
    low, high = float(values.min()), float(values.max())
    return mean, deviation if high > low and deviation > 1e-14 * abs(mean) else 0.0, low, high


def _own_column(name: str, outline: Outline) -> str:
    """Return the expression behind a name of the facts."""
    if name == RESPONSE:
        return outline.response if not outline.offsets else ""
    return (getattr(outline, name) or "") if name in WEIGHTS else name


def _widened(found: Summary, column: str, files: FileFacts) -> Summary:
    """Return a summary of sampled values with the limits that the metadata tell of the whole column.

    A column that is constant in the sample but not altogether gets half its range as deviation.
    """
    if column not in files.low:
        return found
    mean, deviation, low, high = found
    low, high = min(low, float(files.low[column])), max(high, float(files.high[column]))
    return mean, deviation if deviation > 0.0 else 0.5 * (high - low), low, high


def _levels(files: FileFacts, outline: Outline, *, some_missing: bool) -> dict[str, tuple[str, ...]]:
    """Return the levels of categorical predictors among the used rows, in order.

    If neither the metadata nor the sample know of missing values, only these columns are read, and a level
    all of whose rows lack another value counts too.
    """
    names = outline.categorical
    if not names:
        return {}
    gaps = some_missing or any(files.nulls.get(name, 1) for name in outline.needed)
    weighted = outline.precision_weights is not None or outline.frequency_weights is not None
    plain = replace(outline, needed=names, precision_weights=None, frequency_weights=None)
    asked = outline if gaps or weighted else plain
    texts = [name for name in asked.needed if files.kinds[name] == "text"]
    found: dict[str, dict[str | float, None]] = {name: {} for name in names}
    orders: dict[str, dict[tuple[str, ...], None]] = {}
    for batch in batches(files.groups, asked.needed, texts):
        used = used_rows(batch, asked, files.kinds)
        for name in names:
            found[name] |= dict.fromkeys(_labels(used, name))
            if name in files.ordered:
                own = tuple(used.texts[name].dictionary.to_pylist())
                orders.setdefault(name, {})[own] = None
    return {name: _in_order(list(found[name]), list(orders.get(name, {}))) for name in names}


def _labels(used: Used, name: str) -> list[str | float]:
    """Return the labels of a column that occur in the used rows of a batch."""
    if name in used.texts:
        text = used.texts[name]
        labels = text.dictionary.to_pylist()
        return [labels[place] for place in np.unique(text.codes)]
    numbers = np.unique(used.numbers[name])
    values: list[str | float] = numbers.tolist()
    if used.kinds[name] == "boolean":
        return ["True" if value else "False" for value in values]
    require_exact(numbers)
    return values


def _in_order(labels: list[str | float], orders: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """Return labels in the order that their column declares, else ascending, numbers by their size.

    Dictionaries may lack labels of others; if they contradict each other, the order is ascending.
    """
    longest = max(orders, key=len, default=())
    shared = (tuple(label for label in longest if label in own) for own in orders)
    if orders and {*labels} <= {*longest} and all(a == b for a, b in zip(shared, orders, strict=True)):
        return tuple(label for label in longest if label in labels)
    return tuple(label_of(label) for label in sorted(labels, key=lambda label: (str(type(label)), label)))
