"""The log determinant of the Schur complement by stochastic Lanczos quadrature, with its standard error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multilevel.engines.monte_carlo.probes import signs
from multilevel.engines.monte_carlo.system import System

Floats = NDArray[np.float64]

TOLERANCE = 1e-6
"""Relative residual at which a quadrature has points enough."""
MOST_STEPS = 300
STREAM = 1 << 20
"""First word of the probes' key, apart from those of traces."""
TOGETHER = 16
"""Probes done at once."""
FEW, MANY = 16, 64
"""Probes: ``MANY`` for small problems, not fewer than ``FEW``."""
COUPLINGS = 3e8
"""Products that an exact sum of squares may take."""
WORK = 2 * 10**8
"""Entries times probes that are worth it."""


@dataclass(frozen=True, slots=True)
class LogDeterminant:
    """``log|M|`` of ``M = I + Lambda'Z'Z Lambda``, and the standard error of its estimate."""

    value: float
    error: float


def log_determinant(system: System, entries: int, *, seed: int) -> LogDeterminant:
    """Return ``log|M|`` at the roots that are set (Ubaru, Chen and Saad 2017).

    ``log|M|`` of the chain and of the diagonal blocks ``P`` of ``S`` is exact. With ``S~ = P^-1/2 S P^-1/2``
    and signs ``z``, ``z'log(S~) z`` by Gauss quadrature from the coefficients of conjugate gradients, less
    ``z'O z``, ``O = S~ - I``, whose mean is zero exactly; and with the mean of ``z'O^2 z / 2`` in its place,
    where that can be computed and leaves less to chance.

    Parameters
    ----------
    system
        Standing at the estimates.
    entries
        Numbers in the tables of pairs, which say how much a probe costs.
    seed
        Of the probes.
    """
    native, n = system.native, system.native.core
    exact = native.log_det_chain + native.log_det_blocks
    if n == 0:
        return LogDeterminant(exact, 0.0)
    number = n if n <= MANY else int(np.clip(WORK // max(entries, 1), FEW, MANY))
    values: list[tuple[float, float]] = []
    for first in range(0, number, TOGETHER):
        columns = range(first, min(first + TOGETHER, number))
        if n <= MANY:
            z = np.eye(n)[:, list(columns)]
        else:
            z = np.column_stack([signs(n, seed, STREAM, c) for c in columns])
        found = native.solve(
            native.root_of_blocks(np.ascontiguousarray(z)), None, TOLERANCE, MOST_STEPS, coefficients=True
        )
        for c in range(len(columns)):
            size, (log, square) = float(z[:, c] @ z[:, c]), _quadrature(*_steps(found, c))
            values.append((size * log, size * square))
    logs, squares = np.array(values).T
    if n <= MANY:  # unit vectors: nothing is left to chance
        return LogDeterminant(exact + float(np.sum(logs)), 0.0)
    known = native.squared_couplings(COUPLINGS)
    if known >= 0.0 and np.std(logs + squares / 2.0) < np.std(logs):
        logs = logs + (squares - known) / 2.0
    error = float(np.std(logs, ddof=1) / np.sqrt(logs.size))
    return LogDeterminant(exact + float(np.mean(logs)), error)


def _steps(found: dict[str, Floats], column: int) -> tuple[Floats, Floats]:
    """Return the coefficients of one column."""
    steps = int(found["iterations"][column])
    return found["alpha"][:steps, column], found["beta"][:steps, column]


def _quadrature(alpha: Floats, beta: Floats) -> tuple[float, float]:
    """Return ``e_1'(log T - T + I) e_1`` of the Lanczos matrix ``T``, and ``e_1'(T - I)^2 e_1``.

    Golub and Meurant (2010), section 4.1.
    """
    if alpha.size == 0:
        return 0.0, 0.0
    diagonal = 1.0 / alpha
    diagonal[1:] += beta[:-1] / alpha[:-1]
    off = np.sqrt(beta[:-1]) / alpha[:-1]
    nodes, vectors = np.linalg.eigh(np.diag(diagonal) + np.diag(off, 1) + np.diag(off, -1))
    weights = vectors[0] ** 2
    nodes = np.maximum(nodes, 1e-300)
    log = float(np.sum(weights * (np.log(nodes) - nodes + 1.0)))
    return log, float(np.sum(weights * (nodes - 1.0) ** 2))
