"""Shifts and scales chosen from facts, before the rows are summed; mixtures come after."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from multilevel.design.blueprint import Blueprint, LazyColumn
from multilevel.model import Covariance
from multilevel.moments.products import RESPONSE, Facts
from multilevel.moments.scaling import ColumnScaling, Floats, Scaling


def scaling_from_facts(blueprint: Blueprint, facts: Facts) -> Scaling:
    """Return shifts and scales that are near those that the rows in memory would give.

    Columns of numbers are centred where that is a re-parametrisation, as `scaling_of` does; columns coded by
    levels are not.
    """
    ones = constant_columns(blueprint.fixed, blueprint.categories)
    mean, deviation = _number(facts.mean, RESPONSE), _number(facts.deviation, RESPONSE)
    weights = np.zeros(len(blueprint.fixed))
    weights[list(ones)] = 1.0
    fixed = fixed_from(blueprint.fixed, ones, facts)
    terms = tuple(
        _term_from(columns, covariance, facts)
        for columns, covariance in zip(blueprint.terms, blueprint.covariances, strict=True)
    )
    if not ones:
        return Scaling(fixed, terms, 0.0, _positive(math.hypot(mean, deviation)), weights)
    return Scaling(fixed, terms, mean, _positive(deviation), weights * mean)


def constant_columns(
    columns: Sequence[LazyColumn], categories: Mapping[str, tuple[str, ...]]
) -> tuple[int, ...]:
    """Return the columns that add up to one in every row: the constant, or all indicators of one term."""
    for at, column in enumerate(columns):
        if not column.numbers and column.coded is None:
            return (at,)
    coded = [column.coded for column in columns if not column.numbers and column.coded is not None]
    for names in dict.fromkeys(one.columns for one in coded):
        cells = [cell for one in coded if one.columns == names for cell in one.cells]
        whole = math.prod(len(categories[name]) for name in names)
        if len(cells) == whole == len({labels for labels, _ in cells}) and all(v == 1.0 for _, v in cells):
            return tuple(
                at
                for at, column in enumerate(columns)
                if not column.numbers and column.coded is not None and column.coded.columns == names
            )
    return ()


def fixed_from(columns: Sequence[LazyColumn], ones: Sequence[int], facts: Facts) -> ColumnScaling:
    """Return shifts and scales of the columns of the fixed part."""
    centre, factor = np.zeros(len(columns)), np.ones(len(columns))
    for at, column in enumerate(columns):
        mean, deviation = _number(facts.mean, column.numeric), _number(facts.deviation, column.numeric)
        if not column.numbers or at in ones:
            continue
        if ones and column.coded is None:
            centre[at], factor[at] = mean, 1.0 / _positive(deviation)
        else:
            factor[at] = 1.0 / _positive(math.hypot(mean, deviation))
    return finished(centre, factor, ones)


def finished(centre: Floats, factor: Floats, ones: Sequence[int]) -> ColumnScaling:
    """Return a scaling with its way back; ``ones`` are the columns that add up to the constant."""
    weights = np.zeros(centre.size)
    weights[list(ones)] = 1.0
    return ColumnScaling(centre, factor, np.diag(factor) - np.outer(weights, centre * factor))


def _term_from(columns: Sequence[LazyColumn], covariance: Covariance, facts: Facts) -> ColumnScaling:
    """Return shifts and scales of the effects of one term."""
    k = len(columns)
    mean = np.array([_number(facts.mean, column.numeric) for column in columns])
    deviation = np.array([_number(facts.deviation, column.numeric) for column in columns])
    numeric = np.array([bool(column.numbers) for column in columns])
    size = np.where(numeric, np.hypot(mean, deviation), 1.0)
    if covariance.one_sd:
        return finished(np.zeros(k), np.full(k, 1.0 / _positive(math.sqrt(float(np.mean(size**2))))), ())
    first = next((at for at, c in enumerate(columns) if not c.numbers and c.coded is None), None)
    if covariance is not Covariance.UNSTRUCTURED or first is None:
        return finished(np.zeros(k), 1.0 / np.array([_positive(float(s)) for s in size]), ())
    plain = numeric & np.array([column.coded is None for column in columns])
    spread = np.where(plain, deviation, size)
    factor = 1.0 / np.array([_positive(float(s)) for s in spread])
    return finished(np.where(plain, mean, 0.0), factor, (first,))


def _number(known: Mapping[str, float], name: str) -> float:
    """Return a fact; zero where there is none, as of a sample without rows."""
    value = known.get(name, 0.0)
    return value if math.isfinite(value) else 0.0


def _positive(size: float) -> float:
    return size if size > 0.0 else 1.0
