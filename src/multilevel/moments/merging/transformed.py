"""Cross-products under linear maps of their columns: dropping, mixing, shifting and scaling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """The cross-products of all columns; factors and levels are in any order.

    Parameters
    ----------
    A, C
        By factor ``(m, K, K)`` and ``(m, K, p + 1)``.
    D
        ``(p + 1, p + 1)``.
    pairs
        By pair of factors ``(n, K_f, K_g)``.
    """

    A: tuple[Floats, ...]
    C: tuple[Floats, ...]
    D: Floats
    pairs: dict[tuple[int, int], Floats]


def transformed(blocks: Blocks, fixed: Floats, effects: Sequence[Floats]) -> Blocks:
    """Return the cross-products of ``[X y] fixed`` and ``Z_f effects[f]``.

    Parameters
    ----------
    blocks
        Cross-products of ``[X y]`` and ``Z_f``.
    fixed
        ``(p + 1, p' + 1)``.
    effects
        By factor ``(K, K')``.

    Examples
    --------
    >>> one = np.ones((1, 1, 1))
    >>> found = transformed(Blocks((4.0 * one,), (one,), np.eye(1), {}), 3.0 * np.eye(1), [0.5 * np.eye(1)])
    >>> found.A[0].item(), found.C[0].item(), found.D.item()
    (1.0, 1.5, 9.0)
    """
    return Blocks(
        tuple(U.T @ a @ U for a, U in zip(blocks.A, effects, strict=True)),
        tuple(U.T @ c @ fixed for c, U in zip(blocks.C, effects, strict=True)),
        fixed.T @ blocks.D @ fixed,
        {(f, g): effects[f].T @ v @ effects[g] for (f, g), v in blocks.pairs.items()},
    )


def block_diagonal(parts: Sequence[Floats]) -> Floats:
    """Return matrices set along the diagonal of one."""
    rows, columns = sum(part.shape[0] for part in parts), sum(part.shape[1] for part in parts)
    found = np.zeros((rows, columns))
    i = j = 0
    for part in parts:
        found[i : i + part.shape[0], j : j + part.shape[1]] = part
        i, j = i + part.shape[0], j + part.shape[1]
    return found
