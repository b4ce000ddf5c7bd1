"""statsmodels: `MixedLM`; crossed factors are variance components of one group of all rows."""

from __future__ import annotations

from types import ModuleType

import pandas as pd
from measure import Fit, absent, main
from problems import Problem, new_response

DENSE_LIMIT = 1e8
"""Entries of its dense matrix of rows by levels for crossed factors; above this, memory runs out."""


def prepare(problem: Problem, frame: pd.DataFrame, statsmodels: ModuleType) -> tuple[Fit, str]:
    """Return the call to time."""
    from statsmodels.regression.mixed_linear_model import MixedLM

    text = f"{problem.response} ~ {' + '.join(problem.fixed) or '1'}"
    note = ""
    if problem.refit:
        frame = frame.assign(**{problem.response: new_response(problem, frame)})
        note = "no refit: whole call"
    if len(problem.groups) == 1:
        ((group, slopes),) = problem.groups.items()
        effects = f"~ {' + '.join(('1', *slopes))}"
        return (
            lambda: -2 * float(MixedLM.from_formula(text, frame, groups=group, re_formula=effects).fit().llf),
            note,
        )
    entries = sum(len(frame) * frame[group].nunique() for group in problem.groups)
    if entries > DENSE_LIMIT:
        absent(f"needs a dense matrix of {entries * 8 / 2**30:.1f} GB for crossed factors")
    whole = frame.assign(everything=1)
    components = {group: f"0 + C({group})" for group in problem.groups}
    return (
        lambda: (
            -2
            * float(
                MixedLM.from_formula(text, whole, groups="everything", re_formula="0", vc_formula=components)
                .fit()
                .llf
            )
        ),
        note,
    )


if __name__ == "__main__":
    main("statsmodels", prepare)
