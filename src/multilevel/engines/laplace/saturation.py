"""Responses that a model reproduces exactly: their likelihood has no maximum, as the spread goes to zero."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from multilevel.design.design import Design
from multilevel.errors import DesignError

Floats = NDArray[np.float64]

LEAST = 1e-11
"""Squared relative deviations below which nothing is left but rounding."""


WELL = 7.0
"""A start's spread is larger than the limit by as much, in logs."""


def spread_limit(design: Design) -> float | None:
    """Return the limit of the first auxiliary number: its least value, or for a precision minus the greatest.

    None for families whose variance follows from the mean, or cannot be smaller than it.
    """
    y, name = design.y, design.family.name
    if name == "gamma":
        return float(np.log(LEAST))
    if name == "inverse_gaussian":
        return float(np.log(LEAST / np.mean(y)))
    if name in ("gaussian", "student"):
        return float(np.log(np.sqrt(LEAST) * np.std(y)))
    return float(np.log(LEAST)) if name == "beta" else None


def is_within(design: Design, limit: float | None, auxiliary: Floats) -> bool:
    """Return whether the spread is larger than its limit."""
    if limit is None:
        return True
    return bool((-auxiliary[0] if design.family.name == "beta" else auxiliary[0]) > limit)


def kept_within(design: Design, limit: float | None, auxiliary: Floats) -> Floats:
    """Return auxiliary numbers to start from with a spread well above its limit."""
    if limit is None or is_within(design, limit + WELL, auxiliary):
        return auxiliary
    first = -(limit + WELL) if design.family.name == "beta" else limit + WELL
    return np.concatenate([[first], auxiliary[1:]])


def refuse_saturation(design: Design, limit: float | None, auxiliary: Floats) -> None:
    """Raise `DesignError` if the search ended at the limit.

    Raises
    ------
    DesignError
        Saying that nothing is left to the distribution of the response.
    """
    if limit is None or is_within(design, limit + np.log(30.0), auxiliary):
        return
    parameter = design.family.parameters[0]
    raise DesignError(
        f"the model reproduces the response `{design.model.response}` exactly: `{parameter}` is"
        f" {np.exp(auxiliary[0]):.2g}, and the likelihood has no maximum",
        allowed=f"a response that varies about its mean as the {design.family.name} family does",
        remedy="look for a predictor from which the response was computed, or leave out terms",
    )
