"""Tests of the columns of a formula."""

from __future__ import annotations

import numpy as np
import pytest

from multilevel.design.matrices import Columns
from multilevel.design.scope import Factor, Scope
from multilevel.errors import DataError, DesignError
from tests.design.cases import scope


@pytest.mark.parametrize(
    ("formula", "names"),
    [
        ("1", ("Intercept",)),
        ("0", ()),
        ("1 + x", ("Intercept", "x")),
        ("0 + x", ("x",)),
        ("1 + x * `wait time`", ("Intercept", "x", "wait time", "x:wait time")),
        ("1 + f", ("Intercept", "f[T.b]", "f[T.c]")),
        ("0 + f", ("f[a]", "f[b]", "f[c]")),
        ("1 + b", ("Intercept", "b[T.True]")),
        ("1 + f:x", ("Intercept", "f[a]:x", "f[b]:x", "f[c]:x")),
        ("1 + x + f:x", ("Intercept", "x", "f[T.b]:x", "f[T.c]:x")),
        ("1 + f * h", ("Intercept", "f[T.b]", "f[T.c]", "h[T.v]", "f[T.b]:h[T.v]", "f[T.c]:h[T.v]")),
        ("0 + f:h", ("f[a]:h[u]", "f[b]:h[u]", "f[c]:h[u]", "f[a]:h[v]", "f[b]:h[v]", "f[c]:h[v]")),
        ("1 + log(x)", ("Intercept", "log(x)")),
        ("1 + poly(x, 2)", ("Intercept", "poly(x, 2)[1]", "poly(x, 2)[2]")),
        ("1 + scale(x):f", ("Intercept", "scale(x):f[a]", "scale(x):f[b]", "scale(x):f[c]")),
    ],
)
def test_columns_are_named_as_formulaic_names_them(formula: str, names: tuple[str, ...]) -> None:
    matrix = Columns(scope(), {}).matrix(formula)
    assert matrix.names == names
    assert matrix.values.shape == (12, len(names))
    assert matrix.values.flags.f_contiguous
    assert len(matrix.terms) == len(names)


def test_columns_hold_products_of_their_factors() -> None:
    S = scope()
    f, x = S["f"], S.numbers("x")
    assert isinstance(f, Factor)
    values = Columns(S, {}).matrix("1 + x + f + f:x").values
    b, c = f.codes == 1, f.codes == 2
    np.testing.assert_array_equal(values, np.column_stack([np.ones(12), x, b, c, b * x, c * x]))


def test_the_plain_and_the_coded_way_agree() -> None:
    plain = Columns(scope(), {}).matrix("1 + x + `wait time` + x:`wait time`")
    coded = Columns(scope(), {}).matrix("1 + x + `wait time` + x:`wait time` + f")
    np.testing.assert_array_equal(plain.values, coded.values[:, [0, 1, 2, 5]])
    assert coded.categorical == frozenset({"f"})
    assert plain.categorical == frozenset()


@pytest.mark.parametrize(
    "formula",
    ["1 + f", "1 + x + f + h", "1 + f + b + x", "1 + h + log(x) + scale(x)", "1 + log(x)", "1 + one + x"],
)
def test_main_effects_are_the_columns_of_formulaic(formula: str) -> None:
    S = scope()
    one = Factor(np.zeros(12, dtype=np.int32), ("only",))
    columns = Columns(Scope({**S.columns, "one": one}, S.booleans, 12), {})
    plain, coded = columns._main_effects(formula), columns._coded_matrix(formula)
    assert plain is not None
    np.testing.assert_array_equal(plain.values, coded.values)
    assert plain.values.flags.f_contiguous
    assert (plain.names, plain.terms, plain.categorical, plain.empty) == (
        coded.names, coded.terms, coded.categorical, coded.empty,
    )  # fmt: skip


@pytest.mark.parametrize(
    "formula", ["0 + f", "1 + f * h", "1 + f:x", "1 + poly(x, 2)", "1 + C(f, contr.sum)"]
)
def test_other_formulas_are_left_to_formulaic(formula: str) -> None:
    assert Columns(scope(), {})._main_effects(formula) is None


@pytest.mark.parametrize("name", ["1", "C", "I", "log", "p", "sum", " 1x", "Intercept", "a:b", "x[1]"])
def test_columns_named_like_functions_and_signs_are_columns(name: str) -> None:
    S = Scope(
        {name: np.arange(3.0), "f": Factor(np.array([0, 1, 0], dtype=np.int32), ("u", "v"))}, frozenset(), 3
    )
    for formula in (f"0 + `{name}`", f"0 + `{name}` + f"):
        values = Columns(S, {}).matrix(formula).values
        np.testing.assert_array_equal(values[:, 0], np.arange(3.0))


def test_a_factor_with_one_level_has_no_column_beside_the_intercept() -> None:
    S = Scope({"f": Factor(np.zeros(3, dtype=np.int32), ("only",))}, frozenset(), 3)
    assert Columns(S, {}).matrix("1 + f").names == ("Intercept",)
    assert Columns(S, {}).matrix("0 + f").names == ("f[only]",)


def test_each_expression_is_evaluated_once() -> None:
    columns = Columns(scope(), {})
    assert columns.values("log(x)") is columns.values("log(x)")


def test_indicators_that_would_fill_the_memory_are_refused_before_they_are_made() -> None:
    n = 100_000
    S = Scope({"id": Factor(np.arange(n, dtype=np.int32), tuple(map(str, range(n))))}, frozenset(), n)
    with pytest.raises(DesignError, match=r"`id` has 100000 levels.*80 GB\n.*`\(1 \| id\)`"):
        Columns(S, {}).matrix("1 + id")


def test_errors_of_expressions_pass_through() -> None:
    with pytest.raises(DataError, match="log"):
        Columns(scope(), {}).matrix("1 + log(x - 1)")


def test_the_levels_of_one_table_are_not_remembered_for_another() -> None:
    names = []
    for values in ([1.0, 2.0, 3.0], [2.0, 5.0, 5.0], [7.0, 7.0, 7.0]):
        names.append(Columns(Scope({"h": np.array(values)}, frozenset(), 3), {}).matrix("1 + C(h)").names)
    assert names == [("Intercept", "C(h)[T.2]", "C(h)[T.3]"), ("Intercept", "C(h)[T.5]"), ("Intercept",)]
