"""Everything at one point: gradient with its Monte Carlo variance, average information, coefficients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multilevel.engines.monte_carlo.frames import Frame, roots_of
from multilevel.engines.monte_carlo.probes import Probes, ProbeSet
from multilevel.engines.monte_carlo.system import System
from multilevel.moments import Moments

Floats = NDArray[np.float64]

MOST_ITERATIONS = 2000
"""Of conjugate gradients; shrinkage bounds the condition, so that a few dozen are usual."""


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """What does not change from point to point.

    Parameters
    ----------
    moments, system
        The model.
    c
        ``(effects, p + 1)`` cross-products of all effects with ``[X y]``.
    reml
        Whether the likelihood is the restricted one.
    known_sigma
        Residual sd of the scaled problem, or ``None``.
    """

    moments: Moments
    system: System
    c: Floats
    reml: bool
    known_sigma: float | None

    @property
    def dof(self) -> float:
        """Observations, less the coefficients if the likelihood is restricted."""
        return self.moments.n - (self.moments.p if self.reml else 0)


@dataclass(frozen=True, slots=True, eq=False)
class Fixed:
    """Coefficients, ``R = (X'V^-1 X)^-1``, residual sum of squares, and ``u`` for ``[X y]``.

    ``H`` by factor is ``(m, K, p)``, ``Z'V^-1 X``; ``g`` is ``(m, K)``, ``Z'V^-1 (y - X beta)``.
    """

    beta: Floats
    R: Floats
    r2: float
    log_det: float
    H: tuple[Floats, ...]
    g: tuple[Floats, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """The criterion's derivatives at a point.

    Parameters
    ----------
    frame
        Where, and the coordinates.
    gradient
        ``(h,)`` by the coordinates, with estimated traces.
    noise
        ``(h, h)`` Monte Carlo covariance of the gradient.
    information
        ``(h, h)`` average information, the Hessian's stand-in, without what a boundary adds.
    q
        ``(h,)`` minus the derivatives of ``r2``.
    fixed
        Coefficients at this point.
    x
        Solutions ``(core effects, p + 1 + probes)``, to start the next ones from.
    iterations
        Most iterations of conjugate gradients.
    """

    frame: Frame
    gradient: Floats
    noise: Floats
    information: Floats
    q: Floats
    fixed: Fixed
    x: Floats
    extra: Floats
    iterations: int


def problem_of(moments: Moments, system: System, *, reml: bool) -> Problem:
    """Return a model ready to be evaluated."""
    c = np.concatenate([C.reshape(-1, moments.p + 1) for C in moments.C])
    known = None if moments.known_sigma is None else moments.known_sigma / moments.scaling.y_scale
    return Problem(moments, system, np.ascontiguousarray(c), reml, known)


def point_at(
    problem: Problem, frame: Frame, probes: Probes, *, tolerance: float, start: Point | None = None
) -> Point:
    """Return the derivatives at a point (Gilmour, Thompson and Cullis 1995; Matilainen et al. 2013).

    Parameters
    ----------
    problem, frame, probes
        What, where, and with which random vectors.
    tolerance
        Relative residual of the linear systems.
    start
        An earlier point whose solutions are near.
    """
    system, p = problem.system, problem.moments.p
    roots = roots_of(problem.moments, frame)
    system.native.set_lambda(roots)
    b = np.concatenate([system.native.reduce(problem.c), probes.W], axis=1)
    found = system.native.solve(b, _warm(start, b.shape), tolerance, MOST_ITERATIONS)
    x, residual = found["x"], found["residual"]
    fixed = _fixed(problem, roots, x[:, : p + 1], residual[:, : p + 1])
    traces, noise = _traces(problem, frame, roots, probes, x[:, p + 1 :], residual[:, p + 1 :])
    weight = 1.0 / (problem.known_sigma**2) if problem.known_sigma is not None else problem.dof / fixed.r2
    gradient, q, nu = traces, np.zeros(traces.size), np.zeros((system.native.total, traces.size))
    at = 0
    for term in frame:
        f, here = term.block.factor, slice(term.block.start, term.block.start + term.block.size)
        g, H = fixed.g[f][:, here], fixed.H[f][:, here]
        own = slice(at, at + len(term.members))
        q[own] = term.coordinates(g.T @ g)
        gradient[own] -= weight * q[own]
        if problem.reml and p:
            gradient[own] -= term.coordinates(np.einsum("map,pq,mbq->ab", H, fixed.R, H, optimize=True))
        rows = system.by_level(nu, f)
        rows[:, here, own] = np.einsum("sab,mb->mas", term.directions, g)
        at += len(term.members)
    K, extra = _second_products(problem, roots, fixed, nu, tolerance, start)
    information = weight * K
    if problem.known_sigma is None:
        information -= weight**2 * np.outer(q, q) / problem.dof
    return Point(
        frame, gradient, noise, information, q, fixed, x, extra, int(found["iterations"].max(initial=0))
    )


def _warm(start: Point | None, shape: tuple[int, ...]) -> Floats | None:
    """Return solutions to start from: those of an earlier point, and zero for probes that it had not."""
    if start is None or start.x.shape[1] > shape[1]:
        return None
    found = np.zeros(shape)
    found[:, : start.x.shape[1]] = start.x
    return found


def _fixed(problem: Problem, roots: list[Floats], x: Floats, residual: Floats) -> Fixed:
    """Return coefficients and residual sum of squares; quadratic forms err by the squared error of ``x``."""
    moments, system, p = problem.moments, problem.system, problem.moments.p
    u = system.native.back(problem.c, np.ascontiguousarray(x))
    Q = moments.D - x.T @ residual
    H = []
    for f, root in enumerate(roots):
        own, c = system.by_level(u, f), moments.C[f]
        Q = Q - np.einsum("mar,ab,mbs->rs", c, root, own, optimize=True)
        H.append(np.einsum("ab,mbr->mar", np.linalg.inv(root).T, own))
    Q = (Q + Q.T) / 2.0
    factor = np.linalg.cholesky(Q[:p, :p])
    R = np.asarray(np.linalg.inv(Q[:p, :p]), dtype=np.float64)
    beta = R @ Q[:p, p]
    r2 = float(Q[p, p] - Q[:p, p] @ beta)
    log_det = 2.0 * float(np.log(np.diagonal(factor)).sum())
    g = tuple(h[:, :, p] - h[:, :, :p] @ beta for h in H)
    return Fixed(beta, R, r2, log_det, tuple(h[:, :, :p] for h in H), g)


def _traces(
    problem: Problem, frame: Frame, roots: list[Floats], probes: Probes, x: Floats, residual: Floats
) -> tuple[Floats, Floats]:
    """Return ``sum_j tr(E_j B)`` by coordinate, and the Monte Carlo covariance of its estimates.

    In the core ``Lambda'E Lambda w = w - S^-1 w``. In the chain ``E = E0 - F Lambda S^-1 Lambda'F'``, of
    which ``E0`` (the chain without the core) is exact.
    """
    system = problem.system
    backs = [np.asarray(np.linalg.inv(root), dtype=np.float64) for root in roots]
    total = _exact_traces(system, frame, backs)
    noise = np.zeros((total.size, total.size))
    through_x = system.native.chain_part(np.ascontiguousarray(x))
    through_w = system.native.chain_part(probes.W)
    for one in probes.sets:
        each = np.zeros((total.size, one.size))
        at = 0
        for term in frame:
            f, own = term.block.factor, slice(at, at + len(term.members))
            at = own.stop
            if f in system.chain:
                M = -_chain_products(system, f, through_x, through_w, one)
            elif f == one.factor:
                M = _core_products(system, one, probes.W, x, residual)
            else:
                continue
            E = np.einsum("ab,rbc,cd->rad", backs[f].T, M, backs[f], optimize=True)
            here = slice(term.block.start, term.block.start + term.block.size)
            each[own] = np.einsum("sab,rab->sr", term.directions, E[:, here, here], optimize=True)
        if one.exact:
            total = total + each.sum(axis=1)
        else:
            total = total + each.mean(axis=1)
            noise = noise + np.atleast_2d(np.cov(each)) / one.size
    return total, noise


def _exact_traces(system: System, frame: Frame, backs: list[Floats]) -> Floats:
    """Return what needs no probes: the chain's own part."""
    own = dict(zip(system.chain, system.native.chain_information(), strict=True))
    found = []
    for term in frame:
        f, here = term.block.factor, slice(term.block.start, term.block.start + term.block.size)
        if f in own:
            E = backs[f].T @ own[f] @ backs[f]
            found.append(term.coordinates(E[here, here]))
        else:
            found.append(np.zeros(len(term.members)))
    return np.concatenate(found)


def _chain_products(system: System, factor: int, x: Floats, w: Floats, one: ProbeSet) -> Floats:
    """Return ``(size, K, K)`` sums over levels of a chain factor, for each probe of a set."""
    start = sum(system.levels[f] * system.effects[f] for f in system.chain[: system.chain.index(factor)])
    m, k = system.levels[factor], system.effects[factor]
    left = x[start : start + m * k, one.columns].reshape(m, k, -1)
    right = w[start : start + m * k, one.columns].reshape(m, k, -1)
    products = np.einsum("mar,mbr->rab", left, right)
    return np.asarray((products + products.transpose(0, 2, 1)) / 2.0)


def _core_products(system: System, one: ProbeSet, W: Floats, x: Floats, residual: Floats) -> Floats:
    """Return ``(size, K, K)`` estimates of the column ``one.effect`` of ``sum_j Lambda'E_j Lambda``.

    The variance itself by ``w'w - w'x - x'r``, which errs by the squared error of ``x`` only.
    """
    k, a = system.effects[one.factor], one.effect
    w = system.of_core(W, one.factor)[:, a, one.columns]
    left = (
        system.of_core(x, one.factor)[:, :, one.columns]
        + system.of_core(residual, one.factor)[:, :, one.columns]
    )
    found = np.zeros((one.size, k, k))
    column = -np.einsum("mbr,mr->rb", left, w)
    found[:, a, :] = column
    found[:, :, a] += column
    square = np.einsum("mr,mr->r", w, w - system.of_core(x, one.factor)[:, a, one.columns])
    found[:, a, a] = square - np.einsum("nr,nr->r", x[:, one.columns], residual[:, one.columns])
    found[:, np.arange(k) != a, a] *= 0.5
    found[:, a, np.arange(k) != a] *= 0.5
    return found


def _second_products(
    problem: Problem, roots: list[Floats], fixed: Fixed, nu: Floats, tolerance: float, start: Point | None
) -> tuple[Floats, Floats]:
    """Return ``y'P V_s P V_t P y`` from the vectors ``V_s P y = Z nu_s``, and the solutions.

    ``nu'Z'V^-1 Z nu``, less what the coefficients take.
    """
    system = problem.system
    c = system.native.cross(nu)
    b = system.native.reduce(c)
    warm = start.extra if start is not None and start.extra.shape == b.shape else None
    found = system.native.solve(b, warm, tolerance, MOST_ITERATIONS)
    u = system.native.back(c, found["x"])
    K = nu.T @ c - found["x"].T @ found["residual"]
    H = np.zeros((problem.moments.p, nu.shape[1]))
    for f, root in enumerate(roots):
        own, rows, v = system.by_level(u, f), system.by_level(c, f), system.by_level(nu, f)
        K = K - np.einsum("mas,ab,mbt->st", rows, root, own, optimize=True)
        H += np.einsum("map,mas->ps", fixed.H[f], v)
    K = K - H.T @ fixed.R @ H
    return (K + K.T) / 2.0, found["x"]
