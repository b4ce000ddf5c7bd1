"""Parameters of the family, thresholds and zero inflation: one random walk of all of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from multilevel.design.family_priors import NamedPrior
from multilevel.engines.gibbs.metropolis import Walk
from multilevel.engines.gibbs_generalised.problem import GeneralisedProblem
from multilevel.errors import DesignError
from multilevel.model.priors import Fixed

Floats = NDArray[np.float64]

STEPS = 2
"""Steps of the random walk in each sweep."""


class ParameterStep:
    """What walks: logs of parameters, or the first threshold and the logs of the steps to the next ones.

    Coefficients of zero inflation walk with them, each in units of its column. Numbers whose prior is a
    point stay where they are; of thresholds, all walk or none.

    Raises
    ------
    DesignError
        Some thresholds are held and others are not.
    """

    __slots__ = ("_family", "_free", "_free_inflation", "_problem", "_sizes", "names")

    def __init__(self, problem: GeneralisedProblem) -> None:
        self._problem, self._family = problem, problem.family
        self._free = _free(self._family.parameters)
        if problem.ordinal and 0 < self._free.size < len(self._family.parameters):
            raise DesignError(
                "some thresholds are held and others are not, which this sampler cannot do",
                allowed="a prior of every threshold, or a value of every threshold",
                remedy='method="nuts"',
            )
        self._free_inflation = _free(self._family.inflation)
        self._sizes = np.ones(len(self._family.inflation))
        if problem.inflation is not None:
            self._sizes = np.sqrt(np.maximum(np.mean(problem.inflation**2, axis=0), 1e-300))
        self.names = tuple(self._family.names[i] for i in self._free)
        self.names += tuple(f"zi {self._family.inflation[i][0]}" for i in self._free_inflation)

    @property
    def size(self) -> int:
        """How many numbers walk."""
        return int(self._free.size + self._free_inflation.size)

    def draw(
        self,
        eta: Floats,
        beta: Floats,
        values: Floats,
        inflation: Floats,
        rng: np.random.Generator,
        walk: Walk,
    ) -> tuple[Floats, Floats]:
        """Return the next parameters and coefficients of zero inflation."""

        def log_density(x: Floats) -> float:
            tried, zi = self.values(x, values, inflation)
            if not (np.isfinite(tried).all() and self._apart(tried)):
                return -np.inf
            prior = self._problem.log_family(tried, zi, beta)
            if not np.isfinite(prior):
                return -np.inf
            return prior + self._volume(x) + self._problem.log_density(eta, tried, zi)

        x = walk.move(self.point(values, inflation), log_density, rng, STEPS)
        return self.values(x, values, inflation)

    def point(self, values: Floats, inflation: Floats) -> Floats:
        """Return what walks."""
        if self._problem.ordinal:
            own = np.concatenate([values[:1], np.log(np.diff(values))]) if self._free.size else values[:0]
        else:
            own = np.log(values[self._free])
        return np.concatenate([own, (inflation * self._sizes)[self._free_inflation]])

    def values(self, x: Floats, values: Floats, inflation: Floats) -> tuple[Floats, Floats]:
        """Return what a point stands for, the held numbers as they are."""
        a = self._free.size
        found, zi = values.copy(), inflation.copy()
        with np.errstate(over="ignore"):
            if self._problem.ordinal and a:
                found = np.cumsum(np.concatenate([x[:1], np.exp(x[1:a])]))
            elif a:
                found[self._free] = np.exp(x[:a])
        zi[self._free_inflation] = x[a:] / self._sizes[self._free_inflation]
        return found, zi

    def _volume(self, x: Floats) -> float:
        """Return the log volume element from the point to the values."""
        a = self._free.size
        return float(x[1:a].sum() if self._problem.ordinal else x[:a].sum())

    def _apart(self, values: Floats) -> bool:
        """Return whether parameters are positive, thresholds increasing."""
        return bool((np.diff(values) > 0.0).all() if self._problem.ordinal else (values > 0.0).all())


def _free(named: tuple[NamedPrior, ...]) -> NDArray[np.int64]:
    """Return the numbers of those whose prior is not a point."""
    return np.array([i for i, (_, prior) in enumerate(named) if not isinstance(prior, Fixed)], dtype=np.int64)
