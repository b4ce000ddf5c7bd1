"""Source and outline -> facts, computed by the engine that holds the rows: one query, and one for levels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from multilevel.data.sources import Source
from multilevel.design.blueprint import Outline
from multilevel.design.contrasts import require_exact
from multilevel.errors import DesignError
from multilevel.model.text import quoted
from multilevel.moments.in_engine.columns import EngineColumns, collected, engine_columns, labels_of, reported
from multilevel.moments.products import RESPONSE, Facts

MOST_LEVELS = 5000
"""Most levels of a categorical predictor that are fetched: far more than can be columns."""


def facts_in_engine(source: Source, outline: Outline) -> Facts:
    """Ask a source for the facts that choose shifts, scales and codings.

    Parameters
    ----------
    source
        Of the kind "frame".
    outline
        What to ask for.

    Returns
    -------
    Facts
        Of all rows: nothing is sampled. An expression that is not finite in some of the used rows is in
        ``infinite`` under its text (``response`` under "response"), and those rows are not in its mean.

    Raises
    ------
    DataError
        The engine fails.
    DesignError
        A categorical predictor has thousands of levels.
    """
    columns = engine_columns(source, outline.needed)
    floating = [name for name in outline.needed if name in columns.floating]
    with reported(source):
        parts, weights = _parts(columns, outline), _weights(columns, outline)
        question = _asked(columns, parts, weights, floating)
        levels = _asked_levels(columns, outline)
    found = collected(columns, question)
    n_used = _count(found, "used")
    infinite = {name: _count(found, f"infinite{at}") for at, name in enumerate(floating)}
    for at, name in enumerate(parts):
        if name not in outline.needed:
            infinite[name] = n_used - _count(found, f"finite{at}")
    for name in weights:
        infinite[name] = _count(found, "complete") - _count(found, f"finite_{name}")
    missing = {name: _count(found, f"missing{at}") for at, name in enumerate(outline.needed)}
    of_parts = {
        kind: {name: _number(found, f"{kind}{at}") for at, name in enumerate(parts)}
        for kind in ("mean", "deviation", "low", "high")
    }
    return Facts(
        n_input=_count(found, "input"),
        missing={name: count for name, count in missing.items() if count},
        n_used=n_used,
        infinite={name: count for name, count in infinite.items() if count},
        levels=_levels(columns, outline, levels),
        mean=of_parts["mean"],
        deviation=of_parts["deviation"],
        low=of_parts["low"] | {name: _number(found, f"least_{name}") for name in weights},
        high=of_parts["high"] | {name: _number(found, f"most_{name}") for name in weights},
        sampled=False,
        lost=_count(found, "input") - _count(found, "complete"),
    )


def _parts(columns: EngineColumns, outline: Outline) -> dict[str, nw.Expr]:
    """Return the numeric parts of the columns, and the response less its offsets."""
    parts = {column.numeric: columns.product(column.numbers) for column in outline.numeric}
    response, offset = columns.number(outline.response), columns.sum_of(outline.offsets)
    return parts | {RESPONSE: response if offset is None else response - offset}


def _weights(columns: EngineColumns, outline: Outline) -> dict[str, nw.Expr]:
    """Return the weights, by their keyword."""
    named = {"precision_weights": outline.precision_weights, "frequency_weights": outline.frequency_weights}
    return {name: columns.number(text) for name, text in named.items() if text is not None}


def _asked(
    columns: EngineColumns,
    parts: Mapping[str, nw.Expr],
    weights: Mapping[str, nw.Expr],
    floating: Sequence[str],
) -> nw.LazyFrame[Any]:
    """Return the query for everything but levels: one row."""
    frame = columns.frame.with_columns(columns.is_complete().alias("ok"))
    used = nw.col("ok")
    for name, weight in weights.items():
        frame = frame.with_columns(nw.when(nw.col("ok")).then(weight).alias(f"w_{name}"))
        used = used & (nw.col(f"w_{name}") > 0.0)
    frame = frame.with_columns(nw.when(used).then(nw.lit(1)).otherwise(nw.lit(0)).alias("use"))
    here = nw.col("use") == 1
    raw = [nw.when(here).then(part).alias(f"r{at}") for at, part in enumerate(parts.values())]
    whole = [nw.col(f"r{at}") for at in range(len(parts))]
    finite = [nw.when(r.is_finite()).then(r).alias(f"p{at}") for at, r in enumerate(whole)]
    frame = frame.with_columns(*raw).with_columns(*finite)
    asked = [nw.len().alias("input"), _how_many(nw.col("ok"), "complete"), nw.col("use").sum().alias("used")]
    asked += [_how_many(columns.is_missing(name), f"missing{at}") for at, name in enumerate(columns.inner)]
    for at, name in enumerate(floating):
        asked.append(_how_many(nw.col(columns.inner[name]).abs() == float("inf"), f"infinite{at}"))
    for at in range(len(parts)):
        p = nw.col(f"p{at}")
        asked += [p.count().alias(f"finite{at}"), p.mean().alias(f"mean{at}")]
        asked += [
            p.std(ddof=0).alias(f"deviation{at}"),
            p.min().alias(f"low{at}"),
            p.max().alias(f"high{at}"),
        ]
    for name in weights:
        w = nw.col(f"w_{name}")
        asked += [w.min().alias(f"least_{name}"), w.max().alias(f"most_{name}")]
        asked.append(_how_many(w.is_finite(), f"finite_{name}"))
    return frame.select(*asked)


def _how_many(condition: nw.Expr, name: str) -> nw.Expr:
    """Return in how many rows a condition holds; where it is null it does not."""
    return nw.when(condition).then(nw.lit(1)).otherwise(nw.lit(0)).sum().alias(name)


def _count(found: nw.DataFrame[Any], name: str) -> int:
    """Return a count; the sum of no rows is null in some engines."""
    value = found[name].item()
    return 0 if value is None or value != value else int(value)


def _number(found: nw.DataFrame[Any], name: str) -> float:
    """Return a number, NaN of no rows."""
    value = found[name].item()
    return float("nan") if value is None else float(value)


def _asked_levels(columns: EngineColumns, outline: Outline) -> dict[bool, nw.LazyFrame[Any]]:
    """Return the queries for the levels of categorical predictors: of texts (true), and of the others."""
    used = columns.used(outline)
    found: dict[bool, list[nw.LazyFrame[Any]]] = {}
    for at, name in enumerate(outline.categorical):
        is_text = columns.source.schema[name] == "text"
        column = nw.col(columns.inner[name])
        label = column if is_text else column.cast(nw.Float64)
        one = used.select(nw.lit(at, nw.Int64).alias("column"), label.alias("label"))
        found.setdefault(is_text, []).append(one.unique().head(MOST_LEVELS + 1))
    return {
        is_text: nw.concat(frames, how="vertical") if len(frames) > 1 else frames[0]
        for is_text, frames in found.items()
    }


def _levels(
    columns: EngineColumns, outline: Outline, questions: Mapping[bool, nw.LazyFrame[Any]]
) -> dict[str, tuple[str, ...]]:
    """Return the labels of each categorical predictor among the used rows, in order."""
    found: dict[str, tuple[str, ...]] = {}
    for is_text, question in questions.items():
        answer = collected(columns, question)
        which, labels = answer["column"].to_numpy(), answer["label"].to_numpy()
        for at, name in enumerate(outline.categorical):
            if (columns.source.schema[name] == "text") == is_text:
                found[name] = _in_order(columns, name, labels[which == at])
    return {name: found[name] for name in outline.categorical}


def _in_order(columns: EngineColumns, name: str, labels: NDArray[Any]) -> tuple[str, ...]:
    """Return labels as texts, sorted or as declared; refuse thousands of them."""
    if labels.size > MOST_LEVELS:
        raise DesignError(
            f"`{name}` has more than {MOST_LEVELS} levels, each a column of its own",
            remedy=f"write them as group effects: `(1 | {quoted(name)})`",
        )
    kind = columns.source.schema[name]
    if kind == "boolean":
        return tuple(str(bool(label)) for label in np.sort(labels))
    if kind == "number":
        require_exact(labels)
        return labels_of(labels)
    present = {str(label) for label in labels}
    declared = columns.declared.get(name)
    return tuple(sorted(present) if declared is None else (label for label in declared if label in present))
