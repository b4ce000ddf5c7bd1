"""Counts of a job are those of the design and moments that it will have."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import multilevel as ml
from multilevel.data import read_table
from multilevel.design import bind, columns_needed
from multilevel.design.counts import job_of
from multilevel.language import parse_formula
from multilevel.moments import summarise

RNG = np.random.default_rng(1)
N = 3000
ROWS: dict[str, Any] = {
    "y": RNG.normal(size=N),
    "x": RNG.uniform(1, 9, size=N),
    "f": RNG.choice(["a", "b", "c", "d"], N),
    "b": RNG.random(N) < 0.5,
    "g": RNG.integers(0, 40, N),
    "h": np.array([f"h{i}" for i in RNG.integers(0, 25, N)], dtype=object),
    "time": RNG.integers(0, 6, N),
}
ROWS["inner"] = ROWS["g"] * 10 + RNG.integers(0, 3, N)

FORMULAS = [
    "y ~ x + (1 | g)",
    "y ~ f * x + log(x) + (x | g)",
    "y ~ b + poly(x, 2) + (0 + f | g)",
    "y ~ x + (1 | g) + (x | h) + (0 + x | g)",
    "y ~ 1 + (1 | g/inner) + (1 | h)",
    "y ~ 1 + (1 | g:h)",
    "y ~ x + ar1(0 + time | g)",
    "y ~ 1",
]


@pytest.mark.parametrize("text", FORMULAS)
@pytest.mark.parametrize("gaps", [False, True], ids=["complete", "with gaps"])
def test_counts_are_those_of_the_design(text: str, gaps: bool) -> None:
    model = parse_formula(text)
    rows = dict(ROWS)
    if gaps:
        rows["y"] = np.where(np.arange(N) % 7 == 0, np.nan, ROWS["y"])
    table = read_table(rows, columns_needed(model))
    job = job_of(model, table)
    design = bind(model, table, missing="drop")
    moments = summarise(design)
    assert job.rows == design.n_rows
    assert job.columns == len(design.fixed.names)
    assert job.effects == sum(len(term.names) for term in design.terms)
    assert [factor.levels for factor in job.factors] == list(moments.levels)
    assert [factor.effects for factor in job.factors] == list(moments.effects)
    assert {key: one.pairs for key, one in job.pairs.items()} == {
        (pair.f, pair.g): pair.index.size for pair in moments.pairs
    }
    assert all(one.counted for one in job.pairs.values())
    assert job.stored == (8 * len(table.columns) if gaps else 0)


def test_without_counting_there_are_bounds() -> None:
    model = parse_formula("y ~ x + (1 | h) + (1 | g)")
    job = job_of(model, read_table(ROWS, columns_needed(model)), exact=False)
    assert [(factor.name, factor.levels, factor.text) for factor in job.factors] == [
        ("g", N, False),
        ("h", 25, True),
    ]
    assert (job.pairs[0, 1].pairs, job.pairs[0, 1].counted) == (N, False)


def test_zero_inflation_counts_among_the_columns() -> None:
    model = ml.formula("y ~ x + (1 | g)", family="poisson", zero_inflation="~ f")
    job = job_of(model, read_table(ROWS, columns_needed(model)))
    assert (job.columns, job.linear) == (2 + 4, False)


@pytest.mark.parametrize("n", [2000, 150_000])
@pytest.mark.parametrize("continuous", [False, True])
def test_rows_that_differ_in_their_response_alone_count_once(n: int, continuous: bool) -> None:
    """Above 100,000 rows from one hash in 64: within a fifth."""
    rng = np.random.default_rng(3)
    rows = {"y": rng.integers(0, 2, n), "x": rng.normal(size=n) if continuous else rng.integers(0, 3, n)}
    rows["g"] = rng.integers(0, n // 20, n)
    model = ml.formula("y ~ x + (1 | g)", family="bernoulli")
    job = job_of(model, read_table(rows, columns_needed(model)))
    cells = np.unique(np.column_stack([rows["x"], rows["g"]]), axis=0).shape[0]
    assert job.distinct == pytest.approx(cells, rel=0.0 if n < 100_000 else 0.2)
    gamma = ml.formula("y ~ x + (1 | g)", family="gamma")
    assert job_of(gamma, read_table(rows, columns_needed(gamma))).distinct is None
