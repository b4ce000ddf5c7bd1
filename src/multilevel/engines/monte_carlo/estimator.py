"""The estimator: start, search, log-likelihood; estimates in the user's units, their Monte Carlo error."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multilevel.engines.likelihood.boundary import boundary_sentences
from multilevel.engines.likelihood.estimator import (
    Progress,
    Watcher,
    checked_limit,
    checked_start,
    criterion_constant,
)
from multilevel.engines.likelihood.problem import n_theta, native_problem, relative_covariances, theta_of
from multilevel.engines.likelihood.verdict import is_singular
from multilevel.engines.monte_carlo.frames import frame_at, relative_of
from multilevel.engines.monte_carlo.log_determinant import LogDeterminant, log_determinant
from multilevel.engines.monte_carlo.point import Point, Problem, point_at, problem_of
from multilevel.engines.monte_carlo.posterior import MonteCarloPosterior
from multilevel.engines.monte_carlo.probes import probes_of
from multilevel.engines.monte_carlo.search import FINE, Aims, Found, newton_at, search
from multilevel.engines.monte_carlo.system import system_of
from multilevel.engines.solution import Certificate, Method, MonteCarlo, Solution, Status, is_restricted
from multilevel.errors import DesignError, OptionError
from multilevel.model import Covariance
from multilevel.moments import Moments

Floats = NDArray[np.float64]

SATURATED = 1e-13
"""Residual sum of squares, as a share of the response's, that cross-products cannot tell from zero."""
CLOSE = 3.0
"""The rest of the way may be this many Monte Carlo errors in a fit that is loaded."""


def solve_monte_carlo(
    moments: Moments,
    *,
    method: Method = "reml",
    mc_error: float = 0.01,
    mc_seed: int = 0,
    start: Floats | None = None,
    max_evaluations: int = 200,
    progress: Watcher | None = None,
) -> Solution:
    """Estimate a Gaussian model with crossed factors without factorising: average information by Monte Carlo.

    Parameters
    ----------
    moments
        Sufficient statistics, with several factors.
    method
        "reml" or "ml".
    mc_error
        Monte Carlo sd of the variance parameters that is good enough, in units of their standard errors.
    mc_seed
        Of the random vectors.
    start
        Optimiser coordinates to start from; by default moments of the groups' own estimates.
    max_evaluations
        Limit on evaluations of the gradient; reaching it is a status, not an error.
    progress
        Called after each step, the criterion being NaN (its value costs more than the search); returning
        ``False`` ends the search.

    Raises
    ------
    OptionError
        If an option is not what it should be.
    DesignError
        If the model is one that this engine cannot fit.

    Notes
    -----
    Matilainen, Mantysaari, Lidauer, Stranden and Thompson (2013), with the factors nested in the largest
    eliminated exactly, and conjugate gradients on the Schur complement of the others.
    """
    limit = checked_limit(max_evaluations, progress)
    check_mc(mc_error, mc_seed)
    refuse_structures(moments)
    if start is not None:
        start = checked_start(sum(n_theta(block) for block in moments.blocks), start)
    problem = problem_of(moments, system_of(moments), reml=is_restricted(method))
    theta = native_problem(dataclasses.replace(moments, pairs=()), method).start() if start is None else start

    def watch(evaluations: int, decrement: float) -> bool:
        return progress is None or progress(Progress(evaluations, math.nan, decrement)) is not False

    aims = Aims(float(mc_error), int(mc_seed), limit)
    found = search(problem, relative_covariances(moments, theta), aims, watch)
    return _solution(problem, method, found, aims, _end(found, aims))


