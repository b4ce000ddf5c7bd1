"""Conditional variances of group effects by Rao-Blackwellised Monte Carlo, with their error."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from multilevel.engines.monte_carlo.chain import Link, chain_noise, chain_variance, level_covariances
from multilevel.engines.monte_carlo.roots import functions_times, inverse_root, remainder_root
from multilevel.moments import Moments

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Bools = NDArray[np.bool_]

TOGETHER = 16
"""Draws made together; the first part says how many more are needed."""
MOST_DRAWS = 256
"""Draws at most, whatever the error."""
SOLVED_ROWS = 64
"""Rows of several factors up to which each has a solve of its own; of more, draws say their covariances."""
SOLVED_EFFECTS = 64
"""Effects of a factor up to which each has a solve of its own: errors of a few go together."""
ROW_DRAWS = 128
"""Draws at least for rows of several factors, of whose covariances nothing is known exactly."""
ROWS_TOGETHER = 1 << 18
"""Rows whose draws are in memory at once."""
TARGET = 0.01
"""Relative error of the sds that is good enough, root mean square over the effects of the worst factor."""
ACCURACY = 1e-6
"""Relative residual of the draws that are only squared, far below their own noise."""
NOISE_ACCURACY = 1e-8
"""Relative residual of draws that go into a Markov chain, where thousands of them are averaged."""


class Core(Protocol):
    """The effects that are not eliminated: ``S = I + L'KL`` scaled to unit diagonal blocks, ``S~``."""

    @property
    def factors(self) -> tuple[int, ...]:
        """The core's factors, in the order in which their effects stand, level by level."""

    def apply(self, X: Floats) -> Floats:
        """Return ``S~ X`` for ``(Q, s)``."""

    def effects_of(self, X: Floats) -> list[Floats]:
        """Return by factor ``(m, K, s)`` the effects of scaled core vectors ``(Q, s)``.

        Those of the eliminated factors are their mean given the core, without data of their own.
        """

    def core_covariance(self, F: Floats, *, tolerance: float) -> Floats:
        """Return ``(s, s)`` what the core adds to the covariance of ``F'b`` for ``(q, s)``, by solves."""


