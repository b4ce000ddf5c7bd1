"""The estimator: start, guarded Newton search, certificate; estimates brought back to the user's units."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilevel.engines.likelihood.boundary import boundary_sentences, serial_sentences
from multilevel.engines.likelihood.posterior import Posterior
from multilevel.engines.likelihood.problem import (
    is_large,
    n_theta,
    native_problem,
    relative_covariances,
    require_core,
    theta_of,
)
from multilevel.engines.likelihood.serial import Serial, autoregressions, search_correlations, whitened
from multilevel.engines.likelihood.serial_posterior import SerialPosterior
from multilevel.engines.likelihood.verdict import ENDS, SENTENCES, certificate_of, status_of
from multilevel.engines.solution import Method, Solution, Status, is_restricted
from multilevel.errors import DesignError, OptionError
from multilevel.kernels import core
from multilevel.moments import Moments

Floats = NDArray[np.float64]

TOLERANCE = 1e-11
"""The criterion may still fall by this much (to second order) where the search stops."""
LARGE_TOLERANCE = 1e-8
"""The same for several factors with many levels, where an evaluation costs and converges only linearly."""
SMALL_START = 0.3
"""Relative sds of a second start for several factors, whose likelihood can have several optima."""
SAME = 1e-6
"""Criteria closer than this are those of one optimum."""
DUAL_TOLERANCE = 1e-6
"""The criterion may fall by at most this much by leaving a boundary."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a search is: evaluations so far, the criterion, and how much it can still fall.

    Examples
    --------
    >>> import multilevel as ml
    >>> seen = []
    >>> fit = ml.fit("yield ~ 1 + (1 | batch)", ml.datasets.load("dyestuff"), progress=seen.append)
    >>> seen[-1].evaluations == fit.certificate.evaluations
    True
    """

    evaluations: int
    criterion: float
    decrement: float


Watcher = Callable[[Progress], bool | None]


def solve(
    moments: Moments,
    *,
    method: Method = "reml",
    start: Floats | None = None,
    max_evaluations: int = 200,
    progress: Watcher | None = None,
) -> Solution:
    """Estimate a Gaussian multilevel model by (restricted) maximum likelihood.

    Parameters
    ----------
    moments
        Sufficient statistics.
    method
        "reml" or "ml".
    start
        Optimiser coordinates to start from; by default moments of the groups' own estimates.
    max_evaluations
        Limit on evaluations; reaching it is a status, not an error.
    progress
        Called after each evaluation; returning ``False`` ends the search with status "interrupted".

    Raises
    ------
    OptionError
        If one of the last three is not what it should be.
    DesignError
        If the likelihood is not defined, or its matrices do not fit in memory.

    Notes
    -----
    Bates, Maechler, Bolker and Walker (2015), eqs. 30-41, for the criterion; gradient and curvature from the
    diagonal blocks of ``Z'V^-1 Z`` only; Newton steps in the entries of the relative Cholesky factors.
    """
    limit = checked_limit(max_evaluations, progress)
    start = None if start is None else checked_start(_size(moments), start)
    offset = criterion_constant(moments, method)
    before = 0  # evaluations of earlier searches

    def watch(evaluations: int, value: float, decrement: float) -> bool:
        step = Progress(before + evaluations, value + offset, decrement)
        return progress is None or progress(step) is not False

    def search(problem: core.Problem, start: Floats | None) -> dict[str, Any]:
        nonlocal before
        found: dict[str, Any] = problem.optimise(
            start=problem.start() if start is None else start,
            tolerance=tolerance_of(moments),
            dual_tolerance=DUAL_TOLERANCE,
            max_evaluations=limit,
            watch=None if progress is None else watch,
        )
        before += found.get("evaluations", 0)
        return found

    def best(problem: core.Problem, start: Floats | None) -> dict[str, Any]:
        found = search(problem, start)
        done = "theta" in found and ENDS[found["end"]] in (Status.EVALUATION_LIMIT, Status.INTERRUPTED)
        if start is None and len(moments.A) > 1 and not is_large(moments) and not done:
            found = better_of(found, search(problem, SMALL_START * unit_start(moments)))
        return found

    if autoregressions(moments):
        return _serial_solution(method, search_correlations(moments, method, best, start), offset)
    problem = native_problem(moments, method)
    if len(moments.A) > 1:
        require_core(problem, moments)
    found = best(problem, start)
    if "theta" not in found:
        raise not_computable()
    return solution_of(moments, method, problem, found, offset)


def _serial_solution(method: Method, serial: Serial | None, offset: float) -> Solution:
    """Return the solution of a model with autoregressions; its coordinates end with their correlations."""
    if serial is None:
        raise not_computable()
    solution = solution_of(serial.moments, method, serial.problem, serial.found, offset)
    sentences = serial_sentences(serial, solution.boundary)
    status, sentence = solution.status, solution.sentence
    if status is Status.OPTIMAL and any(sentences):
        status, sentence = Status.BOUNDARY, SENTENCES[Status.BOUNDARY]
    return replace(
        solution,
        theta=np.concatenate([solution.theta, serial.rho]),
        n_parameters=solution.n_parameters + len(serial.rho),
        status=status,
        sentence=sentence,
        boundary=sentences,
        groups=SerialPosterior(serial, method, solution.sigma / serial.moments.scaling.y_scale),
    )


def not_computable() -> DesignError:
    """Return the error of a likelihood that is not defined at the start of a search."""
    return DesignError(
        "the likelihood cannot be computed at the start values: rounding leaves nothing of the"
        " cross-products, because some numbers are too large beside others",
        allowed="a response, predictors and a residual_sd of comparable size",
        remedy="look for a value in a wrong unit, or leave out columns that nearly repeat others",
    )


def unit_start(moments: Moments) -> Floats:
    """Return the coordinates at which every relative covariance matrix is the identity."""
    return theta_of(moments, [np.eye(block.size) for block in moments.blocks])


def better_of(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Return the search that ended lower, the first if both ended alike, with the evaluations of both.

    A search that could not start, was cut short or saturated gives way to one that was not.
    """
    pair = (first, second)
    rank = [("theta" in found, found.get("end") == 0 and not found.get("saturated")) for found in pair]
    winner = first
    if rank[1] > rank[0] or (
        rank[1] == rank[0] and second.get("value", np.inf) < first.get("value", np.inf) - SAME
    ):
        winner = second
    return {**winner, "evaluations": sum(found.get("evaluations", 0) for found in pair)}


