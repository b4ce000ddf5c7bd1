"""Point estimates of linear models: the engine that was asked for, or the cheaper one, with its reason."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multilevel.engines.em import solve_em
from multilevel.engines.likelihood import solve
from multilevel.engines.likelihood.estimator import Watcher
from multilevel.engines.monte_carlo.choice import Solver, choice_for
from multilevel.engines.monte_carlo.estimator import check_mc, solve_monte_carlo
from multilevel.engines.solution import EM_METHODS, Method, Solution, Status
from multilevel.errors import OptionError
from multilevel.moments import Moments

Floats = NDArray[np.float64]

ROUGH = "Exact, because the Monte Carlo error asked for was not reached."


@dataclass(frozen=True, slots=True)
class Solving:
    """How a linear model is solved.

    Parameters
    ----------
    method
        "reml", "ml", "em_reml" or "em".
    solver
        "exact"; "monte_carlo", for the first two methods; or "auto", the cheaper one.
    mc_error, mc_seed
        Of Monte Carlo: as in `solve_monte_carlo`.
    """

    method: Method = "reml"
    solver: Solver = "auto"
    mc_error: float = 0.01
    mc_seed: int = 0

    def __post_init__(self) -> None:
        check_mc(self.mc_error, self.mc_seed)
        if self.solver == "monte_carlo" and self.method not in ("reml", "ml"):
            raise OptionError(
                f"solver='monte_carlo' was asked of method={self.method!r}",
                allowed="linear models by method='reml' or 'ml'",
                remedy="solver='auto'",
            )


def solve_linear(
    moments: Moments,
    how: Solving,
    *,
    start: Floats | None = None,
    max_evaluations: int = 200,
    progress: Watcher | None = None,
) -> Solution:
    """Estimate a linear model; a solution by Monte Carlo that was not asked for says why it is one.

    Parameters
    ----------
    moments
        Sufficient statistics.
    how
        Method and solver; "auto" goes on to the exact one where Monte Carlo does not get as precise as asked.
    start, max_evaluations, progress
        As in `multilevel.engines.likelihood.solve`.
    """
    if how.method in EM_METHODS:
        return solve_em(
            moments, method=how.method, start=start, max_evaluations=max_evaluations, progress=progress
        )
    choice = choice_for(moments) if how.solver == "auto" else None
    if how.solver == "exact" or (choice is not None and choice.solver == "exact"):
        return solve(
            moments, method=how.method, start=start, max_evaluations=max_evaluations, progress=progress
        )
    solution = solve_monte_carlo(
        moments,
        method=how.method,
        mc_error=how.mc_error,
        mc_seed=how.mc_seed,
        start=start,
        max_evaluations=max_evaluations,
        progress=progress,
    )
    if choice is None:
        return solution
    if choice.exact_fits and _is_rough(solution):
        exact = solve(moments, method=how.method, start=solution.theta, max_evaluations=max_evaluations)
        return dataclasses.replace(exact, sentence=f"{ROUGH} {exact.sentence}")
    return dataclasses.replace(solution, sentence=f"{choice.sentence} {solution.sentence}")


def _is_rough(solution: Solution) -> bool:
    """Whether the search stopped because the Monte Carlo error stayed above what was asked for."""
    chance = solution.monte_carlo
    return solution.status is Status.STALLED and chance is not None and chance.error > chance.asked