def evaluate_monte_carlo(
    moments: Moments,
    *,
    method: Method,
    theta: Floats,
    mc_error: float,
    probes: int,
    seed: int,
    status: Status = Status.OPTIMAL,
    evaluations: int = 1,
) -> Solution:
    """Return the solution at known optimiser coordinates, without a search (for saved fits)."""
    problem = problem_of(moments, system_of(moments), reml=is_restricted(method))
    vectors = probes_of(problem.system, number=probes, seed=seed)
    frame = frame_at(moments, relative_covariances(moments, theta))
    point = point_at(problem, frame, vectors, tolerance=FINE)
    newton = newton_at(point, vectors)
    aims = Aims(mc_error, seed, evaluations)
    near = newton.decrement <= (CLOSE * max(newton.error, mc_error)) ** 2
    found = Found(point, newton, vectors, evaluations, False)
    ended = status not in (Status.OPTIMAL, Status.BOUNDARY)
    return _solution(problem, method, found, aims, status if ended else None if near else Status.STALLED)


def check_mc(mc_error: object, mc_seed: object) -> None:
    """Raise `OptionError` unless the error is a number above zero and the seed a whole number."""
    number = isinstance(mc_error, int | float | np.number) and not isinstance(mc_error, bool)
    if not number or not 1e-4 <= float(mc_error) <= 1.0:  # type: ignore[arg-type]
        raise OptionError(
            f"mc_error={mc_error!r} is not a Monte Carlo error",
            allowed="a number from 0.0001 to 1, in units of the standard errors of the variance parameters",
            remedy="mc_error=0.01",
        )
    whole = isinstance(mc_seed, int | np.integer) and not isinstance(mc_seed, bool)
    if not whole or not 0 <= int(mc_seed) < 2**63:  # type: ignore[call-overload]
        raise OptionError(
            f"mc_seed={mc_seed!r} is not a seed", allowed="a whole number from 0", remedy="mc_seed=0"
        )


def refuse_structures(moments: Moments) -> None:
    """Raise `DesignError` if the model is one that only the exact engine fits."""
    reason = unsupported(moments)
    if reason:
        raise DesignError(
            f"solver='monte_carlo' was asked of {reason}",
            allowed="linear models with two or more grouping factors, without `ar1`",
            remedy="solver='auto'",
        )


def unsupported(moments: Moments) -> str:
    """Return what in a model this engine cannot fit, in words, or ""."""
    if len(moments.A) < 2:
        return "a model with fewer than two grouping factors, which the exact engine solves as fast as any"
    if any(block.covariance is Covariance.AUTOREGRESSIVE for block in moments.blocks):
        return "a model with an `ar1` term"
    return ""


def _end(found: Found, aims: Aims) -> Status | None:
    """Return how a search ended, ``None`` if at its optimum with the error that was asked for."""
    if found.interrupted:
        return Status.INTERRUPTED
    if found.newton.decrement <= aims.decrement:
        return None
    return Status.EVALUATION_LIMIT


@dataclass(frozen=True, slots=True)
class _Quadratic:
    """The criterion near the optimum, up to its third derivatives and a constant, as `Criterion`."""

    problem: Problem
    point: Point

    def value(self, theta: Floats) -> float:
        """Return how much the criterion is above that of the point."""
        relative = relative_covariances(self.problem.moments, theta)
        moves = [
            term.components(T - here)
            for term, T, here in zip(self.point.frame, relative, relative_of(self.point.frame), strict=True)
        ]
        move = np.concatenate([*moves, np.zeros(0)])
        return float(self.point.gradient @ move + 0.5 * move @ self.point.information @ move)


