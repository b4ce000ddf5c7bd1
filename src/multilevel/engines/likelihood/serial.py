"""Autoregressions: an ordinary problem for each value of their correlations, and the search for these."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from multilevel.engines.likelihood.problem import n_theta, native_problem, require_core
from multilevel.engines.solution import Method, is_restricted
from multilevel.kernels import core
from multilevel.model import Covariance
from multilevel.moments import Moments
from multilevel.moments.serial import autoregressive_factor, autoregressive_slope, grid_of

Floats = NDArray[np.float64]
Inner = Callable[[core.Problem, Floats | None], dict[str, Any]]
"""The search for everything but the correlations, from a start or from the problem's own."""

REGULAR_SCAN = (-1.2, -0.5, 0.1, 0.6, 1.1, 1.7, 2.5)
REAL_SCAN = (-2.5, -1.0, 0.5, 2.0, 3.5, 5.5)
"""Where the search looks first: inverse hyperbolic tangents, and logits, of the correlation of one step."""
REGULAR_END, REAL_END = 8.0, 15.0
"""How far it goes on these scales."""
STEP = 1e-3
"""Of differences of the exact gradient."""
MOST_STEPS = 8
NO_SLOPE = 1e-7
SAME = 1e-8
"""Criteria this close are the same."""


@dataclass(frozen=True, slots=True)
class Place:
    """One autoregressive term: its block, its coordinate among the native ones, its times."""

    block: int
    theta: int
    column: str
    times: tuple[float, ...]
    regular: bool

    @property
    def end(self) -> float:
        """How far the coordinate of the correlation goes."""
        return REGULAR_END if self.regular else REAL_END

    def rho(self, u: float) -> float:
        """Return the correlation of one step at a coordinate."""
        return float(np.tanh(u) if self.regular else expit(u))

    def slope(self, u: float) -> float:
        """Return its derivative."""
        rho = self.rho(u)
        return 1.0 - rho * rho if self.regular else rho * (1.0 - rho)


@dataclass(frozen=True, slots=True, eq=False)
class Serial:
    """Where a search for correlations ended.

    Parameters
    ----------
    raw
        Moments before whitening.
    moments, problem, found
        Of the ordinary problem at the correlations.
    rho
        Correlation of one step of each autoregressive term; 1 and -1 (of real times 0) at a boundary.
    runaway
        Whether a correlation grows towards one without reaching an optimum.
    """

    raw: Moments
    moments: Moments
    problem: core.Problem
    found: dict[str, Any]
    rho: Floats
    runaway: bool = False


def autoregressions(moments: Moments) -> tuple[Place, ...]:
    """Return the autoregressive terms of a model."""
    found, first = [], 0
    for number, block in enumerate(moments.blocks):
        if block.covariance is Covariance.AUTOREGRESSIVE and block.times is not None:
            times = block.times.values
            found.append(Place(number, first, block.times.column, times, grid_of(times).regular))
        first += n_theta(block)
    return tuple(found)


def whitened(moments: Moments, rho: Floats) -> Moments:
    """Return the moments in columns in which the effects of each autoregression are independent.

    With ``R = L L'`` the effects are ``L u``, so that the columns are ``Z L``: every cross-product with them
    is multiplied by ``L``, and so is the way back to the user's columns.
    """
    blocks, scalings = list(moments.blocks), list(moments.scaling.terms)
    mixed = [np.eye(k) for k in moments.effects]
    touched = set()
    for place, r in zip(autoregressions(moments), rho, strict=True):
        block = blocks[place.block]
        L = autoregressive_factor(place.times, float(r))
        here = slice(block.start, block.start + block.size)
        mixed[block.factor][here, here] = L
        touched.add(block.factor)
        blocks[place.block] = replace(block, whitened=True)
        scaling = scalings[place.block]
        scalings[place.block] = replace(scaling, back=scaling.back @ L, mixture=L)
    A, C, pairs = list(moments.A), list(moments.C), list(moments.pairs)
    for f in touched:
        A[f] = np.ascontiguousarray(mixed[f].T @ A[f] @ mixed[f])
        C[f] = np.ascontiguousarray(mixed[f].T @ C[f])
    for at, pair in enumerate(pairs):
        if {pair.f, pair.g} & touched:
            value = mixed[pair.f].T @ pair.value @ mixed[pair.g]
            pairs[at] = replace(pair, value=np.ascontiguousarray(value))
    return replace(
        moments,
        A=tuple(A),
        C=tuple(C),
        pairs=tuple(pairs),
        blocks=tuple(blocks),
        scaling=replace(moments.scaling, terms=tuple(scalings)),
    )


