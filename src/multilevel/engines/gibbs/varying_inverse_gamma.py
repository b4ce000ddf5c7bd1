"""Inverse-gamma residual variances of groups, and shape and scale of their law, given residual squares."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from multilevel.design.bound_priors import ResidualPriors
from multilevel.engines.gibbs.metropolis import Walk
from multilevel.engines.gibbs.varying_law import LARGEST_LOG, START_SPREAD, STEPS, LawWalks, SdLaw, SdState
from multilevel.model.priors import Exponential, Fixed, Gamma, ScalarPrior

Floats = NDArray[np.float64]

START_SHAPE = 3.0


class InverseGammaLaw(SdLaw):
    """``s_j^2 ~ IG(shape, scale)`` independently (MODELS B9; Hoff 2009, section 8.5).

    Parameters that are not known walk together with the sds integrated out,
    ``p(shape, scale | SSR) ~ prior prod_j Gamma(shape + n_j / 2) / Gamma(shape)
    scale^shape / (scale + SSR_j / 2)^(shape + n_j / 2)``; then ``s_j^2 | . ~ IG(shape + n_j / 2,
    scale + SSR_j / 2)``; then the scale once more, given the sds, under a gamma prior:
    ``scale | . ~ Gamma(a + m shape, b + sum_j s_j^-2)``.
    """

    __slots__ = ("_gamma",)

    def __init__(self, priors: ResidualPriors, counts: Floats) -> None:
        super().__init__(priors, counts)
        self._gamma = as_gamma(priors.second)

    def walks(self) -> LawWalks:
        """Return a walk of the parameters that are not known."""
        size = int(self.free.sum())
        return LawWalks(None, Walk(size) if size else None, None, None)

    def guess(self, sigma: float, rng: np.random.Generator) -> tuple[float, float]:
        """Return parameters whose mean variance is about ``sigma^2``."""
        z = START_SPREAD * rng.standard_normal(2)
        shape = START_SHAPE * math.exp(z[0])
        if isinstance(self.first, Fixed):
            shape = self.first.value
        return shape, shape * sigma**2 * math.exp(z[1])

    def draw(self, state: SdState, squares: Floats, rng: np.random.Generator, walks: LawWalks) -> SdState:
        """Move the parameters, then draw all sds, then the scale."""
        parameters = np.array([state.first, state.second])
        if walks.law is not None:
            x = walks.law.move(
                np.log(parameters[self.free]), lambda x: self.log_collapsed(x, squares), rng, STEPS
            )
            parameters[self.free] = np.exp(x)
        shape, scale = (float(value) for value in parameters)
        gammas = np.maximum(rng.standard_gamma(shape + 0.5 * self.counts), 1e-300)
        variances = (scale + 0.5 * squares) / gammas
        if self._gamma is not None:
            a, b = self.scale_law(shape, np.sqrt(variances))
            scale = float(rng.standard_gamma(a)) / b
        return SdState(np.sqrt(variances), shape, scale)

    def scale_law(self, shape: float, sds: Floats) -> tuple[float, float]:
        """Return shape and rate of the gamma distribution of the scale given the sds."""
        a, b = self._gamma if self._gamma is not None else (1.0, 0.0)
        return a + self.counts.size * shape, b + float((sds**-2.0).sum())

    def log_collapsed(self, x: Floats, squares: Floats) -> float:
        """Return the log density of the logarithms of the parameters that are not known, given the squares.

        Parameters
        ----------
        x
            Logarithms of shape and scale, those that are not known.
        squares
            ``(m,)`` weighted residual sums of squares.
        """
        if np.abs(x).max() > LARGEST_LOG:
            return -math.inf
        parameters = np.array([float(getattr(prior, "value", 1.0)) for prior in (self.first, self.second)])
        parameters[self.free] = np.exp(x)
        shape, scale = (float(value) for value in parameters)
        half = shape + 0.5 * self.counts
        each = gammaln(half) - half * np.log(scale + 0.5 * squares)
        constant = shape * math.log(scale) - math.lgamma(shape)
        total = float(each.sum()) + self.counts.size * constant
        return total + self.log_prior(shape, scale) + float(x.sum())


def as_gamma(prior: ScalarPrior) -> tuple[float, float] | None:
    """Return shape and rate of a gamma or exponential prior, or ``None`` if it is another one."""
    if isinstance(prior, Gamma):
        return prior.shape, prior.rate
    return (1.0, prior.rate) if isinstance(prior, Exponential) else None
