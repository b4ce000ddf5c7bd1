"""The Laplace approximation of a generalised linear mixed model by dense algebra and SciPy's densities.

``-2 log L = -2 sum log f(y | eta) + u'u + log|I + Lambda'Z'WZ Lambda|`` at the mode over ``u``, ``W`` minus
the second derivatives of the log densities, by differences of SciPy's. Slow; nothing of it is the library's.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from tests.oracle.families import Rows, log_density

Floats = NDArray[np.float64]
STEP = 2e-3


@dataclass(frozen=True, slots=True, eq=False)
class Dense:
    """A problem in dense form.

    Parameters
    ----------
    rows
        Responses; ``eta`` holds offset and fixed part.
    frequency
        ``(n,)`` how many times each row counts, or ``None``.
    Z, Lambda
        ``(n, q)`` and ``(q, q)``: all effects are ``Lambda u``, u of independent standard normal numbers.
    """

    rows: Rows
    frequency: Floats | None
    Z: Floats
    Lambda: Floats

    def densities(self, shift: Floats) -> Floats:
        """Return ``(n,)`` log densities at ``eta + shift``, times the frequencies."""
        found = log_density(dataclasses.replace(self.rows, eta=self.rows.eta + shift))
        return found if self.frequency is None else found * self.frequency


def stacked(Z: Sequence[Floats], level: Sequence[Floats], L: Sequence[Floats]) -> tuple[Floats, Floats]:
    """Return ``Z (n, q)`` and ``Lambda (q, q)`` of terms with row effects, levels and Cholesky factors."""
    columns, roots = [], []
    for z, at, root in zip(Z, level, L, strict=True):
        m, k = int(at.max()) + 1, z.shape[1]
        wide = np.zeros((z.shape[0], m * k))
        for j in range(k):
            wide[np.arange(z.shape[0]), at.astype(np.int64) * k + j] = z[:, j]
        columns.append(wide)
        roots.append(np.kron(np.eye(m), root))
    q = sum(root.shape[0] for root in roots)
    Lambda, start = np.zeros((q, q)), 0
    for root in roots:
        stop = start + root.shape[0]
        Lambda[start:stop, start:stop] = root
        start = stop
    return np.concatenate(columns, axis=1), Lambda


def slopes(problem: Dense, shift: Floats) -> tuple[Floats, Floats]:
    """Return the first and second derivatives of the log densities by eta, to fourth order in `STEP`."""
    two, one, here, back, far = (problem.densities(shift + k * STEP) for k in (2, 1, 0, -1, -2))
    first = (8 * (one - back) - two + far) / (12 * STEP)
    second = (16 * (one + back) - 30 * here - two - far) / (12 * STEP**2)
    return first, second


def laplace(problem: Dense) -> float:
    """Return -2 log-likelihood."""
    ZL = problem.Z @ problem.Lambda

    def objective(u: Floats) -> tuple[float, Floats]:
        value = 0.5 * float(u @ u) - float(problem.densities(ZL @ u).sum())
        if not np.isfinite(value):
            return 1e10, u
        return value, u - ZL.T @ slopes(problem, ZL @ u)[0]

    u = minimize(objective, np.zeros(ZL.shape[1]), jac=True, method="BFGS", options={"gtol": 1e-5}).x
    for _ in range(4):
        first, second = slopes(problem, ZL @ u)
        H = np.eye(u.size) - ZL.T @ (second[:, None] * ZL)
        u = u - np.linalg.solve(H, u - ZL.T @ first)
    _, second = slopes(problem, ZL @ u)
    H = np.eye(u.size) - ZL.T @ (second[:, None] * ZL)
    sign, log_det = np.linalg.slogdet(H)
    assert sign > 0
    return 2.0 * objective(u)[0] + float(log_det)
