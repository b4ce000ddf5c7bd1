"""The mode of a log density of a few numbers and the curvature there, by differences evaluated in batches."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
LogDensity = Callable[[Floats], Floats]

STEP = 1e-3
LADDER = 2.0 ** -np.arange(12)


def find_mode(log_density: LogDensity, start: Floats) -> tuple[Floats, Floats, int]:
    """Climb by damped Newton steps.

    Parameters
    ----------
    log_density
        Of ``(n, d)`` points, evaluated together.
    start
        ``(d,)``.

    Returns
    -------
    The mode ``(d,)``, a covariance matrix ``(d, d)`` from the curvature, made positive definite, and how many
    points were evaluated.
    """
    x, d = start.copy(), start.size
    evaluated = 0
    for _ in range(50):
        value, gradient, hessian = _differences(log_density, x)
        evaluated += 1 + 2 * d * d
        values, vectors = np.linalg.eigh(-hessian)
        curvature = np.maximum(np.abs(values), 1e-2)
        step = vectors @ ((vectors.T @ gradient) / curvature)
        decrement = 0.5 * gradient @ step
        if decrement < 1e-4:
            break
        step *= min(1.0, 2.0 / max(np.abs(step).max(), 1e-300))
        tried = log_density(x + LADDER[:, None] * step)
        evaluated += LADDER.size
        tried[np.isnan(tried)] = -np.inf
        best = int(np.argmax(tried))
        if not tried[best] > value:
            break
        x = x + LADDER[best] * step
    _, _, hessian = _differences(log_density, x)
    values, vectors = np.linalg.eigh(-hessian)
    spread = 1.0 / np.clip(values, 0.25, None)
    return x, (vectors * spread) @ vectors.T, evaluated


def _differences(log_density: LogDensity, x: Floats) -> tuple[float, Floats, Floats]:
    """Return value, gradient and Hessian by central differences in one batch.

    Beside points without a density (a prior ends there) the gradient is one-sided and the curvature is
    taken as none.
    """
    d = x.size
    steps = STEP * np.eye(d)
    pairs = [(i, j) for i in range(d) for j in range(i)]
    points = [x, *(x + s for s in steps), *(x - s for s in steps)]
    for i, j in pairs:
        both = steps[i] + steps[j]
        cross = steps[i] - steps[j]
        points += [x + both, x - both, x + cross, x - cross]
    f = log_density(np.array(points))
    with np.errstate(invalid="ignore"):  # points without a density
        up, down = f[1 : d + 1], f[d + 1 : 2 * d + 1]
        gradient = np.where(
            np.isfinite(up) & np.isfinite(down),
            up - down,
            2.0 * np.where(np.isfinite(up), up - f[0], f[0] - down),
        ) / (2.0 * STEP)
        hessian = np.diag((up - 2.0 * f[0] + down) / STEP**2)
        rest = f[2 * d + 1 :].reshape(-1, 4)
        for (i, j), (pp, mm, pm, mp) in zip(pairs, rest, strict=True):
            hessian[i, j] = hessian[j, i] = (pp + mm - pm - mp) / (4.0 * STEP**2)
    gradient[~np.isfinite(gradient)] = 0.0
    hessian[~np.isfinite(hessian)] = 0.0
    return float(f[0]), gradient, hessian
