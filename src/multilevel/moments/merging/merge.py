"""Moments of several tables -> those of all their rows: columns and levels unified by linear algebra."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from multilevel.design.blueprint import Outline, Schema
from multilevel.design.blueprint_columns import Drawn, blueprint_of
from multilevel.design.blueprint_outline import outline_of
from multilevel.design.design import Design
from multilevel.design.recipe import GroupRecipe, Recipe
from multilevel.errors import OptionError
from multilevel.language import Call, Column, parse_expression
from multilevel.moments.merging.columns import SiteColumns, common_scaling, site_columns
from multilevel.moments.merging.levels import joined_labels, keys_of
from multilevel.moments.merging.transformed import Blocks, block_diagonal, transformed
from multilevel.moments.moments import Moments
from multilevel.moments.of_source.assemble import assemble
from multilevel.moments.of_source.design import design_of
from multilevel.moments.of_source.fact_scaling import constant_columns
from multilevel.moments.products import Keys, Products
from multilevel.moments.scaling import Floats, Scaling

PairTable = tuple[NDArray[np.int32], NDArray[np.int32], Floats]


@dataclass(frozen=True, slots=True, eq=False)
class Site:
    """The moments of some of the rows.

    Parameters
    ----------
    design
        Without rows.
    moments
        Its cross-products.
    """

    design: Design
    moments: Moments

    @property
    def recipe(self) -> Recipe:
        """How its columns and levels were coded."""
        assert isinstance(self.design.recipe, Recipe)
        return self.design.recipe


def merge(sites: Sequence[Site], origin: str) -> tuple[Design, Moments]:
    """Return design and moments of the rows of all sites together.

    Parameters
    ----------
    sites
        Of one model, with the same weights and the same known residual sd.
    origin
        Where the rows were, for messages.

    Raises
    ------
    OptionError
        The sites cannot be merged: functions that remember their rows, different known sds.
    DesignError
        A column was left out at a site and cannot be found again, or the model cannot be estimated.
    """
    schema = _schema(sites)
    outline = _outline(sites, schema)
    own = [_levels(site, outline, schema) for site in sites]
    union = {name: joined_labels([levels[name] for levels in own]) for name in outline.categorical}
    drawn = blueprint_of(outline, schema, union, estimable=False)
    columns = [
        site_columns(
            site.design,
            blueprint_of(outline, schema, levels, estimable=False).blueprint,
            drawn.blueprint,
            site.moments.scaling,
        )
        for site, levels in zip(sites, own, strict=True)
    ]
    ones = constant_columns(drawn.blueprint.fixed, union)
    moments = [site.moments for site in sites]
    scaling = common_scaling(moments, columns, drawn.blueprint, ones)
    products = _products(sites, columns, drawn, scaling)
    assembled = assemble(drawn, products, scaling)
    first = sites[0].recipe
    design = design_of(
        drawn,
        assembled,
        products,
        scaling,
        inverse=_pooled_inverse(sites),
        schema=schema,
        offset=first.offset,
        origin=origin,
        library=sites[0].design.library,
    )
    return design, assembled.moments


def _schema(sites: Sequence[Site]) -> Schema:
    """Return the kinds of the model's columns."""
    model = sites[0].design.model
    found: dict[str, str] = dict.fromkeys(model.variables, "number")
    for site in sites:
        found |= dict.fromkeys(site.recipe.levels, "text")
    for site in sites:
        found |= dict.fromkeys(site.recipe.booleans, "boolean")
    for site in sites:
        for name in site.recipe.levels:
            if (found[name] == "boolean") != (name in site.recipe.booleans):
                raise _two_kinds(name, "text", "boolean")
    return found  # type: ignore[return-value]


def _outline(sites: Sequence[Site], schema: Schema) -> Outline:
    """Return what is common to the designs of all sites."""
    first = sites[0].design
    for site in sites:
        odd = [text for text in site.recipe.state if not _is_coding(text)]
        if odd:
            raise OptionError(
                f"moments of `{odd[0]}` were to be merged, which is computed from the rows of each table",
                allowed="columns that each row has by itself",
                remedy="compute the column first, with the same numbers in every table",
            )
        if site.design.residual_sd != first.residual_sd:
            raise OptionError(
                f"moments with the known residual sds {first.residual_sd!r} and "
                f"{site.design.residual_sd!r} were to be merged",
                allowed="one known residual sd, or one for each row in a column",
            )
    some = [site.design for site in sites]
    return replace(
        outline_of(first.model, schema),
        offsets=("offset",) if any(one.offset is not None for one in some) else (),
        precision_weights="weights" if any(one.precision_weights is not None for one in some) else None,
        frequency_weights="weights" if any(one.frequency_weights is not None for one in some) else None,
        residual_sd=first.residual_sd,
    )


def _two_kinds(name: str, one: str, other: str) -> OptionError:
    """Return the error of a column of different types."""
    return OptionError(
        f"moments were to be merged in one of which `{name}` is {one}, in another {other}",
        allowed="one type in every table",
    )


def _is_coding(text: str) -> bool:
    """Whether the text of a call is a coding, ``C(x)``, whose memory is its levels."""
    expression = parse_expression(text)
    return isinstance(expression, Call) and expression.name == "C"


