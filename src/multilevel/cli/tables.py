"""Tables of any data-frame library as text: CSV, JSON, Markdown, or aligned columns."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

import narwhals as nw

Columns = Mapping[str, Sequence[Any]]


def columns_of(table: Any) -> Columns:
    """Return the columns of a data frame as plain lists."""
    columns: dict[str, list[Any]] = nw.from_native(table, eager_only=True).to_dict(as_series=False)
    return columns


def write_table(columns: Columns, form: str, out: TextIO) -> None:
    """Write columns to a text stream.

    Parameters
    ----------
    columns
        Lists of one length, by name.
    form
        "csv", "json" (a list of objects), "markdown" or "table".
    out
        Stream that is written to.
    """
    rows = list(zip(*columns.values(), strict=True))
    if form == "csv":
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(["" if value is None else value for value in row] for row in rows)
    elif form == "json":
        objects = [dict(zip(columns, row, strict=True)) for row in rows]
        out.write(json.dumps(objects, indent=1, ensure_ascii=False) + "\n")
    else:
        out.write(_aligned(columns, markdown=form == "markdown"))


def _aligned(columns: Columns, *, markdown: bool) -> str:
    """Return columns as aligned text, numbers to the right; with bars if it is to be Markdown."""
    cells = {name: [_cell(value) for value in values] for name, values in columns.items()}
    right = {name: any(isinstance(value, int | float) for value in columns[name]) for name in columns}
    width = {name: max([len(name), *map(len, texts), 3 * markdown]) for name, texts in cells.items()}

    def line(texts: Mapping[str, str]) -> str:
        padded = [
            texts[name].rjust(width[name]) if right[name] else texts[name].ljust(width[name])
            for name in cells
        ]
        return "| " + " | ".join(padded) + " |" if markdown else "  ".join(padded).rstrip()

    lines = [line({name: name for name in cells})]
    if markdown:
        rule = {name: "-" * (width[name] - 1) + (":" if right[name] else "-") for name in cells}
        lines.append(line(rule))
    count = len(next(iter(cells.values()), []))
    lines += [line({name: texts[row] for name, texts in cells.items()}) for row in range(count)]
    return "\n".join(lines) + "\n"


def _cell(value: object) -> str:
    """Return a value as text: six significant digits for fractions, nothing for a missing value."""
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)
