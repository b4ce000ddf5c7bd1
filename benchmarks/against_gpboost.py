"""The package GPBoost (C++): `GPModel.fit`, with its exact Cholesky method.

It has neither REML nor correlated slopes, so its criterion is -2 log-likelihood of a smaller model. Its
default method for crossed factors is iterative and returns a criterion with Monte Carlo error, hence the
exact one here.
"""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pandas as pd
from measure import Fit, main
from problems import Problem, new_response


def prepare(problem: Problem, frame: pd.DataFrame, gpboost: ModuleType) -> tuple[Fit, str]:
    """Return the call to time."""
    slopes = [(i + 1, name) for i, names in enumerate(problem.groups.values()) for name in names]
    note = "ML, independent slopes" if slopes else "ML"
    if problem.refit:
        frame = frame.assign(**{problem.response: new_response(problem, frame)})
        note += "; no refit: whole call"

    def fit() -> float:
        columns = [pd.get_dummies(frame[[name]], drop_first=True).to_numpy(float) for name in problem.fixed]
        varying = frame[[name for _, name in slopes]].to_numpy(float) if slopes else None
        model = gpboost.GPModel(
            group_data=frame[list(problem.groups)].astype(str).to_numpy(),
            group_rand_coef_data=varying,
            ind_effect_group_rand_coef=[i for i, _ in slopes] or None,
            likelihood="gaussian",
            matrix_inversion_method="cholesky",
        )
        model.fit(
            y=frame[problem.response].to_numpy(float), X=np.column_stack([np.ones(len(frame)), *columns])
        )
        return 2 * float(model.get_current_neg_log_likelihood())

    return fit, note


if __name__ == "__main__":
    main("gpboost", prepare)
