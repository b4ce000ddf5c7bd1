"""A design without its rows: what is left when moments have taken their place."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from multilevel.design.default_priors import (
    effect_moments,
    fixed_moments,
    mean_inverse_weight,
    response_moments,
)
from multilevel.design.design import Design, RowSummary, Spread


def without_rows(design: Design, origin: str) -> Design:
    """Return a design whose arrays of rows are empty; names, levels, recipe and model stay.

    Parameters
    ----------
    design
        Of a linear model, with or without rows.
    origin
        Where the rows were, for messages: "a table".

    Examples
    --------
    >>> from multilevel.data import datasets, read_table
    >>> from multilevel.design import bind, columns_needed
    >>> from multilevel.language import parse_formula
    >>> model = parse_formula("reaction ~ days + (days | subject)")
    >>> whole = bind(model, read_table(datasets.load("sleepstudy"), columns_needed(model)))
    >>> design = without_rows(whole, "a table")
    >>> design.n_rows, design.fixed.X.shape, design.factors[0].levels == whole.factors[0].levels
    (180, (0, 2), True)
    """
    if design.summary is not None:
        return design
    return emptied(design, summary_of(design, origin))


def summary_of(design: Design, origin: str) -> RowSummary:
    """Return what is kept of the rows of a design."""
    mean, sd = response_moments(design)
    return RowSummary(
        n_rows=design.n_rows,
        n_observations=design.n_observations,
        origin=origin,
        response=Spread(np.array([mean]), np.array([sd])),
        fixed=Spread(*fixed_moments(design)),
        terms=tuple(Spread(*effect_moments(design, term)) for term in design.terms),
        inverse_weight=mean_inverse_weight(design),
    )


def emptied(design: Design, summary: RowSummary) -> Design:
    """Return a design with a summary in place of its rows; weights and offset that there were are empty."""
    none = np.empty(0)
    fixed = replace(design.fixed, X=np.empty((0, len(design.fixed.names)), order="F"))
    factors = tuple(replace(factor, index=np.empty(0, dtype=np.int32)) for factor in design.factors)
    terms = tuple(replace(term, Z=np.empty((0, len(term.names)), order="F")) for term in design.terms)
    return replace(
        design,
        y=none,
        offset=None if design.offset is None else none,
        fixed=fixed,
        factors=factors,
        terms=terms,
        precision_weights=None if design.precision_weights is None else none,
        frequency_weights=None if design.frequency_weights is None else none,
        rows=np.empty(0, dtype=np.int64),
        row_labels=None,
        summary=summary,
    )
