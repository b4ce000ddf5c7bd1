"""(Restricted) maximum likelihood where the sds of some grouped terms are known numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilevel.engines.likelihood.estimator import (
    DUAL_TOLERANCE,
    Watcher,
    checked_limit,
    checked_start,
    criterion_constant,
    not_computable,
    solution_of,
    tolerance_of,
    unit_start,
)
from multilevel.engines.likelihood.known_sds_search import Ended, found_at, search
from multilevel.engines.likelihood.problem import n_theta, native_problem, require_core
from multilevel.engines.likelihood.verdict import SENTENCES, is_singular
from multilevel.engines.solution import (
    Certificate,
    Curvature,
    GroupPosterior,
    KenwardRoger,
    Method,
    Solution,
    Status,
    is_restricted,
)
from multilevel.errors import OptionError
from multilevel.kernels import core
from multilevel.moments import Moments

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
KnownSds = Sequence[float | None]
"""For each grouped term its known sd in the user's units, or ``None``."""
SMALL_START = 0.3
"""Relative sds of the second start."""


def solve_known(
    moments: Moments,
    known: KnownSds,
    *,
    method: Method = "reml",
    start: Floats | None = None,
    max_evaluations: int = 200,
    progress: Watcher | None = None,
) -> Solution:
    """Estimate what is not known.

    Parameters
    ----------
    moments
        Sufficient statistics.
    known
        Known sds of terms with one effect; at least one.
    method, start, max_evaluations, progress
        As in `estimator.solve`; ``start`` has the coordinates of all terms.

    Raises
    ------
    OptionError
        If one of the last three is not what it should be.
    DesignError
        If the likelihood is not defined.

    Notes
    -----
    The coordinates are the entries of the relative Cholesky factors of the other terms and, unless it is
    known too, the log of the residual sd ``s``. A known sd ``tau`` is the entry ``tau / s``. With ``d``
    degrees of freedom and the profiled criterion ``f`` of Bates et al. (2015, eqs. 34 and 41), the criterion
    at ``s`` is ``f - d (1 + log(2 pi r2 / d)) + d log(2 pi s^2) + r2 / s^2``. Newton steps with differences
    of the exact gradient; a variance of zero is a stationary point whose curvature must not be negative.
    """
    limit = checked_limit(max_evaluations, progress)
    criterion = criterion_of(moments, known, method)
    if len(moments.A) > 1:
        require_core(criterion.problem, moments)
    if start is not None:
        starts = [criterion.coordinates(checked_start(criterion.size, start))]
    else:
        starts = [criterion.begin(criterion.problem.start())]
        if len(criterion.free) and len(moments.A) > 1:
            starts.append(criterion.begin(SMALL_START * unit_start(moments)))
    best: Ended | None = None
    used = 0
    for x in starts:
        offset = criterion_constant(moments, method)
        ended = search(criterion, x, tolerance_of(moments), used + limit, progress, offset, used)
        used = ended.evaluations
        if best is None or ended.value < best.value - DUAL_TOLERANCE:
            best = ended
        if ended.status in (Status.EVALUATION_LIMIT, Status.INTERRUPTED):
            break
    assert best is not None
    if not np.isfinite(best.value):
        raise not_computable()
    return _solution(criterion, replace(best, evaluations=used))


def evaluate_known(
    moments: Moments,
    known: KnownSds,
    *,
    method: Method,
    theta: Floats,
    status: Status = Status.OPTIMAL,
    evaluations: int = 1,
) -> Solution:
    """Return the solution at known optimiser coordinates, without a search (for saved fits)."""
    criterion = criterion_of(moments, known, method)
    ended = found_at(criterion, criterion.coordinates(theta), tolerance_of(moments))
    if status not in (Status.OPTIMAL, Status.BOUNDARY):
        ended = replace(ended, status=status)
    return _solution(criterion, replace(ended, evaluations=evaluations))


