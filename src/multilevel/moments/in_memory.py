"""Design -> moments, in one pass over the rows in memory."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from multilevel.design.design import Design
from multilevel.kernels import core, threads
from multilevel.model import Covariance
from multilevel.moments.moments import Moments, Pairs, RowsByGroup, TermBlock
from multilevel.moments.scaling import Floats, Scaling, response_scaling, scaling_of, well_mixed

FactorColumns = tuple[NDArray[np.int32], int, Floats, Floats, Floats]


def summarise(design: Design) -> Moments:
    """Compute the cross-products of a design.

    Returns
    -------
    Moments
        In shifted and scaled columns: residual sums of squares keep their digits whatever the units.
    """
    order = tuple(sorted(range(len(design.factors)), key=lambda f: (-len(design.factors[f].levels), f)))
    response = _response(design, design.y)
    scaling = scaling_of(design, response)
    factors, blocks = factor_columns(design, order, scaling)
    root = _root_weights(design)
    y = (response - scaling.y_centre) / scaling.y_scale
    A, C, D = core.cross_products(factors, *scaling.fixed.for_kernels(design.fixed.X), y, root, threads)
    mixed = _mixed(design, scaling, blocks, A, D)
    if mixed is not scaling:
        scaling = mixed
        factors, blocks = factor_columns(design, order, scaling)
        A, C, D = core.cross_products(factors, *scaling.fixed.for_kernels(design.fixed.X), y, root, threads)
    pairs = tuple(
        Pairs(f, g, *core.pair_table(factors[f], factors[g], root))
        for f in range(len(factors))
        for g in range(f + 1, len(factors))
    )
    return Moments(
        p=len(design.fixed.names),
        n=design.n_observations,
        order=order,
        A=tuple(A),
        C=tuple(C),
        D=D,
        pairs=pairs,
        blocks=blocks,
        log_weights=_log_weights(design),
        known_sigma=design.residual_sd,
        scaling=scaling,
        residual=_rows_by_group(design, order, scaling, y),
    )


def replace_response(moments: Moments, design: Design, y: Floats) -> Moments:
    """Return the moments of the same design with another response, touching only what depends on it.

    Parameters
    ----------
    moments
        Of ``design``.
    y
        ``(n,)`` new response, offset not yet subtracted.
    """
    response = _response(design, y)
    centre, scale, constant = response_scaling(design.fixed, response)
    scaling = replace(moments.scaling, y_centre=centre, y_scale=scale, constant=constant)
    factors, _ = factor_columns(design, moments.order, scaling)
    scaled = (response - scaling.y_centre) / scaling.y_scale
    fixed = scaling.fixed.for_kernels(design.fixed.X)
    c, d = core.response_products(factors, *fixed, scaled, _root_weights(design))
    C = tuple(
        np.concatenate([old[:, :, :-1], new[:, :, None]], axis=2)
        for old, new in zip(moments.C, c, strict=True)
    )
    D = moments.D.copy()
    D[-1, :] = D[:, -1] = d
    kept = None if moments.residual is None else replace(moments.residual, y=scaled)
    return replace(moments, C=C, D=D, scaling=scaling, residual=kept)


def _rows_by_group(design: Design, order: tuple[int, ...], scaling: Scaling, y: Floats) -> RowsByGroup | None:
    """Return the rows in the scaled columns if residual sds differ between groups, else ``None``."""
    groups = design.residual_groups
    if groups is None:
        return None
    factors, _ = factor_columns(design, order, scaling)
    return RowsByGroup(
        index=groups.index,
        m=len(groups.levels),
        X=scaling.fixed.apply(design.fixed.X),
        y=y,
        Z=tuple(np.asfortranarray((Z - centre) * factor) for _, _, Z, centre, factor in factors),
        level=tuple(level for level, *_ in factors),
        precision=design.precision_weights,
        frequency=design.frequency_weights,
    )


def _mixed(
    design: Design, scaling: Scaling, blocks: tuple[TermBlock, ...], A: list[Floats], D: Floats
) -> Scaling:
    """Return the scaling with mixtures where columns nearly repeat others, or the same one if none do."""
    fixed = well_mixed(scaling.fixed, design.fixed.X, D[:-1, :-1])
    terms = list(scaling.terms)
    for t, block in enumerate(blocks):
        if block.size > 1 and block.covariance is Covariance.UNSTRUCTURED:
            here = slice(block.start, block.start + block.size)
            gram = A[block.factor][:, here, here].sum(axis=0)
            terms[t] = well_mixed(terms[t], design.terms[t].Z, gram)
    if fixed is scaling.fixed and all(new is old for new, old in zip(terms, scaling.terms, strict=True)):
        return scaling
    return replace(scaling, fixed=fixed, terms=tuple(terms))


def _response(design: Design, y: Floats) -> Floats:
    """Return the response less its offset."""
    return y if design.offset is None else y - design.offset


def _root_weights(design: Design) -> Floats | None:
    """Return the square roots of the products of both kinds of weights, or ``None`` without weights."""
    if design.precision_weights is None and design.frequency_weights is None:
        return None
    weights = np.ones(design.n_rows)
    if design.precision_weights is not None:
        weights = weights * design.precision_weights
    if design.frequency_weights is not None:
        weights = weights * design.frequency_weights
    return np.ascontiguousarray(np.sqrt(weights))


def _log_weights(design: Design) -> float:
    """Return the sum of the log precision weights, each row counted with its frequency."""
    if design.precision_weights is None:
        return 0.0
    logs = np.log(design.precision_weights)
    return float(logs.sum() if design.frequency_weights is None else logs @ design.frequency_weights)


def factor_columns(
    design: Design, order: tuple[int, ...], scaling: Scaling
) -> tuple[list[FactorColumns], tuple[TermBlock, ...]]:
    """Return for each factor the columns of all its terms side by side, and where each term stands."""
    place: dict[int, TermBlock] = {}
    factors: list[FactorColumns] = []
    for number, factor in enumerate(order):
        members = [t for t, term in enumerate(design.terms) if term.factor == factor]
        start = 0
        for t in members:
            term = design.terms[t]
            size = len(term.names)
            name = design.factors[factor].name
            place[t] = TermBlock(number, start, size, term.covariance, name, term.names, term.times)
            start += size
        parts = [scaling.terms[t].for_kernels(design.terms[t].Z) for t in members]
        Z, centres, scales = zip(*parts, strict=True)
        columns = Z[0] if len(Z) == 1 else np.asfortranarray(np.concatenate(Z, axis=1))
        group = design.factors[factor]
        factors.append(
            (group.index, len(group.levels), columns, np.concatenate(centres), np.concatenate(scales))
        )
    return factors, tuple(place[t] for t in range(len(design.terms)))
