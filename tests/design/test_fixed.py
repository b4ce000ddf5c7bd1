"""Tests of the fixed part: what is left out, and what the warning says."""

from __future__ import annotations

import numpy as np
import pytest

from multilevel.design import Alias
from multilevel.errors import AliasedWarning
from tests.design.cases import ROWS, base, bound, bound_with_warnings, cycled

X = base()["x"]
EMPTY = {"f": cycled("abc"), "h": np.where(np.arange(ROWS) % 15 == 1, "u", "v")}
EMPTY["h"] = np.where((np.arange(ROWS) % 3 == 1) | (np.arange(ROWS) % 5 == 1), "u", "v")

CASES = [
    (
        "y ~ x + c + (1 | g)",
        {"c": np.full(ROWS, 5.0)},
        "`c` is constant (5.0), aliased with Intercept",
        ("Intercept",),
    ),
    ("y ~ x + z + (1 | g)", {"z": X}, "`z` = `x`", ("x",)),
    ("y ~ x + z + (1 | g)", {"z": -X}, "`z` = -`x`", ("x",)),
    ("y ~ x + z + (1 | g)", {"z": X + 1e-9 * np.sin(X)}, "`z` = `x`", ("x",)),
    ("y ~ x + z + (1 | g)", {"z": 5 * X + 2e6}, "`z` = 5 `x` + 2000000", ("x",)),
    ("y ~ x + z + (1 | g)", {"z": 2.5 * X - 1}, "`z` = 2.5 `x` - 1", ("x",)),
    ("y ~ z + x + (1 | g)", {"z": 5 * X + 2e6}, "`x` = 0.2 `z` - 400000", ("z",)),
    ("y ~ x + z + (1 | g)", {"z": X * 1e9}, "`z` = 1000000000 `x`", ("x",)),
    ("y ~ x + z + (1 | g)", {"z": np.zeros(ROWS)}, "`z` is zero in every row", ()),
    ("y ~ x + d + z + (1 | g)", {"d": X**2, "z": X**2 + X}, "`z` = `x` + `d`", ("x", "d")),
    ("y ~ f * h + (1 | g)", EMPTY, "`f:h` has no rows with f=b, h=v", ()),
]


@pytest.mark.parametrize(("formula", "columns", "sentence", "of"), CASES)
def test_a_column_that_adds_nothing_is_left_out_with_one_warning(
    formula: str, columns: dict[str, np.ndarray], sentence: str, of: tuple[str, ...]
) -> None:
    design, caught = bound_with_warnings(formula, base(**columns))
    assert [warning.category for warning in caught] == [AliasedWarning]
    assert sentence in str(caught[0].message)
    (alias,) = design.fixed.aliased
    assert alias.of == of
    assert alias.name not in design.fixed.names
    assert np.linalg.matrix_rank(design.fixed.X / np.abs(design.fixed.X).max(axis=0)) == len(
        design.fixed.names
    )


def test_all_columns_left_out_are_in_one_warning() -> None:
    design, caught = bound_with_warnings("y ~ x + c + z + (1 | g)", base(c=np.full(ROWS, 5.0), z=X))
    assert len(caught) == 1
    assert design.fixed.aliased == (Alias("c", ("Intercept",)), Alias("z", ("x",)))
    assert design.fixed.names == ("Intercept", "x")


@pytest.mark.parametrize(
    ("formula", "intercept"),
    [
        ("y ~ x + (1 | g)", [1, 0]),
        ("y ~ 1 + (1 | g)", [1]),
        ("y ~ 0 + f + x + (1 | g)", [1, 1, 1, 0]),
        ("y ~ 0 + x + f + (1 | g)", [0, 1, 1, 1]),
        ("y ~ 0 + f:h + (1 | g)", [1] * 6),
        ("y ~ 0 + x + (1 | g)", None),
        ("y ~ 0 + one + x + (1 | g)", None),
    ],
)
def test_the_weights_of_the_constant_add_up_to_one(formula: str, intercept: list[float] | None) -> None:
    data = base(f=cycled("abc"), h=cycled("uuvv"), one=np.ones(ROWS))
    fixed = bound(formula, data).fixed
    if intercept is None:
        assert fixed.intercept is None
    else:
        assert fixed.intercept is not None
        np.testing.assert_array_equal(fixed.intercept, intercept)
        np.testing.assert_array_equal(fixed.X @ fixed.intercept, np.ones(ROWS))


def test_indicators_that_lost_one_of_them_have_no_constant() -> None:
    data = base(f=cycled("ab"), z=np.where(cycled("ab") == "a", 1.0, 3.0))
    design, caught = bound_with_warnings("y ~ 0 + z + f + (1 | g)", data)
    assert design.fixed.names == ("z", "f[a]")
    assert design.fixed.intercept is None
    assert "`f[b]`" in str(caught[0].message)


@pytest.mark.parametrize("change", [lambda x: x * 5 + 2e6, lambda x: x * 1e9, lambda x: x * 1e-9 + 1])
def test_a_column_of_any_scale_is_kept(change: object) -> None:
    assert callable(change)
    assert bound("y ~ z + x2 + (z | g)", base(z=change(X), x2=X**2)).fixed.aliased == ()


def test_a_fixed_part_may_be_empty() -> None:
    fixed = bound("y ~ 0 + (1 | g)", base()).fixed
    assert fixed.names == ()
    assert fixed.X.shape == (ROWS, 0)


def test_a_factor_of_one_level_is_reported() -> None:
    design, caught = bound_with_warnings("y ~ x + f + (1 | g)", base(f=cycled("a")))
    assert design.fixed.names == ("Intercept", "x")
    assert design.fixed.aliased == (Alias("f", ("Intercept",)),)
    assert "`f` has one level, aliased with the intercept" in str(caught[0].message)
