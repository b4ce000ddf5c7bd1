"""This library: `multilevel.fit`, and `Fit.refit` for a new response."""

from __future__ import annotations

from types import ModuleType

import pandas as pd
from measure import Fit, main
from problems import Problem, new_response


def prepare(problem: Problem, frame: pd.DataFrame, multilevel: ModuleType) -> tuple[Fit, str]:
    """Return the call to time."""
    if not problem.refit:
        return lambda: -2 * float(multilevel.fit(problem.formula, frame).loglik), ""
    fit = multilevel.fit(problem.formula, frame)
    y = new_response(problem, frame)
    return lambda: -2 * float(fit.refit(y).loglik), ""


if __name__ == "__main__":
    main("multilevel", prepare)
