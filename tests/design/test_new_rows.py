"""Tests of binding new rows by the recipe of a design."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from multilevel.data import Library, read_table, to_library
from multilevel.design import Design, NewRows, bind_new, new_columns_needed
from multilevel.errors import DataError, OptionError
from tests.design.cases import ROWS, base, bound, cycled

FORMULA = "y ~ poly(x, 2) * f + b + C(k, contr.sum) + offset(o) + (scale(x) | s/c) + (1 | h)"
DATA = base(
    f=cycled("abcd"),
    b=np.arange(ROWS) % 5 < 2,
    k=np.arange(ROWS) % 3,
    o=np.arange(ROWS) / 10,
    s=[f"s{at % 5}" for at in range(ROWS)],
    c=np.arange(ROWS) // 25,
    h=np.arange(ROWS) % 7 / 2,
)
DESIGN = bound(FORMULA, DATA)


def new(design: Design = DESIGN, rows: slice = slice(10, 20), **changed: Any) -> NewRows:
    """Bind some of the fitted rows again, with columns replaced."""
    data = {name: np.asarray(values)[rows] for name, values in DATA.items()} | changed
    required, grouping = new_columns_needed(design)
    return bind_new(design, read_table(data, (*required, *grouping)))


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_fitted_rows_bound_again_are_the_same(library: Library) -> None:
    data = to_library({name: np.asarray(values)[10:20] for name, values in DATA.items()}, library)
    required, grouping = new_columns_needed(DESIGN)
    rows = bind_new(DESIGN, read_table(data, (*required, *grouping)))
    np.testing.assert_array_equal(rows.X, DESIGN.fixed.X[10:20])
    assert DESIGN.offset is not None
    np.testing.assert_array_equal(rows.offset, DESIGN.offset[10:20])
    for term, index, Z in zip(DESIGN.terms, rows.index, rows.Z, strict=True):
        np.testing.assert_array_equal(index, DESIGN.factors[term.factor].index[10:20])
        assert index.dtype == np.int32
        np.testing.assert_array_equal(Z, term.Z[10:20])
    assert rows.unknown == {}


def test_the_columns_needed_leave_out_the_response() -> None:
    assert new_columns_needed(DESIGN) == (("x", "f", "b", "k", "o"), ("s", "c", "h"))
    assert new_columns_needed(bound("y ~ x + (1 | g)", base(o=base()["x"]), offset="o"))[0] == ("x", "o")


def test_groups_that_are_not_known_have_number_minus_one_and_are_listed() -> None:
    rows = new(s=["s0", "new", None, "s3", *["s1"] * 6], c=[0, 0, 0, 99, *[0] * 6])
    assert dict(rows.unknown) == {"s": ("new", "(missing)"), "s:c": ("new:0", "s3:99", "(missing):0")}
    assert rows.index[0][:5].tolist() == [0, -1, -1, 3, 1]
    assert (rows.index[1][[1, 2, 3]] == -1).all()
    assert rows.index[1][0] == DESIGN.factors[1].levels.index("s0:0")


def test_a_combination_that_was_not_fitted_is_unknown() -> None:
    design = bound(
        "y ~ x + (1 | a:b)", base(a=cycled("ab"), b=np.where(cycled("ab") == "a", "u", cycled("uuvv")))
    )
    table = read_table({"x": [1.0, 1.0], "a": ["a", "b"], "b": ["v", "v"]}, ["x", "a", "b"])
    rows = bind_new(design, table)
    assert dict(rows.unknown) == {"a:b": ("a:v",)}
    assert rows.index[0].tolist() == [-1, design.factors[0].levels.index("b:v")]


def test_a_number_and_its_text_are_the_same_group() -> None:
    assert new(h=[str(at % 7 / 2 if at % 2 else at % 7 // 2) for at in range(10, 20)]).unknown.keys() <= {"h"}
    assert new(c=["0"] * 10).unknown == {}


@pytest.mark.parametrize("given", [[95, 97, 95], [95.0, 97.0, 95.0], ["95", "97", "95"]])
def test_numbers_in_a_file_may_be_categories_that_read_so(given: list[Any]) -> None:
    design = bound("y ~ f + (1 | s)", DATA | {"f": np.array(["95", "96", "97"])[np.arange(ROWS) % 3]})
    rows = bind_new(design, read_table({"f": np.array(given), "s": ["s1"] * 3}, ["f", "s"]))
    np.testing.assert_array_equal(rows.X, [[1.0, 0.0, 0.0], [1.0, 0.0, 1.0], [1.0, 0.0, 0.0]])


def test_an_absent_grouping_column_leaves_its_terms_without_a_level() -> None:
    required, _ = new_columns_needed(DESIGN)
    rows = bind_new(DESIGN, read_table(DATA, required))
    assert dict(rows.unknown) == {"s": (), "s:c": (), "h": ()}
    assert all((index == -1).all() for index in rows.index)


@pytest.mark.parametrize(
    ("changed", "pieces"),
    [
        (
            {"f": ["zz"] * 10},
            ["the column `f` has 'zz', which the fitted rows did not have", "'a', 'b', 'c', 'd'"],
        ),
        ({"f": np.ones(10)}, ["`f` was categorical when the model was fitted and is numeric now"]),
        ({"f": [1.5, None, *[2.0] * 8]}, ["`f` is missing in 1 of 10 new rows (rows 1)"]),
        ({"k": [7] * 10}, ["`C(k, contr.sum)` meets the level '7'"]),
        ({"x": ["a"] * 10}, ["`x` was numeric when the model was fitted and has the levels 'a' now"]),
        ({"x": [1.0, None, *[2.0] * 8]}, ["`x` is missing in 1 of 10 new rows (rows 1)"]),
        ({"x": [np.inf] * 10}, ["`x` is inf in row 0"]),
        ({"o": [np.nan] * 10}, ["`o` is missing"]),
    ],
)
def test_a_predictor_that_cannot_be_used_is_an_error(changed: dict[str, Any], pieces: list[str]) -> None:
    with pytest.raises(DataError) as caught:
        new(**changed)
    for piece in pieces:
        assert piece in str(caught.value)


def test_a_column_that_was_not_read_is_an_error() -> None:
    with pytest.raises(DataError, match="no column `x`"):
        bind_new(DESIGN, read_table(DATA, ["f", "b", "k", "o"]))


TWO = read_table({"x": [1.0, 2.0], "o": [5.0, 6.0], "g": [0, 1]}, ["x", "o", "g"])


@pytest.mark.parametrize(
    ("fitted", "given", "expected"),
    [
        (None, None, None),
        (None, "o", [5, 6]),
        ("o", None, [5, 6]),
        ("o", 1.0, [1, 1]),
        (2, None, [2, 2]),
        (np.ones(ROWS), [3, 4], [3, 4]),
    ],
)
def test_the_offset_of_new_rows(fitted: Any, given: Any, expected: list[float] | None) -> None:
    design = bound("y ~ x + (1 | g)", base(o=base()["x"]), offset=fitted)
    offset = bind_new(design, TWO, offset=given).offset
    if expected is None:
        assert offset is None
    else:
        np.testing.assert_array_equal(offset, expected)


def test_an_offset_array_must_be_given_again() -> None:
    design = bound("y ~ x + (1 | g)", base(), offset=np.ones(ROWS))
    with pytest.raises(OptionError, match="the new rows need one of their own"):
        bind_new(design, TWO)


def test_a_missing_offset_names_its_column() -> None:
    design = bound("y ~ x + (1 | g)", base(o=base()["x"]), offset="o")
    table = read_table({"x": [1.0], "o": [None], "g": [0]}, ["x", "o", "g"])
    with pytest.raises(DataError, match="the column `o` is missing"):
        bind_new(design, table)


def test_columns_left_out_of_the_fit_are_left_out_again() -> None:
    with pytest.warns(match="`z` = `x`"):
        design = bound("y ~ x + z + x2 + (1 | g)", base(z=base()["x"], x2=base()["x"] ** 2))
    table = read_table({"x": [1.0], "z": [7.0], "x2": [4.0], "g": [0]}, ["x", "z", "x2", "g"])
    assert bind_new(design, table).X.tolist() == [[1.0, 1.0, 4.0]]


def test_a_design_of_another_maker_is_refused() -> None:
    with pytest.raises(OptionError, match="not made by `bind`"):
        bind_new(replace(DESIGN, recipe=None), TWO)


def test_bound_again_twice_is_the_same() -> None:
    np.testing.assert_array_equal(new().X, new().X)
    frame = pd.DataFrame(
        {name: np.asarray(values)[:3] for name, values in DATA.items()}, index=["p", "q", "r"]
    )
    required, _ = new_columns_needed(DESIGN)
    assert bind_new(DESIGN, read_table(frame, required)).X.shape == (3, len(DESIGN.fixed.names))


def test_many_nested_columns_do_not_overflow() -> None:
    rng = np.random.default_rng(0)
    n, names = 3000, ("a", "b", "c", "d", "e", "h")
    data: dict[str, Any] = {"y": rng.normal(size=n), **{name: rng.integers(0, 2000, n) for name in names}}
    design = bound(f"y ~ 1 + (1 | {':'.join(names)})", data, residual_sd=1.0)
    rows = bind_new(design, read_table(data, names))
    assert rows.unknown == {}
    np.testing.assert_array_equal(rows.index[0], design.factors[0].index)


def test_residual_groups_are_found_again_and_may_be_absent() -> None:
    design = bound("y ~ x + (1 | h)", DATA, residual_groups="s:c")
    assert new_columns_needed(design) == (("x",), ("h", "s", "c"))
    assert design.residual_groups is not None
    data = {"x": DATA["x"], "h": DATA["h"], "s": DATA["s"], "c": DATA["c"]}
    rows = bind_new(design, read_table(data, ("x", "h", "s", "c")))
    np.testing.assert_array_equal(rows.residual, design.residual_groups.index)
    some = {"x": [0.0, 1.0, 2.0], "h": [0.0] * 3, "s": ["s0", "new", None], "c": [0, 0, 0]}
    rows = bind_new(design, read_table(some, ("x", "h", "s", "c")))
    assert rows.residual is not None
    assert rows.residual.tolist() == [0, -1, -1]
    assert rows.unknown == {}
    absent = bind_new(design, read_table(some, ("x", "h"))).residual
    assert absent is not None
    assert absent.tolist() == [-1, -1, -1]
    assert new().residual is None
