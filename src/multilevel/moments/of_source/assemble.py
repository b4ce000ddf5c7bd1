"""Products of a source -> moments: levels sorted, aliased columns left out, near repeats mixed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from multilevel.design.blueprint_columns import Drawn
from multilevel.design.design import Alias
from multilevel.design.fixed import alias_of, alias_sentence, one_level, warn_of_aliased
from multilevel.design.rank import Dependent
from multilevel.moments.merging.transformed import Blocks, block_diagonal, transformed
from multilevel.moments.moments import Moments, Pairs, TermBlock
from multilevel.moments.of_source.fact_scaling import constant_columns, finished
from multilevel.moments.of_source.gram_rank import dependent_in_gram
from multilevel.moments.of_source.level_order import SortedLevels, sorted_levels
from multilevel.moments.of_source.mixing import mixed
from multilevel.moments.products import Products
from multilevel.moments.scaling import Floats, Scaling


@dataclass(frozen=True, slots=True, eq=False)
class Assembled:
    """Moments, and what a design without rows takes from the same sums.

    Parameters
    ----------
    moments
        Ready for the engines.
    kept
        Positions of the kept columns among those of the blueprint.
    dependent
        The others, and what they are combinations of.
    ones
        Positions among the kept columns of those that add up to the constant.
    levels
        Of each factor, in the blueprint's order of factors.
    """

    moments: Moments
    kept: tuple[int, ...]
    dependent: tuple[Dependent, ...]
    ones: tuple[int, ...]
    levels: tuple[SortedLevels, ...]


def assemble(drawn: Drawn, products: Products, scaling: Scaling) -> Assembled:
    """Bring products into the form that the engines take.

    Parameters
    ----------
    drawn
        The columns.
    products
        In the columns of ``scaling``, factors as in the blueprint.
    scaling
        Without mixtures.

    Warns
    -----
    AliasedWarning
        Once, with a line for each column of the fixed part that adds nothing and is left out.
    """
    blueprint = drawn.blueprint
    every = constant_columns(blueprint.fixed, blueprint.categories)
    found = dependent_in_gram(products.D[:-1, :-1], products.n_observations, scaling.fixed, every)
    dropped = {one.column for one in found}
    kept = tuple(at for at in range(len(blueprint.fixed)) if at not in dropped)
    ones = tuple(kept.index(at) for at in every if at in kept)
    _warn(drawn, found, scaling)
    fixed = finished(scaling.fixed.centre[list(kept)], scaling.fixed.factor[list(kept)], ones)
    constant = np.zeros(len(kept))
    constant[list(ones)] = scaling.y_centre
    scaling = replace(scaling, fixed=fixed, constant=constant)
    levels = tuple(sorted_levels(keys) for keys in products.keys)
    order = tuple(sorted(range(len(levels)), key=lambda f: (-len(levels[f].labels), f)))
    terms = _terms_of(blueprint.term_factor, len(levels))
    blocks = _kept_columns(products, kept)
    scaling, blocks = _mixed_columns(drawn, scaling, blocks, terms, products.n_rows)
    place = {f: number for number, f in enumerate(order)}
    moments = Moments(
        p=len(kept),
        n=products.n_observations,
        order=order,
        A=tuple(np.ascontiguousarray(blocks.A[f][levels[f].take]) for f in order),
        C=tuple(np.ascontiguousarray(blocks.C[f][levels[f].take]) for f in order),
        D=np.ascontiguousarray(blocks.D),
        pairs=sorted_pairs(order, levels, products.pairs, blocks.pairs),
        blocks=_term_blocks(drawn, place, terms),
        log_weights=products.log_weights,
        known_sigma=blueprint.residual_sd,
        scaling=scaling,
    )
    return Assembled(moments, kept, found, ones, levels)


def _kept_columns(products: Products, kept: Sequence[int]) -> Blocks:
    """Return the cross-products without the columns of the fixed part that are left out."""
    values = {pair: value for pair, (_, _, value) in products.pairs.items()}
    p = products.D.shape[0] - 1
    if len(kept) == p:
        return Blocks(products.A, products.C, products.D, values)
    at = [*kept, p]
    return Blocks(products.A, tuple(c[:, :, at] for c in products.C), products.D[np.ix_(at, at)], values)


def _mixed_columns(
    drawn: Drawn, scaling: Scaling, blocks: Blocks, terms: Sequence[Sequence[int]], n_rows: int
) -> tuple[Scaling, Blocks]:
    """Return scaling and cross-products of mixed columns, where a mixture is needed."""
    blueprint = drawn.blueprint
    scaling, fixed, mixtures = mixed(scaling, blocks, blueprint.covariances, blueprint.term_factor, n_rows)
    if fixed is None and all(mixture is None for mixture in mixtures):
        return scaling, blocks
    whole = np.eye(blocks.D.shape[0] - 1) if fixed is None else fixed
    parts = [
        np.eye(len(columns)) if mixture is None else mixture
        for columns, mixture in zip(blueprint.terms, mixtures, strict=True)
    ]
    effects = [block_diagonal([parts[t] for t in members]) for members in terms]
    return scaling, transformed(blocks, block_diagonal([whole, np.eye(1)]), effects)


def _warn(drawn: Drawn, found: Sequence[Dependent], scaling: Scaling) -> None:
    """Warn of the columns that were left out."""
    if not found and not drawn.empty:
        return
    names = tuple(column.name for column in drawn.blueprint.fixed)
    one = names.index("Intercept") if "Intercept" in names else None
    sizes = np.abs(scaling.fixed.centre) + 1.0 / scaling.fixed.factor
    lines = [one_level(name) for name in drawn.empty]
    lines += [alias_sentence(names, dependent, one, float(sizes[dependent.column])) for dependent in found]
    warn_of_aliased(lines)


def _terms_of(term_factor: Sequence[int], factors: int) -> list[list[int]]:
    """Return the terms of each factor."""
    return [[t for t, owner in enumerate(term_factor) if owner == f] for f in range(factors)]


def _term_blocks(
    drawn: Drawn, place: Mapping[int, int], terms: Sequence[Sequence[int]]
) -> tuple[TermBlock, ...]:
    """Return where each term stands among the effects of its factor."""
    blueprint = drawn.blueprint
    found: dict[int, TermBlock] = {}
    for f, members in enumerate(terms):
        start = 0
        for t in members:
            names = tuple(column.name for column in blueprint.terms[t])
            group = ":".join(blueprint.factors[f])
            covariance = blueprint.covariances[t]
            found[t] = TermBlock(place[f], start, len(names), covariance, group, names)
            start += len(names)
    return tuple(found[t] for t in range(len(blueprint.terms)))


def sorted_pairs(
    order: Sequence[int],
    levels: Sequence[SortedLevels],
    pairs: Mapping[tuple[int, int], tuple[NDArray[np.int32], NDArray[np.int32], Floats]],
    values: Mapping[tuple[int, int], Floats],
) -> tuple[Pairs, ...]:
    """Return the tables of pairs of factors in the order of the moments, levels sorted."""
    found = []
    for a, f in enumerate(order):
        for b in range(a + 1, len(order)):
            g = order[b]
            swapped = f > g
            key = (g, f) if swapped else (f, g)
            first, second, _ = pairs[key]
            value = values[key]
            if swapped:
                first, second, value = second, first, value.transpose(0, 2, 1)
            i, j = levels[f].place[first], levels[g].place[second]
            at = np.argsort(i * levels[g].take.size + j)
            start = np.concatenate([[0], np.cumsum(np.bincount(i, minlength=levels[f].take.size))])
            found.append(
                Pairs(a, b, start.astype(np.int64), j[at].astype(np.int32), np.ascontiguousarray(value[at]))
            )
    return tuple(found)


def aliases(drawn: Drawn, found: Sequence[Dependent]) -> tuple[Alias, ...]:
    """Return what each column that was left out is a combination of."""
    names = tuple(column.name for column in drawn.blueprint.fixed)
    one = names.index("Intercept") if "Intercept" in names else None
    of = ("Intercept",) if one is not None else ()
    empty = (Alias(name, of) for name in drawn.empty)
    return (*empty, *(alias_of(names, dependent, one) for dependent in found))
