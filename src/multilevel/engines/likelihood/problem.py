"""Moments -> the native estimation problem: how theta fills the relative Cholesky factors."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from multilevel.data.memory import memory_limit
from multilevel.engines.solution import Method, is_restricted
from multilevel.errors import DesignError
from multilevel.kernels import core
from multilevel.model import Covariance
from multilevel.moments import Moments, Scaling, TermBlock

Floats = NDArray[np.float64]

KIND = {
    Covariance.UNSTRUCTURED: 0,
    Covariance.DIAGONAL: 1,
    Covariance.SCALAR: 2,
    Covariance.AUTOREGRESSIVE: 2,
    Covariance.RANDOM_WALK: 2,
}
"""Native kinds; the columns of serial structures are transformed so that their effects are independent."""

MANY_LEVELS = 2000
"""Levels of all factors together from which a problem counts as large."""


def native_problem(moments: Moments, method: Method) -> core.Problem:
    """Return the native problem of a model's moments, those of autoregressions whitened."""
    if any(b.covariance is Covariance.AUTOREGRESSIVE and not b.whitened for b in moments.blocks):
        raise DesignError(
            "an ar1 term was given to an engine that cannot fit it", remedy='method="reml" or method="ml"'
        )
    scale = moments.scaling.y_scale
    return core.Problem(
        p=moments.p,
        A=list(moments.A),
        C=list(moments.C),
        D=moments.D,
        pairs=[(pair.f, pair.g, pair.start, pair.index, pair.value) for pair in moments.pairs],
        entries=list(entries(moments.blocks)),
        blocks=[part for block in moments.blocks for part in _parts(block)],
        reml=is_restricted(method),
        n=moments.n,
        known_sigma=0.0 if moments.known_sigma is None else moments.known_sigma / scale,
        max_core=max_core(),
    )


def _parts(block: TermBlock) -> list[tuple[int, int, int, int]]:
    """Return (factor, start, size, kind) of the native blocks of a term.

    Effects with one sd and one correlation are two of them: in the rotated columns they are uncorrelated,
    their mean has one variance and their contrasts share another.
    """
    if block.covariance is not Covariance.COMPOUND_SYMMETRIC:
        return [(block.factor, block.start, block.size, KIND[block.covariance])]
    mean = (block.factor, block.start, 1, KIND[Covariance.DIAGONAL])
    contrasts = (block.factor, block.start + 1, block.size - 1, KIND[Covariance.SCALAR])
    return [mean, contrasts] if block.size > 1 else [mean]


def max_core() -> int:
    """Return how many effects may stand in a dense core: three square matrices in 60% of the memory."""
    return math.isqrt(int(0.6 * memory_limit()) // (3 * 8))


def require_core(problem: core.Problem, moments: Moments) -> None:
    """Lay out the elimination of several factors, or say how much memory it would need.

    Raises
    ------
    DesignError
        If the levels that stay dense do not fit in memory; nothing has been allocated then.
    """
    try:
        problem.structure()
    except ValueError as error:
        sizes = " x ".join(f"{m:,}" for m in moments.levels)
        raise DesignError(
            f"the crossed factors ({sizes} levels) leave more than {max_core():,} effects that must be"
            f" solved together, more than {3 * 8 * max_core() ** 2 / 2**30:.0f} GiB of matrices",
            allowed="crossed factors of which all but the largest are small, or that hardly overlap",
            remedy="drop the grouped term with the second most levels, or fit on a machine with more memory",
        ) from error


def entries(blocks: tuple[TermBlock, ...]) -> Iterator[tuple[int, int, int, int]]:
    """Yield (theta, factor, row, column) for every entry of Lambda that a parameter fills.

    The lower triangle column by column, as lme4 orders theta, term after term. A compound symmetric term has
    two: of the mean of the effects, and of their contrasts.
    """
    theta = 0
    for block in blocks:
        if block.covariance is Covariance.UNSTRUCTURED:
            for column in range(block.size):
                for row in range(column, block.size):
                    yield theta, block.factor, block.start + row, block.start + column
                    theta += 1
        else:
            last = n_theta(block) - 1
            for row in range(block.size):
                yield theta + min(row, last), block.factor, block.start + row, block.start + row
            theta += last + 1


def is_large(moments: Moments) -> bool:
    """Return whether several factors have so many levels that every evaluation of the criterion counts."""
    return len(moments.A) > 1 and sum(moments.levels) > MANY_LEVELS


def n_theta(block: TermBlock) -> int:
    """Return how many covariance parameters a term has, without the correlation of an autoregression."""
    if block.covariance is Covariance.UNSTRUCTURED:
        return block.size * (block.size + 1) // 2
    if block.covariance is Covariance.DIAGONAL:
        return block.size
    return min(block.size, 2 if block.covariance is Covariance.COMPOUND_SYMMETRIC else 1)


class Terms(Protocol):
    """Where grouped terms stand, and how their columns were scaled: `Moments`, or `Layout`."""

    @property
    def blocks(self) -> tuple[TermBlock, ...]:
        """One for each grouped term."""

    @property
    def effects(self) -> tuple[int, ...]:
        """Effects per level of each factor."""

    @property
    def scaling(self) -> Scaling:
        """Scaling of the columns."""


def relative_covariances(moments: Terms, theta: Floats) -> tuple[Floats, ...]:
    """Return each term's ``T = Lambda Lambda'`` in the scaled columns."""
    found = []
    factors = [np.zeros((k, k)) for k in moments.effects]
    for number, factor, row, column in entries(moments.blocks):
        factors[factor][row, column] = theta[number]
    for block in moments.blocks:
        here = slice(block.start, block.start + block.size)
        L = factors[block.factor][here, here]
        found.append(L @ L.T)
    return tuple(found)


def theta_of(moments: Terms, relative: Sequence[Floats]) -> Floats:
    """Return the coordinates of given ``T``, one for each term; the inverse of `relative_covariances`."""
    factors = [np.zeros((k, k)) for k in moments.effects]
    for block, T in zip(moments.blocks, relative, strict=True):
        here = slice(block.start, block.start + block.size)
        if block.covariance is not Covariance.UNSTRUCTURED:  # diagonal in the scaled columns
            factors[block.factor][here, here] = np.diag(np.sqrt(np.maximum(np.diagonal(T), 0.0)))
            continue
        values, vectors = np.linalg.eigh(T)
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        L = np.asarray(np.linalg.qr(root.T, mode="r")).T
        factors[block.factor][here, here] = L * np.where(np.diagonal(L) < 0.0, -1.0, 1.0)
    theta = np.zeros(sum(n_theta(block) for block in moments.blocks))
    for number, factor, row, column in entries(moments.blocks):
        theta[number] = factors[factor][row, column]
    return theta
