"""The marginal log density where residual sds differ between groups: effects and sds integrated out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, gammaln

from multilevel.design.bound_priors import BoundPriors, ResidualPriors
from multilevel.engines.likelihood import solve
from multilevel.engines.marginal.coordinates import Values
from multilevel.engines.marginal.density import BATCH, LOG_2PI, term_log_prior
from multilevel.engines.marginal.gradient import TermSlopes, prior_term_slopes, term_gradient
from multilevel.engines.marginal.varying_coordinates import (
    VaryingCoordinates,
    start_law,
    varying_coordinates,
)
from multilevel.engines.marginal.varying_groups import reduced_rows
from multilevel.engines.solution import Solution
from multilevel.kernels import threads as every_core
from multilevel.model.priors import Fixed, MVNormal, ScalarPrior
from multilevel.moments import Moments

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class _Point:
    """What a few points stand for.

    Parameters
    ----------
    terms
        Sds and correlations.
    law
        ``(n, 2)`` parameters of the law of residual sds, in the user's unit.
    coefficients
        ``(n, p)``: those that have the priors.
    kernel
        The points as the kernel takes them: ``(n, K, K)``, ``(n, p)``, ``(n, 2)``, in the scaled columns.
    log_volume
        ``(n,)`` log volume element.
    """

    terms: Values
    law: Floats
    coefficients: Floats
    kernel: tuple[Floats, Floats, Floats]
    log_volume: Floats


class VaryingDensity:
    """``log p(y, x)`` of the sampled numbers ``x``, for batches of points.

    Given the covariance matrix of the effects, the coefficients and the law of residual sds, groups are
    independent; each one's residual sd is integrated out by quadrature, its effects exactly. The
    coefficients stay among the sampled numbers, for they enter the integral over the sds non-linearly.

    Parameters
    ----------
    moments, priors
        Of a model with ``priors.residual`` and ``moments.residual``.
    residual
        ``priors.residual``.
    threads
        Among which points are shared out; ``None`` for one on each core.

    Raises
    ------
    DesignError
        If the residual groups are not the levels of the only grouping factor.
    """

    __slots__ = (
        "_constant",
        "_fronts",
        "_kernel",
        "_moments",
        "_origin",
        "_path",
        "_priors",
        "_rows",
        "_solution",
        "_threads",
        "at",
        "residual",
    )

    def __init__(
        self,
        moments: Moments,
        priors: BoundPriors,
        residual: ResidualPriors,
        *,
        threads: int | None = None,
    ) -> None:
        self._moments, self._priors, self.residual = moments, priors, residual
        self._threads = every_core if threads is None else threads
        self._rows = reduced_rows(moments)
        self._kernel = self._rows.kernel(residual.law)
        self._solution: Solution = solve(moments, method="reml")
        self.at: VaryingCoordinates = varying_coordinates(moments, priors, residual, self._solution)
        scaling = moments.scaling
        to_scaled = np.linalg.inv(scaling.fixed.back) / scaling.y_scale
        # gamma = to_scaled (beta - constant), beta = (2 I - T) c, c the coefficients that have the priors
        self._path = to_scaled @ (2.0 * np.eye(moments.p) - priors.to_centred)
        self._origin = to_scaled @ scaling.constant
        self._fronts = [np.linalg.inv(term.back) / scaling.y_scale for term in scaling.terms]
        self._constant = 0.5 * moments.log_weights + self.at.log_volume
        self._constant -= 0.5 * moments.n * (LOG_2PI + 2.0 * np.log(scaling.y_scale))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the sampled numbers."""
        return self.at.names

    @property
    def proper(self) -> bool:
        """Whether every prior integrates to one, so that the integral of the density is the evidence."""
        return self._priors.proper

    @property
    def total_effects(self) -> int:
        """Group effects in all."""
        return self._rows.counts.size * self._rows.effects

    def start(self, terms: Floats) -> Floats:
        """Return a point with given numbers of the terms, the rest near the estimates.

        Parameters
        ----------
        terms
            Those of ``at.terms``, as `sampler.start_point` gives them.
        """
        x = np.zeros(len(self.names))
        x[: terms.size] = terms
        gamma = self._path @ self.at.centre - self._origin
        logs, dof = self._rows.log_residual_variances(gamma)
        logs = logs + 2.0 * np.log(self._moments.scaling.y_scale)
        self.at.law.fill_point(start_law(self.residual, logs, dof, self._solution.sigma), x)
        return x

    def log_density(self, x: Floats) -> Floats:
        """Return ``log p(y | x) + log p(x)`` at points ``(n, d)``, minus infinity where it is not defined."""
        parts = [self._batch(x[i : i + BATCH]) for i in range(0, x.shape[0], BATCH)]
        return np.concatenate(parts) if parts else np.zeros(0)

    def log_density_and_gradient(self, x: Floats) -> tuple[Floats, Floats]:
        """Return the log density ``(n,)`` and its gradient ``(n, d)`` at points ``(n, d)``.

        The gradient is exact where the density is positive, and zero where it is not.
        """
        parts = [self._batch_gradient(x[i : i + BATCH]) for i in range(0, x.shape[0], BATCH)]
        if not parts:
            return np.zeros(0), np.zeros(x.shape)
        return np.concatenate([total for total, _ in parts]), np.concatenate([slope for _, slope in parts])

    def coefficients(self, x: Floats) -> Floats:
        """Return the coefficients in the user's columns, ``(n, p)``."""
        return np.asarray(
            self.at.coefficients(x) @ (2.0 * np.eye(self._moments.p) - self._priors.to_centred).T
        )

    def law(self, x: Floats) -> Floats:
        """Return both parameters of the law of residual sds, ``(n, 2)``, in the user's unit."""
        return self.at.law.values(x)[0]

    def draw_groups(self, x: Floats, seed: int, first: int) -> tuple[Floats, tuple[Floats, ...]]:
        """Draw residual sds and group effects given the points, from their exact joint distribution.

        Parameters
        ----------
        x
            ``(n, d)``.
        seed, first
            Point i uses the random stream ``first + i`` of ``seed``.

        Returns
        -------
        Sds ``(n, m)`` by residual group, and for each term ``(n, m, k)`` effects, in the user's units.
        """
        logs, effects = self._kernel.draws(*self._point(x).kernel, seed, first, self._threads)
        scaling = self._moments.scaling
        sds = np.empty_like(logs)
        sds[:, self._rows.place] = scaling.y_scale * np.exp(logs)
        return sds, tuple(
            scaling.y_scale * effects[:, :, block.start : block.start + block.size] @ scaling.terms[b].back.T
            for b, block in enumerate(self._moments.blocks)
        )

    def pooled(self, sds: Floats) -> Floats:
        """Return ``sqrt(sum_j n_j s_j^2 / n)`` for sds ``(n, m)`` by residual group."""
        counts = np.empty_like(self._rows.counts)
        counts[self._rows.place] = self._rows.counts
        return np.asarray(np.sqrt(np.square(sds) @ (counts / counts.sum())))

    def _point(self, x: Floats) -> _Point:
        """Return what a few points stand for."""
        terms, K = self.at.term_values(x), self._rows.effects
        law, log_volume = self.at.law.values(x)
        coefficients = self.at.coefficients(x)
        Lambda = np.zeros((x.shape[0], K, K))
        for b, block in enumerate(self._moments.blocks):
            here = slice(block.start, block.start + block.size)
            Lambda[:, here, here] = self._fronts[b] @ (terms.sds[b][:, :, None] * terms.factors[b])
        gamma = coefficients @ self._path.T - self._origin
        kernel = (np.ascontiguousarray(Lambda), np.ascontiguousarray(gamma), self._scaled(law))
        return _Point(terms, law, coefficients, kernel, terms.log_jacobian + log_volume)

    def _scaled(self, law: Floats) -> Floats:
        """Return the law of the sds of the scaled response."""
        scale = self._moments.scaling.y_scale
        if self.residual.law == "inverse_gamma":
            return np.ascontiguousarray(law / np.array([1.0, scale * scale]))
        return np.ascontiguousarray(law - np.array([np.log(scale), 0.0]))

    def _batch(self, x: Floats) -> Floats:
        """Return the log density at a few points."""
        with np.errstate(all="ignore"):
            point = self._point(x)
            likelihood = self._kernel.values(*point.kernel, self._threads)
            total = likelihood + self._rest(point)
        return np.where(np.isfinite(total), total, -np.inf)

    def _rest(self, point: _Point) -> Floats:
        """Return what the kernel leaves out: constants of the law, volume and priors, ``(n,)``."""
        first, second = point.kernel[2].T
        m = self._rows.counts.size
        if self.residual.law == "inverse_gamma":
            each = np.log(2.0) + first * np.log(second) - gammaln(first)
        else:
            each = -np.log(second) - 0.5 * LOG_2PI
        return np.asarray(self._constant + m * each + point.log_volume + self._log_prior(point))

    def _log_prior(self, point: _Point) -> Floats:
        """Return the log prior density of terms, law and coefficients, ``(n,)``."""
        unit = np.ones(point.law.shape[0])
        total = np.zeros(unit.size)
        for b, prior in enumerate(self._priors.terms):
            sds = point.terms.sds[b]
            sds = sds[:, :1] if self._moments.blocks[b].covariance.one_sd else sds
            total += term_log_prior(prior, sds, point.terms.factors[b], unit)
        for place, law_prior in enumerate((self.residual.first, self.residual.second)):
            if not isinstance(law_prior, Fixed):
                total += law_prior.logpdf(point.law[:, place])
        if isinstance(self._priors.coefficients, MVNormal):
            return total + self._priors.coefficients.logpdf(point.coefficients)
        for i in self.at.free:
            total += self._priors.coefficients[i].logpdf(point.coefficients[:, i])
        return total

    def _batch_gradient(self, x: Floats) -> tuple[Floats, Floats]:
        """Return the log density and its gradient at a few points."""
        with np.errstate(all="ignore"):
            point = self._point(x)
            Lambda, gamma, law = point.kernel
            likelihood, by_D, by_gamma, by_law = self._kernel.gradients(Lambda, gamma, law, self._threads)
            total = likelihood + self._rest(point)
            gradient = np.zeros(x.shape)
            self._fill_terms(x, point, by_D, gradient)
            self._fill_law(point, by_law, gradient)
            gradient[:, self.at.first_coefficient :] = (
                by_gamma @ self._path + self._coefficient_slopes(point.coefficients)
            ) @ self.at.spread
        defined = np.isfinite(total) & np.isfinite(gradient).all(axis=1)
        total[~defined], gradient[~defined] = -np.inf, 0.0
        return total, gradient

    def _fill_terms(self, x: Floats, point: _Point, by_D: Floats, out: Floats) -> None:
        """Write the gradient by the terms' numbers."""
        unit, width = np.ones(x.shape[0]), len(self.at.terms.names)
        for b, (block, place) in enumerate(zip(self._moments.blocks, self.at.terms.terms, strict=True)):
            here = slice(block.start, block.start + block.size)
            sds, L = point.terms.sds[b], point.terms.factors[b]
            half = sds[:, :, None] * L
            matrix = self._fronts[b].T @ by_D[:, here, here] @ self._fronts[b]
            slopes = TermSlopes(matrix, np.zeros(sds.shape), 0.0, np.zeros(unit.size))
            slopes = slopes + prior_term_slopes(
                self._priors.terms[b],
                sds,
                half @ np.swapaxes(half, 1, 2),
                unit,
                shared=block.covariance.one_sd,
            )
            out[:, :width] += term_gradient(place, x[:, :width], (sds, L), slopes)

    def _fill_law(self, point: _Point, by_law: Floats, out: Floats) -> None:
        """Write the gradient by the law's parameters."""
        first, second = point.kernel[2].T
        m = self._rows.counts.size
        by_first, by_log_second = by_law[:, 0].copy(), second * by_law[:, 1]
        if self.residual.law == "inverse_gamma":
            by_first += m * (np.log(second) - digamma(first))
            by_log_second += m * first
        else:
            by_log_second -= m
        by_first += _slope(self.residual.first, point.law[:, 0])
        by_log_second += point.law[:, 1] * _slope(self.residual.second, point.law[:, 1])
        self.at.law.fill_gradient(by_first, by_log_second, point.law[:, 0], out)

    def _coefficient_slopes(self, coefficients: Floats) -> Floats:
        """Return the gradient ``(n, p)`` of the coefficients' log prior density."""
        if isinstance(self._priors.coefficients, MVNormal):
            return self._priors.coefficients.dlogpdf(coefficients)
        slopes = np.zeros(coefficients.shape)
        for i in self.at.free:
            slopes[:, i] = self._priors.coefficients[i].dlogpdf(coefficients[:, i])
        return slopes


def _slope(prior: ScalarPrior, values: Floats) -> Floats:
    """Return the derivative of a log prior density, zero where the number is known."""
    return np.zeros(values.shape) if isinstance(prior, Fixed) else prior.dlogpdf(values)