def _solution(problem: Problem, method: Method, found: Found, aims: Aims, failed: Status | None) -> Solution:
    """Return the solution in the user's units."""
    moments, point, fixed = problem.moments, found.point, found.point.fixed
    if problem.known_sigma is None and fixed.r2 <= SATURATED * float(moments.D[-1, -1]):
        raise DesignError(
            "the residual variance is numerically zero: the model reproduces the response",
            remedy="solver='exact', which says what can still be said of such a model",
        )
    scaling, back = moments.scaling, moments.scaling.fixed.back
    scaled = problem.known_sigma or float(np.sqrt(fixed.r2 / problem.dof))
    sigma = scaled * scaling.y_scale
    relative = relative_of(point.frame)
    entries = sum(pair.value.size for pair in moments.pairs)
    log_det = log_determinant(problem.system, entries, seed=aims.seed)
    vcov = sigma**2 * (back @ fixed.R @ back.T)
    reached = found.newton.error <= aims.mc_error
    status, sentence = _verdict(failed, found, aims, reached, any(is_singular(T) for T in relative))
    facts = {"saturated": False, "end": 0 if failed is None else 1, "value": 0.0}
    return Solution(
        method=method,
        criterion=_criterion(problem, fixed.r2, fixed.log_det, scaled, log_det)
        + criterion_constant(moments, method),
        beta=scaling.y_scale * (back @ fixed.beta) + scaling.constant,
        vcov_beta=(vcov + vcov.T) / 2,
        sigma=sigma,
        covariances=tuple(
            sigma**2 * (term.back @ T @ term.back.T) for term, T in zip(scaling.terms, relative, strict=True)
        ),
        theta=theta_of(moments, relative),
        n_parameters=moments.p
        + sum(n_theta(block) for block in moments.blocks)
        + (moments.known_sigma is None),
        status=status,
        sentence=sentence,
        boundary=boundary_sentences(moments, _Quadratic(problem, point), facts, relative, scaled),
        certificate=_certificate(found, failed is None and reached),
        groups=MonteCarloPosterior(problem, point, found.newton, scaled, aims.seed),
        monte_carlo=MonteCarlo(
            error=found.newton.error,
            asked=aims.mc_error,
            loglik_error=log_det.error / 2.0,
            probes=found.probes.number,
            seed=aims.seed,
            iterations=point.iterations,
        ),
    )


def _criterion(problem: Problem, r2: float, log_det_X: float, sigma: float, log_det: LogDeterminant) -> float:
    """Return the criterion of the scaled problem (Bates, Maechler, Bolker, Walker 2015, eqs. 34, 41)."""
    value = log_det.value + problem.dof * math.log(2.0 * math.pi * sigma**2) + r2 / sigma**2
    return value + (log_det_X if problem.reml else 0.0)


def _verdict(
    failed: Status | None, found: Found, aims: Aims, reached: bool, singular: bool
) -> tuple[Status, str]:
    """Return status and sentence."""
    error = f"{found.newton.error:.2g} standard errors"
    by = f" ({found.probes.number} random vectors for each effect, seed {aims.seed})"
    if failed is Status.INTERRUPTED:
        return failed, "The search was interrupted; the values are the best so far, not the optimum."
    if failed is not None:
        return failed, (
            "The search ended before the optimum could be certified; raise max_evaluations, rescale the"
            " predictors or simplify the grouped terms."
        )
    if not reached:
        return Status.STALLED, (
            f"The gradient is zero within its Monte Carlo error, but that leaves {error} in a variance"
            f" parameter{by}, more than mc_error={aims.mc_error:g}; allow a larger one, or solver='exact'."
        )
    if singular:
        return Status.BOUNDARY, (
            "The optimum lies on the boundary of the covariance matrices, and is certified within its Monte"
            f" Carlo error: at most {error} in a variance parameter{by}."
        )
    return Status.OPTIMAL, (
        f"The optimum is certified within its Monte Carlo error: at most {error} in a variance parameter{by}."
    )


def _certificate(found: Found, holds: bool) -> Certificate:
    """Return the evidence: decrement, least gradient of a variance at zero, gradient times variance."""
    point, newton = found.point, found.newton
    dual, product, at = 0.0, 0.0, 0
    for term in point.frame:
        own = slice(at, at + len(term.members))
        at = own.stop
        size = np.array([float(np.mean([term.floor[a] for a, _ in one])) for one in term.members])
        at_zero = ~newton.free[own]
        dual = min([dual, *(point.gradient[own] * size)[at_zero]])
        variances = np.array([float(np.sqrt(np.prod(term.variances[list(one[0])]))) for one in term.members])
        product = max([product, *np.abs(point.gradient[own] * variances)[~at_zero]])
    return Certificate(
        holds=bool(holds),
        decrement=max(0.0, newton.decrement),
        dual=float(dual),
        complementarity=float(product),
        evaluations=found.evaluations,
    )
