"""The optimum of the dense criterion: quasi-Newton on relative factors with the analytic gradient."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize

from multilevel.model import Covariance
from tests.oracle.criterion import gls
from tests.oracle.dense import Dense, Floats, Structure, basis, marginal_covariance, roots

FLAT = 1e-7
"""Relative sds below this are taken to be zero, if the criterion does not mind."""


def profiled(problem: Dense, theta: Floats, method: str) -> tuple[float, Floats, float]:
    """Return the criterion profiled over ``beta`` and ``sigma``, its gradient in ``theta``, and ``sigma``.

    With ``V = sigma^2 V_0(theta)``, ``r2 = y' P_0 y`` and ``N = n`` (ML) or ``n - p`` (REML):
    ``log|V_0| + N (1 + log(2 pi r2 / N))`` plus ``log|X' V_0^-1 X|`` for REML; for a known ``sigma`` the
    last term is ``r2 / sigma^2 + N log(2 pi sigma^2)``. Gradient in a factor: ``2 tril(G factor)``.
    """
    n, p = problem.X.shape
    factors = factors_of(problem, theta)
    found = gls(problem, marginal_covariance(problem, [f @ f.T for f in factors], 1.0))
    N = n - p if method == "reml" else n
    r2 = max(float(problem.y @ found.P @ problem.y), 1e-300)
    value = found.log_det
    if method == "reml":
        value -= float(np.linalg.slogdet(found.vcov)[1])
    if problem.residual_sd is None:
        sigma2 = r2 / N
        value += N * (1 + float(np.log(2 * np.pi * sigma2)))
    else:
        sigma2 = problem.residual_sd**2
        value += r2 / sigma2 + N * float(np.log(2 * np.pi * sigma2))
    M = found.P if method == "reml" else found.inverse
    Py = found.P @ problem.y
    slopes = []
    for Z, (m, k), structure, factor in zip(
        problem.Z, problem.sizes, problem.structures, factors, strict=True
    ):
        g = (Z.T @ Py).reshape(m, k)
        E = Z.T @ M @ Z
        G = sum(E[j * k : (j + 1) * k, j * k : (j + 1) * k] for j in range(m)) - g.T @ g / sigma2
        slopes += _project(2 * G @ factor, k, structure)
    return value, np.array(slopes), float(np.sqrt(sigma2))


def factors_of(problem: Dense, theta: Floats) -> list[Floats]:
    """Return the relative factor of each term: lower triangle column by column, diagonal, or one number."""
    found, start = [], 0
    for (_, k), structure in zip(problem.sizes, problem.structures, strict=True):
        factor = np.zeros((k, k))
        for B in roots(k, structure):
            factor += theta[start] * B
            start += 1
        found.append(factor)
    return found


def _project(slope: Floats, k: int, structure: Structure) -> list[float]:
    """Return the entries of a gradient in the coordinates of a structure."""
    return [float(np.sum(slope * B)) for B in roots(k, structure)]


def optimum(problem: Dense, method: str, scales: Sequence[float] = (1.0, 0.2, 3.0)) -> Floats:
    """Return the ``theta`` of the lowest criterion from several starts; diagonals not negative."""
    start = np.concatenate(
        [
            [float(np.trace(B) > 0) for B in basis(k, s)]
            for (_, k), s in zip(problem.sizes, problem.structures, strict=True)
        ]
        or [np.empty(0)]
    )
    if not start.size:
        return start
    runs = [_descend(problem, start * scale, method) for scale in scales]
    best = min(runs, key=lambda theta: profiled(problem, theta, method)[0])
    return _snapped(problem, best, method)


def _descend(problem: Dense, theta: Floats, method: str) -> Floats:
    """Return a local optimum: BFGS, then Newton steps with a differenced Hessian while they help."""
    found = minimize(
        lambda t: profiled(problem, t, method)[:2], theta, jac=True, method="BFGS", options={"gtol": 1e-7}
    ).x
    for _ in range(5):
        value, slope, _ = profiled(problem, found, method)
        h = 1e-5
        H = np.array(
            [
                (profiled(problem, found + e, method)[1] - profiled(problem, found - e, method)[1]) / (2 * h)
                for e in h * np.eye(found.size)
            ]
        )
        step = found - np.linalg.pinv((H + H.T) / 2, rcond=1e-9) @ slope
        if profiled(problem, step, method)[0] > value + 1e-9 or np.abs(slope).max() < 1e-10:
            break
        found = step
    return found


def _snapped(problem: Dense, theta: Floats, method: str) -> Floats:
    """Return ``theta`` with diagonals made positive and negligible columns set to zero."""
    value = profiled(problem, theta, method)[0]
    found, start = theta.copy(), 0
    for (_, k), structure in zip(problem.sizes, problem.structures, strict=True):
        for B in basis(k, structure):
            a, b = int(np.nonzero(B)[0].max()), int(np.nonzero(B)[1].min())
            if structure in (Covariance.SCALAR, Covariance.COMPOUND_SYMMETRIC) or a == b:
                column = slice(
                    start, start + 1 if structure is not Covariance.UNSTRUCTURED else start + k - a
                )
                if found[start] < 0:
                    found[column] *= -1
                if np.abs(found[column]).max() < FLAT * 1e3:
                    trial = found.copy()
                    trial[column] = 0.0
                    if profiled(problem, trial, method)[0] <= value + 1e-9:
                        found = trial
            start += 1
    return found
