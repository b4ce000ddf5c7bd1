"""Tests of the codings of `C()`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from multilevel.design.contrasts import Coding, coded_factor
from multilevel.design.matrices import Columns
from multilevel.errors import DataError
from tests.design.cases import scope


@pytest.mark.parametrize(
    ("formula", "names", "first_three"),
    [
        ("1 + C(f)", ["[T.b]", "[T.c]"], [[0, 0], [1, 0], [0, 1]]),
        ("1 + C(f, contr.treatment('b'))", ["[T.a]", "[T.c]"], [[1, 0], [0, 0], [0, 1]]),
        ("1 + C(f, Treatment(reference='c'))", ["[T.a]", "[T.b]"], [[1, 0], [0, 1], [0, 0]]),
        ("1 + C(f, contr.SAS)", ["[T.a]", "[T.b]"], [[1, 0], [0, 1], [0, 0]]),
        ("1 + C(f, contr.sum)", ["[S.a]", "[S.b]"], [[1, 0], [0, 1], [-1, -1]]),
        ("1 + C(f, contr.helmert)", ["[H.b]", "[H.c]"], [[-1, -1], [1, -1], [0, 2]]),
        ("1 + C(f, levels=['c', 'b', 'a'])", ["[T.b]", "[T.a]"], [[0, 1], [1, 0], [0, 0]]),
        ("1 + C(b)", ["[T.True]"], [[0], [1], [0]]),
    ],
)
def test_each_contrast_codes_as_its_name_says(
    formula: str, names: list[str], first_three: list[list[float]]
) -> None:
    matrix = Columns(scope(), {}).matrix(formula)
    assert [name[name.rindex("[") :] for name in matrix.names[1:]] == names
    np.testing.assert_allclose(matrix.values[:3, 1:], first_three)


def test_numbers_become_levels_that_read_as_written() -> None:
    matrix = Columns(scope(3), {}).matrix("1 + C(`wait time`)")
    assert matrix.names == ("Intercept", "C(`wait time`)[T.1]", "C(`wait time`)[T.2]")


def test_a_polynomial_contrast_is_orthogonal() -> None:
    values = Columns(scope(3), {}).matrix("1 + C(f, contr.poly)").values
    np.testing.assert_allclose(values[:, 1:].T @ values[:, 1:], np.eye(2), atol=1e-12)


@pytest.mark.parametrize(
    ("coding", "levels", "piece"),
    [
        (Coding("treatment", {"base": "z"}), None, "asks for the base level 'z'"),
        (Coding("treatment", {}), ("1", "2"), "meets the level '3'"),
        (Coding("poly", {"scores": [1.0, 2.0]}), None, "gives 2 scores for 3 levels"),
    ],
)
def test_a_contrast_that_does_not_fit_the_levels_is_an_error(
    coding: Coding, levels: tuple[Any, ...] | None, piece: str
) -> None:
    with pytest.raises(DataError) as caught:
        coded_factor("C(x)", np.array([1.0, 2.0, 3.0]), coding, levels, {})
    assert piece in str(caught.value)


def test_new_rows_keep_the_levels_of_the_fitted_ones() -> None:
    state: dict[str, Any] = {}
    coded_factor("C(x)", np.array([1.0, 2.0]), Coding("treatment", {}), None, state)
    assert state["levels"] == ("1", "2")
    with pytest.raises(DataError, match="meets the level '5'"):
        coded_factor("C(x)", np.array([5.0]), Coding("treatment", {}), None, state)
