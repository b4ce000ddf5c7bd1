"""How a search ended, in a status and a sentence; what a boundary means, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilevel.engines.solution import Certificate, Status

Floats = NDArray[np.float64]

ENDS = (Status.OPTIMAL, Status.EVALUATION_LIMIT, Status.STALLED, Status.INTERRUPTED)
SENTENCES = {
    Status.OPTIMAL: "The optimum is certified: no covariance matrix nearby fits better.",
    Status.BOUNDARY: "The optimum is certified, and lies on the boundary of the covariance matrices.",
    Status.SATURATED: "The residual variance is numerically zero: the model is saturated, it reproduces the"
    " response exactly. Coefficients are right to about six digits; variances, standard errors and likelihood"
    " mean nothing.",
    Status.EVALUATION_LIMIT: "The search reached its limit of evaluations before the optimum could be"
    " certified; raise max_evaluations.",
    Status.STALLED: "The search could make no further progress and the optimum could not be certified;"
    " rescale the predictors or simplify the grouped terms.",
    Status.INTERRUPTED: "The search was interrupted; the values are the best so far, not the optimum.",
}


def certificate_of(found: Mapping[str, Any]) -> Certificate:
    """Return the evidence that a native search left behind."""
    holds = found["end"] == 0 and not found["saturated"]
    return Certificate(
        holds=bool(holds),
        decrement=float(found["decrement"]),
        dual=float(found["dual"]),
        complementarity=float(found["complementarity"]),
        evaluations=int(found["evaluations"]),
    )


def status_of(found: Mapping[str, Any], relative: Sequence[Floats]) -> tuple[Status, str]:
    """Return the status of a search and its sentence."""
    status = ENDS[found["end"]]
    if found["saturated"]:
        status = Status.SATURATED
    elif status is Status.OPTIMAL and any(is_singular(T) for T in relative):
        status = Status.BOUNDARY
    return status, SENTENCES[status]


def is_singular(T: Floats) -> bool:
    """Return whether a covariance matrix has a direction without variance."""
    variances = np.diagonal(T)
    if (variances <= 0.0).any():
        return True
    root = np.sqrt(variances)
    return bool(np.linalg.eigvalsh(T / np.outer(root, root))[0] < 1e-8)
