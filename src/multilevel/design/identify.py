"""Whether the model can be estimated from these data, and what to do if not."""

from __future__ import annotations

import numpy as np

from multilevel.design.design import Design
from multilevel.design.matrices import Columns
from multilevel.design.scope import Factor, Floats
from multilevel.errors import DataError, DesignError
from multilevel.model import Model


def check_response(model: Model, columns: Columns) -> Floats:
    """Return the response as one number in each row.

    Raises
    ------
    DataError
        The response is a factor, text, boolean or matrix.
    """
    value = columns.values(model.response)
    if isinstance(value, Factor):
        levels = ", ".join(repr(level) for level in value.levels[:6]) + (
            " ..." if len(value.levels) > 6 else ""
        )
        raise DataError(
            f"the response `{model.response}` is not numeric: it has the levels {levels}",
            allowed="one number in each row",
            remedy="two levels call for a binomial model and ordered ones for an ordinal model, which this "
            "version does not fit; turn it into numbers if a linear model of them is meant",
        )
    if not isinstance(value, np.ndarray) or value.ndim != 1:
        raise DataError(f"the response `{model.response}` is matrix-valued", allowed="one number in each row")
    return np.ascontiguousarray(value, dtype=np.float64)


def check_design(design: Design) -> None:
    """Refuse a design from which the model cannot be estimated."""
    if design.y.size and design.residual_sd is None and np.ptp(design.y) == 0.0:
        raise DesignError(f"the response `{design.model.response}` is constant ({design.y[0]:g})")
