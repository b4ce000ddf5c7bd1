"""The package `mixedlm` (Python with Rust): `mixedlm.lmer`, and `refit` for a new response."""

from __future__ import annotations

from types import ModuleType

import pandas as pd
from measure import Fit, main
from problems import Problem, new_response


def prepare(problem: Problem, frame: pd.DataFrame, mixedlm: ModuleType) -> tuple[Fit, str]:
    """Return the call to time."""
    if not problem.refit:
        return lambda: float(mixedlm.lmer(problem.formula, frame).REMLcrit()), ""
    result = mixedlm.lmer(problem.formula, frame)
    y = new_response(problem, frame)
    return lambda: float(result.refit(y).REMLcrit()), ""


if __name__ == "__main__":
    main("mixedlm", prepare)
