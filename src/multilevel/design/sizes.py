"""How large and how small the numbers of a column may be: powers of them must still be numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from multilevel.errors import DataError

Floats = NDArray[np.float64]

LEAST, LARGEST = 1e-38, 1e38
"""Variances of slopes are squares of ratios of columns, and degrees of freedom need their squares in turn."""


def is_usable(values: Floats) -> bool:
    """Whether numbers are finite and surely of a usable size, in one pass; ``False`` means: look closer."""
    with np.errstate(over="ignore", invalid="ignore"):
        square = float(np.dot(values, values))
    return LEAST**2 <= square <= LARGEST**2


def require_size(what: str, values: Floats) -> None:
    """Refuse numbers whose powers would overflow or vanish.

    Parameters
    ----------
    what
        What the numbers are, for the message.
    values
        ``(n,)`` finite or NaN.

    Raises
    ------
    DataError
        The largest absolute value is beyond the limits, and not zero.
    """
    largest = float(np.fmax.reduce(np.abs(values), initial=0.0))
    if largest != 0.0 and not LEAST <= largest <= LARGEST:
        raise DataError(
            f"{what} has values of size {largest:.3g}, whose powers are no numbers that a computer can hold",
            allowed=f"zero, and sizes from {LEAST:g} to {LARGEST:g}",
            remedy="use another unit (divide the column by a power of ten), or mend a value that is an error",
        )
