"""Random numbers that belong to a name: the same whatever else is drawn, and in whatever order."""

from __future__ import annotations

import numpy as np

from multilevel.errors import OptionError


def seed_number(seed: object) -> int:
    """Return a seed as a whole number; a generator gives one and is advanced.

    Raises
    ------
    OptionError
        If it is neither.
    """
    if isinstance(seed, np.random.Generator):
        return int(seed.integers(2**63))
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise OptionError(
            f"seed={seed!r} is not a seed",
            allowed="a whole number from 0, or a numpy.random.Generator",
            remedy="seed=1",
        )
    return int(seed)


def stream(seed: int, *names: str) -> np.random.Generator:
    """Return the generator of a quantity.

    Parameters
    ----------
    seed
        From 0.
    names
        What the quantity is called.

    Examples
    --------
    >>> stream(1, "node", "A").normal() == stream(1, "node", "A").normal()
    True
    """
    word = "\0".join(names).encode()
    return np.random.default_rng(np.random.SeedSequence([seed, len(word), *word]))
