"""Many points of a Laplace posterior at once, on threads, with draws of the effects that correct it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multilevel.engines.joint.laplace_mode import LaplacePosterior, Mode
from multilevel.engines.laplace.problem import LaplaceProblem
from multilevel.kernels import core

Floats = NDArray[np.float64]

STEP = 0.5
"""Of the differences, in units of the curvature at the mode."""


@dataclass(frozen=True, slots=True, eq=False)
class Corrected:
    """What is known of ``n`` points.

    Parameters
    ----------
    log_density
        ``(n,)`` by Laplace's method; minus infinity where undefined.
    log_weights
        ``(n,)`` logs of unbiased estimates of the likelihood over its approximation; zero without draws.
    effects
        For each point and grouped term ``(m, k)`` drawn effects; empty if they were not to be kept.
    """

    log_density: Floats
    log_weights: Floats
    effects: list[list[Floats]]


class LaplacePoints:
    """The approximation of one model, once for each thread.

    Parameters
    ----------
    posterior
        Of the parameters.
    mode
        Of it: the search for the mode of the effects at a point begins on the line through that of this one,
        so that the values of a point depend on nothing else.
    threads
        Among which points are shared out; the results do not depend on it.
    """

    __slots__ = ("_centre", "_posterior", "_slopes", "_start", "_workers", "evaluations")

    def __init__(self, posterior: LaplacePosterior, mode: Mode, *, threads: int) -> None:
        problem = posterior.problem
        self._posterior, self._centre = posterior, mode.x
        self._start, self._slopes = _line(posterior, mode)
        others = [LaplaceProblem(problem.design, problem.layout).kernel for _ in range(threads - 1)]
        self._workers = [problem.kernel, *others]
        self.evaluations = 0

    def evaluate(
        self, x: Floats, streams: NDArray[np.int64], *, pairs: int, seed: int, keep: bool = False
    ) -> Corrected:
        """Evaluate points ``(n, d)``.

        Parameters
        ----------
        x
            Vectors of parameters.
        streams
            ``(n,)`` of random numbers: same seed and stream, same draws.
        pairs
            Of draws of the effects at each point, on both sides of the mode; zero for none.
        seed
            Of the draws.
        keep
            Whether drawn effects are handed back.
        """
        problem, parameters = self._posterior.problem, self._posterior.parameters
        self.evaluations += x.shape[0]
        found = [parameters.at(one) for one in x]
        priors = np.array([point.log_prior for point in found])
        vectors = [self._posterior.vector_of(one, point) for one, point in zip(x, found, strict=True)]
        defined = np.isfinite(priors) & np.array([problem.allows(one) for one in vectors], dtype=np.bool_)
        which = np.flatnonzero(defined)
        density, weights = np.full(x.shape[0], -np.inf), np.full(x.shape[0], -np.inf if pairs else 0.0)
        effects: list[list[Floats]] = [[] for _ in range(x.shape[0] if keep else 0)]
        if not which.size:
            return Corrected(density, weights, effects)
        inputs = [problem.kernel_input(vectors[i]) for i in which]
        rows = [one[3] for one in inputs if one[3] is not None]
        values, logs, flat = core.laplace_points(
            self._workers,
            np.stack([one[0] for one in inputs]),
            np.stack([one[1] for one in inputs]),
            np.stack([one[2] for one in inputs]),
            np.stack(rows) if rows else None,
            self._starts(x[which]),
            np.ascontiguousarray(streams[which], dtype=np.int64),
            pairs,
            seed,
            keep,
        )
        good = np.isfinite(values)
        density[which] = np.where(good, priors[which] - 0.5 * (values + problem.constant), -np.inf)
        if pairs:
            weights[which] = np.where(good, logs, -np.inf)
        for i, one in zip(which.tolist(), flat, strict=False):
            effects[i] = problem.in_units(one)
        return Corrected(density, weights, effects)

    def _starts(self, x: Floats) -> Floats:
        """Return where searches begin, ``(n, effects)``; sums in an order that does not depend on ``n``."""
        starts = np.tile(self._start, (x.shape[0], 1))
        for j, slope in enumerate(self._slopes):
            starts += (x[:, j : j + 1] - self._centre[j]) * slope
        return starts


def _line(posterior: LaplacePosterior, mode: Mode) -> tuple[Floats, Floats]:
    """Return whitened modes of the effects at the mode, and their derivatives ``(d, effects)``."""
    problem = posterior.problem
    problem.at(posterior.vector(mode.x), gradient=False)
    start = problem.kernel.place()
    ends = []
    for step in STEP * mode.factor.T:
        found = []
        for sign in (1.0, -1.0):
            value = problem.at(posterior.vector(mode.x + sign * step), gradient=False).value
            found.append(problem.kernel.place() if np.isfinite(value) else start)
        ends.append((found[0] - found[1]) / (2.0 * STEP))
    if not ends:
        return start, np.zeros((0, start.size))
    return start, np.asarray(np.linalg.solve(mode.factor.T, np.stack(ends)), dtype=np.float64)
