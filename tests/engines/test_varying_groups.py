"""Rows of groups as triangular factors, and the models whose groups are independent."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from multilevel.engines.marginal.varying_groups import one_grouping, reduced_rows
from multilevel.errors import DesignError
from tests.engines.varying_cases import bound_case, dense_groups, made_data, named_case

DATA = {
    **made_data(),
    "pair": np.array([f"p{int(label[1:]) // 2}" for label in made_data()["g"]]),
    "other": np.array([f"h{i % 4}" for i in range(len(made_data()["g"]))]),
    "renamed": np.array([f"r{9 - int(label[1:])}" for label in made_data()["g"]]),
}


@pytest.mark.parametrize(
    ("formula", "groups", "one"),
    [
        ("y ~ x + (x | g)", "g", True),
        ("y ~ x + (x | g)", "renamed", True),
        ("y ~ x + (1 | g) + (0 + x | g)", "g", True),
        ("y ~ x", "g", True),
        ("y ~ x + (1 | g)", "pair", False),
        ("y ~ x + (1 | pair)", "g", False),
        ("y ~ x + (1 | g)", "g:other", False),
        ("y ~ x + (1 | g) + (1 | other)", "g", False),
        ("y ~ x + (1 | g)", "other", False),
    ],
)
def test_groups_must_be_the_levels_of_the_only_factor(formula: str, groups: str, one: bool) -> None:
    moments = bound_case(formula, {}, DATA, residual_groups=groups).moments
    assert one_grouping(moments) is one
    if one:
        reduced_rows(moments)
        return
    with pytest.raises(DesignError, match='method="marginal"') as caught:
        reduced_rows(moments)
    assert caught.value.remedy == 'method="gibbs"'


@pytest.mark.parametrize(
    ("formula", "options"),
    [
        ("y ~ x + (x | g)", {}),
        ("y ~ x + z + (x | g)", {"precision_weights": "w", "frequency_weights": "f"}),
        ("y ~ x", {"precision_weights": "w"}),
    ],
)
def test_factors_have_the_cross_products_of_the_scaled_rows(formula: str, options: dict[str, Any]) -> None:
    case = bound_case(formula, {}, DATA, **options)
    rows, kept = reduced_rows(case.moments), case.moments.residual
    assert kept is not None
    weights = np.ones(kept.y.size)
    for given in (kept.precision, kept.frequency):
        weights = weights if given is None else weights * given
    columns = np.column_stack([*kept.Z, kept.X, kept.y])
    for level, group in enumerate(rows.place):
        here = kept.index == group
        expected = (columns[here].T * weights[here]) @ columns[here]
        np.testing.assert_allclose(rows.R[level].T @ rows.R[level], expected, rtol=1e-12, atol=1e-12)
        assert np.array_equal(rows.R[level], np.triu(rows.R[level]))
        counts = np.ones(kept.y.size) if kept.frequency is None else kept.frequency
        assert rows.counts[level] == counts[here].sum()


def test_a_group_far_larger_than_its_spread_keeps_its_digits() -> None:
    """Cross-products of such rows would keep none: factors do."""
    data = made_data()
    far = data["g"] == "g03"
    data["y"] = np.where(far, 1e7 + 1e-3 * data["z"], data["y"])
    case = bound_case("y ~ 1 + (1 | g)", {}, data)
    rows = reduced_rows(case.moments)
    level = int(np.flatnonzero(rows.place == 3)[0])
    rest = np.linalg.norm(rows.R[level, 1:, 2]) * case.moments.scaling.y_scale
    y = data["y"][far]
    assert rest**2 == pytest.approx(np.square(y - y.mean()).sum(), rel=1e-4)


def test_variances_within_groups_are_those_of_least_squares_in_each() -> None:
    case = named_case("defaults")
    rows, moments = reduced_rows(case.moments), case.moments
    logs, dof = rows.log_residual_variances(np.zeros(moments.p))
    expected = []
    for group in (dense_groups(case.design)[j] for j in rows.place):
        if group.y.size > 2:
            y = group.y - moments.scaling.y_centre
            rest = y - group.Z @ np.linalg.lstsq(group.Z, y, rcond=None)[0]
            expected.append(np.log(rest @ rest / (y.size - 2) / moments.scaling.y_scale**2))
    np.testing.assert_allclose(logs, expected, rtol=1e-9)
    assert np.all(
        dof == [g.y.size - 2 for g in (dense_groups(case.design)[j] for j in rows.place) if g.y.size > 2]
    )
