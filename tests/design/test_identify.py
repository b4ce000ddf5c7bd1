"""Tests of the refusal of models that the data cannot tell."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from multilevel.data import datasets, read_table
from multilevel.design import EffectsTerm, bind
from multilevel.design.identify import n_covariance_parameters
from multilevel.errors import DataError, DesignError, GroupingWarning
from multilevel.model import Covariance, GroupTerm, Model
from tests.design.cases import ROWS, base, bound, bound_with_warnings, cycled

X = base()["x"]
G = base()["g"]


def first(n: int, **columns: Any) -> dict[str, Any]:
    """Return the first rows of the base data."""
    return {name: np.asarray(values)[:n] for name, values in base(**columns).items()}


REFUSED: list[tuple[str, dict[str, Any], list[str]]] = [
    ("y ~ x + (f | g)", base(f=cycled("a")), ["the effect `f` of `(1 + f | g)` has one level"]),
    ("y ~ x + (1 | g)", base(g=np.zeros(ROWS)), ["`g` of `(1 | g)` has 1 level ('0')", "leave the term out"]),
    (
        "y ~ x + (1 | g)",
        base(g=np.arange(ROWS)),
        ["100 effects (100 levels of `g`, 1 for each)", "there are 100 rows", "residual_sd="],
    ),
    ("y ~ x + (1 | g)", base(y=np.full(ROWS, 3.0)), ["the response `y` is constant (3.0)"]),
    ("y ~ x + (1 | g)", base(y=np.full(ROWS, 1e8) + 1e-8 * (np.arange(ROWS) % 2)), ["`y` is constant"]),
    (
        "y ~ x + offset(o) + (1 | g)",
        base(o=base()["y"] - 2),
        ["the response `y` minus its offset is constant"],
    ),
    (
        "y ~ x + (x | g)",
        first(60, g=np.arange(ROWS) % 50),
        ["100 effects (50 levels of `g`, 2 for each)", "60 rows"],
    ),
    (
        "y ~ x + (1 | g)",
        first(2),
        ["2 rows, 4 parameters (2 coefficients, 1 of the group effects, the residual sd)"],
    ),
    (
        "y ~ 1 + (1 | g)",
        {k: np.asarray(v)[[0, 99]] for k, v in base().items()},
        ["2 rows, 3 parameters (1 coefficient,"],
    ),
    (
        "y ~ x + (1 | g)",
        base(x=[str(value) for value in base()["x"]]),
        ["rows, 1", "`x` alone has 99 coefficients, one for each label: should it be numbers?"],
    ),
    (
        "y ~ x + g + (1 | g)",
        base(g=[f"g{at}" for at in G]),
        [
            "the 10 levels of `g` are coefficients of the fixed part too",
            "leave `g` out of the fixed part, or `(1 | g)`",
        ],
    ),
    ("y ~ 0 + f + x + (1 | f)", base(f=cycled("abcde")), ["the 5 levels of `f` are coefficients"]),
    (
        "y ~ x + z1 + z2 + (1 | f)",
        base(f=cycled("abc"), z1=np.arange(ROWS) % 3, z2=(np.arange(ROWS) % 3) ** 2),
        ["the 3 levels of `f` are coefficients"],
    ),
    ("y ~ x:f + (0 + x | f)", base(f=cycled("abcde")), ["5 levels of `f` and their slopes of `x`"]),
    (
        "y ~ f:x + f + (x || f)",
        base(
            f=cycled("abcde"),
        ),
        ["`Intercept` is not identified"],
    ),
    ("y ~ x + (f | g)", base(f=cycled("abcdefghij")), ["100 effects", "100 rows"]),
    ("y ~ x + (x + z | g)", base(z=X), ["the effect `z` of `(1 + x + z | g)` is a combination of `x`"]),
    ("y ~ x + (x + z | g)", base(z=3 * X - 2), ["is a combination of `Intercept`, `x`"]),
    ("y ~ x + (x + z || g)", base(z=2 * X), ["is a combination of `x`"]),
    ("y ~ x + (z | g)", base(z=np.full(ROWS, 2.0)), ["the effect `z`", "a combination of `Intercept`"]),
    ("y ~ x + (z | g)", base(z=np.zeros(ROWS)), ["the effect `z` of `(1 + z | g)` is zero in every row"]),
    (
        "y ~ x + (1 | g) + (1 | h)",
        base(h=[f"h{9 - at}" for at in G]),
        ["`g` and `h` group the rows in the same way (10"],
    ),
    ("y ~ x + (x | g) + (0 + x | h)", base(h=G + 5), ["the variances of `x` between their levels"]),
]


@pytest.mark.parametrize(("formula", "data", "pieces"), REFUSED)
def test_a_model_that_the_data_cannot_tell_is_refused(
    formula: str, data: dict[str, Any], pieces: list[str]
) -> None:
    with pytest.raises(DesignError) as caught:
        bound_with_warnings(formula, data)
    for piece in pieces:
        assert piece in str(caught.value)


FITS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("y ~ x + (1 | g)", base(g=np.arange(ROWS)), {"residual_sd": 1.0}),
    ("y ~ x + (1 | g)", base(y=np.full(ROWS, 3.0)), {"residual_sd": 1.0}),
    ("y ~ x + (1 | g) + (0 + x | h)", base(h=G + 5), {}),
    ("y ~ x + f + (1 | f:g)", base(f=cycled("ab")), {}),
    ("y ~ x + f + (f || g)", base(f=cycled("ab")), {}),
    ("y ~ x + z + (x + z || g)", base(z=X**2 + X), {}),
    ("y ~ x + (1 | g/h)", base(h=cycled("ab")), {}),
    ("y ~ x + (1 | g)", base(y=base()["y"] * 1e9), {}),
    ("y ~ x + (1 | g)", base(y=base()["y"] + 1e8), {}),
]


@pytest.mark.parametrize(("formula", "data", "options"), FITS)
@pytest.mark.filterwarnings("ignore:.*left of `||`")
def test_a_model_that_the_data_can_tell_is_bound(
    formula: str, data: dict[str, Any], options: dict[str, Any]
) -> None:
    assert bound(formula, data, **options).n_rows == ROWS


@pytest.mark.parametrize(
    ("y", "pieces"),
    [
        (
            cycled("ab"),
            ["the response `y` is not numeric: it has the levels 'a', 'b'", "binomial", "ordinal"],
        ),
        (np.arange(ROWS) % 2 == 0, ["it has the levels 'False', 'True'"]),
        (np.ones((ROWS, 2)), ["matrix-valued"]),
    ],
)
def test_a_response_that_is_not_numeric_is_refused(y: Any, pieces: list[str]) -> None:
    with pytest.raises(DataError) as caught:
        bound("y ~ x + (1 | g)", base(y=y))
    for piece in pieces:
        assert piece in str(caught.value)


def test_a_basis_is_no_response() -> None:
    model = Model("", "poly(y, 2)", "1 + x", (GroupTerm("1", ("g",)),), (), ("y", "x", "g"))
    with pytest.raises(DataError, match="matrix-valued"):
        bind(model, read_table(base(), model.variables))


def test_more_covariance_parameters_than_levels_is_warned_of() -> None:
    _, caught = bound_with_warnings("y ~ x + (f | h)", base(f=cycled("abcd"), h=np.arange(ROWS) % 7))
    (warning,) = caught
    assert warning.category is GroupingWarning
    assert "`(1 + f | h)` has 10 covariance parameters and `h` has 7 levels" in str(warning.message)


@pytest.mark.parametrize(
    ("term", "warned"),
    [
        ("(f || g)", True),
        ("(x || g)", False),
        ("diag(f | g)", False),
        ("(f | g)", False),
        ("(0 + f || g)", True),
    ],
)
def test_a_factor_on_the_left_of_a_double_bar_is_warned_of_once(term: str, warned: bool) -> None:
    _, caught = bound_with_warnings(f"y ~ x + {term} + (1 | h)", base(f=cycled("ab"), h=np.arange(ROWS) % 7))
    assert len(caught) == int(warned)
    if warned:
        assert "a factor on the left of `||`" in str(caught[0].message)
        assert "diag(" in str(caught[0].message)


@pytest.mark.parametrize(
    ("covariance", "count"),
    [
        (Covariance.UNSTRUCTURED, 6),
        (Covariance.DIAGONAL, 3),
        (Covariance.SCALAR, 1),
        (Covariance.COMPOUND_SYMMETRIC, 2),
    ],
)
def test_covariance_parameters_are_counted(covariance: Covariance, count: int) -> None:
    term = EffectsTerm(0, ("a", "b", "c"), np.ones((1, 3)), covariance)
    assert n_covariance_parameters(term) == count


def test_unused_levels_are_dropped() -> None:
    design = bound("reaction ~ days + (days | subject)", datasets.load("sleepstudy").iloc[:50])
    assert len(design.factors[0].levels) == 5
