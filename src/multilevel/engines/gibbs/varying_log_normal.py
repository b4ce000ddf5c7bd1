"""Log-normal residual sds of groups, and mean and sd of their logs, given residual squares."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from multilevel.design.bound_priors import ResidualPriors
from multilevel.engines.gibbs.conjugate import as_inverse_gamma, draw_inverse_gamma
from multilevel.engines.gibbs.metropolis import Walk
from multilevel.engines.gibbs.varying_law import LARGEST_LOG, START_SPREAD, STEPS, LawWalks, SdLaw, SdState
from multilevel.engines.gibbs.varying_walk import Walks
from multilevel.errors import DesignError
from multilevel.model.priors import Fixed, Flat, Normal

Floats = NDArray[np.float64]


class LogNormalLaw(SdLaw):
    """``log s_j ~ Normal(mean, sd)`` independently (MODELS B10).

    All ``log s_j`` walk at once; then they and the parameters that are not known move together, shifted by
    one number and their deviations from the mean multiplied by another (see `ScaleMove`); then mean and sd
    are drawn given the sds, exactly under normal and inverse-gamma (of the square) priors.
    """

    __slots__ = ("_variance",)

    def __init__(self, priors: ResidualPriors, counts: Floats) -> None:
        super().__init__(priors, counts)
        self._variance = as_inverse_gamma(priors.second)
        if self._variance is not None and self._variance[0] + 0.5 * counts.size <= 0.0:
            raise DesignError(
                f"the posterior of {priors.names[1]} is improper: a flat prior and {counts.size} groups",
                remedy="HalfNormal(scale) or another proper prior",
            )

    def walks(self) -> LawWalks:
        """Return the walks of sds and parameters."""
        size = int(self.free.sum())
        mean = not isinstance(self.first, Normal | Flat | Fixed)
        sd = bool(self.free[1]) and self._variance is None
        return LawWalks(
            Walks(2.4 / np.sqrt(2.0 * self.counts + 1.0)),
            Walk(size) if size else None,
            Walk(1) if mean else None,
            Walk(1) if sd else None,
        )

    def guess(self, sigma: float, rng: np.random.Generator) -> tuple[float, float]:
        """Return parameters of sds about ``sigma``."""
        z = START_SPREAD * rng.standard_normal(2)
        return math.log(sigma) + z[0], START_SPREAD * math.exp(z[1])

    def draw(self, state: SdState, squares: Floats, rng: np.random.Generator, walks: LawWalks) -> SdState:
        """Move the sds, then sds and parameters together, then the parameters."""
        x, mean, sd = np.log(state.sds), state.first, state.second
        if walks.sds is not None:
            x = walks.sds.move(x, lambda x: self.log_density(x, squares, mean, sd), rng, STEPS)
        if walks.law is not None:
            x, mean, sd = self._together(x, squares, (mean, sd), rng, walks.law)
        mean = self._mean(x, mean, sd, rng, walks.first)
        sd = self._sd(x, mean, sd, rng, walks.second)
        return SdState(np.exp(x), mean, sd)

    def log_likelihood(self, x: Floats, squares: Floats) -> Floats:
        """Return ``(m,)`` log densities of the residuals at log sds ``x``, but for constants."""
        with np.errstate(over="ignore", invalid="ignore"):
            return np.asarray(-self.counts * x - 0.5 * squares * np.exp(-2.0 * x))

    def log_density(self, x: Floats, squares: Floats, mean: float, sd: float) -> Floats:
        """Return ``(m,)`` log densities of the log sds, each given the rest, but for constants."""
        return np.asarray(self.log_likelihood(x, squares) - 0.5 * np.square((x - mean) / sd))

    def moved(self, x: Floats, parameters: Sequence[float], step: Floats) -> tuple[Floats, float, float]:
        """Return log sds, mean and sd after a joint step of the mean and the log sd, those that are free."""
        both = np.zeros(2)
        both[self.free] = step
        mean, sd = parameters
        shift, c = float(both[0]), math.exp(min(float(both[1]), LARGEST_LOG))
        return mean + shift + c * (x - mean), mean + shift, sd * c

    def log_along(self, x: Floats, mean: float, sd: float, squares: Floats) -> float:
        """Return what a joint step changes of the log density, with the log volume of the step.

        The densities of the deviations and their volume ``c^m`` cancel; the sd leaves its own factor ``c``.
        """
        likelihood = float(self.log_likelihood(x, squares).sum())
        return likelihood + self.log_prior(mean, sd) + math.log(sd)

    def _together(
        self,
        x: Floats,
        squares: Floats,
        parameters: tuple[float, float],
        rng: np.random.Generator,
        walk: Walk,
    ) -> tuple[Floats, float, float]:
        """Take joint steps."""
        mean, sd = parameters
        value = self.log_along(x, mean, sd, squares)
        for _ in range(STEPS):
            tried = self.moved(x, (mean, sd), walk.propose(rng))
            other = self.log_along(*tried, squares)
            if walk.decide(other - value, rng):
                (x, mean, sd), value = tried, other
        return x, mean, sd

    def _mean(self, x: Floats, mean: float, sd: float, rng: np.random.Generator, walk: Walk | None) -> float:
        """Draw the mean of the log sds given them."""
        if walk is not None:
            return _walked(walk, mean, lambda at: self.log_mean(at, x, sd), rng)
        if not self.free[0]:
            return mean
        centre, precision = self.mean_law(x, sd)
        return centre + float(rng.standard_normal()) / math.sqrt(precision)

    def mean_law(self, x: Floats, sd: float) -> tuple[float, float]:
        """Return mean and precision of the normal distribution of the mean given the log sds."""
        own, pull = 0.0, 0.0
        if isinstance(self.first, Normal):
            own = self.first.sd**-2.0
            pull = own * self.first.mean
        precision = own + x.size / sd**2
        return (pull + float(x.sum()) / sd**2) / precision, precision

    def log_mean(self, mean: float, x: Floats, sd: float) -> float:
        """Return the log density of the mean given the log sds, but for a constant."""
        return float(self.first.logpdf(mean)) - 0.5 * float(np.square((x - mean) / sd).sum())

    def _sd(self, x: Floats, mean: float, sd: float, rng: np.random.Generator, walk: Walk | None) -> float:
        """Draw the sd of the log sds given them."""
        if walk is not None:
            return math.exp(_walked(walk, math.log(sd), lambda at: self.log_sd(at, x, mean), rng))
        if self._variance is None or not self.free[1]:
            return sd
        return math.sqrt(draw_inverse_gamma(rng, *self.variance_law(x, mean)))

    def variance_law(self, x: Floats, mean: float) -> tuple[float, float]:
        """Return shape and scale of the inverse-gamma distribution of the log sds' variance given them."""
        shape, scale = self._variance if self._variance is not None else (-0.5, 0.0)
        return shape + 0.5 * x.size, scale + 0.5 * float(np.square(x - mean).sum())

    def log_sd(self, log_sd: float, x: Floats, mean: float) -> float:
        """Return the log density of the logarithm of the log sds' sd given them, but for a constant."""
        if abs(log_sd) > LARGEST_LOG:
            return -math.inf
        sd = math.exp(log_sd)
        total = float(self.second.logpdf(sd)) + log_sd - x.size * log_sd
        return total - 0.5 * float(np.square((x - mean) / sd).sum())


def _walked(walk: Walk, at: float, log_density: Callable[[float], float], rng: np.random.Generator) -> float:
    """Return one number after some steps."""
    return float(walk.move(np.array([at]), lambda x: log_density(float(x[0])), rng, STEPS)[0])
