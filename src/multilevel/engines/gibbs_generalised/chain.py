"""One Markov chain of a generalised model: its plan, its state, and a sweep through everything."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilevel.design.bound_priors import BoundPriors
from multilevel.design.design import Design
from multilevel.engines.gibbs.metropolis import AnyWalk, Walk
from multilevel.engines.gibbs.random_state import restore_random, snapshot_random
from multilevel.engines.gibbs.terms import TermState, TermStep, term_step
from multilevel.engines.gibbs_generalised.coefficients import CoefficientPriors, CoefficientStep
from multilevel.engines.gibbs_generalised.exchanges import Exchange, exchanges_of
from multilevel.engines.gibbs_generalised.parameters import ParameterStep
from multilevel.engines.gibbs_generalised.problem import GeneralisedProblem
from multilevel.engines.gibbs_generalised.scale import ScaleMove
from multilevel.engines.gibbs_generalised.shifts import Shift, shifts_of
from multilevel.engines.gibbs_generalised.tally import Tally

Floats = NDArray[np.float64]

SCORING, WANDERING = (1.0, 1.0), (0.0, 1.0)
"""How effects are proposed, as (pull, spread): a step of scoring with its noise, or about where they are."""
FAR = 30.0
"""Logs of factors of an sd beyond this are not tried."""


class GeneralisedPlan:
    """What all chains share: the steps of a sweep.

    Parameters
    ----------
    design, priors
        Of one model.

    Raises
    ------
    DesignError
        If a flat prior makes the posterior improper, or some thresholds are held and others are not.
    """

    __slots__ = (
        "coefficient_priors", "coefficients", "exchanges", "moves", "parameters", "problem", "shifts",
        "terms", "wander",
    )  # fmt: skip

    def __init__(self, design: Design, priors: BoundPriors) -> None:
        self.problem = problem = GeneralisedProblem(design, priors)
        self.coefficient_priors = CoefficientPriors(priors)
        self.coefficients = CoefficientStep(self.coefficient_priors, problem.X)
        self.wander = 2.38 / math.sqrt(max(1, self.coefficient_priors.free))
        self.parameters = ParameterStep(problem)
        levels = [problem.levels[rows.factor] for rows in problem.terms]
        own = zip(priors.terms, problem.blocks, problem.at.terms, levels, strict=True)
        self.terms: tuple[TermStep, ...] = tuple(term_step(*row) for row in own)
        self.moves = tuple(
            ScaleMove(problem, t, step, members)
            for t, step in enumerate(self.terms)
            for members in step.scales
        )
        self.shifts: tuple[Shift, ...] = shifts_of(problem, self.coefficient_priors)
        self.exchanges: tuple[Exchange, ...] = exchanges_of(problem, self.terms)


@dataclass(slots=True, eq=False)
class GeneralisedState:
    """Where a chain stands, in the user's units.

    Parameters
    ----------
    terms
        Covariance matrix of each term.
    beta
        ``(p,)`` coefficients.
    values
        ``(a,)`` parameters of the family, or thresholds.
    inflation
        ``(q,)`` coefficients of zero inflation.
    effects
        By factor ``(m, K)``, in the design's order, without those whose sd is known to be zero.
    """

    terms: list[TermState]
    beta: Floats
    values: Floats
    inflation: Floats
    effects: list[Floats]


class GeneralisedChain:
    """A chain with its own random numbers and walks.

    Parameters
    ----------
    plan
        Shared by all chains.
    start
        A state at which the density is positive.
    seed, number
        The random numbers depend on these two only.
    """

    __slots__ = (
        "_coefficients", "_effects", "_eta", "_exchanges", "_number", "_parameters", "_plan", "_rng",
        "_scales", "_shifts", "_terms", "state",
    )  # fmt: skip

    def __init__(self, plan: GeneralisedPlan, start: GeneralisedState, *, seed: int, number: int) -> None:
        self._plan, self.state, self._number = plan, start, number
        self._rng = np.random.Generator(np.random.Philox(key=np.array([seed, number], dtype=np.uint64)))
        self._terms = [Walk(s.walk_size) if s.walk_size else None for s in plan.terms]
        self._scales = [Walk(1) for _ in plan.moves]
        self._exchanges = [Walk(move.walk_size) if move.walk_size else None for move in plan.exchanges]
        self._parameters = Walk(plan.parameters.size) if plan.parameters.size else None
        self._coefficients = (Tally(), Tally())
        self._effects = [Tally() for _ in plan.problem.levels]
        self._shifts = [Tally() for _ in plan.shifts]
        self._eta = plan.problem.predictor(start.beta, start.effects)

    def sweep(self) -> None:
        """Move everything once, each given the rest."""
        state, problem = self.state, self._plan.problem
        self._eta = problem.predictor(state.beta, state.effects)
        self.move_effects()
        self.move_coefficients()
        self.shift()
        self.move_parameters()
        self.scale()
        self.draw_covariances()

    def move_effects(self) -> None:
        """Propose the effects of every level, factor by factor."""
        state, problem, rng = self.state, self._plan.problem, self._rng
        aux, zeros = problem.numbers(state.values), problem.zeros(state.inflation)
        for f, (m, K) in enumerate(zip(problem.levels, problem.widths, strict=True)):
            if not K:
                continue
            root = problem.root(f, state.terms)
            for pull, spread in (SCORING, WANDERING):
                noise, log_uniform = rng.standard_normal((m, K)), np.log(rng.random(m))
                state.effects[f], self._eta, accepted, impossible = problem.kernels.step(
                    f, root, aux, zeros, self._eta, state.effects[f], noise, log_uniform, pull, spread
                )
                if (pull, spread) == SCORING:
                    self._effects[f].count(m, accepted, impossible)

    def move_coefficients(self) -> None:
        """Propose all coefficients at once, by a step of scoring and by a walk."""
        plan, state = self._plan, self.state
        if not plan.coefficient_priors.free:
            return
        problem = plan.problem
        aux, zeros = problem.numbers(state.values), problem.zeros(state.inflation)

        def log_rest(beta: Floats) -> float:
            if problem.family.centre is None:
                return 0.0
            return problem.log_family(state.values, state.inflation, beta)

        for tally, pull, spread in zip(self._coefficients, (1.0, 0.0), (1.0, plan.wander), strict=True):
            state.beta, self._eta = plan.coefficients.draw(
                state.beta,
                self._eta,
                lambda eta: problem.kernels.derivatives(aux, zeros, eta),
                log_rest,
                self._rng,
                tally,
                pull=pull,
                spread=spread,
            )

    def shift(self) -> None:
        """Draw where the likelihood does not change: effects, and what can stand for them."""
        state = self.state
        for exchange, walk in zip(self._plan.exchanges, self._exchanges, strict=True):
            exchange.draw(state.terms, state.effects, self._rng, walk)
        for move, tally in zip(self._plan.shifts, self._shifts, strict=True):
            moved = move.draw(
                state.terms[move.term],
                state.effects,
                state.beta,
                state.values,
                state.inflation,
                self._rng,
                tally,
            )
            if moved is not None:
                state.beta, state.values, state.effects[move.factor] = moved
        if self._plan.problem.ordinal and self._plan.shifts:
            self._eta = self._plan.problem.predictor(state.beta, state.effects)

    def move_parameters(self) -> None:
        """Take a few steps of the family's parameters and of zero inflation."""
        state = self.state
        if self._parameters is not None:
            state.values, state.inflation = self._plan.parameters.draw(
                self._eta, state.beta, state.values, state.inflation, self._rng, self._parameters
            )

    def scale(self) -> None:
        """Multiply each sd and its effects by one number."""
        state, problem, rng = self.state, self._plan.problem, self._rng
        if not self._plan.moves:
            return
        value = problem.log_density(self._eta, state.values, state.inflation)
        for move, walk in zip(self._plan.moves, self._scales, strict=True):
            log_c = float(walk.propose(rng)[0])
            if abs(log_c) > FAR:
                continue
            tried, ratio = move.proposal(state.terms[move.term], log_c)
            eta = self._eta + np.expm1(log_c) * move.direction(state.effects)
            other = problem.log_density(eta, state.values, state.inflation)
            if walk.decide(ratio + other - value, rng):
                state.terms[move.term], self._eta, value = tried, eta, other
                state.effects[move.factor] = move.scaled(state.effects, log_c)

    def draw_covariances(self) -> None:
        """Draw every term's covariance matrix given its effects."""
        state = self.state
        for t, (step, walk) in enumerate(zip(self._plan.terms, self._terms, strict=True)):
            b = self._plan.problem.term_effects(t, state.effects)
            state.terms[t] = step.draw(state.terms[t], b.T @ b, b.shape[0], 1.0, self._rng, walk)

    @property
    def number(self) -> int:
        """Which chain it is, from 0."""
        return self._number

    def values(self) -> dict[str, Floats | float]:
        """Return what is recorded of every draw, by name."""
        state = self.state
        found: dict[str, Floats | float] = {"gamma": state.beta, "sigma": 1.0}
        found |= {"family": state.values, "inflation": state.inflation}
        for t, term in enumerate(state.terms):
            found |= {f"sds {t}": term.sds, f"factors {t}": term.L}
        return found

    def effects(self) -> Sequence[Floats]:
        """Return the group effects by term ``(m, k)``, which are recorded of some draws only."""
        return [self._plan.problem.term_effects(t, self.state.effects) for t in range(len(self.state.terms))]

    def snapshot(self) -> dict[str, NDArray[Any]]:
        """Return all that the next sweeps depend on, as arrays by name: state, walks, random numbers."""
        found: dict[str, NDArray[Any]] = {
            **{name: np.asarray(value) for name, value in self.values().items()},
            **{f"effects {f}": b for f, b in enumerate(self.state.effects)},
            "random": snapshot_random(self._rng),
        }
        for name, walk in self.walks().items():
            found |= {f"walk {name}: {part}": array for part, array in walk.snapshot().items()}
        return found

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Go back to where `snapshot` was taken: the next sweeps are the same, bit for bit."""
        state = self.state
        state.beta, state.values, state.inflation = (
            arrays[name] for name in ("gamma", "family", "inflation")
        )
        state.terms = [TermState(arrays[f"sds {t}"], arrays[f"factors {t}"]) for t in range(len(state.terms))]
        state.effects = [arrays[f"effects {f}"] for f in range(len(state.effects))]
        restore_random(self._rng, arrays["random"])
        for name, walk in self.walks().items():
            before = f"walk {name}: "
            walk.restore({key.removeprefix(before): arrays[key] for key in arrays if key.startswith(before)})

    def freeze(self) -> dict[str, AnyWalk]:
        """End the warm-up of all walks and return them by the name of what they draw."""
        found = self.walks()
        for walk in found.values():
            walk.freeze()
        return found

    def walks(self) -> dict[str, AnyWalk]:
        """Return all walks by the name of what they draw."""
        plan, found = self._plan, dict[str, AnyWalk]()
        blocks = plan.problem.blocks
        for f, tally in enumerate(self._effects):
            if plan.problem.widths[f]:
                found[f"effects({plan.problem.design.factors[f].name})"] = tally
        if plan.coefficient_priors.free:
            found["coefficients"], found["coefficients, walk"] = self._coefficients
        for move, tally in zip(plan.shifts, self._shifts, strict=True):
            if not move.exact:
                block = blocks[move.term]
                found[f"shift({block.group}, {', '.join(block.names)})"] = tally
        for walk, step, block in zip(self._terms, plan.terms, blocks, strict=True):
            if walk is not None:
                found[f"{step.walks}({block.group}, {', '.join(block.names)})"] = walk
        for walk, scale in zip(self._scales, plan.moves, strict=True):
            names = ", ".join(blocks[scale.term].names[a] for a in scale.members)
            found[f"scale({blocks[scale.term].group}, {names})"] = walk
        for walk, pair in zip(self._exchanges, plan.exchanges, strict=True):
            if walk is not None:
                found[f"sds given totals({blocks[pair.outer].group}, {blocks[pair.inner].group})"] = walk
        if self._parameters is not None:
            found[", ".join(plan.parameters.names)] = self._parameters
        return found
