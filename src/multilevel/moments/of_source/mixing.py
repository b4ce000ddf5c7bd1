"""Mixtures of scaled columns found from cross-products: for nearly equal columns and shared sds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.linalg import solve_triangular
from scipy.linalg.lapack import dpotrf

from multilevel.model import Covariance
from multilevel.moments.merging.transformed import Blocks
from multilevel.moments.scaling import DEPENDENT, ColumnScaling, Floats, Scaling, mean_and_contrasts


def mixed(
    scaling: Scaling,
    blocks: Blocks,
    covariances: Sequence[Covariance],
    term_factor: Sequence[int],
    n_rows: int,
) -> tuple[Scaling, Floats | None, tuple[Floats | None, ...]]:
    """Return the scaling with mixtures, and the mixtures, where columns nearly repeat others or share a sd.

    Parameters
    ----------
    scaling
        Without mixtures.
    blocks
        In its columns, factors in the design's order.
    covariances, term_factor
        Of each term.
    n_rows
        Rows used.
    """
    fixed = gram_mixture(blocks.D[:-1, :-1], n_rows)
    terms: list[Floats | None] = []
    starts = [0] * len(blocks.A)
    for columns, covariance, f in zip(scaling.terms, covariances, term_factor, strict=True):
        k = columns.centre.size
        here = slice(starts[f], starts[f] + k)
        starts[f] += k
        if covariance is Covariance.COMPOUND_SYMMETRIC and k > 1:
            terms.append(mean_and_contrasts(k))
        elif covariance is Covariance.UNSTRUCTURED and k > 1:
            terms.append(gram_mixture(blocks.A[f][:, here, here].sum(axis=0), n_rows))
        else:
            terms.append(None)
    chosen = tuple(_with_mixture(own, mix) for own, mix in zip(scaling.terms, terms, strict=True))
    return replace(scaling, fixed=_with_mixture(scaling.fixed, fixed), terms=chosen), fixed, tuple(terms)


def gram_mixture(gram: Floats, n_rows: int) -> Floats | None:
    """Return the triangle that makes columns orthogonal, or ``None`` where their cross-products do well.

    As `scaling.well_mixed`, from the cross-products alone.
    """
    size = np.sqrt(np.maximum(np.diagonal(gram), 0.0))
    if gram.shape[0] < 2 or not np.all(size > 0.0):
        return None
    factor, failed = dpotrf(gram / np.outer(size, size), lower=0)
    if failed or np.square(np.diagonal(factor)).min() > DEPENDENT:
        return None
    R = np.triu(factor) * size
    return np.asarray(solve_triangular(R, np.sqrt(n_rows) * np.eye(size.size)))


def _with_mixture(scaling: ColumnScaling, mixture: Floats | None) -> ColumnScaling:
    """Return a scaling that ends with a mixture."""
    if mixture is None:
        return scaling
    return replace(scaling, back=scaling.back @ mixture, mixture=mixture)