class EffectCovariances:
    """Covariances of the effects given the data and the coefficients, in scaled columns and units of sigma.

    For effects of the core, ``S~^-1 = I + (I - S~) + (I - S~) S~^-1 (I - S~)``, the middle one without
    diagonal blocks, so that the covariance of a level is ``I`` plus the mean square of
    ``(I - S~) S~^-1/2 z``: what is drawn is only what the other levels add (Siden, Lindgren, Bolin and
    Villani 2018, "Efficient covariance approximations for large sparse precision matrices", section 3). For
    eliminated effects it is their covariance given the core, exactly, plus the mean square of their
    means given draws of the core.

    Parameters
    ----------
    moments
        Sufficient statistics.
    core
        Standing at the estimates.
    links
        The eliminated chain there.
    seed
        Same seed, same figures.
    """

    __slots__ = ("_core", "_core_draws", "_found", "_links", "_moments", "_number", "_seed", "_size", "error")

    def __init__(self, moments: Moments, core: Core, links: Sequence[Link], *, seed: int) -> None:
        self._moments, self._core, self._links, self._seed = moments, core, tuple(links), seed
        self._number = {link.factor: i for i, link in enumerate(links)}
        self._size = sum(moments.levels[f] * moments.effects[f] for f in core.factors)
        self._found: list[Floats] | None = None
        self._core_draws: list[Floats] = []
        self.error = math.nan

    @property
    def draws(self) -> int:
        """Draws made so far."""
        return sum(part.shape[1] for part in self._core_draws)

    def by_factor(self) -> list[Floats]:
        """Return by factor ``(m, K, K)``; ``error`` is then the relative error of the worst factor's sds."""
        if self._found is not None:
            return self._found
        exact = self._exact()
        few = [b.shape[0] * b.shape[1] <= SOLVED_EFFECTS for b in exact]
        sums = [np.zeros_like(block) for block in exact]
        wanted, error = (0 if all(few) else TOGETHER), 0.0
        while self.draws < wanted:
            for total, part in zip(sums, self._some_squares(), strict=True):
                total += part
            error = max(
                _relative_error(block, total / self.draws, self.draws)
                for block, total, solved in zip(exact, sums, few, strict=True)
                if not solved
            )
            wanted = min(MOST_DRAWS, math.ceil(self.draws * (error / TARGET) ** 2))
        self.error = error
        self._found = [
            self._solved_factor(f) if solved else block + total / max(1, self.draws)
            for f, (block, total, solved) in enumerate(zip(exact, sums, few, strict=True))
        ]
        return self._found

    def row_variance(self, level: Ints, columns: Sequence[Floats]) -> Floats:
        """Return ``(n,)`` variances of ``sum_f z_f'b_f``, in units of the residual variance.

        A few rows of several factors are solved for. Of more rows, the covariances of levels say what they
        can, and draws the rest: covariances of different factors, and what the uncertain core adds to the
        eliminated.

        Parameters
        ----------
        level
            ``(n, factors)``, -1 for none.
        columns
            By factor ``(n, K)`` scaled columns.
        """
        known = np.column_stack([(level[:, f] >= 0) & z.any(axis=1) for f, z in enumerate(columns)])
        here = [(level[:, link.factor].astype(np.intp), columns[link.factor]) for link in self._links]
        given = chain_variance(self._links, [at for at, _ in here], [z for _, z in here], level.shape[0])
        several = known[:, list(self._core.factors)].any(axis=1) & (known.sum(axis=1) > 1)
        total = given.copy()
        rest = np.flatnonzero(~several)
        if np.count_nonzero(several) <= SOLVED_ROWS:
            some = np.flatnonzero(several)
            total[some] += self._solved(known[some], level[some], [z[some] for z in columns])
        else:
            rest = np.arange(level.shape[0])
            self.by_factor()
            while self.draws < ROW_DRAWS:
                self._draw()
        total[rest] += self._drawn(known[rest], level[rest], [z[rest] for z in columns])
        return np.asarray(np.maximum(total, given))

    def _solved(self, known: Bools, level: Ints, columns: Sequence[Floats]) -> Floats:
        """Return what the core adds to the variances of some rows, by a solve for each."""
        sizes = [m * K for m, K in zip(self._moments.levels, self._moments.effects, strict=True)]
        start, found = np.concatenate([[0], np.cumsum(sizes)]), np.zeros(level.shape[0])
        for first in range(0, level.shape[0], TOGETHER):
            some = np.arange(first, min(first + TOGETHER, level.shape[0]))
            F = np.zeros((int(start[-1]), some.size))
            for f, z in enumerate(columns):
                own = np.flatnonzero(known[some, f])
                at = start[f] + level[some[own], f].astype(np.intp) * z.shape[1]
                F[at[:, None] + np.arange(z.shape[1]), own[:, None]] = z[some[own]]
            found[some] = np.diagonal(self._core.core_covariance(F, tolerance=ACCURACY))
        return found

    def _drawn(self, known: Bools, level: Ints, columns: Sequence[Floats]) -> Floats:
        """Return what the core adds to the variances of rows, from draws and the covariances of levels."""
        covariances, total = self.by_factor(), np.zeros(level.shape[0])
        for f in self._core.factors:
            rows = np.flatnonzero(known[:, f])
            z = columns[f][rows]
            total[rows] += np.einsum("na,nab,nb->n", z, covariances[f][level[rows, f]], z)
        if not known.any():
            return total
        for part in self._core_draws:
            effects = self._core.effects_of(part)
            for first in range(0, level.shape[0], ROWS_TOGETHER):
                some = slice(first, first + ROWS_TOGETHER)
                squares = self._squares(effects, known[some], level[some], [z[some] for z in columns])
                total[some] += squares / self.draws
        return total

    def _squares(
        self, effects: Sequence[Floats], known: Bools, level: Ints, columns: Sequence[Floats]
    ) -> Floats:
        """Return sums over draws of the square of ``z'b`` less the squares of its parts in the core."""
        total = np.zeros(level.shape[0])
        value = np.zeros((level.shape[0], effects[0].shape[2]))
        for f, (b, z) in enumerate(zip(effects, columns, strict=True)):
            rows = np.flatnonzero(known[:, f])
            drawn = np.einsum("na,nas->ns", z[rows], b[level[rows, f]])
            value[rows] += drawn
            if f in self._core.factors:
                total[rows] -= np.einsum("ns,ns->n", drawn, drawn)
        return np.asarray(total + np.einsum("ns,ns->n", value, value))

    def _solved_factor(self, factor: int) -> Floats:
        """Return ``(m, K, K)`` covariances of a factor of few effects, by a solve for each."""
        sizes = [m * K for m, K in zip(self._moments.levels, self._moments.effects, strict=True)]
        m, K, start = self._moments.levels[factor], self._moments.effects[factor], sum(sizes[:factor])
        F = np.zeros((sum(sizes), m * K))
        F[start + np.arange(m * K), np.arange(m * K)] = 1.0
        both = self._core.core_covariance(F, tolerance=ACCURACY).reshape(m, K, m, K)
        found = both[np.arange(m), :, np.arange(m), :]
        if factor in self._number:
            found = found + level_covariances(self._links, self._number[factor])
        return np.asarray((found + np.swapaxes(found, 1, 2)) / 2.0)

    def _exact(self) -> list[Floats]:
        """Return by factor what is known without draws: given the core, or ``L^-T L^-1`` of the core."""
        found = [
            np.zeros((m, K, K)) for m, K in zip(self._moments.levels, self._moments.effects, strict=True)
        ]
        for factor, number in self._number.items():
            found[factor] = level_covariances(self._links, number)
        unit, at = np.zeros((self._size, max(self._moments.effects, default=0))), 0
        for f in self._core.factors:
            m, K = self._moments.levels[f], self._moments.effects[f]
            unit[at : at + m * K].reshape(m, K, -1)[:, np.arange(K), np.arange(K)] = 1.0
            at += m * K
        effects = self._core.effects_of(unit)
        for f in self._core.factors:
            found[f] = effects[f] @ np.swapaxes(effects[f], 1, 2)
        return found

    def _draw(self) -> tuple[Floats, Floats]:
        """Draw once more: ``S~^-1/2 Z``, which is kept, and ``(I - S~) S~^-1/2 Z``."""
        key = np.array([self._seed, len(self._core_draws)], dtype=np.uint64)
        rng = np.random.Generator(np.random.Philox(key=key))
        Z = rng.choice(np.array([-1.0, 1.0]), (self._size, TOGETHER))
        drawn = functions_times(self._core.apply, Z, inverse_root, remainder_root, tolerance=ACCURACY)
        self._core_draws.append(drawn.values[0])
        return drawn.values[0], drawn.values[1]

    def _some_squares(self) -> list[Floats]:
        """Draw once more and return by factor the sums over draws of what stands beside the exact part."""
        core, beyond = (self._core.effects_of(part) for part in self._draw())
        chosen = [core[f] if f in self._number else beyond[f] for f in range(len(core))]
        return [b @ np.swapaxes(b, 1, 2) for b in chosen]


def effect_noise(core: Core, links: Sequence[Link], size: int, rng: np.random.Generator) -> list[Floats]:
    """Return by factor ``(m, K)`` a draw from ``N(0, Cov)`` of all effects, in units of sigma.

    Parameters
    ----------
    core, links
        Standing at the same relative covariances.
    size
        Effects of the core.
    rng
        Source of randomness.
    """
    Z = rng.standard_normal((size, 1))
    drawn = functions_times(core.apply, Z, inverse_root, tolerance=NOISE_ACCURACY)
    found = [b[:, :, 0] for b in core.effects_of(drawn.values[0])]
    for link, noise in zip(links, chain_noise(links, rng), strict=True):
        found[link.factor] = found[link.factor] + noise
    return found


def _relative_error(exact: Floats, share: Floats, draws: int) -> float:
    """Return the root mean square relative error of a factor's sds.

    That of a mean square is ``sqrt(2 / draws)``.
    """
    total = np.einsum("maa->ma", exact + share)
    drawn = np.einsum("maa->ma", share)
    relative = np.divide(drawn, total, out=np.zeros_like(total), where=total > 0.0)
    return float(np.sqrt(np.mean(relative**2) / (2.0 * draws)))