def _levels(site: Site, outline: Outline, schema: Schema) -> dict[str, tuple[str, ...]]:
    """Return the levels of the categorical predictors at a site."""
    found = {name: site.recipe.levels[name] for name in outline.categorical if name in site.recipe.levels}
    for text, memory in site.recipe.state.items():
        expression = parse_expression(text)
        if isinstance(expression, Call) and isinstance(expression.arguments[0], Column):
            found.setdefault(expression.arguments[0].name, tuple(memory["levels"]))
    absent = [name for name in outline.categorical if name not in found]
    if absent:
        raise _two_kinds(absent[0], schema[absent[0]], "numbers")
    return found


def _products(
    sites: Sequence[Site], columns: Sequence[SiteColumns], drawn: Drawn, scaling: Scaling
) -> Products:
    """Return the sums of all sites in the common columns, levels unified."""
    blocks = [_in_common(site, own, drawn, scaling) for site, own in zip(sites, columns, strict=True)]
    factors = range(len(drawn.blueprint.factors))
    unified = [_unified([site.recipe.groups[f] for site in sites]) for f in factors]
    A, C = [], []
    for f in factors:
        keys, places = unified[f]
        m = keys[0].size
        total_a, total_c = (np.zeros((m, *part[f].shape[1:])) for part in (blocks[0].A, blocks[0].C))
        for block, place in zip(blocks, places, strict=True):
            total_a[place] += block.A[f]
            total_c[place] += block.C[f]
        A.append(total_a)
        C.append(total_c)
    designs = [site.design for site in sites]
    missing: dict[str, int] = {}
    for one in designs:
        for name, count in one.missing.items():
            missing[name] = missing.get(name, 0) + count
    return Products(
        n_rows=sum(one.n_rows for one in designs),
        n_observations=sum(one.n_observations for one in designs),
        n_input=sum(one.n_input for one in designs),
        missing=missing,
        log_weights=sum(site.moments.log_weights for site in sites),
        keys=tuple(keys for keys, _ in unified),
        A=tuple(A),
        C=tuple(C),
        D=np.sum([block.D for block in blocks], axis=0),
        pairs={
            (f, g): _joined_pairs(sites, blocks, unified, f, g) for f in factors for g in factors if f < g
        },
    )


def _in_common(site: Site, own: SiteColumns, drawn: Drawn, scaling: Scaling) -> Blocks:
    """Return the sums of a site in the common columns, factors in the order of the blueprint."""
    moments, terms = site.moments, drawn.blueprint.term_factor
    number = {f: at for at, f in enumerate(moments.order)}
    count = len(moments.order)
    values = {}
    for pair in moments.pairs:
        f, g = moments.order[pair.f], moments.order[pair.g]
        values[min(f, g), max(f, g)] = pair.value if f < g else pair.value.transpose(0, 2, 1)
    effects = [
        block_diagonal([own.term(t, scaling) for t, owner in enumerate(terms) if owner == f])
        for f in range(count)
    ]
    blocks = Blocks(
        tuple(moments.A[number[f]] for f in range(count)),
        tuple(moments.C[number[f]] for f in range(count)),
        moments.D,
        values,
    )
    return transformed(blocks, own.fixed(scaling), effects)


def _unified(groups: Sequence[GroupRecipe]) -> tuple[tuple[Keys, ...], list[NDArray[np.int64]]]:
    """Return the labels of all levels of a factor, and where each site's levels are among them."""
    keys, sizes = keys_of(groups)
    frame = pd.DataFrame(dict(enumerate(keys)))
    number = frame.groupby(list(frame.columns), sort=False).ngroup().to_numpy()
    m = int(number.max()) + 1
    first = np.empty(m, dtype=np.int64)
    first[number[::-1]] = np.arange(number.size)[::-1]
    places = np.split(number.astype(np.int64), np.cumsum(sizes)[:-1])
    return tuple(values[first] for values in keys), places


def _joined_pairs(
    sites: Sequence[Site],
    blocks: Sequence[Blocks],
    unified: Sequence[tuple[tuple[Keys, ...], list[NDArray[np.int64]]]],
    f: int,
    g: int,
) -> PairTable:
    """Return the pairs of levels of two factors at all sites, each once."""
    first, second, values = [], [], []
    for at, (site, block) in enumerate(zip(sites, blocks, strict=True)):
        number = {factor: i for i, factor in enumerate(site.moments.order)}
        low, high = sorted((number[f], number[g]))
        pair = next(one for one in site.moments.pairs if (one.f, one.g) == (low, high))
        rows = np.repeat(np.arange(pair.start.size - 1), np.diff(pair.start))
        i, j = (rows, pair.index) if site.moments.order[low] == f else (pair.index, rows)
        first.append(unified[f][1][at][i])
        second.append(unified[g][1][at][j])
        values.append(block.pairs[f, g])
    i, j, value = np.concatenate(first), np.concatenate(second), np.concatenate(values)
    width = int(j.max(initial=0)) + 1
    codes, distinct = pd.factorize(i * width + j)
    total = np.empty((distinct.size, *value.shape[1:]))
    for a, b in np.ndindex(*value.shape[1:]):
        total[:, a, b] = np.bincount(codes, weights=value[:, a, b], minlength=distinct.size)
    return (distinct // width).astype(np.int32), (distinct % width).astype(np.int32), total


def _pooled_inverse(sites: Sequence[Site]) -> float:
    """Return the mean of the inverse precision weights of all rows."""
    known = [(site.design.n_observations, site.design.summary) for site in sites]
    total = sum(n for n, _ in known)
    return sum(n * summary.inverse_weight for n, summary in known if summary is not None) / total
