"""Small tables and short cuts for tests of generalised designs."""

from __future__ import annotations

from typing import Any

import numpy as np

from multilevel.data import read_table
from multilevel.design import Design, bind, columns_needed
from multilevel.language import given_model

CBPP = "prop(incidence, size) ~ period + (1 | herd)"
"""Lesnoff et al. (2004), as in lme4."""


def generalised(formula: str, data: Any, family: Any, *, zero_inflation: str | None = None) -> Design:
    """Bind a formula with a family to data."""
    model, _ = given_model(formula, lme4_compat=False, family=family, zero_inflation=zero_inflation)
    return bind(model, read_table(data, columns_needed(model)))


def counts(**columns: Any) -> dict[str, Any]:
    """Return 100 Poisson counts in 10 groups of 10, with columns added."""
    rng = np.random.default_rng(3)
    g = np.repeat(np.arange(10), 10)
    x = rng.normal(size=100) + 1.0
    y = rng.poisson(np.exp(0.5 + 0.4 * x + 0.5 * rng.normal(size=10)[g])).astype(float)
    return {"y": y, "x": x, "g": g, **columns}