@dataclass(frozen=True, slots=True, eq=False)
class KnownCriterion:
    """The criterion as a function of what is not known.

    Parameters
    ----------
    moments, known, problem, method
        The model, and the known sds in the user's units.
    free
        Positions of the other entries of theta.
    fixed
        Positions of the known terms.
    tau
        Their sds in scaled units.
    diagonal
        For each entry of theta whether it is on the diagonal of its factor.
    sigma
        Known residual sd in scaled units, or ``None``.
    """

    moments: Moments
    known: tuple[float | None, ...]
    problem: core.Problem
    method: Method
    free: NDArray[np.int64]
    fixed: NDArray[np.int64]
    tau: Floats
    diagonal: NDArray[np.bool_]
    sigma: float | None

    @property
    def size(self) -> int:
        """Entries of theta."""
        return self.free.size + self.fixed.size

    @property
    def dof(self) -> float:
        """Rows less, of the restricted likelihood, the coefficients."""
        return float(self.moments.n - (self.moments.p if is_restricted(self.method) else 0))

    def sigma_at(self, x: Floats) -> float:
        """Return the residual sd in scaled units."""
        return float(np.exp(x[-1])) if self.sigma is None else self.sigma

    def theta(self, x: Floats) -> Floats:
        """Return all of theta."""
        found = np.empty(self.size)
        found[self.free] = x[: self.free.size]
        found[self.fixed] = self.tau / self.sigma_at(x)
        return found

    def coordinates(self, theta: Floats) -> Floats:
        """Return the coordinates of a theta whose known entries are in it."""
        if self.sigma is not None:
            return np.asarray(theta[self.free])
        return np.append(theta[self.free], np.log(self.tau[0] / theta[self.fixed[0]]))

    def begin(self, theta: Floats) -> Floats:
        """Return coordinates to start from: those of theta, and the residual sd that it profiles."""
        if self.sigma is not None:
            return np.asarray(theta[self.free])
        try:
            r2 = self.problem.evaluate(theta)["r2"]
        except ValueError as error:
            raise not_computable() from error
        return np.append(theta[self.free], 0.5 * np.log(max(r2, 1e-12) / self.dof))

    def evaluate(self, x: Floats) -> tuple[float, Floats]:
        """Return value and gradient; infinite where it is not defined."""
        theta = self.theta(x)
        try:
            found = self.problem.evaluate(theta)
        except ValueError:
            return np.inf, np.zeros_like(x)
        if self.sigma is not None:
            return float(found["value"]), np.asarray(found["gradient"][self.free])
        s2, r2, dof = self.sigma_at(x) ** 2, found["r2"], self.dof
        value = found["value"] - dof * (1.0 + np.log(r2 / (dof * s2))) + r2 / s2
        by_theta = found["gradient"] + found["q"] * (dof / r2 - 1.0 / s2)
        by_log = 2.0 * dof - 2.0 * r2 / s2 - theta[self.fixed] @ by_theta[self.fixed]
        return float(value), np.append(by_theta[self.free], by_log)


def criterion_of(moments: Moments, known: KnownSds, method: Method) -> KnownCriterion:
    """Return the criterion of a model with known sds."""
    free: list[int] = []
    fixed: list[int] = []
    tau: list[float] = []
    diagonal: list[bool] = []
    for block, scaling, sd in zip(moments.blocks, moments.scaling.terms, known, strict=True):
        first, count = len(diagonal), n_theta(block)
        k = block.size
        triangle = count == k * (k + 1) // 2 and count > k
        diagonal += (
            [row == column for column in range(k) for row in range(column, k)] if triangle else [True] * count
        )
        if sd is None:
            free += range(first, first + count)
        else:
            fixed.append(first)
            tau.append(sd / (moments.scaling.y_scale * abs(float(scaling.back[0, 0]))))
    sigma = None if moments.known_sigma is None else moments.known_sigma / moments.scaling.y_scale
    return KnownCriterion(
        moments,
        tuple(known),
        native_problem(moments, method),
        method,
        np.array(free, dtype=np.int64),
        np.array(fixed, dtype=np.int64),
        np.array(tau),
        np.array(diagonal, dtype=np.bool_),
        sigma,
    )