def checked_limit(max_evaluations: int, progress: object) -> int:
    """Return the limit of evaluations, or raise `OptionError` if it or ``progress`` cannot be used."""
    if progress is not None and not callable(progress):
        raise OptionError(
            f"progress={progress!r} cannot be called",
            allowed="a function of one argument, a multilevel.Progress",
            remedy="progress=print",
        )
    whole = isinstance(max_evaluations, int | np.integer) and not isinstance(max_evaluations, bool)
    if not whole or not 1 <= int(max_evaluations) < 2**31:
        raise OptionError(
            f"max_evaluations={max_evaluations!r} is not a number of evaluations",
            allowed="a whole number from 1",
            remedy="max_evaluations=200",
        )
    return int(max_evaluations)


def _size(moments: Moments) -> int:
    """Return the number of the optimiser's coordinates."""
    return sum(n_theta(block) for block in moments.blocks) + len(autoregressions(moments))


def checked_start(size: int, start: object) -> Floats:
    """Return the start values as an array, or raise `OptionError` if they are not one for each coordinate."""
    try:
        values = np.ascontiguousarray(start, dtype=np.float64)
    except (TypeError, ValueError):
        values = np.full(1, np.nan)
    if values.shape != (size,) or not np.isfinite(values).all():
        raise OptionError(
            f"start={start!r} cannot be start values of this model",
            allowed=f"{size} finite numbers, as fit.solution.theta of the same model has them",
            remedy="leave start out",
        )
    return values


def tolerance_of(moments: Moments) -> float:
    """Return the tolerance on the decrement."""
    return LARGE_TOLERANCE if is_large(moments) else TOLERANCE


