"""One Markov chain: its plan, its state, a sweep through the full conditionals, and a run of sweeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from multilevel.design.bound_priors import BoundPriors
from multilevel.engines.gibbs.coefficients import CoefficientBlock
from multilevel.engines.gibbs.conjugate import lower_factor
from multilevel.engines.gibbs.metropolis import AnyWalk, Walk
from multilevel.engines.gibbs.noise import NoiseStep, noise_step
from multilevel.engines.gibbs.random_state import restore_random, snapshot_random
from multilevel.engines.gibbs.recording import Recording, Run
from multilevel.engines.gibbs.residuals import Residuals
from multilevel.engines.gibbs.scale import ScaleMove
from multilevel.engines.gibbs.terms import TermState, TermStep, term_step
from multilevel.engines.likelihood.problem import entries, n_theta, native_problem
from multilevel.engines.marginal.coordinates import Coordinates
from multilevel.engines.monte_carlo.iterative import IterativeProblem, SharedSystem
from multilevel.model import Covariance
from multilevel.moments import Moments

Floats = NDArray[np.float64]
Entries = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]

STREAMS = 1 << 40
"""Random streams of group effects that each chain has to itself: one for each sweep."""


class EffectsProblem(Protocol):
    """What a chain asks of the likelihood with the group effects: the native problem, or an iterative one."""

    def reductions(self, theta: Floats, /) -> tuple[Floats, Floats]:
        """Return ``(1,)``, finite where the likelihood is, and ``(1, p + 1, p + 1)`` ``[X y]'V^-1 [X y]``."""

    def draw_effects(self, theta: Floats, gamma: Floats, sigma: Floats, seed: int, stream: int, /) -> Floats:
        """Return ``(1, sum m K)`` a draw of the effects given everything else."""


class Plan:
    """What all chains share: the steps of a sweep, without data that changes.

    Parameters
    ----------
    moments, priors
        Of one design.
    at
        Places of the sampled numbers.
    shared
        The system by which effects are drawn with conjugate gradients; ``None`` for exact elimination.

    Raises
    ------
    DesignError
        If a flat prior makes the posterior improper.
    """

    __slots__ = (
        "at",
        "coefficients",
        "entries",
        "fronts",
        "moments",
        "moves",
        "n_theta",
        "noise",
        "residuals",
        "shared",
        "terms",
    )

    def __init__(
        self,
        moments: Moments,
        priors: BoundPriors,
        at: Coordinates,
        shared: SharedSystem | None = None,
    ) -> None:
        self.moments, self.at, self.shared = moments, at, shared
        self.coefficients = CoefficientBlock(moments, priors)
        self.residuals = Residuals(moments, None if shared is None else shared.products)
        self.noise: NoiseStep = noise_step(moments, priors)
        levels = [moments.levels[block.factor] for block in moments.blocks]
        rows = zip(priors.terms, moments.blocks, at.terms, levels, strict=True)
        self.terms: tuple[TermStep, ...] = tuple(term_step(*row) for row in rows)
        self.moves: tuple[tuple[int, ScaleMove], ...] = tuple(
            (t, ScaleMove(moments, t, step, members, self.residuals))
            for t, step in enumerate(self.terms)
            for members in step.scales
        )
        self.fronts = tuple(np.linalg.inv(s.back) / moments.scaling.y_scale for s in moments.scaling.terms)
        self.entries = _entries_of(moments)
        self.n_theta = sum(n_theta(block) for block in moments.blocks)

    def problem(self) -> EffectsProblem:
        """Return a problem for one chain."""
        if self.shared is not None:
            return IterativeProblem(self.shared)
        return native_problem(self.moments, "ml")

    def theta(self, terms: tuple[TermState, ...], sigma: float) -> Floats:
        """Return ``(1, T)`` relative Cholesky factors of the scaled problem; ``sigma`` in the scaled unit."""
        theta = np.zeros((1, self.n_theta))
        for front, state, (numbers, rows, columns) in zip(self.fronts, terms, self.entries, strict=True):
            root = front @ (state.sds[:, None] * state.L)
            if root.shape[0] > 1:
                root = lower_factor(root)
            theta[0, numbers] = root[rows, columns] / sigma
        return theta