def slopes(
    moments: Moments, method: Method, problem: core.Problem, theta: Floats, at: dict[str, Any], rho: Floats
) -> Floats:
    """Return the derivatives of the criterion with respect to the correlations, the rest held.

    Parameters
    ----------
    moments, problem
        Whitened at ``rho``.
    method
        "reml" or "ml".
    theta, at
        Native coordinates, and what `core.Problem.evaluate` gives there.
    rho
        Correlations of one step, inside their range.

    Notes
    -----
    ``tr(G dT)`` with ``G`` the derivative of the criterion with respect to the covariance matrix of a level's
    effects; in whitened columns ``dT = theta^2 L^-1 dR L^-T``.
    """
    a = np.concatenate([-at["beta"], [1.0]])
    if moments.known_sigma is None:
        precision = (moments.n - (moments.p if is_restricted(method) else 0)) / at["r2"]
    else:
        precision = (moments.scaling.y_scale / moments.known_sigma) ** 2
    weights = precision * np.outer(a, a)
    if is_restricted(method):
        weights[:-1, :-1] += at["R"]
    G = problem.reduction_gradients(np.ascontiguousarray(theta[None]), np.ascontiguousarray(weights[None]))
    found = np.zeros(len(rho))
    for number, place in enumerate(autoregressions(moments)):
        block = moments.blocks[place.block]
        here = slice(block.start, block.start + block.size)
        moved = whitened_slope(place, float(rho[number]))
        found[number] = theta[place.theta] ** 2 * np.sum(G[block.factor][0][here, here] * moved)
    return found


def whitened_slope(place: Place, rho: float) -> Floats:
    """Return ``L^-1 (dR/drho) L^-T``."""
    L = autoregressive_factor(place.times, rho)
    half = np.linalg.solve(L, autoregressive_slope(place.times, rho))
    return np.asarray(np.linalg.solve(L, half.T))


class Search:
    """The criterion with everything but the correlations at its best, as a function of their coordinates."""

    def __init__(self, moments: Moments, method: Method, inner: Inner) -> None:
        self._moments, self._method, self._inner = moments, method, inner
        self.places = autoregressions(moments)
        self._start: Floats | None = None
        self.evaluations = 0
        self.best: Serial | None = None
        self.best_at = np.zeros(len(self.places))
        self.ended = False  # by the limit or by the watcher

    def at(self, rho: Floats, *, fresh: bool = False) -> Serial:
        """Return the best ordinary fit at given correlations."""
        moments = whitened(self._moments, rho)
        problem = native_problem(moments, self._method)
        if len(moments.A) > 1:
            require_core(problem, moments)
        found = self._inner(problem, None if fresh else self._start)
        self.evaluations += int(found.get("evaluations", 0))
        self.ended |= found["end"] == 3
        return Serial(self._moments, moments, problem, found, rho)

    def profile(self, u: Floats, *, fresh: bool = False) -> tuple[float, Floats]:
        """Return the criterion and its gradient at coordinates of the correlations."""
        rho = np.array([place.rho(v) for place, v in zip(self.places, u, strict=True)])
        here = self.at(rho, fresh=fresh or self._start is None)
        if "theta" not in here.found:
            return 1e300, np.zeros(u.size)
        value = float(here.found["value"])
        if self.best is None or value < float(self.best.found["value"]):
            self.best, self.best_at, self._start = here, u.copy(), here.found["theta"]
        gradient = slopes(here.moments, self._method, here.problem, here.found["theta"], here.found, rho)
        return value, gradient * [place.slope(v) for place, v in zip(self.places, u, strict=True)]


