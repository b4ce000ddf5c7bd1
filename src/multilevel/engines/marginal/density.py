"""The marginal log density: group effects, and flat or normal coefficients, integrated out exactly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multilevel.design.bound_priors import BoundPriors, TermPriors
from multilevel.engines.likelihood.problem import entries, native_problem
from multilevel.engines.marginal.coordinates import Coordinates, Values, coordinates_of
from multilevel.engines.marginal.gradient import (
    integral_slopes,
    likelihood_term_slopes,
    prior_term_slopes,
    term_gradient,
)
from multilevel.engines.marginal.triangles import for_kernels, lower_factors, solve_lower, solve_transposed
from multilevel.kernels import core
from multilevel.kernels import threads as every_core
from multilevel.model import Covariance
from multilevel.model.priors import LKJ, Fixed, FixedMatrix, MVNormal, Normal
from multilevel.model.priors.one_correlation import OneCorrelation
from multilevel.moments import Moments

Floats = NDArray[np.float64]

LOG_2PI = float(np.log(2.0 * np.pi))
BATCH = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Conditional:
    """The normal distribution of the integrated coefficients at a batch of points.

    In coordinates ``delta`` with ``gamma = at + W delta``, ``gamma`` the coefficients of the scaled columns.

    Parameters
    ----------
    thetas
        ``(n, T)`` relative Cholesky factors of the scaled problem.
    sigma
        ``(n,)`` residual sd of the scaled problem.
    at
        ``(n, p)``.
    mean
        ``(n, s)``.
    factor
        ``(n, s, s)`` lower Cholesky factor of the precision matrix.
    """

    thetas: Floats
    sigma: Floats
    at: Floats
    mean: Floats
    factor: Floats


@dataclass(frozen=True, slots=True, eq=False)
class _Reduced:
    """A batch of points with the group effects eliminated.

    Parameters
    ----------
    values
        What the points stand for.
    sigma
        ``(n,)`` residual sd of the scaled problem.
    thetas
        ``(n, T)``.
    log_det
        ``(n,)`` ``log|M|``.
    S
        ``(n, p + 1, p + 1)`` ``[X y]'V^-1 [X y]``.
    """

    values: Values
    sigma: Floats
    thetas: Floats
    log_det: Floats
    S: Floats


class MarginalDensity:
    """``log p(y, x)`` as a function of the sampled numbers ``x``, for batches of points.

    With ``S = [X y]' V^-1 [X y]`` from the elimination of the group effects, the likelihood is Gaussian in
    the coefficients; those with flat or normal priors are integrated out by completing the square.
    """

    __slots__ = (
        "_W",
        "_constant",
        "_fronts",
        "_moments",
        "_origin",
        "_precision",
        "_priors",
        "_problem",
        "_rows",
        "_sampled",
        "_target",
        "_threads",
        "at",
    )

    def __init__(self, moments: Moments, priors: BoundPriors, *, threads: int | None = None) -> None:
        self._moments, self._priors = moments, priors
        self._threads = every_core if threads is None else threads
        self.at: Coordinates = coordinates_of(moments, priors)
        self._problem = native_problem(moments, "ml")
        self._rows = list(entries(moments.blocks))
        self._fronts = [np.asarray(np.linalg.inv(term.back)) for term in moments.scaling.terms]
        scaling, p = moments.scaling, moments.p
        to_scaled = np.linalg.inv(scaling.fixed.back) / scaling.y_scale
        from_centred = 2.0 * np.eye(p) - priors.to_centred
        # gamma = to_scaled (beta - constant), beta = from_centred c, c the coefficients that have the priors
        path = to_scaled @ from_centred
        means, precision, exact = priors.coefficient_normal()
        held = np.zeros(p)
        for i, prior in enumerate(priors.coefficients if isinstance(priors.coefficients, tuple) else ()):
            held[i] = prior.value if isinstance(prior, Fixed) else 0.0
        self._origin = path @ held - to_scaled @ scaling.constant
        self._sampled = path[:, list(self.at.coefficients)]
        integrated = np.flatnonzero(exact)
        size = 1.0 / np.maximum(np.abs(path[:, integrated]).max(axis=0, initial=0.0), 1e-300)
        self._W = path[:, integrated] * size
        centred = from_centred.T @ precision @ from_centred
        self._precision = size[:, None] * centred[np.ix_(integrated, integrated)] * size
        self._target = (priors.to_centred @ means)[integrated] / size
        self._constant = self._fixed_terms(size)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the sampled numbers."""
        return self.at.names

    @property
    def problem(self) -> core.Problem:
        """The native problem."""
        return self._problem

    @property
    def proper(self) -> bool:
        """Whether every prior integrates to one, so that the integral of the density is the evidence."""
        return self._priors.proper

    def _fixed_terms(self, size: Floats) -> float:
        """Return what does not depend on the point: weights, volume of the coordinates, normal priors."""
        moments, coefficients = self._moments, self._priors.coefficients
        constant = 0.5 * moments.log_weights - 0.5 * moments.n * (
            LOG_2PI + 2.0 * np.log(moments.scaling.y_scale)
        )
        constant += np.log(size).sum() + 0.5 * size.size * LOG_2PI
        if isinstance(coefficients, MVNormal):
            return float(constant + coefficients.logpdf(coefficients.mean))
        normals = [prior for prior in coefficients if isinstance(prior, Normal)]
        return float(constant + sum(prior.logpdf(prior.mean) for prior in normals))

    def log_density(self, x: Floats) -> Floats:
        """Return ``log p(y | x) + log p(x)`` at points ``(n, d)``, minus infinity where it is not defined."""
        parts = [self._batch(self._reduced(x[i : i + BATCH]))[0] for i in range(0, x.shape[0], BATCH)]
        return np.concatenate(parts) if parts else np.zeros(0)

    def log_density_and_gradient(self, x: Floats) -> tuple[Floats, Floats]:
        """Return the log density ``(n,)`` and its gradient ``(n, d)`` at points ``(n, d)``.

        The gradient is exact where the density is positive, and zero where it is not.
        """
        parts = [self._batch_gradient(x[i : i + BATCH]) for i in range(0, x.shape[0], BATCH)]
        if not parts:
            return np.zeros(0), np.zeros(x.shape)
        return np.concatenate([total for total, _ in parts]), np.concatenate([slope for _, slope in parts])

    def conditional(self, x: Floats) -> Conditional:
        """Return the distribution of the integrated coefficients at points ``(n, d)``."""
        return self._batch(self._reduced(x))[1]

    @property
    def total_effects(self) -> int:
        """Group effects in all."""
        return sum(m * k for m, k in zip(self._moments.levels, self._moments.effects, strict=True))

    def draw_coefficients(
        self, x: Floats, values: Values, rng: np.random.Generator
    ) -> tuple[Floats, Floats, Conditional]:
        """Draw the coefficients given the points: user's ``(n, p)``, scaled ``(n, p)``, and what it used."""
        conditional = self.conditional(x)
        noise = rng.standard_normal(conditional.mean.shape)
        delta = conditional.mean + solve_transposed(conditional.factor, noise)
        gamma = conditional.at + delta @ self._W.T
        scaling = self._moments.scaling
        beta = scaling.y_scale * gamma @ scaling.fixed.back.T + scaling.constant
        return beta, np.ascontiguousarray(gamma), conditional

    def draw_effects(
        self, conditional: Conditional, gamma: Floats, rows: NDArray[np.int64], seed: int
    ) -> tuple[Floats, ...]:
        """Draw the group effects at some points: for each term ``(rows, m, k)`` in the user's units."""
        drawn = self._problem.draw_effects(
            np.ascontiguousarray(conditional.thetas[rows]),
            np.ascontiguousarray(gamma[rows]),
            np.ascontiguousarray(conditional.sigma[rows]),
            seed,
            0,
            self._threads,
        )
        moments, start = self._moments, 0
        factors = []
        for m, k in zip(moments.levels, moments.effects, strict=True):
            factors.append(drawn[:, start : start + m * k].reshape(-1, m, k))
            start += m * k
        return tuple(
            moments.scaling.y_scale
            * factors[block.factor][:, :, block.start : block.start + block.size]
            @ moments.scaling.terms[b].back.T
            for b, block in enumerate(moments.blocks)
        )

    def _reduced(self, x: Floats) -> _Reduced:
        """Return a few points with their group effects eliminated."""
        values = self.at.values(x)
        with np.errstate(all="ignore"):
            thetas = self._thetas(values)
            log_det, S = self._problem.reductions(for_kernels(thetas), self._threads)
        return _Reduced(values, values.sigma / self._moments.scaling.y_scale, thetas, log_det, S)

    def _batch(self, point: _Reduced) -> tuple[Floats, Conditional]:
        """Return the log density and the conditional distribution of the coefficients at a few points."""
        values = point.values
        with np.errstate(all="ignore"):
            likelihood, conditional = self._integrate(point)
            total = likelihood + values.log_jacobian + self.log_prior(values)
        total[~np.isfinite(total) | ~np.isfinite(point.thetas).all(axis=1)] = -np.inf
        return total, conditional

    def _batch_gradient(self, x: Floats) -> tuple[Floats, Floats]:
        """Return the log density and its gradient at a few points."""
        point = self._reduced(x)
        total, conditional = self._batch(point)
        with np.errstate(all="ignore"):
            gradient = self._gradient(x, point, conditional)
        defined = np.isfinite(total) & np.isfinite(gradient).all(axis=1)
        total[~defined], gradient[~defined] = -np.inf, 0.0
        return total, gradient

    def _gradient(self, x: Floats, point: _Reduced, conditional: Conditional) -> Floats:
        """Return the gradient ``(n, d)`` of the log density at a few points."""
        values, moments = point.values, self._moments
        root = np.linalg.solve(conditional.factor, np.broadcast_to(self._W.T, (x.shape[0], *self._W.T.shape)))
        integral = integral_slopes(
            point.S,
            conditional.at + conditional.mean @ self._W.T,
            np.swapaxes(root, 1, 2) @ root,
            point.sigma,
            moments.n,
        )
        G = self._problem.reduction_gradients(for_kernels(point.thetas), for_kernels(integral.weights))
        gradient, log_sigma = np.zeros(x.shape), integral.log_sigma + 1.0
        for b, (block, place) in enumerate(zip(moments.blocks, self.at.terms, strict=True)):
            here = slice(block.start, block.start + block.size)
            sds, L = values.sds[b], values.factors[b]
            half = sds[:, :, None] * L
            D = half @ np.swapaxes(half, 1, 2)
            slopes = likelihood_term_slopes(
                G[block.factor][:, here, here], self._fronts[b], D, values.sigma
            ) + prior_term_slopes(self._priors.terms[b], sds, D, values.sigma, shared=block.covariance.one_sd)
            gradient += term_gradient(place, x, (sds, L), slopes)
            log_sigma += slopes.log_sigma
        if self.at.sigma >= 0:
            prior = self._priors.sigma.dlogpdf(values.sigma)
            gradient[:, self.at.sigma] = log_sigma + values.sigma * prior
        if isinstance(self._priors.coefficients, tuple):
            by_sampled = integral.at @ self._sampled
            for i, number in enumerate(self.at.coefficients):
                own = self._priors.coefficients[number].dlogpdf(values.coefficients[:, i])
                gradient[:, self.at.first_coefficient + i] = by_sampled[:, i] + own
        return gradient

    def _thetas(self, values: Values) -> Floats:
        """Return relative Cholesky factors of the scaled problem, ``(n, T)``."""
        n = values.sigma.size
        factors = [np.zeros((n, k, k)) for k in self._moments.effects]
        for b, block in enumerate(self._moments.blocks):
            A = (
                self._fronts[b]
                @ (values.sds[b][:, :, None] * values.factors[b])
                / values.sigma[:, None, None]
            )
            if block.size > 1 and block.covariance is Covariance.UNSTRUCTURED:
                A = np.swapaxes(np.linalg.qr(np.swapaxes(np.nan_to_num(A), 1, 2), mode="r"), 1, 2)
            elif block.covariance is Covariance.COMPOUND_SYMMETRIC:  # the rotated effects are uncorrelated
                A = np.sqrt((A * A).sum(axis=2))[:, :, None] * np.eye(block.size)
            here = slice(block.start, block.start + block.size)
            factors[block.factor][:, here, here] = A
        thetas = np.zeros((n, 1 + max((row[0] for row in self._rows), default=-1)))
        for number, factor, row, column in self._rows:
            thetas[:, number] = factors[factor][:, row, column]
        return thetas

    def _integrate(self, point: _Reduced) -> tuple[Floats, Conditional]:
        """Return the log likelihood without the integrated coefficients, and their distribution.

        With precision ``A = W'S_XX W / s2 + P``, ``h = W'(S_Xy - S_XX at) / s2 + P m`` and
        ``c = |y - X at|^2_V / s2 + m'P m``, the integral over ``delta`` is that of a Gaussian.
        """
        moments, p = self._moments, self._moments.p
        sigma, log_det, S = point.sigma, point.log_det, point.S
        at = np.tile(self._origin, (sigma.size, 1))
        if self.at.coefficients:
            at = at + point.values.coefficients @ self._sampled.T
        s2 = sigma**2
        XX, Xy, yy = S[:, :p, :p], S[:, :p, p], S[:, p, p]
        XX_at = np.einsum("npq,nq->np", XX, at)
        A = self._W.T @ XX @ self._W / s2[:, None, None] + self._precision
        h = (Xy - XX_at) @ self._W / s2[:, None] + self._precision @ self._target
        c = (yy - 2.0 * np.einsum("np,np->n", at, Xy) + np.einsum("np,np->n", at, XX_at)) / s2
        c = c + self._target @ self._precision @ self._target
        defined = np.isfinite(A).all(axis=(1, 2)) & np.isfinite(log_det)
        L = np.full_like(A, np.nan)
        if defined.any():
            L[defined] = lower_factors(A[defined])
        half = solve_lower(L, h)
        mean = solve_transposed(L, half)
        log_diagonal = np.log(np.diagonal(L, axis1=1, axis2=2)).sum(axis=1)
        quadratic = c - (half * half).sum(axis=1)
        likelihood = self._constant - 0.5 * (moments.n * np.log(s2) + log_det + quadratic) - log_diagonal
        return likelihood, Conditional(point.thetas, sigma, at, mean, L)

    def log_prior(self, values: Values) -> Floats:
        """Return the log prior density of sds, correlations, sigma and sampled coefficients."""
        total = np.zeros(values.sigma.size)
        for b, prior in enumerate(self._priors.terms):
            shared = self._moments.blocks[b].covariance.one_sd
            sds = values.sds[b][:, :1] if shared else values.sds[b]
            total += term_log_prior(prior, sds, values.factors[b], values.sigma)
        if self.at.sigma >= 0:
            total += self._priors.sigma.logpdf(values.sigma)
        if isinstance(self._priors.coefficients, tuple):
            for i, number in enumerate(self.at.coefficients):
                total += self._priors.coefficients[number].logpdf(values.coefficients[:, i])
        return total


def term_log_prior(prior: TermPriors, sds: Floats, factors: Floats, sigma: Floats) -> Floats:
    """Return the log prior density of a term's sds ``(n, k)`` and correlations (their factors ``(n, k, k)``).

    A prior of the covariance matrix ``D = diag(s) R diag(s)`` gains the volume ``2^k prod s_i^k``.
    """
    if isinstance(prior.covariance, FixedMatrix):
        return np.zeros(sigma.size)
    k = sds.shape[1]
    if prior.covariance is not None:
        half = sds[:, :, None] * factors
        volume = k * (np.log(2.0) + np.log(sds).sum(axis=1))
        return np.asarray(prior.covariance.logpdf(half @ np.swapaxes(half, 1, 2)) + volume)
    total = prior.log_sds(sds, sigma)
    if isinstance(prior.correlation, LKJ):
        log_det = 2.0 * np.log(np.diagonal(factors, axis1=1, axis2=2)).sum(axis=1)
        total = total + (prior.correlation.eta - 1.0) * log_det - prior.correlation.log_constant(k)
    elif isinstance(prior.correlation, OneCorrelation):
        total = total + prior.correlation.logpdf_factor(factors)
    return np.asarray(total)