def _solution(criterion: KnownCriterion, ended: Ended) -> Solution:
    """Return the solution in the user's units, of the model with the residual sd that was found."""
    moments, method = criterion.moments, criterion.method
    sigma = criterion.sigma_at(ended.x) * moments.scaling.y_scale
    given = replace(moments, known_sigma=sigma)
    problem = native_problem(given, method)
    found: dict[str, Any] = problem.optimise(
        start=criterion.theta(ended.x),
        tolerance=np.inf,
        dual_tolerance=np.inf,
        max_evaluations=2,
        watch=None,
    )
    if "theta" not in found:
        raise not_computable()
    solution = solution_of(given, method, problem, found, criterion_constant(given, method))
    pairs = list(zip(solution.covariances, criterion.known, strict=True))
    status = ended.status
    if criterion.sigma is None and criterion.problem.evaluate(criterion.theta(ended.x))["saturated"]:
        status = Status.SATURATED
    elif status is Status.OPTIMAL and any(sd is None and is_singular(T) for T, sd in pairs):
        status = Status.BOUNDARY
    return replace(
        solution,
        covariances=tuple(T if sd is None else np.array([[sd * sd]]) for T, sd in pairs),
        boundary=tuple(
            text if sd is None else "" for text, sd in zip(solution.boundary, criterion.known, strict=True)
        ),
        n_parameters=moments.p + len(ended.x),
        status=status,
        sentence=SENTENCES[status],
        certificate=Certificate(
            holds=status in (Status.OPTIMAL, Status.BOUNDARY),
            decrement=ended.decrement,
            dual=ended.dual,
            complementarity=float(np.abs(ended.x * ended.gradient).max(initial=0.0)),
            evaluations=ended.evaluations,
        ),
        groups=GivenSds(solution.groups, criterion, ended),
    )


class GivenSds:
    """Conditional distribution of the group effects, and the curvature by what is not known."""

    __slots__ = ("_criterion", "_ended", "_inner")

    def __init__(self, inner: GroupPosterior, criterion: KnownCriterion, ended: Ended) -> None:
        self._inner, self._criterion, self._ended = inner, criterion, ended

    def modes(self, term: int) -> Floats:
        """Return ``(m, k)`` conditional means of a term's effects."""
        return self._inner.modes(term)

    def covariances(self, term: int) -> Floats:
        """Return ``(m, k, k)`` conditional covariances given the coefficients."""
        return self._inner.covariances(term)

    def prediction_variance(self, X: Floats, index: Sequence[Ints], Z: Sequence[Floats]) -> Floats:
        """Return ``(n,)`` variances of predictions."""
        return self._inner.prediction_variance(X, index, Z)

    def response_variance(self, gradient: Floats, index: Sequence[Ints], Z: Sequence[Floats]) -> Floats:
        """Return the variances of predictions: a linear model has coefficients only."""
        return self._inner.prediction_variance(gradient, index, Z)

    def curvature(self) -> Curvature:
        """Return it by the free entries of theta, and by the log of the residual sd if it is estimated."""
        criterion, ended = self._criterion, self._ended
        by_theta = self._inner.curvature().gradient
        gradient = by_theta[criterion.free]
        if criterion.sigma is None:
            theta = criterion.theta(ended.x)
            vcov = self._unit_variance()
            by_log = 2.0 * vcov - np.einsum("k,kpq->pq", theta[criterion.fixed], by_theta[criterion.fixed])
            gradient = np.concatenate([gradient, by_log[None]])
        return Curvature(covariance=ended.covariance, gradient=gradient)

    def _unit_variance(self) -> Floats:
        """Return the covariance matrix of the coefficients."""
        criterion, ended = self._criterion, self._ended
        scaling = criterion.moments.scaling
        R = criterion.problem.evaluate(criterion.theta(ended.x))["R"]
        unit = criterion.sigma_at(ended.x) * scaling.y_scale
        return np.asarray(unit**2 * (scaling.fixed.back @ R @ scaling.fixed.back.T))

    def kenward_roger(self) -> KenwardRoger:
        """Refuse: the adjustment is for variances that are all estimated."""
        raise OptionError(
            "ddf='kenward-roger' was asked of a fit with known sds of nodes",
            allowed="'satterthwaite', 'none'",
            remedy="ddf='satterthwaite'",
        )
