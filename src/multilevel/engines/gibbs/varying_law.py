"""The law of residual sds that differ between groups: what every law draws, and where a chain starts."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multilevel.design.bound_priors import ResidualPriors
from multilevel.engines.gibbs.metropolis import AnyWalk, Walk
from multilevel.engines.gibbs.varying_walk import Walks
from multilevel.errors import DesignError
from multilevel.model.priors import Fixed, ScalarPrior

Floats = NDArray[np.float64]

STEPS = 4
"""Steps of each random walk in each sweep."""
LARGEST_LOG = 300.0
"""A parameter whose logarithm is further from zero has no density."""
START_SPREAD = 0.5
TRIES = 100


@dataclass(frozen=True, slots=True, eq=False)
class SdState:
    """Residual sds ``(m,)`` in the user's unit, and the two parameters of their law."""

    sds: Floats
    first: float
    second: float


class LawWalks:
    """The random walks of one chain: of all sds, and of the parameters of their law; ``None`` where exact."""

    __slots__ = ("first", "law", "sds", "second")

    def __init__(self, sds: Walks | None, law: Walk | None, first: Walk | None, second: Walk | None) -> None:
        self.sds, self.law, self.first, self.second = sds, law, first, second

    def named(self, names: tuple[str, str]) -> dict[str, AnyWalk]:
        """Return the walks that there are, by what they draw; ``names`` are those of the parameters."""
        walks: dict[str, AnyWalk | None] = {
            "residual sds": self.sds,
            "law of residual sds": self.law,
            names[0]: self.first,
            names[1]: self.second,
        }
        return {name: walk for name, walk in walks.items() if walk is not None}


class SdLaw(ABC):
    """One law of residual sds; holds no state.

    Parameters
    ----------
    priors
        Of the law's parameters.
    counts
        ``(m,)`` observations of each group, counted with their frequencies.
    """

    __slots__ = ("counts", "first", "free", "priors", "second")

    def __init__(self, priors: ResidualPriors, counts: Floats) -> None:
        self.priors, self.counts = priors, counts
        self.first, self.second = priors.first, priors.second
        self.free = np.array([not isinstance(prior, Fixed) for prior in (self.first, self.second)])

    @abstractmethod
    def walks(self) -> LawWalks:
        """Return walks at their start, for one chain."""

    @abstractmethod
    def guess(self, sigma: float, rng: np.random.Generator) -> tuple[float, float]:
        """Return parameters at which sds are about ``sigma``, dispersed."""

    @abstractmethod
    def draw(self, state: SdState, squares: Floats, rng: np.random.Generator, walks: LawWalks) -> SdState:
        """Return the next state.

        Parameters
        ----------
        state
            The present one.
        squares
            ``(m,)`` weighted residual sums of squares, in the user's unit squared.
        rng
            Source of randomness.
        walks
            Of the chain.
        """

    def start(self, sigma: float, rng: np.random.Generator) -> SdState:
        """Return sds about ``sigma``, dispersed, and parameters that their priors allow.

        Raises
        ------
        DesignError
            If no such parameters were found.
        """
        sds = sigma * np.exp(START_SPREAD * rng.standard_normal(self.counts.size))
        guess = self.guess(sigma, rng)
        found = [
            _allowed(prior, value, name, rng)
            for prior, value, name in zip((self.first, self.second), guess, self.priors.names, strict=True)
        ]
        return SdState(sds, found[0], found[1])

    def log_prior(self, first: float, second: float) -> float:
        """Return the log prior density of the parameters that are not known."""
        priors = zip((self.first, self.second), (first, second), self.free, strict=True)
        return float(sum(prior.logpdf(value) for prior, value, free in priors if free))


def _allowed(prior: ScalarPrior, guess: float, name: str, rng: np.random.Generator) -> float:
    """Return the guess, or draws from the prior until one has a density."""
    if isinstance(prior, Fixed):
        return prior.value
    value = guess
    for _ in range(TRIES):
        if math.isfinite(float(prior.logpdf(value))):
            return value
        value = float(prior.draw(rng, 1)[0])
    raise DesignError(
        f"no value of {name} has a positive prior density", remedy="a prior that has draws of its own"
    )