def _entries_of(moments: Moments) -> tuple[Entries, ...]:
    """Return for each term the numbers of theta, and the row and column that each of them fills."""
    every, found, at = list(entries(moments.blocks)), [], 0
    for block in moments.blocks:
        k = block.size
        count = k * (k + 1) // 2 if block.covariance is Covariance.UNSTRUCTURED else k
        mine = np.array(every[at : at + count])
        found.append((mine[:, 0], mine[:, 2] - block.start, mine[:, 3] - block.start))
        at += count
    return tuple(found)


@dataclass(slots=True, eq=False)
class State:
    """Where a chain stands: covariances and sigma in the user's units, the rest in scaled columns.

    Parameters
    ----------
    terms
        Covariance matrix of each term.
    sigma
        Residual sd.
    gamma
        ``(p,)`` coefficients.
    effects
        By factor ``(m, K)``.
    """

    terms: list[TermState]
    sigma: float
    gamma: Floats
    effects: list[Floats]


class Chain:
    """A chain with its own native problem, random numbers and walks.

    Parameters
    ----------
    plan
        Shared by all chains.
    start
        Covariances and sigma; coefficients and effects are drawn first.
    seed, number
        The random numbers depend on these two only.
    """

    __slots__ = (
        "_coefficient_walk",
        "_noise_walk",
        "_number",
        "_plan",
        "_problem",
        "_rng",
        "_seed",
        "_sweeps",
        "_walks",
        "state",
    )

    def __init__(self, plan: Plan, start: State, *, seed: int, number: int) -> None:
        self._plan, self.state = plan, start
        self._seed, self._number, self._sweeps = seed, number, 0
        self._problem: EffectsProblem = plan.problem()
        self._rng = np.random.Generator(np.random.Philox(key=np.array([seed, number], dtype=np.uint64)))
        self._walks = [Walk(s.walk_size) if s.walk_size else None for s in plan.terms]
        self._walks += [Walk(1) for _ in plan.moves]
        self._noise_walk = Walk(1) if plan.noise.walk_size else None
        size = plan.coefficients.walk_size
        self._coefficient_walk = Walk(size) if size else None

    def sweep(self) -> None:
        """Draw everything once, each from its distribution given the rest."""
        self.draw_means()
        self.draw_covariances()

    def eliminate(self) -> tuple[Floats, float, Floats]:
        """Return theta ``(1, T)``, sigma in the scaled unit, and ``S`` of `CoefficientBlock.precision`.

        Raises
        ------
        LinAlgError
            If the likelihood is not finite here.
        """
        sigma = self.state.sigma / self._plan.moments.scaling.y_scale
        theta = self._plan.theta(tuple(self.state.terms), sigma)
        log_det, S = self._problem.reductions(theta)
        if not np.isfinite(log_det[0]):
            raise np.linalg.LinAlgError("the likelihood is not finite")
        return theta, sigma, S[0]

    def draw_means(self) -> None:
        """Draw coefficients (effects integrated out) and then effects: an exact draw of both together."""
        plan, state = self._plan, self.state
        theta, sigma, S = self.eliminate()
        state.gamma = plan.coefficients.draw(S, sigma, self._rng, state.gamma, self._coefficient_walk)
        stream = (self._number + 1) * STREAMS + self._sweeps
        self._sweeps += 1
        drawn = self._problem.draw_effects(theta, state.gamma[None], np.array([sigma]), self._seed, stream)[0]
        start = 0
        for f, (m, k) in enumerate(zip(plan.moments.levels, plan.moments.effects, strict=True)):
            state.effects[f] = drawn[start : start + m * k].reshape(m, k)
            start += m * k

    def draw_covariances(self) -> None:
        """Draw every term's covariance matrix and sigma given coefficients and effects."""
        plan, state = self._plan, self.state
        scale = plan.moments.scaling.y_scale
        squares, with_r = plan.residuals.products(state.gamma, state.effects)
        n_terms = len(plan.terms)
        for i, (t, move) in enumerate(plan.moves):
            walk = self._walks[n_terms + i]
            if walk is None:
                continue
            sigmas = (state.sigma, state.sigma / scale)
            state.terms[t], step = move.draw(state.terms[t], state.effects, with_r, sigmas, self._rng, walk)
            if step is not None:
                block = move.block
                state.effects[block.factor][:, block.start : block.start + block.size] += step
                squares, with_r = plan.residuals.products(state.gamma, state.effects)
        for t, (step_of, block) in enumerate(zip(plan.terms, plan.moments.blocks, strict=True)):
            b = state.effects[block.factor][:, block.start : block.start + block.size]
            b = scale * (b @ plan.moments.scaling.terms[t].back.T)
            state.terms[t] = step_of.draw(
                state.terms[t], b.T @ b, b.shape[0], state.sigma, self._rng, self._walks[t]
            )
        state.sigma = plan.noise.draw(
            state.sigma, squares * scale * scale, self._relative, self._rng, self._noise_walk
        )

    def _relative(self, sigma: float) -> float:
        """Return the log prior density of all sds at another residual sd."""
        return sum(
            step.log_prior(state, sigma)
            for step, state in zip(self._plan.terms, self.state.terms, strict=True)
            if step.relative
        )

    @property
    def number(self) -> int:
        """Which chain it is, from 0."""
        return self._number

    def values(self) -> dict[str, Floats | float]:
        """Return what is recorded of every draw, by name."""
        state = self.state
        found: dict[str, Floats | float] = {"gamma": state.gamma, "sigma": state.sigma}
        for t, term in enumerate(state.terms):
            found |= {f"sds {t}": term.sds, f"factors {t}": term.L}
        return found

    def effects(self) -> Sequence[Floats]:
        """Return the group effects by factor, which are recorded of some draws only."""
        return self.state.effects

    def snapshot(self) -> dict[str, NDArray[Any]]:
        """Return all that the next sweeps depend on, as arrays by name: state, walks, random numbers."""
        found: dict[str, NDArray[Any]] = {
            **{name: np.asarray(value) for name, value in self.values().items()},
            **{f"effects {f}": b for f, b in enumerate(self.state.effects)},
            "random": snapshot_random(self._rng),
            "sweeps": np.array([self._sweeps], dtype=np.int64),
        }
        for name, walk in self.walks().items():
            found |= {f"walk {name}: {part}": array for part, array in walk.snapshot().items()}
        return found

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Go back to where `snapshot` was taken: the next sweeps are the same, bit for bit."""
        state = self.state
        state.gamma, state.sigma = arrays["gamma"], float(arrays["sigma"])
        state.terms = [TermState(arrays[f"sds {t}"], arrays[f"factors {t}"]) for t in range(len(state.terms))]
        state.effects = [arrays[f"effects {f}"] for f in range(len(state.effects))]
        restore_random(self._rng, arrays["random"])
        self._sweeps = int(arrays["sweeps"][0])
        for name, walk in self.walks().items():
            before = f"walk {name}: "
            walk.restore({key.removeprefix(before): arrays[key] for key in arrays if key.startswith(before)})

    def run(self, warmup: int, draws: int, kept: NDArray[np.int64]) -> Run:
        """Sweep ``warmup`` times while the walks learn, then record ``draws`` sweeps.

        Raises
        ------
        DesignError
            If a covariance matrix or sigma left the range of floating-point numbers.
        """
        recording = Recording(warmup, draws, kept)
        recording.advance(self, lambda: False)
        return recording.run(draws, self.walks())

    def freeze(self) -> dict[str, AnyWalk]:
        """End the warm-up of all walks and return them by the name of what they draw."""
        found = self.walks()
        for walk in found.values():
            walk.freeze()
        return found

    def walks(self) -> dict[str, AnyWalk]:
        """Return all walks by the name of what they draw."""
        plan = self._plan
        found: dict[str, AnyWalk] = {}
        blocks = plan.moments.blocks
        for walk, step, block in zip(self._walks, plan.terms, blocks, strict=False):
            if walk is not None:
                found[f"{step.walks}({block.group}, {', '.join(block.names)})"] = walk
        for walk, (_, move) in zip(self._walks[len(blocks) :], plan.moves, strict=True):
            names = ", ".join(move.block.names[a] for a in move.members)
            if walk is not None:
                found[f"scale({move.block.group}, {names})"] = walk
        if self._noise_walk is not None:
            found["sigma"] = self._noise_walk
        if self._coefficient_walk is not None:
            found[f"coefficients {', '.join(plan.coefficients.names)}"] = self._coefficient_walk
        return found