def search_correlations(
    moments: Moments, method: Method, inner: Inner, start: Floats | None
) -> Serial | None:
    """Search for the correlations, or return ``None`` if the criterion is nowhere defined.

    Parameters
    ----------
    moments
        Not whitened.
    method
        "reml" or "ml".
    inner
        Searches for the rest at given correlations.
    start
        Native coordinates followed by the correlations; by default several values are looked at.
    """
    search = Search(moments, method, inner)
    count = len(search.places)
    if start is not None:
        search._start = start[: start.size - count]
    for u in _first_points(search.places, None if start is None else start[start.size - count :]):
        if not search.ended:
            search.profile(u)
    if search.best is None or search.ended:
        return _finished(search, np.inf)
    search.profile(search.best_at, fresh=start is None)
    bounds = [(-place.end, place.end) for place in search.places]
    options = {"maxiter": 60, "ftol": 1e-13, "gtol": 1e-7}
    minimize(search.profile, search.best_at, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    return _at_boundary(search) or _finished(search, _polished(search))


def _first_points(places: tuple[Place, ...], given: Floats | None) -> list[Floats]:
    """Return the coordinates that are looked at first."""
    if given is not None:
        with np.errstate(divide="ignore"):
            u = [
                np.arctanh(r) if place.regular else np.log(r) - np.log1p(-r)
                for place, r in zip(places, given, strict=True)
            ]
        ends = np.array([place.end for place in places])
        return [np.clip(np.array(u), 1.0 - ends, ends - 1.0)]
    longest = max(len(REGULAR_SCAN), len(REAL_SCAN))
    scans = [REGULAR_SCAN if place.regular else REAL_SCAN for place in places]
    return [np.array([scan[min(at, len(scan) - 1)] for scan in scans]) for at in range(longest)]


def _polished(search: Search) -> float:
    """Take Newton steps in the coordinates; return by how much the criterion could still fall."""
    decrement = np.inf
    for _ in range(MOST_STEPS):
        u = search.best_at
        value, gradient = search.profile(u)
        H = np.array(
            [
                (search.profile(u + step)[1] - search.profile(u - step)[1]) / (2.0 * STEP)
                for step in STEP * np.eye(u.size)
            ]
        )
        H = (H + H.T) / 2.0
        if search.ended or np.linalg.eigvalsh(H)[0] <= 0.0:
            return 0.0 if not search.ended and np.abs(gradient).max() < NO_SLOPE else np.inf
        move = np.linalg.solve(H, gradient)
        decrement = 0.5 * float(gradient @ move)
        if decrement < 1e-12:
            break
        search.profile(u - move)
        if float(search.best.found["value"]) > value - 1e-13:  # type: ignore[union-attr]
            break
    return decrement


def _at_boundary(search: Search) -> Serial | None:
    """Return the end of a search at a boundary, or ``None`` if it is inside."""
    best = search.best
    assert best is not None
    theta = best.found["theta"]
    lost = np.array([theta[place.theta] == 0.0 for place in search.places])
    far = np.array([abs(v) > place.end - 1.0 for place, v in zip(search.places, search.best_at, strict=True)])
    if not (lost | far).any():
        return None
    limit = np.array(
        [
            np.sign(v) if place.regular else float(v > 0.0)
            for place, v in zip(search.places, search.best_at, strict=True)
        ]
    )
    rho = np.where(lost, 0.0, np.where(far, limit, best.rho))
    there = search.at(rho, fresh=True)
    if there.found.get("value", np.inf) <= best.found["value"] + SAME:
        return replace(there, found={**there.found, "evaluations": search.evaluations})
    runaway = _finished(search, np.inf)
    return None if runaway is None else replace(runaway, runaway=True)


def _finished(search: Search, decrement: float) -> Serial | None:
    """Return the best point, certified only if the correlations are at their optimum too."""
    best = search.best
    if best is None:
        return None
    found = {**best.found, "evaluations": search.evaluations}
    found["decrement"] = float(found["decrement"]) + decrement
    if found["end"] == 0 and not decrement < SAME:
        found["end"] = 3 if search.ended else 2
    return replace(best, found=found)
