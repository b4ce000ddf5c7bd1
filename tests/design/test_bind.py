"""Tests of binding a model and a table, for every library that tables come from."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multilevel.data import datasets, read_table, to_library
from multilevel.design import bind
from multilevel.errors import DataError, FormulaError, MultilevelError
from multilevel.language import parse_formula
from multilevel.model import Covariance
from tests.design.cases import ROWS, base, bound, cycled


def test_sleepstudy() -> None:
    frame = datasets.load("sleepstudy")
    design = bound("reaction ~ days + (days | subject)", frame)
    assert design.fixed.names == ("Intercept", "days")
    assert design.fixed.aliased == ()
    np.testing.assert_array_equal(design.fixed.X, np.column_stack([np.ones(180), frame["days"]]))
    assert design.fixed.X.flags.f_contiguous
    (factor,) = design.factors
    assert factor.name == "subject"
    assert factor.levels[:2] == ("308", "309")
    assert [factor.levels[at] for at in factor.index] == frame["subject"].tolist()
    (term,) = design.terms
    assert term.names == ("Intercept", "days")
    assert term.covariance is Covariance.UNSTRUCTURED
    assert term.Z.flags.f_contiguous
    np.testing.assert_array_equal(term.Z, design.fixed.X)
    np.testing.assert_array_equal(design.y, frame["reaction"])
    assert design.n_rows == design.n_input == 180
    assert design.n_observations == 180
    assert design.rows.tolist() == list(range(180))
    assert (design.offset, design.precision_weights, design.frequency_weights) == (None, None, None)
    assert (design.residual_sd, design.row_labels, dict(design.missing)) == (None, None, {})


def _frames(folder: Path) -> dict[str, Any]:
    """Return the same rows in every library, categories and missing values included."""
    columns = base(f=cycled("abc"), b=np.arange(ROWS) % 2 == 0, s=[f"s{at}" for at in base()["g"]])
    columns["k"] = [None if at == 4 else at % 7 for at in range(ROWS)]
    frame = pd.DataFrame(columns).drop(columns="k")
    frame["k"] = pd.array(columns["k"], dtype="Int64")
    pandas = frame.astype({"f": "category", "s": "string", "b": "boolean"})
    lists = {name: list(values) for name, values in columns.items()}
    polars = pl.DataFrame({name: pl.Series(name, values) for name, values in lists.items()})
    frame.to_csv(folder / "rows.csv", index=False)
    polars.to_arrow().to_pandas().to_parquet(folder / "rows.parquet")
    return {
        "pandas": pandas,
        "plain pandas": frame,
        "polars": polars.with_columns(pl.col("f").cast(pl.Categorical), pl.col("s").cast(pl.Categorical)),
        "lazy": polars.lazy(),
        "pyarrow": pa.table(lists),
        "lists": lists,
        "csv": folder / "rows.csv",
        "parquet": folder / "rows.parquet",
    }


@pytest.mark.filterwarnings("ignore::multilevel.errors.MissingValuesWarning")
def test_the_design_is_the_same_from_every_library(tmp_path: Path) -> None:
    formula = "y ~ x * f + b + k + (x | s) + (1 | g:f)"
    designs = {name: bound(formula, data) for name, data in _frames(tmp_path).items()}
    first = designs["pandas"]
    assert first.n_rows == ROWS - 1
    assert first.fixed.names == (
        "Intercept",
        "x",
        "f[T.b]",
        "f[T.c]",
        "b[T.True]",
        "k",
        "x:f[T.b]",
        "x:f[T.c]",
    )
    for design in designs.values():
        assert design.fixed.names == first.fixed.names
        assert [factor.levels for factor in design.factors] == [factor.levels for factor in first.factors]
        assert dict(design.missing) == {"k": 1}
        # 1e-12: CSV holds 17 digits, everything else is exact
        np.testing.assert_allclose(design.fixed.X, first.fixed.X, rtol=1e-12)
        np.testing.assert_allclose(design.y, first.y, rtol=1e-12)
        for one, other in zip(design.factors, first.factors, strict=True):
            np.testing.assert_array_equal(one.index, other.index)
    assert {name: design.library for name, design in designs.items()} == {
        "pandas": "pandas",
        "plain pandas": "pandas",
        "polars": "polars",
        "lazy": "polars",
        "pyarrow": "pyarrow",
        "lists": "pandas",
        "csv": "pandas",
        "parquet": "pandas",
    }


@pytest.mark.parametrize(
    ("formula", "factors", "terms"),
    [
        ("y ~ x + (1 | g/h)", ["g", "g:h"], [0, 1]),
        ("y ~ x + (1 | h) + (0 + x | h)", ["h"], [0, 0]),
        ("y ~ x + (x || h)", ["h"], [0]),
        ("y ~ x + (1 | g) + (1 | h)", ["g", "h"], [0, 1]),
        ("y ~ x + (1 | h:g)", ["h:g"], [0]),
    ],
)
def test_each_grouping_factor_is_there_once(formula: str, factors: list[str], terms: list[int]) -> None:
    design = bound(formula, base(h=cycled("uvw")))
    assert [factor.name for factor in design.factors] == factors
    assert [term.factor for term in design.terms] == terms


def test_offsets_of_the_formula_and_the_keyword_add_up() -> None:
    x = base()["x"]
    design = bound("y ~ x + offset(o) + offset(log(o)) + (1 | g)", base(o=np.full(ROWS, np.e)), offset=x)
    assert design.offset is not None
    np.testing.assert_allclose(design.offset, np.e + 1 + x)
    with pytest.raises(DataError, match=r"`offset\(f\)` is not numeric"):
        bound("y ~ x + offset(f) + (1 | g)", base(f=cycled("ab")))


def test_eight_schools() -> None:
    design = bound("effect ~ 1 + (1 | school)", datasets.load("eight_schools"), residual_sd="sd")
    assert design.residual_sd == 1.0
    assert design.precision_weights is not None
    np.testing.assert_allclose(design.precision_weights**-0.5, datasets.load("eight_schools")["sd"])


def test_frequency_weights_count_as_rows() -> None:
    design = bound("y ~ x + (1 | g)", base(), frequency_weights=np.full(ROWS, 2))
    assert design.n_observations == 200
    assert design.n_rows == 100


def test_row_labels_are_those_of_the_whole_table() -> None:
    frame = pd.DataFrame(base(), index=[f"r{at}" for at in range(ROWS)])
    frame.loc["r3", "y"] = np.nan
    design = bound("y ~ x + (1 | g)", frame, missing="drop")
    assert design.row_labels is not None
    assert design.row_labels[design.rows[3]] == "r4"


@pytest.mark.parametrize(
    "name", ["größe", "wait time", "C", "I", "p", "sum", "log", "class", "1", "x.y", "a:b"]
)
def test_columns_may_have_any_name(name: str) -> None:
    data = base(**{name: base()["x"] ** 2})
    design = bound(f"y ~ `{name}` + log(x ** 2 + 1) + (`{name}` | g)", data)
    np.testing.assert_array_equal(design.fixed.X[:, 1], data[name])


def test_names_are_never_those_of_the_caller() -> None:
    z = np.ones(ROWS)
    assert z.size == ROWS
    with pytest.raises(DataError, match="no column `z`"):
        bound("y ~ x + z + (1 | g)", base())


@pytest.mark.parametrize("formula", ["y ~ Intercept", "y ~ 0 + Intercept", "y ~ x + (x:Intercept | g)"])
def test_a_predictor_with_the_name_of_the_constant_is_refused(formula: str) -> None:
    with pytest.raises(DataError, match="`Intercept` has the name of the constant"):
        bound(formula, base(Intercept=base()["x"]))


def test_a_table_that_lacks_a_column_is_refused() -> None:
    model = parse_formula("y ~ x + (1 | g)")
    with pytest.raises(DataError, match="no column `g`"):
        bind(model, read_table(base(), ["y", "x"]))


def test_booleans_are_factors_alone_and_numbers_in_arithmetic() -> None:
    data = base(b=np.arange(ROWS) % 2 == 0)
    assert bound("y ~ b + (b | g)", data).fixed.names == ("Intercept", "b[T.True]")
    np.testing.assert_array_equal(bound("y ~ I(b * 2) + (1 | g)", data).fixed.X[:, 1], 2.0 * data["b"])


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_no_foreign_warning_or_error_comes_through(library: Any) -> None:
    data = to_library(base(f=cycled("abc")), library)
    for formula in ("y ~ C(f, contr.sum) + poly(x, 2) + (1 | g)", "y ~ bs(x, df=4) + (1 | g)"):
        bound(formula, data)
    for formula in (
        "y ~ bs(x, df=1) + (1 | g)",
        "y ~ log(x) + (1 | g)",
        "y ~ I(f) + (1 | g)",
        "f ~ 1 + (1 | g)",
    ):
        with pytest.raises(MultilevelError):
            bound(formula, data)
    with pytest.raises(FormulaError):
        bound("y ~ __import__('os') + (1 | g)", data)


@given(order=st.permutations(range(20)), shift=st.floats(-1e6, 1e6))
def test_rows_in_another_order_give_the_same_rows(order: list[int], shift: float) -> None:
    data = {name: np.asarray(values)[::5] for name, values in base(f=cycled("ab")).items()}
    data["x"] = data["x"] + shift
    one = bound("y ~ x + f + (1 | g)", data)
    other = bound("y ~ x + f + (1 | g)", {name: values[order] for name, values in data.items()})
    np.testing.assert_array_equal(other.fixed.X, one.fixed.X[order])
    np.testing.assert_array_equal(other.y, one.y[order])
    assert other.factors[0].levels == one.factors[0].levels
    np.testing.assert_array_equal(other.factors[0].index, one.factors[0].index[order])


def test_memory_stays_near_the_size_of_the_design() -> None:
    n = 200_000
    rng = np.random.default_rng(0)
    data = {name: rng.normal(size=n) for name in ("y", "x1", "x2", "x3")} | {"g": rng.integers(0, 1000, n)}
    model = parse_formula("y ~ x1 + x2 + x3 + (1 + x1 | g)")
    table = read_table(data, model.variables)
    tracemalloc.start()
    bind(model, table)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # 6 columns of X and Z, the row numbers and the levels are 8 n each; twice that leaves room for one pass
    assert peak < 2 * 8 * 8 * n
