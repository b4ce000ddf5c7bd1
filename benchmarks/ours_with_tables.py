"""This library with its tables: standard errors, Satterthwaite's degrees of freedom, group effects.

A `Fit` works its tables out when they are read; some competitors (`glmm`) do so in the fit itself.
"""

from __future__ import annotations

from types import ModuleType

import pandas as pd
from measure import Fit, main
from problems import Problem, new_response


def prepare(problem: Problem, frame: pd.DataFrame, multilevel: ModuleType) -> tuple[Fit, str]:
    """Return the call to time."""
    first = multilevel.fit(problem.formula, frame) if problem.refit else None
    y = new_response(problem, frame) if problem.refit else None

    def fit() -> float:
        result = multilevel.fit(problem.formula, frame) if first is None else first.refit(y)
        tables = (result.fixed_effects, result.variance_components, result.random_effects)
        assert all(len(table) for table in tables)
        return -2 * float(result.loglik)

    return fit, "with every table"


if __name__ == "__main__":
    main("multilevel", prepare)
