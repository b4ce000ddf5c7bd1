"""Sources: design and moments are those that the rows in memory give, and so are errors and warnings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest

from multilevel.data import read_table
from multilevel.data.sources import open_source
from multilevel.design import Design, bind, bind_new, columns_needed, new_columns_needed
from multilevel.design.priors import bind_priors
from multilevel.engines.likelihood import solve
from multilevel.errors import AliasedWarning, DataError, DesignError, MissingValuesWarning, MultilevelError
from multilevel.language import parse_formula
from multilevel.language.graph import parse_graph
from multilevel.moments import Moments, summarise
from multilevel.moments.of_source.moments import moments_of_source
from tests.moments.engine_cases import CASES, rows


def of_polars(table: pd.DataFrame, folder: Path) -> object:
    return pl.LazyFrame(table)


def of_duckdb(table: pd.DataFrame, folder: Path) -> object:
    return duckdb.connect().from_df(table)


def of_files(table: pd.DataFrame, folder: Path) -> object:
    half = len(table) // 2
    table.iloc[half:].to_parquet(folder / "a.parquet")
    table.iloc[:half].to_parquet(folder / "b.parquet")
    return folder


ROUTES = [of_polars, of_duckdb, of_files]
Route = Callable[[pd.DataFrame, Path], object]


def summed(
    route: Route, table: pd.DataFrame, folder: Path, formula: str, **options: Any
) -> tuple[Design, Moments]:
    return moments_of_source(parse_formula(formula), open_source(route(table, folder)), **options)


@pytest.mark.filterwarnings("ignore::multilevel.GroupingWarning")
@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("name", CASES)
def test_criterion_names_and_levels_are_those_of_the_rows(name: str, route: Route, tmp_path: Path) -> None:
    case = CASES[name]
    table = rows(case)
    design, moments = summed(route, table, tmp_path, case.formula, **case.options)
    model = parse_formula(case.formula)
    named = {key: value for key, value in case.options.items() if key != "missing"}
    whole = bind(model, read_table(table, columns_needed(model, **named)), **case.options)
    assert design.fixed.names == whole.fixed.names
    assert [factor.levels for factor in design.factors] == [factor.levels for factor in whole.factors]
    assert [term.names for term in design.terms] == [term.names for term in whole.terms]
    assert (design.n_rows, design.n_input, design.missing) == (whole.n_rows, whole.n_input, whole.missing)
    assert design.n_observations == pytest.approx(whole.n_observations, rel=1e-13)
    exact = summarise(whole)
    for method in ("reml", "ml"):
        own, other = (solve(one, method=method) for one in (moments, exact))
        assert own.criterion == pytest.approx(other.criterion, rel=1e-10)
        np.testing.assert_allclose(own.beta, other.beta, rtol=1e-6, atol=1e-7)
    new = table.head(20).dropna()
    required, grouping = new_columns_needed(design)
    held = read_table(new, [*required, *grouping])
    ours, theirs = bind_new(design, held), bind_new(whole, held)
    np.testing.assert_array_equal(ours.X, theirs.X)
    for a, b in zip((*ours.index, *ours.Z), (*theirs.index, *theirs.Z), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    "formula", ["y ~ x + f + (x | g)", "y ~ 0 + f + (1 | g)", "y ~ f * x + (f | g) + (1 | h)"]
)
def test_default_priors_are_those_of_the_rows(formula: str, route: Route, tmp_path: Path) -> None:
    table = rows(CASES["crossed"])
    design, _ = summed(route, table, tmp_path, formula)
    model = parse_formula(formula)
    whole = bind(model, read_table(table, columns_needed(model)))
    for name in ("default", "rstanarm"):
        assert bind_priors(design, name).texts() == bind_priors(whole, name).texts()


def broken(**columns: Any) -> pd.DataFrame:
    return rows(CASES["crossed"]).assign(**columns)


def gap_in_w(table: pd.DataFrame) -> pd.Series:
    return table["w"].where(table.index != 3)


FAULTS: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("x is infinite", "y ~ x + (1 | g)", {"x": lambda t: t["x"].where(t.index != 3, np.inf)}, {}),
    ("grouping missing", "y ~ x + (1 | h)", {"h": lambda t: t["h"].where(t.index != 3)}, {}),
    ("all missing", "y ~ x + (1 | g)", {"x": np.nan}, {}),
    ("error", "y ~ x + (1 | g)", {"x": lambda t: t["x"].where(t.index != 3)}, {"missing": "error"}),
    ("constant response", "y ~ x + (1 | g)", {"y": 2.5}, {}),
    ("one level", "y ~ x + (1 | g)", {"g": 1}, {}),
    ("levels as coefficients", "y ~ h + (1 | h)", {}, {}),
    ("same partition", "y ~ x + (1 | h) + (1 | q)", {"q": lambda t: t["h"] + "!"}, {}),
    ("repeated effect", "y ~ x + (z + q | g)", {"q": lambda t: 2.0 * t["z"]}, {}),
    ("constant effect", "y ~ x + (q | g)", {"q": 3.0}, {}),
    ("effects as rows", "y ~ x + (1 | q)", {"q": np.arange(600)}, {}),
    ("negative weight", "y ~ x + (1 | g)", {"w": -1.0}, {"precision_weights": "w"}),
    ("missing weight", "y ~ x + (1 | g)", {"w": gap_in_w}, {"precision_weights": "w"}),
    ("missing count", "y ~ x + (1 | g)", {"w": gap_in_w}, {"frequency_weights": "w", "missing": "drop"}),
    ("missing sd", "y ~ x + (1 | g)", {"w": gap_in_w}, {"residual_sd": "w"}),
    ("negative sd", "y ~ x + (1 | g)", {"w": lambda t: t["w"] - 1.0}, {"residual_sd": "w"}),
    ("sd of zero", "y ~ x + (1 | g)", {"w": lambda t: t["w"].where(t.index != 3, 0.0)}, {"residual_sd": "w"}),
    ("levels beyond 2^53", "y ~ C(q) + (1 | g)", {"q": lambda t: np.arange(600) % 3 + 2**60}, {}),
]


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    ("start", "kind"),
    [(2**31 + 7, np.uint32), (2**60 + 1, np.int64), (2**60 + 1, np.uint64)],
)
def test_whole_numbers_of_any_size_are_labels_without_loss(
    start: int, kind: type[np.integer[Any]], route: Route, tmp_path: Path
) -> None:
    table = broken(q=(np.arange(600) % 4).astype(kind) + kind(start))
    for formula in ("y ~ x + (1 | q)", "y ~ x + (1 | q) + (1 | h:q)"):
        design, _ = summed(route, table, tmp_path, formula)
        assert design.factors[0].levels == tuple(str(start + at) for at in range(4))


def test_enums_of_polars_keep_their_order() -> None:
    table = pl.DataFrame(broken()).with_columns(f=pl.col("f").cast(pl.Enum(["c", "zz", "a", "b b"])))
    design, _ = moments_of_source(parse_formula("y ~ f + (1 | g)"), open_source(table.lazy()))
    assert design.fixed.names == ("Intercept", "f[T.a]", "f[T.b b]")


@pytest.mark.parametrize("name", ["*", "^x.*$"])
def test_names_that_an_engine_takes_for_patterns_are_refused(name: str, tmp_path: Path) -> None:
    for route in (of_polars, of_duckdb):
        with pytest.raises(DataError, match="is a pattern of names"):
            summed(route, broken(**{name: lambda t: t["x"]}), tmp_path, f"y ~ `{name}` + (1 | g)")


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(("what", "formula", "columns", "options"), FAULTS)
def test_faults_are_told_as_they_are_of_rows(
    what: str, formula: str, columns: dict[str, Any], options: dict[str, Any], route: Route, tmp_path: Path
) -> None:
    table = broken(**columns)
    model = parse_formula(formula)
    named = {key: value for key, value in options.items() if key != "missing"}
    with pytest.raises(MultilevelError) as expected:
        bind(model, read_table(table, columns_needed(model, **named)), **options)
    with pytest.raises(type(expected.value)) as caught:
        summed(route, table, tmp_path, formula, **options)
    assert caught.value.asked[:17] == expected.value.asked[:17]


@pytest.mark.parametrize("route", ROUTES)
def test_logarithms_of_numbers_below_zero_are_refused(route: Route, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="log"):
        summed(route, broken(), tmp_path, "y ~ log(x) + (1 | g)")


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    ("right", "columns"),
    [
        ("x + q", {"q": lambda t: 5.0 * t["x"] + 2.0}),
        ("x + q", {"q": 3.0}),
        ("x + q", {"q": 0.0}),
        ("f + q", {"q": "one"}),
        ("0 + f + q", {"q": 1.5}),
        ("f * q", {"q": lambda t: np.where(t["f"] == "a", "u", np.where(t["z"] > 1.0, "v", "u"))}),
    ],
)
def test_aliased_columns_are_left_out_with_the_same_warning(
    right: str, columns: dict[str, Any], route: Route, tmp_path: Path
) -> None:
    table, formula = broken(**columns), f"y ~ {right} + (1 | g)"
    model = parse_formula(formula)
    with pytest.warns(AliasedWarning) as rowwise:
        whole = bind(model, read_table(table, columns_needed(model)))
    with pytest.warns(AliasedWarning) as lazy:
        design, moments = summed(route, table, tmp_path, formula)
    assert design.fixed.names == whole.fixed.names
    assert [(alias.name, set(alias.of)) for alias in design.fixed.aliased] == [
        (alias.name, set(alias.of)) for alias in whole.fixed.aliased
    ]
    own, other = str(lazy[0].message), str(rowwise[0].message).partition("; `f:q` has no rows")[0]
    assert own == other
    exact = summarise(whole)
    assert solve(moments, method="reml").criterion == pytest.approx(
        solve(exact, method="reml").criterion, rel=1e-10
    )


@pytest.mark.parametrize("route", ROUTES)
def test_missing_values_are_counted_by_column(route: Route, tmp_path: Path) -> None:
    table = broken(x=lambda t: t["x"].where(t.index % 100 != 7), z=lambda t: t["z"].where(t.index % 200 != 7))
    with pytest.warns(
        MissingValuesWarning, match=r"6 of 600 rows left out because of missing values: x 6, z 3"
    ):
        design, _ = summed(route, table, tmp_path, "y ~ x + z + (1 | g)")
    assert (design.n_rows, design.missing) == (594, {"x": 6, "z": 3})


def test_powers_that_nearly_repeat_are_mixed(tmp_path: Path) -> None:
    """Sums have rounding errors of half a unit in the last digit; what is new in the square divides them."""
    rng = np.random.default_rng(2)
    table = pd.DataFrame({"t": rng.uniform(2000.0, 2001.0, 500), "g": rng.integers(0, 12, 500)})
    table["y"] = 2.0 * (table["t"] - 2000.0) ** 2 + rng.normal(size=500)
    formula = "y ~ t + I(t ** 2) + (t | g)"
    table.to_parquet(tmp_path / "rows.parquet")
    _, moments = moments_of_source(parse_formula(formula), open_source(tmp_path))
    assert moments.scaling.fixed.mixture is not None
    model = parse_formula(formula)
    exact = summarise(bind(model, read_table(table, columns_needed(model))))
    own, other = (solve(one, method="ml") for one in (moments, exact))
    new = 1.0 - np.corrcoef(table["t"] - 2000.5, (table["t"] - 2000.5) * (table["t"] + 2000.5))[0, 1] ** 2
    assert own.criterion == pytest.approx(other.criterion, rel=np.finfo(float).eps / new)
    np.testing.assert_allclose(own.beta, other.beta, rtol=1e-4)


def test_serial_models_are_refused() -> None:
    with pytest.raises(DesignError, match="serial structure"):
        moments_of_source(parse_formula("y ~ ar1(0 + z | g)"), open_source(pl.LazyFrame(broken())))


@pytest.mark.parametrize("route", ROUTES)
def test_nodes_with_two_parents_are_refused(route: Route, tmp_path: Path) -> None:
    table = broken(q=lambda t: "p" + (t["g"] % 3).astype(str))
    text = "P[q] ~ Normal(m, tp)\nA[g] ~ Normal(P[q], ta)\ny ~ Normal(A[g] + slope * z, s)"
    model = parse_graph(text, list(table.columns))
    design, _ = moments_of_source(model, open_source(route(table, tmp_path)))
    assert [factor.name for factor in design.factors] == ["q", "g"]
    table.loc[5, "q"] = "p9"
    with pytest.raises(DesignError) as expected:
        bind(model, read_table(table, columns_needed(model)))
    with pytest.raises(DesignError) as caught:
        moments_of_source(model, open_source(route(table, tmp_path)))
    assert str(caught.value).partition(" has rows")[0] == str(expected.value).partition(" has rows")[0]
