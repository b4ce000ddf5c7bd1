"""Sizes of numbers whose powers are still numbers."""

from __future__ import annotations

import numpy as np
import pytest

from multilevel.design.sizes import is_usable, require_size
from multilevel.errors import DataError


@pytest.mark.parametrize(
    ("values", "usable", "refused"),
    [
        ([1.0, -2.0], True, False),
        ([0.0, -0.0], False, False),
        ([1e38, 1.0], True, False),
        ([1e38, 1e38], False, False),
        ([1e-38, 0.0], True, False),
        ([1e-48, 1.0], True, False),
        ([np.nan, 1.0], False, False),
        ([np.nan, 1e300], False, True),
        ([1e300, 1.0], False, True),
        ([-1e-300, 0.0], False, True),
        ([5e-324, 0.0], False, True),
    ],
)
def test_sizes(values: list[float], usable: bool, refused: bool) -> None:
    array = np.array(values)
    assert is_usable(array) is usable
    if not refused:
        require_size("the column `x`", array)
        return
    with pytest.raises(DataError, match=r"the column `x` has values of size .*\n  allowed: .*\n  try: "):
        require_size("the column `x`", array)
