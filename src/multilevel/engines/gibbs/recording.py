"""What one chain recorded: sweeps done, draws after warm-up, and the pieces in which they are stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from multilevel.engines.gibbs.metropolis import AnyWalk
from multilevel.errors import DesignError

Floats = NDArray[np.float64]


class Sweeper(Protocol):
    """A chain, as far as it is swept and recorded."""

    @property
    def number(self) -> int:
        """Which chain it is, from 0."""

    def sweep(self) -> None:
        """Draw everything once."""

    def freeze(self) -> object:
        """End the warm-up."""

    def values(self) -> Mapping[str, Floats | float]:
        """Return what is recorded of every draw, by name."""

    def effects(self) -> Sequence[Floats]:
        """Return what is recorded of some draws only: group effects by factor."""


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """What one chain recorded after warm-up: ``n`` draws in the units of `State`.

    Parameters
    ----------
    gamma
        ``(n, p)``.
    sigma
        ``(n,)``.
    sds, factors
        For each term ``(n, k)`` and ``(n, k, k)``.
    effects
        By factor ``(kept, m, K)``.
    acceptance
        Acceptance rate of every Metropolis step by name.
    impossible
        Proposals after warm-up that had no density and were refused.
    values
        Everything that was recorded of every draw, by the names of `Chain.values`.
    """

    gamma: Floats
    sigma: Floats
    sds: tuple[Floats, ...]
    factors: tuple[Floats, ...]
    effects: tuple[Floats, ...]
    acceptance: dict[str, float]
    impossible: int
    values: Mapping[str, Floats]


class Recording:
    """Arrays of a planned length, filled sweep by sweep.

    Parameters
    ----------
    warmup, draws
        Sweeps that are left out, and sweeps that are recorded.
    kept
        Numbers of the draws whose group effects are recorded.
    """

    __slots__ = ("_arrays", "_effects", "_kept", "_written", "done", "draws", "warmup")

    def __init__(self, warmup: int, draws: int, kept: NDArray[np.int64]) -> None:
        self.warmup, self.draws, self._kept = warmup, draws, kept
        self.done = self._written = 0
        self._arrays: dict[str, Floats] = {}
        self._effects: list[Floats] = []

    @property
    def total(self) -> int:
        """Sweeps in all."""
        return self.warmup + self.draws

    @property
    def drawn(self) -> int:
        """Draws recorded so far."""
        return max(0, self.done - self.warmup)

    @property
    def complete(self) -> bool:
        """Whether every sweep was done."""
        return self.done >= self.total

    @property
    def unwritten(self) -> int:
        """Sweeps done since the last chunk."""
        return self.done - self._written

    def advance(self, chain: Sweeper, over: Callable[[], bool]) -> None:
        """Sweep a chain until every sweep was done or ``over`` says so.

        Raises
        ------
        DesignError
            If a covariance matrix or sigma left the range of floating-point numbers.
        """
        try:
            while not self.complete and not over():
                if self.done == self.warmup:
                    chain.freeze()
                chain.sweep()
                if self.done >= self.warmup:
                    self._record(self.drawn, chain.values(), chain.effects())
                self.done += 1
        except np.linalg.LinAlgError as error:
            raise DesignError(
                f"a chain left the range of numbers: chain {chain.number + 1}, in sweep {self.done + 1} of"
                f" {self.total}: a covariance matrix is not positive definite any more ({error})",
                remedy="proper priors of the sds, on the scale of the data",
            ) from error

    def _record(self, draw: int, values: Mapping[str, Floats | float], effects: Sequence[Floats]) -> None:
        """Take in one draw."""
        if not self._arrays:
            self._arrays = {name: np.empty((self.draws, *np.shape(v))) for name, v in values.items()}
            self._effects = [np.empty((self._kept.size, *b.shape)) for b in effects]
        for name, value in values.items():
            self._arrays[name][draw] = value
        at = int(np.searchsorted(self._kept, draw))
        if at < self._kept.size and self._kept[at] == draw:
            for array, b in zip(self._effects, effects, strict=True):
                array[at] = b

    def _places(self, first: int, last: int) -> slice:
        """Return which of the kept draws are among the draws from ``first`` to before ``last``."""
        return slice(*(int(at) for at in np.searchsorted(self._kept, (first, last))))

    def chunk(self) -> tuple[dict[str, int], dict[str, Floats]]:
        """Return what was done since the last chunk: counts, and draws by name; it counts as written."""
        first, last = max(0, self._written - self.warmup), self.drawn
        kept = self._places(first, last)
        facts = {"done": self.done, "first": first, "draws": last - first}
        arrays = {f"draw {name}": array[first:last] for name, array in self._arrays.items()}
        arrays |= {f"effects {f}": array[kept] for f, array in enumerate(self._effects)}
        self._written = self.done
        return facts, arrays

    def take(self, facts: Mapping[str, int], arrays: Mapping[str, Floats]) -> None:
        """Take in a chunk that `chunk` gave, the next in order.

        Raises
        ------
        ValueError
            If it is not the next in order.
        """
        first, draws = facts["first"], facts["draws"]
        if first != self.drawn or (draws and facts["done"] - self.warmup != first + draws):
            raise ValueError(f"a chunk begins at draw {first} after {self.drawn} draws")
        kept = self._places(first, first + draws)
        for name, array in arrays.items():
            kind, _, rest = name.partition(" ")
            if kind == "draw":
                if rest not in self._arrays:
                    self._arrays[rest] = np.empty((self.draws, *array.shape[1:]))
                self._arrays[rest][first : first + draws] = array
            elif kind == "effects":
                if len(self._effects) == int(rest):
                    self._effects.append(np.empty((self._kept.size, *array.shape[1:])))
                self._effects[int(rest)][kept] = array
        self.done = self._written = facts["done"]

    def run(self, n: int, walks: Mapping[str, AnyWalk]) -> Run:
        """Return the first ``n`` draws, and how the chain's walks went."""
        values = {name: array[:n] for name, array in self._arrays.items()}
        terms = range(sum(name.startswith("sds ") for name in values))
        return Run(
            gamma=values["gamma"],
            sigma=values["sigma"],
            sds=tuple(values[f"sds {t}"] for t in terms),
            factors=tuple(values[f"factors {t}"] for t in terms),
            effects=tuple(array[self._places(0, n)] for array in self._effects),
            acceptance={name: walk.rate for name, walk in walks.items()},
            impossible=sum(walk.impossible for walk in walks.values()),
            values=values,
        )
