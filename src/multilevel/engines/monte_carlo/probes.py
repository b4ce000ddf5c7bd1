"""Random signs that stand for a trace: one set for each effect of each factor of the core."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multilevel.engines.monte_carlo.system import System

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class ProbeSet:
    """Vectors ``z`` with ``E zz'`` the identity on one effect of one factor, zero elsewhere.

    One effect at a time: noise of a large variance does not spill over to a small one, and estimates need no
    inverse of an ill-conditioned covariance matrix.

    Parameters
    ----------
    factor, effect
        Which.
    columns
        Where they stand among all probes.
    exact
        Whether they are the unit vectors of every level, whose traces have no noise.
    """

    factor: int
    effect: int
    columns: slice
    exact: bool

    @property
    def size(self) -> int:
        """How many vectors."""
        return int(self.columns.stop - self.columns.start)


@dataclass(frozen=True, slots=True, eq=False)
class Probes:
    """All probe vectors ``W`` side by side, ``(core effects, columns)``, and their sets."""

    W: Floats
    sets: tuple[ProbeSet, ...]
    number: int
    seed: int


def probes_of(system: System, *, number: int, seed: int) -> Probes:
    """Return Rademacher vectors, or unit vectors for factors of no more levels than ``number``.

    The first vectors of a larger number are those of a smaller one, so that estimates go on where they were.
    """
    sets, start = [], 0
    for f in system.core_at:
        levels = system.levels[f]
        exact = levels <= number
        for effect in range(system.effects[f]):
            stop = start + (levels if exact else number)
            sets.append(ProbeSet(f, effect, slice(start, stop), exact))
            start = stop
    W = np.zeros((system.native.core, start))
    for one in sets:
        rows = system.of_core(W, one.factor)[:, one.effect, one.columns]
        if one.exact:
            rows[...] = np.eye(rows.shape[0])
            continue
        for c in range(one.size):
            rows[:, c] = signs(rows.shape[0], seed, one.factor, one.effect, c)
    return Probes(W, tuple(sets), number, seed)


def signs(size: int, *key: int) -> Floats:
    """Return independent signs, the same for the same key."""
    drawn = np.random.default_rng(key).integers(0, 2, size)
    return np.where(drawn == 1, 1.0, -1.0)
