"""Cross-products streamed from Parquet files: against dense sums over the rows, for any files and threads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from multilevel.data.sources import open_source
from multilevel.design.blueprint_columns import blueprint_of
from multilevel.design.blueprint_outline import outline_of
from multilevel.design.design import Design
from multilevel.errors import DataError
from multilevel.language import parse_formula
from multilevel.moments.in_files.facts import facts_of_files
from multilevel.moments.in_files.products import products_of_files
from multilevel.moments.products import Facts, Products
from multilevel.moments.scaling import Scaling, scaling_of
from tests.moments.engine_cases import CASES, Case, bound, compare, rows


def written(folder: Path, table: pd.DataFrame, *, files: int = 3, group: int = 70, **options: Any) -> Path:
    """Write a table as several files of small row groups."""
    for number, part in enumerate(np.array_split(np.arange(len(table)), files)):
        arrow = pa.Table.from_pandas(table.iloc[part], preserve_index=False)
        pq.write_table(arrow, folder / f"part{number}.parquet", row_group_size=group, **options)
    return folder


def streamed(
    folder: Path, case: Case, design: Design, *, threads: int = 2
) -> tuple[Facts, Products, Scaling]:
    """Return facts and products of the files of a folder, in the scaling of the rows in memory."""
    source = open_source(folder)
    outline = outline_of(parse_formula(case.formula), source.schema, **case.options)
    facts = facts_of_files(source, outline)
    blueprint = blueprint_of(outline, source.schema, facts.levels).blueprint
    response = design.y if design.offset is None else design.y - design.offset
    scaling = scaling_of(design, response)
    return facts, products_of_files(source, blueprint, scaling, threads=threads), scaling


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_sums_equal_those_of_the_rows(case: Case, tmp_path: Path) -> None:
    """Sums of 600 products of size one; an offset of 1e8 leaves eight digits of the columns themselves."""
    table = rows(case)
    design = bound(case, table)
    facts, products, scaling = streamed(written(tmp_path, table), case, design)
    compare(products, facts, design, scaling, 1e-12 if case.shift == 0.0 else 1e-10)


@pytest.mark.parametrize("name", ["slopes", "crossed", "nested and crossed", "both and each", "missing"])
def test_sums_do_not_depend_on_the_number_of_threads(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    table = rows(case)
    design = bound(case, table)
    folder = written(tmp_path, table, files=5, group=11)
    one, *others = (streamed(folder, case, design, threads=threads)[1] for threads in (1, 2, 5))
    for other in others:
        np.testing.assert_array_equal(one.D, other.D)
        for f in range(len(one.A)):
            np.testing.assert_array_equal(one.A[f], other.A[f])
            np.testing.assert_array_equal(one.C[f], other.C[f])
            for own, its in zip(one.keys[f], other.keys[f], strict=True):
                assert own.tolist() == its.tolist()
        for pair, sums in one.pairs.items():
            for own, its in zip(sums, other.pairs[pair], strict=True):
                np.testing.assert_array_equal(own, its)


TYPES = {
    "float32": ("x", "float32"),
    "int8": ("z", "int8"),
    "int16": ("z", "int16"),
    "uint16": ("k", "uint16"),
    "uint64": ("n", "uint64"),
    "nullable": ("n", "Int64"),
    "key of 16 bits": ("g", "int16"),
    "key of 64 bits": ("g", "int64"),
    "key of floats": ("g", "float64"),
    "key of text": ("g", "str"),
    "key of categories": ("h", "category"),
    "unsigned key": ("k", "uint8"),
}


@pytest.mark.parametrize(("column", "dtype"), TYPES.values(), ids=TYPES)
def test_every_type_of_column_is_taken(column: str, dtype: str, tmp_path: Path) -> None:
    case = Case("y ~ x + z + n + (x | g) + (1 | h) + (1 | k)")
    table = rows(case)
    table["z"] = np.round(20 * table["z"])
    table["k"] = np.round(table["k"])
    table[column] = table[column].astype(dtype)
    design = bound(case, table)
    facts, products, scaling = streamed(written(tmp_path, table), case, design)
    compare(products, facts, design, scaling, 1e-12)


@pytest.mark.parametrize("spread", [1, 10**15])
@pytest.mark.parametrize("statistics", [True, False])
def test_keys_may_be_dense_or_spread_and_without_statistics(
    spread: int, statistics: bool, tmp_path: Path
) -> None:
    case = Case("y ~ x + (x | g) + (1 | k:g)")
    table = rows(case).sort_values("g")
    table["g"] = table["g"] * spread
    design = bound(case, table)
    folder = written(tmp_path, table, write_statistics=statistics)
    facts, products, scaling = streamed(folder, case, design)
    compare(products, facts, design, scaling, 1e-12)


def test_nan_is_missing_as_null_is(tmp_path: Path) -> None:
    case = Case("y ~ x + z + (x | g)", {"missing": "drop"})
    table = rows(case)
    table.loc[[2, 90, 91, 599], "x"] = np.nan
    table.loc[[2, 400], "y"] = np.nan
    design = bound(case, table)
    for number, part in enumerate((table.iloc[:300], table.iloc[300:])):
        columns = {name: pa.array(part[name].to_numpy()) for name in ("y", "x", "z", "g")}
        pq.write_table(pa.table(columns), tmp_path / f"{number}.parquet", row_group_size=64)
    facts, products, scaling = streamed(tmp_path, case, design)
    assert products.missing == {"x": 4, "y": 2}
    compare(products, facts, design, scaling, 1e-12)


def test_text_keys_with_many_levels_keep_their_labels(tmp_path: Path) -> None:
    case = Case("y ~ x + (1 | g) + (1 | g:h)")
    table = rows(case, 3000)
    table["g"] = [f"level {i % 701}" for i in range(3000)]
    design = bound(case, table)
    folder = written(tmp_path, table, files=4, group=100)
    facts, products, scaling = streamed(folder, case, design)
    compare(products, facts, design, scaling, 1e-12)


def test_infinite_values_are_refused(tmp_path: Path) -> None:
    case = Case("y ~ x + (1 | g)")
    table = rows(case)
    design = bound(case, table)
    table.loc[3, "x"] = np.inf
    with pytest.raises(DataError, match="infinite values: `x` in 1 rows"):
        streamed(written(tmp_path, table), case, design)


def test_negative_weights_are_refused(tmp_path: Path) -> None:
    case = Case("y ~ x + (1 | g)", {"precision_weights": "w"})
    table = rows(case)
    design = bound(case, table)
    table.loc[3, "w"] = -1.5
    with pytest.raises(DataError, match=r"`precision_weights` is -1\.5 in a row"):
        streamed(written(tmp_path, table), case, design)
