"""Model and source -> design without rows and moments: facts, columns, scales, products."""

from __future__ import annotations

from typing import Literal

from multilevel.data.sources import Source
from multilevel.design.blueprint import Blueprint, Outline
from multilevel.design.blueprint_columns import blueprint_of
from multilevel.design.blueprint_outline import outline_of
from multilevel.design.design import Design
from multilevel.design.known import RowNumbers
from multilevel.design.rows import Missing
from multilevel.model import Model
from multilevel.moments.in_engine.products import facts_in_engine, products_in_engine
from multilevel.moments.in_files.facts import facts_of_files
from multilevel.moments.in_files.products import products_of_files
from multilevel.moments.moments import Moments
from multilevel.moments.of_source.assemble import assemble
from multilevel.moments.of_source.design import design_of, mean_of_inverse_weights
from multilevel.moments.of_source.fact_checks import check_facts, report_missing
from multilevel.moments.of_source.fact_scaling import scaling_from_facts
from multilevel.moments.of_source.identified import check_moments
from multilevel.moments.products import Facts, Products
from multilevel.moments.scaling import Scaling


def moments_of_source(
    model: Model,
    source: Source,
    *,
    precision_weights: RowNumbers = None,
    frequency_weights: RowNumbers = None,
    offset: RowNumbers = None,
    residual_sd: RowNumbers = None,
    missing: Missing = "report",
    fewest_levels: Literal[1, 2] = 2,
    estimable: bool = True,
) -> tuple[Design, Moments]:
    """Sum the rows of a source where they are.

    Parameters
    ----------
    model
        A linear model.
    source
        Parquet files, which our own kernel streams, or a lazy frame, whose engine computes the sums.
    precision_weights, frequency_weights, offset, residual_sd, missing
        As in `design.bind`, as names of columns or, offset and residual sd, as numbers.
    fewest_levels, estimable
        As in `design.bind`.

    Raises
    ------
    DataError
        A column is absent or of the wrong kind, a value may not be, or the source cannot be read.
    DesignError
        The model cannot be estimated from these data.
    OptionError
        A keyword has a value that is not allowed.

    Warns
    -----
    MissingValuesWarning, AliasedWarning, GroupingWarning
        As `design.bind`.
    """
    outline = outline_of(
        model,
        source.schema,
        precision_weights=precision_weights,
        frequency_weights=frequency_weights,
        offset=offset,
        residual_sd=residual_sd,
        missing=missing,
    )
    facts = _facts(source, outline)
    check_facts(outline, facts)
    drawn = blueprint_of(outline, source.schema, facts.levels, estimable=estimable)
    scaling = scaling_from_facts(drawn.blueprint, facts)
    products = _products(source, drawn.blueprint, scaling, facts)
    report_missing(outline, facts, products)
    assembled = assemble(drawn, products, scaling)
    design = design_of(
        drawn,
        assembled,
        products,
        scaling,
        inverse=mean_of_inverse_weights(drawn.blueprint, facts),
        schema=source.schema,
        offset=offset if isinstance(offset, str | float | int) else None,
        origin=source.engine,
        library=source.library,
    )
    if estimable:
        check_moments(design, assembled.moments, fewest_levels=fewest_levels)
    return design, assembled.moments


def _facts(source: Source, outline: Outline) -> Facts:
    """Return the facts of a source by the route of its kind."""
    return facts_of_files(source, outline) if source.kind == "parquet" else facts_in_engine(source, outline)


def _products(source: Source, blueprint: Blueprint, scaling: Scaling, facts: Facts) -> Products:
    """Return the products of a source by the route of its kind."""
    if source.kind == "parquet":
        return products_of_files(source, blueprint, scaling)
    return products_in_engine(source, blueprint, scaling, facts=facts)
