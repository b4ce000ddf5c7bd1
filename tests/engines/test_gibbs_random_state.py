"""A generator that was put back goes on with the same numbers."""

from __future__ import annotations

import numpy as np
import pytest

from multilevel.engines.gibbs.random_state import restore_random, snapshot_random


@pytest.mark.parametrize("used", [0, 1, 2, 5])
def test_the_same_numbers_follow(used: int) -> None:
    """Also in the middle of a block of four, and after half a number was used."""
    rng = np.random.Generator(np.random.Philox(key=np.array([3, 4], dtype=np.uint64)))
    rng.random(used)
    rng.integers(0, 100, size=used, dtype=np.uint32)
    numbers = snapshot_random(rng)
    assert (numbers.dtype, numbers.shape) == (np.uint64, (13,))
    following = (rng.standard_normal(9).tobytes(), rng.integers(0, 9, 5, dtype=np.uint32).tobytes())
    other = np.random.Generator(np.random.Philox(1))
    restore_random(other, numbers)
    again = (other.standard_normal(9).tobytes(), other.integers(0, 9, 5, dtype=np.uint32).tobytes())
    assert again == following


def test_other_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="12 numbers are no state of Philox"):
        restore_random(np.random.Generator(np.random.Philox(1)), np.zeros(12, dtype=np.uint64))
