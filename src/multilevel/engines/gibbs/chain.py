"""One Markov chain: its plan, its state, a sweep through the full conditionals, and a run of sweeps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multilevel.design.bound_priors import BoundPriors
from multilevel.engines.gibbs.coefficients import CoefficientBlock
from multilevel.engines.gibbs.conjugate import lower_factor
from multilevel.engines.gibbs.metropolis import Walk
from multilevel.engines.gibbs.noise import NoiseStep, noise_step
from multilevel.engines.gibbs.residuals import Residuals
from multilevel.engines.gibbs.scale import ScaleMove
from multilevel.engines.gibbs.terms import TermState, TermStep, term_step
from multilevel.engines.likelihood.problem import entries, n_theta, native_problem
from multilevel.engines.marginal.coordinates import Coordinates
from multilevel.errors import DesignError
from multilevel.kernels import core
from multilevel.model import Covariance
from multilevel.moments import Moments

Floats = NDArray[np.float64]
Entries = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]

STREAMS = 1 << 40
"""Random streams of group effects that each chain has to itself: one for each sweep."""


class Plan:
    """What all chains share: the steps of a sweep, without data that changes.

    Parameters
    ----------
    moments, priors
        Of one design.
    at
        Places of the sampled numbers.

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
        "terms",
    )

    def __init__(self, moments: Moments, priors: BoundPriors, at: Coordinates) -> None:
        self.moments, self.at = moments, at
        self.coefficients = CoefficientBlock(moments, priors)
        self.residuals = Residuals(moments)
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
    """

    gamma: Floats
    sigma: Floats
    sds: tuple[Floats, ...]
    factors: tuple[Floats, ...]
    effects: tuple[Floats, ...]
    acceptance: dict[str, float]


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
        self._problem: core.Problem = native_problem(plan.moments, "ml")
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

    def draw_means(self) -> None:
        """Draw coefficients (effects integrated out) and then effects: an exact draw of both together."""
        plan, state = self._plan, self.state
        sigma = state.sigma / plan.moments.scaling.y_scale
        theta = plan.theta(tuple(state.terms), sigma)
        log_det, S = self._problem.reductions(theta)
        if not np.isfinite(log_det[0]):
            raise np.linalg.LinAlgError("the elimination is not defined at this theta")
        state.gamma = plan.coefficients.draw(S[0], sigma, self._rng, state.gamma, self._coefficient_walk)
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

    def run(self, warmup: int, draws: int, kept: NDArray[np.int64]) -> Run:
        """Sweep ``warmup`` times while the walks learn, then record ``draws`` sweeps.

        Raises
        ------
        DesignError
            If a covariance matrix or sigma left the range of floating-point numbers.
        """
        plan, state = self._plan, self.state
        try:
            for _ in range(warmup):
                self.sweep()
            walks = self.freeze()
            gamma, sigma = np.empty((draws, plan.moments.p)), np.empty(draws)
            sds = [np.empty((draws, block.size)) for block in plan.moments.blocks]
            factors = [np.empty((draws, block.size, block.size)) for block in plan.moments.blocks]
            effects = [
                np.empty((kept.size, m, k))
                for m, k in zip(plan.moments.levels, plan.moments.effects, strict=True)
            ]
            at = 0
            for i in range(draws):
                self.sweep()
                gamma[i], sigma[i] = state.gamma, state.sigma
                for t, term in enumerate(state.terms):
                    sds[t][i], factors[t][i] = term.sds, term.L
                if at < kept.size and kept[at] == i:
                    for f, b in enumerate(state.effects):
                        effects[f][at] = b
                    at += 1
        except np.linalg.LinAlgError as error:
            raise DesignError(
                "a chain left the range of numbers: a covariance matrix is not positive definite any more",
                remedy="proper priors of the sds, on the scale of the data",
            ) from error
        rates = {name: walk.rate for name, walk in walks.items()}
        return Run(gamma, sigma, tuple(sds), tuple(factors), tuple(effects), rates)

    def freeze(self) -> dict[str, Walk]:
        """End the warm-up of all walks and return them by the name of what they draw."""
        plan = self._plan
        found: dict[str, Walk] = {}
        blocks = plan.moments.blocks
        for walk, block in zip(self._walks, blocks, strict=False):
            if walk is not None:
                found[f"sd({block.group}, {', '.join(block.names)})"] = walk
        for walk, (_, move) in zip(self._walks[len(blocks) :], plan.moves, strict=True):
            names = ", ".join(move.block.names[a] for a in move.members)
            if walk is not None:
                found[f"scale({move.block.group}, {names})"] = walk
        if self._noise_walk is not None:
            found["sigma"] = self._noise_walk
        if self._coefficient_walk is not None:
            found[f"coefficients {', '.join(plan.coefficients.names)}"] = self._coefficient_walk
        for walk in found.values():
            walk.freeze()
        return found
