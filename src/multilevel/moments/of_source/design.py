"""The design without rows of a source: names, levels, recipe and spreads from facts and products."""

from __future__ import annotations

import math

import numpy as np

from multilevel.data.table import Library
from multilevel.design.blueprint import Blueprint, LazyColumn, Schema
from multilevel.design.blueprint_columns import Drawn
from multilevel.design.blueprint_outline import inverse_weight
from multilevel.design.design import Design, EffectsTerm, FixedPart, GroupFactor, RowSummary, Spread
from multilevel.design.recipe import Recipe
from multilevel.moments.of_source.assemble import Assembled, aliases
from multilevel.moments.products import Facts, Products
from multilevel.moments.scaling import ColumnScaling, Floats, Scaling


def design_of(
    drawn: Drawn,
    assembled: Assembled,
    products: Products,
    scaling: Scaling,
    *,
    inverse: float,
    schema: Schema,
    offset: str | float | None,
    origin: str,
    library: Library,
) -> Design:
    """Return the design that the moments of a source belong to.

    Parameters
    ----------
    drawn, products, scaling
        Of the source; the scaling of the products.
    assembled
        What was made of them.
    inverse
        Mean of the inverse precision weights.
    schema
        Kinds of the source's columns.
    offset
        The keyword, for new rows.
    origin, library
        Where the rows are; in which library tables are given back.
    """
    blueprint, outline = drawn.blueprint, drawn.blueprint.outline
    names = tuple(blueprint.fixed[at].name for at in assembled.kept)
    p, none = len(names), np.empty(0)
    weights = np.zeros(p)
    weights[list(assembled.ones)] = 1.0
    factors = tuple(
        GroupFactor(":".join(columns), columns, np.empty(0, dtype=np.int32), levels.labels)
        for columns, levels in zip(blueprint.factors, assembled.levels, strict=True)
    )
    terms = tuple(
        EffectsTerm(f, tuple(c.name for c in columns), np.empty((0, len(columns)), order="F"), covariance)
        for f, columns, covariance in zip(
            blueprint.term_factor, blueprint.terms, blueprint.covariances, strict=True
        )
    )
    return Design(
        model=blueprint.model,
        y=none,
        offset=none if blueprint.offsets else None,
        fixed=FixedPart(
            names,
            np.empty((0, p), order="F"),
            aliases(drawn, assembled.dependent),
            weights if assembled.ones else None,
        ),
        factors=factors,
        terms=terms,
        precision_weights=None if outline.precision_weights is None else none,
        frequency_weights=None if outline.frequency_weights is None else none,
        residual_sd=outline.residual_sd,
        rows=np.empty(0, dtype=np.int64),
        n_input=products.n_input,
        missing=dict(products.missing),
        library=library,
        row_labels=None,
        recipe=_recipe(drawn, assembled, schema, offset),
        summary=summary_of_sums(blueprint, assembled, products, scaling, inverse=inverse, origin=origin),
    )


def _recipe(drawn: Drawn, assembled: Assembled, schema: Schema, offset: str | float | None) -> Recipe:
    """Return how new rows are bound."""
    blueprint, outline = drawn.blueprint, drawn.blueprint.outline
    booleans = frozenset(name for name in outline.predictors if name in outline.booleans)
    coded = {name: labels for name, labels in blueprint.categories.items() if schema[name] != "number"}
    levels: dict[str, tuple[str, ...]] = dict.fromkeys(booleans, ("False", "True")) | coded
    return Recipe(
        levels=levels,
        booleans=booleans,
        state=drawn.state,
        kept=assembled.kept,
        groups=tuple(one.recipe for one in assembled.levels),
        offset=offset,
    )


def summary_of_sums(
    blueprint: Blueprint,
    assembled: Assembled,
    products: Products,
    scaling: Scaling,
    *,
    inverse: float,
    origin: str,
) -> RowSummary:
    """Return what is known of the rows from their sums.

    Means and sds come from the cross-products with the constant, if it is in the span of the fixed part;
    precision weights then weigh the rows. Else means are zero and sds root mean squares.
    """
    p = len(blueprint.fixed)
    a = np.zeros(p)
    a[[assembled.kept[at] for at in assembled.ones]] = 1.0
    constant = bool(assembled.ones)
    D, n = products.D, products.n_observations
    weight = float(a @ D[:p, :p] @ a) if constant else n
    sums = a @ D[:p, :] if constant else np.zeros(p + 1)
    columns = _spread(np.diagonal(D)[:p], sums[:p], weight, n, scaling.fixed)
    y = ColumnScaling(np.array([scaling.y_centre]), np.array([1.0 / scaling.y_scale]), np.eye(1))
    response = _spread(D[p:, p], sums[p:], weight, n, y)
    terms = []
    starts = [0] * len(products.A)
    for own, f in zip(scaling.terms, blueprint.term_factor, strict=True):
        here = slice(starts[f], starts[f] + own.centre.size)
        starts[f] = here.stop
        squares = np.diagonal(products.A[f].sum(axis=0))[here]
        along = products.C[f][:, here, :p].sum(axis=0) @ a if constant else np.zeros(squares.size)
        terms.append(_spread(squares, along, weight, n, own))
    kept = list(assembled.kept)
    return RowSummary(
        n_rows=products.n_rows,
        n_observations=n,
        origin=origin,
        response=response,
        fixed=Spread(columns.mean[kept], columns.sd[kept]),
        terms=tuple(terms),
        inverse_weight=inverse,
    )


def _spread(squares: Floats, sums: Floats, weight: float, n: float, scaling: ColumnScaling) -> Spread:
    """Return means and sds of columns from sums of their scaled values and squares."""
    mean = sums / weight
    variance = np.maximum(squares / weight - mean * mean, 0.0)
    variance[variance <= 1e-14 * np.maximum(squares / weight, 1e-300)] = 0.0
    sd = np.sqrt(variance * (n / max(n - 1.0, 1.0))) / scaling.factor
    return Spread(scaling.centre + mean / scaling.factor, sd)


def mean_of_inverse_weights(blueprint: Blueprint, facts: Facts) -> float:
    """Return the mean of the inverse precision weights."""
    columns: tuple[LazyColumn, ...] = inverse_weight(blueprint.precision_weights)
    value = facts.mean.get(columns[0].numeric, 1.0) if columns else 1.0
    return value if math.isfinite(value) else 1.0
