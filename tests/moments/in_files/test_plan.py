"""What is summed: every product once, and the way back to the blocks."""

from __future__ import annotations

import numpy as np

from multilevel.design.blueprint_columns import blueprint_of
from multilevel.design.blueprint_outline import outline_of
from multilevel.language import parse_formula
from multilevel.moments.in_files.plan import StreamPlan, plan_of
from multilevel.moments.scaling import ColumnScaling, Scaling


def planned(formula: str, centre: float = 0.5) -> StreamPlan:
    """Return the plan of a formula whose slopes are all centred alike, beside intercepts or not."""
    schema = {"y": "number", "x": "number", "z": "number", "g": "number", "h": "number"}
    outline = outline_of(parse_formula(formula), schema)
    blueprint = blueprint_of(outline, schema, {}).blueprint

    def scaling(columns: tuple[object, ...]) -> ColumnScaling:
        centres = np.array([0.0 if c.name == "Intercept" else centre for c in columns])  # type: ignore[attr-defined]
        return ColumnScaling(centres, np.ones(len(columns)), np.eye(len(columns)))

    terms = tuple(scaling(term) for term in blueprint.terms)
    fixed = scaling(blueprint.fixed)
    return plan_of(blueprint, Scaling(fixed, terms, 0.0, 1.0, np.zeros(len(blueprint.fixed))))


def test_slopes_need_five_sums_by_level_and_one_over_all_rows() -> None:
    plan = planned("y ~ x + (x | g)")
    assert len(plan.columns) == 2 and plan.fixed == (0, 1, 2) and plan.effects == ((0, 1),)
    assert sorted(plan.products[0]) == [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2)]
    assert plan.direct == ((2, 2),) and plan.pairs == []


def test_columns_of_several_factors_are_shared() -> None:
    plan = planned("y ~ x + z + (x | g) + (z | h)")
    assert len(plan.columns) == 3 and plan.effects == ((0, 1), (0, 2))
    assert plan.pairs == [(0, 1, [0, 1], [0, 2])]
    assert sorted(plan.direct) == [(2, 2), (2, 3), (3, 3)]


def test_sums_go_back_to_their_blocks() -> None:
    plan = planned("y ~ x + (x | g)")
    rng = np.random.default_rng(6)
    x, y = rng.normal(size=9), rng.normal(size=9)
    columns = np.stack([np.ones(9), x, y])
    sums = np.array([[columns[a] @ columns[b] for a, b in plan.products[0]]])
    A, C = plan.factor_products(0, sums)
    Z, Xy = columns[:2], columns
    np.testing.assert_allclose(A[0], Z @ Z.T)
    np.testing.assert_allclose(C[0], Z @ Xy.T)
    np.testing.assert_allclose(plan.fixed_products(sums, np.array([y @ y])), Xy @ Xy.T)
