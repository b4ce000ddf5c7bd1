"""The package `glmm` (Rust): `glmm.fit`; it has no refit, so a new response is a whole call."""

from __future__ import annotations

from types import ModuleType

import pandas as pd
from measure import Fit, main
from problems import Problem, new_response


def prepare(problem: Problem, frame: pd.DataFrame, glmm: ModuleType) -> tuple[Fit, str]:
    """Return the call to time."""
    if problem.refit:
        frame = frame.assign(**{problem.response: new_response(problem, frame)})
    note = "no refit: whole call" if problem.refit else ""
    return lambda: -2 * float(glmm.fit(frame, problem.formula).loglik), note


if __name__ == "__main__":
    main("glmm", prepare)
