"""The log density in batches: told of, ended early, written to a checkpoint and read from it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from multilevel.engines.checkpoint import Checkpoint, Record
from multilevel.engines.pace import Pace

Floats = NDArray[np.float64]

MOST, FEWEST, WORK = 4096, 256, 1 << 21
"""Points that are evaluated together at most and at least, and group effects in all of them together."""


def batch_size(effects: int) -> int:
    """Return how many points are evaluated together; depends on the model only, not on time or memory.

    Examples
    --------
    >>> batch_size(36), batch_size(1000), batch_size(10**6)
    (4096, 2097, 256)
    """
    return max(FEWEST, min(MOST, WORK // max(1, effects)))


class Batches:
    """A log density whose values are remembered batch by batch.

    Batches are numbered in the order in which they are asked for; a seed regenerates their points, so that
    the values alone are stored.

    Parameters
    ----------
    log_density
        Of ``(n, d)`` points.
    pace
        Of the run.
    checkpoint
        Where values come from and go to, or ``None``.
    draws
        How many are wanted in the end.
    effects
        Group effects of the model.
    size
        Points of a batch, if not `batch_size`.
    """

    __slots__ = ("_checkpoint", "_draws", "_log_density", "_number", "_pace", "_size", "_stored")

    def __init__(
        self,
        log_density: Callable[[Floats], Floats],
        pace: Pace,
        checkpoint: Checkpoint | None,
        *,
        draws: int,
        effects: int,
        size: int | None = None,
    ) -> None:
        self._log_density, self._pace, self._checkpoint = log_density, pace, checkpoint
        self._draws, self._size, self._number = draws, size or batch_size(effects), 0
        records = checkpoint.of_kind("marginal") if checkpoint is not None else []
        self._stored = {int(record.facts["batch"]): record.arrays["values"] for record in records}

    def __call__(self, x: Floats) -> Floats:
        """Return the values at all points ``(n, d)``.

        Raises
        ------
        OptionError
            If the run had to end before.
        """
        parts = []
        for at in range(0, x.shape[0], self._size):
            if self._pace.over():
                raise self._pace.nothing(kept=self._checkpoint is not None)
            parts.append(self._values(x[at : at + self._size]))
        return np.concatenate(parts)

    def until_over(self, x: Floats) -> Floats:
        """Return the values at the points, of ``(n, d)``, that were reached before the run had to end."""
        parts = [np.zeros(0)]
        try:
            for at in range(0, x.shape[0], self._size):
                if self._pace.over():
                    break
                parts.append(self._values(x[at : at + self._size]))
                share = min(1.0, (at + self._size) / x.shape[0])
                self._pace.tell("marginal", share, int(share * self._draws), self._draws)
        except KeyboardInterrupt:
            self._pace.stop("Ctrl-C")
        return np.concatenate(parts)

    def _values(self, x: Floats) -> Floats:
        """Return the values of one batch, from the checkpoint if it has them."""
        number = self._number
        self._number += 1
        stored = self._stored.get(number)
        if stored is not None and stored.shape == (x.shape[0],):
            return stored
        values = self._log_density(x)
        if self._checkpoint is not None:
            facts = {"kind": "marginal", "batch": number, "points": x.shape[0]}
            self._checkpoint.append(Record(facts, {"values": values}))
        return values