def evaluate_at(
    moments: Moments,
    *,
    method: Method,
    theta: Floats,
    status: Status = Status.OPTIMAL,
    evaluations: int = 1,
) -> Solution:
    """Return the solution at known optimiser coordinates, without a search (for saved fits).

    It is certified only if the coordinates are those of an optimum and the search that found them ended well:
    ``status`` is how it ended, ``evaluations`` how many it took.
    """
    count = theta.size - len(autoregressions(moments))
    rho, at = theta[count:], moments
    if rho.size:
        at = whitened(moments, rho)
    problem = native_problem(at, method)
    found = problem.optimise(
        start=np.ascontiguousarray(theta[:count], dtype=np.float64),
        tolerance=np.inf,
        dual_tolerance=np.inf,
        max_evaluations=2,
        watch=None,
    )
    if "theta" not in found:
        raise DesignError(
            "the likelihood is not defined at the saved estimates", remedy="fit the model again"
        )
    certified = found["decrement"] <= 1e3 * tolerance_of(moments) and found["gain"] <= DUAL_TOLERANCE
    unfinished = status not in (Status.OPTIMAL, Status.BOUNDARY)
    if not certified or unfinished:
        found["end"] = ENDS.index(status if status in ENDS[1:] else Status.STALLED)
        found["saturated"] = status is Status.SATURATED
    found["evaluations"] = evaluations
    if rho.size:
        return _serial_solution(
            method, Serial(moments, at, problem, found, rho), criterion_constant(moments, method)
        )
    return solution_of(moments, method, problem, found, criterion_constant(moments, method))


def criterion_constant(moments: Moments, method: Method) -> float:
    """Return what the scaling of the columns and the weights add to the criterion of the scaled problem."""
    dof = moments.n - (moments.p if is_restricted(method) else 0)
    constant = 2.0 * dof * np.log(moments.scaling.y_scale) - moments.log_weights
    if is_restricted(method):
        constant -= 2.0 * moments.scaling.fixed.log_det
    return float(constant)


def solution_of(
    moments: Moments, method: Method, problem: core.Problem, found: Mapping[str, Any], offset: float
) -> Solution:
    """Return the solution in the user's units."""
    scaling = moments.scaling
    values = estimates_of(moments, method, found)
    sigma, relative = values.sigma, values.relative
    scaled_sigma = sigma / scaling.y_scale
    back = scaling.fixed.back
    vcov = sigma**2 * (back @ found["R"] @ back.T)
    status, sentence = status_of(found, relative)
    parameters = moments.p + sum(n_theta(block) for block in moments.blocks) + (moments.known_sigma is None)
    return Solution(
        method=method,
        criterion=float(found["value"]) + offset,
        beta=values.beta,
        vcov_beta=(vcov + vcov.T) / 2,
        sigma=sigma,
        covariances=values.covariances,
        theta=found["theta"],
        n_parameters=parameters,
        status=status,
        sentence=sentence,
        boundary=boundary_sentences(moments, problem, found, relative, scaled_sigma),
        certificate=certificate_of(found),
        groups=Posterior(moments, method, problem, found, relative, scaled_sigma),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Estimates:
    """Estimates in the user's units; ``relative`` are the ``T`` of the terms in the scaled columns."""

    beta: Floats
    sigma: float
    covariances: tuple[Floats, ...]
    relative: tuple[Floats, ...]


def estimates_of(moments: Moments, method: Method, found: Mapping[str, Any]) -> Estimates:
    """Return the estimates at the end of a search."""
    scaling = moments.scaling
    dof = moments.n - (moments.p if is_restricted(method) else 0)
    sigma = _scaled_sigma(moments, found, dof) * scaling.y_scale
    beta = scaling.y_scale * (scaling.fixed.back @ found["beta"]) + scaling.constant
    relative = relative_covariances(moments, found["theta"])
    covariances = tuple(
        sigma**2 * (term.back @ T @ term.back.T) for term, T in zip(scaling.terms, relative, strict=True)
    )
    return Estimates(beta, sigma, covariances, relative)


def _scaled_sigma(moments: Moments, found: Mapping[str, Any], dof: float) -> float:
    """Return the residual sd of the scaled problem."""
    if moments.known_sigma is not None:
        return moments.known_sigma / moments.scaling.y_scale
    return float(np.sqrt(found["r2"] / dof))
