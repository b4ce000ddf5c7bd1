"""The state of a Philox generator as whole numbers, for storing it and going back to it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

SIZES = {"counter": 4, "key": 2, "buffer": 4, "buffer_pos": 1, "has_uint32": 1, "uinteger": 1}
"""How many numbers each part of the state has."""


def snapshot_random(rng: np.random.Generator) -> NDArray[np.uint64]:
    """Return the state of a generator that counts with Philox, ``(13,)`` uint64."""
    state: dict[str, Any] = dict(rng.bit_generator.state)
    state |= state.pop("state")
    return np.concatenate([np.atleast_1d(np.asarray(state[name], dtype=np.uint64)) for name in SIZES])


def restore_random(rng: np.random.Generator, numbers: NDArray[np.uint64]) -> None:
    """Put a generator into the state that `snapshot_random` gave.

    Raises
    ------
    ValueError
        If the numbers are not 13.
    """
    if numbers.shape != (sum(SIZES.values()),):
        raise ValueError(f"{numbers.size} numbers are no state of Philox")
    parts = dict(zip(SIZES, np.split(numbers, np.cumsum(list(SIZES.values()))[:-1]), strict=True))
    rng.bit_generator.state = {
        "bit_generator": "Philox",
        "state": {"counter": parts["counter"], "key": parts["key"]},
        "buffer": parts["buffer"],
        **{name: int(parts[name][0]) for name in ("buffer_pos", "has_uint32", "uinteger")},
    }
