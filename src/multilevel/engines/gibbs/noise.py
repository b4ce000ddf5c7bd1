"""The residual sd given coefficients and effects: held, conjugate, or by a random walk."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np

from multilevel.design.bound_priors import BoundPriors
from multilevel.engines.gibbs.conjugate import as_inverse_gamma, draw_inverse_gamma
from multilevel.engines.gibbs.metropolis import Walk
from multilevel.engines.gibbs.terms import STEPS
from multilevel.errors import DesignError
from multilevel.model.priors import Fixed, ScalarPrior
from multilevel.moments import Moments

LogRelative = Callable[[float], float]


class NoiseStep(ABC):
    """One way to draw the residual sd; ``walk_size`` is 1 where it walks, else 0."""

    __slots__ = ()
    walk_size: int = 0

    @abstractmethod
    def draw(
        self, sigma: float, squares: float, relative: LogRelative, rng: np.random.Generator, walk: Walk | None
    ) -> float:
        """Return the next residual sd.

        Parameters
        ----------
        sigma
            The present one, user's units.
        squares
            Weighted residual sum of squares, user's units.
        relative
            Log prior density of those sds of effects whose priors are in units of sigma, as a function of it.
        walk
            Random walk of log sigma, or ``None``.
        """


class HeldNoise(NoiseStep):
    """A known residual sd."""

    __slots__ = ()

    def draw(
        self, sigma: float, squares: float, relative: LogRelative, rng: np.random.Generator, walk: Walk | None
    ) -> float:
        """Return the sd itself."""
        return sigma


class GammaNoise(NoiseStep):
    """Inverse-gamma prior of the variance: ``s2 | . ~ IG(shape + n / 2, scale + SSR / 2)``."""

    __slots__ = ("_n", "_scale", "_shape")

    def __init__(self, shape: float, scale: float, n: float) -> None:
        if shape + 0.5 * n <= 0.0:
            raise DesignError(
                f"the posterior of sigma is improper: a flat prior and {n:g} observations",
                remedy="HalfNormal(scale) or another proper prior",
            )
        self._shape, self._scale, self._n = shape, scale, n

    def draw(
        self, sigma: float, squares: float, relative: LogRelative, rng: np.random.Generator, walk: Walk | None
    ) -> float:
        """Draw from the inverse-gamma distribution."""
        return math.sqrt(draw_inverse_gamma(rng, self._shape + 0.5 * self._n, self._scale + 0.5 * squares))


class WalkNoise(NoiseStep):
    """Any other prior: a random walk of log sigma."""

    __slots__ = ("_n", "_prior")
    walk_size = 1

    def __init__(self, prior: ScalarPrior, n: float) -> None:
        self._prior, self._n = prior, n

    def draw(
        self, sigma: float, squares: float, relative: LogRelative, rng: np.random.Generator, walk: Walk | None
    ) -> float:
        """Take a few steps."""
        if walk is None:
            return sigma
        x = walk.move(
            np.array([math.log(sigma)]), lambda x: self.log_density(x[0], squares, relative), rng, STEPS
        )
        return math.exp(x[0])

    def log_density(self, log_sigma: float, squares: float, relative: LogRelative) -> float:
        """Return the log density of log sigma given the residual sum of squares, but for a constant."""
        if abs(log_sigma) > 300.0:
            return -math.inf
        sigma = math.exp(log_sigma)
        likelihood = -self._n * log_sigma - 0.5 * squares / sigma / sigma
        return float(likelihood + log_sigma + self._prior.logpdf(sigma) + relative(sigma))


def noise_step(moments: Moments, priors: BoundPriors) -> NoiseStep:
    """Return the way to draw the residual sd under its prior.

    Raises
    ------
    DesignError
        If a flat prior makes the posterior improper.
    """
    if moments.known_sigma is not None or isinstance(priors.sigma, Fixed):
        return HeldNoise()
    law = as_inverse_gamma(priors.sigma)
    if law is None or any(term.relative for term in priors.terms):
        return WalkNoise(priors.sigma, moments.n)
    return GammaNoise(*law, moments.n)
