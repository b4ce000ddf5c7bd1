"""The same linear model estimated from many simulated responses, given by their cross-products."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from multilevel.engines.likelihood.estimator import DUAL_TOLERANCE, estimates_of, solve, tolerance_of
from multilevel.engines.likelihood.known_sds import KnownSds, solve_known
from multilevel.engines.likelihood.problem import native_problem, require_core
from multilevel.engines.likelihood.serial import autoregressions
from multilevel.engines.likelihood.verdict import status_of
from multilevel.engines.solution import Method, Status
from multilevel.moments import Moments
from multilevel.moments.simulated import ResponseProducts

Floats = NDArray[np.float64]

MAX_EVALUATIONS = 200


@dataclass(frozen=True, slots=True, eq=False)
class Replicate:
    """Estimates from one response, in the user's units."""

    beta: Floats
    sigma: float
    covariances: tuple[Floats, ...]
    status: Status


Refit = Callable[[ResponseProducts], Replicate | None]


def refits(moments: Moments, method: Method, start: Floats, known: KnownSds | None = None) -> Refit:
    """Return the function that estimates the model from another response.

    Parameters
    ----------
    moments
        Of the model; only their response changes.
    method
        "reml" or "ml".
    start
        Coordinates at which each search starts.
    known
        Known sds of the terms, or ``None`` if none is known.

    Returns
    -------
    callable
        Of the cross-products with a response; it returns ``None`` where the likelihood is not defined.
    """
    if known is not None or autoregressions(moments):
        return _slow(moments, method, start, known)
    problem = native_problem(moments, method)
    if len(moments.A) > 1:
        require_core(problem, moments)
    tolerance = tolerance_of(moments)

    def refit(response: ResponseProducts) -> Replicate | None:
        problem.replace_response([np.ascontiguousarray(c) for c in response.c], response.d)
        found = problem.optimise(
            start=start,
            tolerance=tolerance,
            dual_tolerance=DUAL_TOLERANCE,
            max_evaluations=MAX_EVALUATIONS,
            watch=None,
        )
        if "theta" not in found:
            return None
        values = estimates_of(moments, method, found)
        status, _ = status_of(found, values.relative)
        return Replicate(values.beta, values.sigma, values.covariances, status)

    return refit


def _slow(moments: Moments, method: Method, start: Floats, known: KnownSds | None) -> Refit:
    """Return a function that makes moments and a problem for each response."""

    def refit(response: ResponseProducts) -> Replicate | None:
        changed = with_products(moments, response)
        if known is not None:
            found = solve_known(changed, known, method=method, start=start)
        else:
            found = solve(changed, method=method, start=start)
        return Replicate(found.beta, found.sigma, found.covariances, found.status)

    return refit


def with_products(moments: Moments, response: ResponseProducts) -> Moments:
    """Return the moments of the same columns with another response, in the same scale."""
    C = tuple(
        np.concatenate([old[:, :, :-1], new[:, :, None]], axis=2)
        for old, new in zip(moments.C, response.c, strict=True)
    )
    D = moments.D.copy()
    D[-1, :] = D[:, -1] = response.d
    return replace(moments, C=C, D=D)
