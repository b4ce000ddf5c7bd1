"""Moments -> the native Schur complement: which nested factors are eliminated, and the core that is left."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multilevel.kernels import core, threads
from multilevel.moments import Moments

Floats = NDArray[np.float64]


NESTED = 10
"""How many times more effects another chain must have to be eliminated in place of one with a factor more."""


@dataclass(frozen=True, slots=True, eq=False)
class System:
    """A native Schur complement, and where the effects of its factors stand.

    Parameters
    ----------
    native
        Its state is the roots that were set last.
    chain
        Numbers of the factors that are eliminated, innermost first.
    at
        First row of each factor's effects in level space (all factors).
    core_at
        First row in core vectors of each factor that is not eliminated.
    levels, effects
        By factor.
    """

    native: core.SchurSystem
    chain: tuple[int, ...]
    at: tuple[int, ...]
    core_at: dict[int, int]
    levels: tuple[int, ...]
    effects: tuple[int, ...]

    def by_level(self, long: Floats, factor: int) -> Floats:
        """Return ``(m, K, s)`` rows of a factor of a level-space vector ``(effects, s)``."""
        m, k, start = self.levels[factor], self.effects[factor], self.at[factor]
        return long[start : start + m * k].reshape(m, k, -1)

    def of_core(self, long: Floats, factor: int) -> Floats:
        """Return ``(m, K, s)`` rows of a factor of a core vector."""
        m, k, start = self.levels[factor], self.effects[factor], self.core_at[factor]
        return long[start : start + m * k].reshape(m, k, -1)


def nested_in(moments: Moments) -> dict[tuple[int, int], bool]:
    """Return for each pair of factors ``f < g`` whether every level of ``f`` lies in one level of ``g``."""
    return {(pair.f, pair.g): bool((np.diff(pair.start) == 1).all()) for pair in moments.pairs}


def longest_chain(moments: Moments) -> tuple[int, ...]:
    """Return the nested factors with most effects together, innermost first: what an exact method eliminates.

    Examples
    --------
    >>> import multilevel as ml
    >>> pastes = ml.datasets.load("pastes")
    >>> longest_chain(ml.fit("strength ~ 1 + (1 | batch / cask)", pastes).moments)
    (0, 1)
    """
    return _chain(moments, 1)


def chain_to_eliminate(moments: Moments) -> tuple[int, ...]:
    """Return the nested factors that are eliminated before conjugate gradients begin, innermost first.

    They struggle with nesting (Pandolfi, Papaspiliopoulos and Zanella 2024), and so do probes: a factor more
    in the chain counts for more than effects, unless another chain has `NESTED` times as many.
    """
    return _chain(moments, NESTED)


def _chain(moments: Moments, nested_weight: int) -> tuple[int, ...]:
    """Return the chain of most effects, each further factor in it worth a multiple of them."""
    nested = nested_in(moments)
    best: dict[int, tuple[int, tuple[int, ...]]] = {}
    for f in reversed(range(len(moments.A))):
        size = moments.levels[f] * moments.effects[f]
        outer = [best[g] for g in best if nested[f, g]]
        total, chain = max(outer, key=lambda found: (len(found[1]), found[0]), default=(0, ()))
        best[f] = (total + size, (f, *chain))
    ranked = (best[f] for f in sorted(best))
    return max(ranked, key=lambda found: found[0] * nested_weight ** (len(found[1]) - 1))[1]


def system_of(moments: Moments) -> System:
    """Return the Schur complement of a model with several factors, or of one with an empty core."""
    chain = chain_to_eliminate(moments)
    sizes = [m * k for m, k in zip(moments.levels, moments.effects, strict=True)]
    at = tuple(int(start) for start in np.cumsum([0, *sizes[:-1]]))
    core_at, start = {}, 0
    for f, size in enumerate(sizes):
        if f not in chain:
            core_at[f] = start
            start += size
    native = core.SchurSystem(
        A=list(moments.A),
        pairs=[(pair.f, pair.g, pair.start, pair.index, pair.value) for pair in moments.pairs],
        chain=list(chain),
        threads=threads,
    )
    return System(native, chain, at, core_at, moments.levels, moments.effects)
