"""Small tables and short cuts that the tests of the design share."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from multilevel.data import read_table
from multilevel.design import Design, bind, columns_needed
from multilevel.design.scope import Factor, Scope
from multilevel.language import parse_formula

ROWS, GROUPS = 100, 10


def base(**columns: Any) -> dict[str, Any]:
    """Return 100 rows in 10 groups of 10, ``y = 1 + 2x + a_g + e``, with columns added or replaced."""
    rng = np.random.default_rng(1)
    g = np.repeat(np.arange(GROUPS), ROWS // GROUPS)
    x = rng.normal(size=ROWS)
    y = 1 + 2 * x + rng.normal(size=GROUPS)[g] + rng.normal(size=ROWS)
    return {"y": y, "x": x, "g": g, **columns}


def bound(formula: str, data: Any, **options: Any) -> Design:
    """Bind a formula to data."""
    model = parse_formula(formula)
    named = {key: value for key, value in options.items() if key != "missing"}
    return bind(model, read_table(data, columns_needed(model, **named)), **options)


def bound_with_warnings(
    formula: str, data: Any, **options: Any
) -> tuple[Design, list[warnings.WarningMessage]]:
    """Bind a formula to data and catch what is warned of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        design = bound(formula, data, **options)
    return design, caught


def cycled(labels: str, n: int = ROWS) -> np.ndarray:
    """Return single letters in turn."""
    return np.array(list(labels))[np.arange(n) % len(labels)]


def scope(n: int = 12) -> Scope:
    """Return numbers ``x`` and ``wait time``, factors ``f`` (a, b, c) and ``h`` (u, v), a boolean ``b``."""
    at = np.arange(n)

    def factor(labels: tuple[str, ...]) -> Factor:
        return Factor((at % len(labels)).astype(np.int32), labels)

    return Scope(
        {
            "x": np.linspace(1.0, 4.0, n) ** 2,
            "wait time": at.astype(np.float64),
            "f": factor(("a", "b", "c")),
            "h": Factor((at // 3 % 2).astype(np.int32), ("u", "v")),
            "b": factor(("False", "True")),
        },
        frozenset({"b"}),
        n,
    )
