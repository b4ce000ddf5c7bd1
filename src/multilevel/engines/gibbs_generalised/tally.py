"""Counts of proposals that need no learning: how many were made, accepted, and had no density."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Tally:
    """An `AnyWalk` that only counts."""

    __slots__ = ("_accepted", "_frozen", "_impossible", "_tried")

    def __init__(self) -> None:
        self._accepted = self._impossible = self._tried = 0
        self._frozen = False

    @property
    def rate(self) -> float:
        """Share of the steps since `freeze` that were accepted; NaN before."""
        return self._accepted / self._tried if self._tried else math.nan

    @property
    def impossible(self) -> int:
        """Proposals without a density since `freeze`."""
        return self._impossible

    def freeze(self) -> None:
        """End the warm-up."""
        self._accepted = self._impossible = self._tried = 0
        self._frozen = True

    def count(self, tried: int, accepted: int, impossible: int) -> None:
        """Take in some proposals."""
        if self._frozen:
            self._tried += tried
            self._accepted += accepted
            self._impossible += impossible

    def decide(self, log_ratio: float, rng: np.random.Generator) -> bool:
        """Return whether a proposal is accepted whose log ratio is given; without a density it is refused."""
        possible = log_ratio > -math.inf
        accepted = bool(rng.random() < (math.exp(min(0.0, log_ratio)) if possible else 0.0))
        self.count(1, int(accepted), int(not possible))
        return accepted

    def snapshot(self) -> dict[str, NDArray[Any]]:
        """Return the counts."""
        counts = [self._accepted, self._tried, self._impossible, self._frozen]
        return {"counts": np.array(counts, dtype=np.int64)}

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Go back to what `snapshot` gave."""
        self._accepted, self._tried, self._impossible = (int(n) for n in arrays["counts"][:3])
        self._frozen = bool(arrays["counts"][3])
