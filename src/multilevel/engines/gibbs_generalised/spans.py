"""Columns that are, level by level, combinations of the effect columns of a term."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SAME = 1e-9
"""Relative size of a residual below which a column counts as a combination of the effects' columns."""


def combination(x: Floats, Z: Floats, level: NDArray[np.int32], m: int) -> Floats | None:
    """Return ``(m, a)`` weights with ``x = Z w_level`` in every row, or ``None`` if there are none."""
    a = Z.shape[1]
    for column in range(a):
        if np.array_equal(x, Z[:, column]):
            return np.tile(np.eye(a)[column], (m, 1))
    size = np.sqrt(np.maximum(np.mean(Z * Z, axis=0), 1e-300))
    scaled = Z / size
    G, h = np.zeros((m, a, a)), np.zeros((m, a))
    for i in range(a):
        h[:, i] = np.bincount(level, weights=scaled[:, i] * x, minlength=m)
        for j in range(a):
            G[:, i, j] = np.bincount(level, weights=scaled[:, i] * scaled[:, j], minlength=m)
    weights = (np.linalg.pinv(G, rcond=1e-10, hermitian=True) @ h[:, :, None])[:, :, 0]
    gap = x - np.einsum("ia,ia->i", scaled, weights[level])
    return weights / size if np.abs(gap).max() <= SAME * np.abs(x).max() else None
