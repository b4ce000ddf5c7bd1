"""The EM engine: start inside, climb, certificate, and estimates in the user's units with the trace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from multilevel.engines.em.search import Limits, climb, evaluated, is_optimal
from multilevel.engines.em.vanishing import Ending, vanishing_sentences
from multilevel.engines.likelihood.estimator import (
    SMALL_START,
    Progress,
    Watcher,
    better_of,
    checked_limit,
    checked_start,
    criterion_constant,
    not_computable,
    solution_of,
    tolerance_of,
    unit_start,
)
from multilevel.engines.likelihood.problem import (
    is_large,
    native_problem,
    relative_covariances,
    require_core,
    theta_of,
)
from multilevel.engines.likelihood.verdict import ENDS, SENTENCES, is_singular
from multilevel.engines.solution import EM_METHODS, Method, Solution, Status, is_restricted
from multilevel.errors import OptionError
from multilevel.kernels import core
from multilevel.moments import Moments

Floats = NDArray[np.float64]
AccelerationName = Literal["quasi_newton", "none"]

LARGEST = 1e150
"""Entries of relative factors whose squares are still numbers."""
UNFINISHED = (Status.EVALUATION_LIMIT, Status.INTERRUPTED)


def solve_em(
    moments: Moments,
    *,
    method: Method = "em",
    start: Floats | None = None,
    max_evaluations: int = 200,
    progress: Watcher | None = None,
    acceleration: AccelerationName = "quasi_newton",
) -> Solution:
    """Estimate a Gaussian multilevel model by expectation and maximisation, from its sufficient statistics.

    Parameters
    ----------
    moments
        Sufficient statistics.
    method
        "em" for maximum likelihood, "em_reml" for restricted maximum likelihood: the coefficients are then
        random effects with a flat prior, whose posterior variance enters the M step.
    start
        Coordinates to start from, all covariance matrices positive definite; by default moments of the
        groups' own estimates.
    max_evaluations
        Limit on evaluations; reaching it is a status, not an error.
    progress
        Called after each step; returning ``False`` ends the search with status "interrupted".
    acceleration
        "quasi_newton", or "none" for plain EM steps, which can take thousands.

    Returns
    -------
    Solution
        Its ``trace`` holds the log-likelihood at the start and after each step; it never falls. Several
        factors are climbed from two starts unless ``start`` is given: it is then that of the higher end.

    Raises
    ------
    OptionError
        If an option is not what it should be.
    DesignError
        If the likelihood is not defined, or its matrices do not fit in memory.

    Notes
    -----
    Dempster, Laird and Rubin (1977); Laird and Ware (1982) for the model; Liu and Rubin (1994) for the
    coefficients and the residual sd, which maximise the likelihood itself after each M step; Jamshidian and
    Jennrich (1997) for the acceleration. An accelerated step that would lower the likelihood is shortened,
    and at last replaced by the plain EM step.

    Examples
    --------
    >>> import multilevel as ml
    >>> fit = ml.fit("yield ~ 1 + (1 | batch)", ml.datasets.load("dyestuff"))
    >>> plain = solve_em(fit.moments, method="em_reml", start=np.array([0.1]), acceleration="none")
    >>> fast = solve_em(fit.moments, method="em_reml", start=np.array([0.1]))
    >>> plain.trace.size > fast.trace.size, bool((np.diff(plain.trace) >= 0).all())
    (True, True)
    >>> bool(abs(fast.criterion - fit.deviance) < 1e-9)
    True
    """
    limit = checked_limit(max_evaluations, progress)
    _check_choices(method, acceleration)
    _refuse_serial(moments)
    problem = native_problem(moments, method)
    if len(moments.A) > 1:
        require_core(problem, moments)
    offset = criterion_constant(moments, method)
    before = 0  # evaluations of an earlier climb

    def watch(evaluations: int, value: float, decrement: float) -> bool:
        step = Progress(before + evaluations, value + offset, decrement)
        return progress is None or progress(step) is not False

    def climbed(start: Floats) -> dict[str, Any]:
        limits = Limits(tolerance_of(moments), limit, acceleration == "quasi_newton")
        return climb(moments, problem, start, limits, watch)

    if start is not None:
        return _solution(moments, method, problem, climbed(_checked_inside(moments, start)))
    found = climbed(_inside(moments, problem.start()))
    done = "theta" in found and ENDS[found["end"]] in UNFINISHED
    if len(moments.A) > 1 and not is_large(moments) and not done:
        before = found["evaluations"]
        found = better_of(found, climbed(SMALL_START * unit_start(moments)))
    return _solution(moments, method, problem, found)


def evaluate_em(
    moments: Moments, *, method: Method, theta: Floats, status: Status, evaluations: int, trace: Floats
) -> Solution:
    """Return the solution at known coordinates, without a search (for saved fits).

    Parameters
    ----------
    moments, method
        As in `solve_em`.
    theta, status, evaluations, trace
        What the search found, how it ended, after how many evaluations, and its log-likelihoods.
    """
    problem = native_problem(moments, method)
    found = evaluated(problem, theta)
    if "theta" in found:
        certified = is_optimal(moments, found, tolerance_of(moments))
        end = status if status in ENDS[1:] else Status.OPTIMAL if certified else Status.STALLED
        found["saturated"], found["end"] = status is Status.SATURATED, ENDS.index(end)
    values = -2.0 * trace - criterion_constant(moments, method)
    return replace(
        _solution(moments, method, problem, {**found, "evaluations": evaluations, "trace": values}),
        trace=trace,
    )


def _check_choices(method: object, acceleration: object) -> None:
    """Raise `OptionError` unless method and acceleration are ones that there are."""
    choices = (("method", method, EM_METHODS), ("acceleration", acceleration, ("quasi_newton", "none")))
    for name, value, allowed in choices:
        if value not in allowed:
            raise OptionError(
                f"{name}={value!r} was asked of EM",
                allowed=", ".join(repr(choice) for choice in allowed),
                remedy=f"{name}={allowed[0]!r}",
            )


def _refuse_serial(moments: Moments) -> None:
    """Raise `OptionError` if a term has a serial structure."""
    if any(block.covariance.serial for block in moments.blocks):
        raise OptionError(
            "EM was asked of a model with an ar1 or rw1 term",
            allowed="unstructured, diagonal, homdiag and cs terms",
            remedy='method="reml" or method="ml"',
        )


def _inside(moments: Moments, theta: Floats) -> Floats:
    """Return coordinates with identity matrices in place of the covariances that are singular."""
    relative = relative_covariances(moments, theta)
    if not any(is_singular(T) for T in relative):
        return theta
    return theta_of(moments, [np.eye(T.shape[0]) if is_singular(T) else T for T in relative])


def _checked_inside(moments: Moments, start: object) -> Floats:
    """Return the start values, or raise `OptionError` if EM cannot leave them."""
    theta = checked_start(unit_start(moments).size, start)
    if np.abs(theta).max(initial=0.0) > LARGEST:
        raise not_computable()
    at = [
        block.group
        for block, T in zip(moments.blocks, relative_covariances(moments, theta), strict=True)
        if is_singular(T)
    ]
    if at:
        raise OptionError(
            f"start={start!r} gives `{at[0]}` a singular covariance matrix, which EM never leaves",
            allowed="positive sds, and correlations between -1 and 1",
            remedy="leave start out",
        )
    return theta


def _solution(moments: Moments, method: Method, problem: core.Problem, found: Mapping[str, Any]) -> Solution:
    """Return the solution in the user's units, with what is said of terms that go to a boundary."""
    if "theta" not in found:
        raise not_computable()
    offset = criterion_constant(moments, method)
    solution = solution_of(moments, method, problem, found, offset)
    trace = -(found["trace"] + offset) / 2.0
    if solution.status is Status.SATURATED:
        return replace(solution, trace=trace)
    status = ENDS[found["end"]]
    ending = Ending(method, status is Status.OPTIMAL, int(found["evaluations"]), solution.sigma)
    relative = relative_covariances(moments, found["theta"])
    boundary = vanishing_sentences(moments, problem, found, relative, ending)
    exact = "reml" if is_restricted(method) else "ml"
    sentence = SENTENCES[status]
    if status is Status.OPTIMAL and any(boundary):
        status = Status.BOUNDARY
        sentence = (
            "The optimum is certified, and lies on the boundary of the covariance matrices, which EM comes"
            f" close to and never reaches; method='{exact}' ends there exactly."
        )
    elif status is Status.STALLED:
        sentence = (
            "No step raises the likelihood by more than rounding, and the optimum could not be certified;"
            f" method='{exact}' may get further."
        )
    return replace(solution, status=status, sentence=sentence, boundary=boundary, trace=trace)
