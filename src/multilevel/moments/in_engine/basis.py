"""Which sums of products a source is asked for, and how the scaled columns are made of what is summed.

What is summed are not the columns of the design but simpler ones, here called parts: the constant, indicators
as they are, numbers shifted by their mean and scaled by their deviation, the same times indicators, and the
response. Each column of a `Scaling` is a combination of at most three parts, and products of columns are
combinations of products of parts. Numbers of any offset keep their digits, most products of indicators are
known to be zero, and a column that stands in the fixed part and in several terms is multiplied once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from multilevel.design.blueprint import Blueprint, Coded, LazyColumn
from multilevel.moments.products import Facts
from multilevel.moments.scaling import ColumnScaling, Scaling


@dataclass(frozen=True, slots=True)
class Part:
    """Something that is summed: shifted and scaled numbers, an indicator, their product, or the constant.

    Parameters
    ----------
    numbers
        Expressions whose product is taken; none for an indicator or the constant.
    coded
        Or ``None``.
    centre, scale
        The product of the numbers becomes ``(product - centre) / scale``.
    is_response
        Whether it is the response less its offsets, of which ``numbers`` says nothing.
    """

    numbers: tuple[str, ...] = ()
    coded: Coded | None = None
    centre: float = 0.0
    scale: float = 1.0
    is_response: bool = False


ONE = Part()
"""The constant."""

ROWS = "rows"
"""Name of the number of rows in answers."""

Combination = Mapping[Part, float]
"""A column as parts times numbers."""

Pair = tuple[Part, Part]


@dataclass(frozen=True, slots=True, eq=False)
class Basis:
    """The columns of a design as combinations of parts.

    Parameters
    ----------
    fixed
        The ``p`` columns of the fixed part, then the response.
    factors
        For each factor of the blueprint the effects of all its terms side by side.
    order
        Every part once; pairs of parts are written in this order.
    weighted
        Whether products are multiplied by weights; else that of the constant with itself counts rows.
    """

    fixed: tuple[Combination, ...]
    factors: tuple[tuple[Combination, ...], ...]
    order: Mapping[Part, int]
    weighted: bool

    def pair(self, one: Part, other: Part) -> Pair:
        """Return two parts in the order in which their product is asked for."""
        return (one, other) if self.order[one] <= self.order[other] else (other, one)

    def name(self, pair: Pair) -> str:
        """Return the name under which the sums of a product are asked for."""
        if pair == (ONE, ONE) and not self.weighted:
            return ROWS
        return f"q{self.order[pair[0]]}_{self.order[pair[1]]}"

    def needed(self, left: Sequence[Combination], right: Sequence[Combination]) -> dict[Pair, None]:
        """Return the products of parts, none that is zero, of which products of columns consist."""
        of_left = dict.fromkeys(part for column in left for part in column)
        of_right = dict.fromkeys(part for column in right for part in column)
        found = (self.pair(one, other) for one in of_left for other in of_right)
        return dict.fromkeys(pair for pair in found if not is_zero(pair))


def basis_of(blueprint: Blueprint, scaling: Scaling, facts: Facts) -> Basis:
    """Return the columns of a blueprint, shifted and scaled, as combinations of parts.

    Parameters
    ----------
    blueprint, scaling
        The columns; the scaling has no mixtures.
    facts
        Means and deviations of the numbers.
    """
    response = Part(centre=scaling.y_centre, scale=scaling.y_scale, is_response=True)
    fixed = [*_combinations(blueprint.fixed, scaling.fixed, facts), {response: 1.0}]
    factors: list[list[Combination]] = [[] for _ in blueprint.factors]
    for term, columns, own in zip(blueprint.term_factor, blueprint.terms, scaling.terms, strict=True):
        factors[term] += _combinations(columns, own, facts)
    every = [ONE, *(part for side in (fixed, *factors) for column in side for part in column)]
    order = {part: at for at, part in enumerate(dict.fromkeys(every))}
    weighted = (blueprint.precision_weights, blueprint.frequency_weights) != (None, None)
    return Basis(tuple(fixed), tuple(tuple(side) for side in factors), order, weighted)


def is_zero(pair: Pair) -> bool:
    """Return whether no row can have both parts: their indicators are of different levels."""
    one, other = pair[0].coded, pair[1].coded
    if one is None or other is None:
        return False
    shared = [name for name in one.columns if name in other.columns]
    if not shared:
        return False
    return _labels(one, shared).isdisjoint(_labels(other, shared))


def _labels(coded: Coded, names: Sequence[str]) -> set[tuple[str, ...]]:
    """Return the labels of some columns in the cells."""
    at = [coded.columns.index(name) for name in names]
    return {tuple(labels[position] for position in at) for labels, _ in coded.cells}


def _combinations(columns: Sequence[LazyColumn], scaling: ColumnScaling, facts: Facts) -> list[Combination]:
    """Return shifted and scaled columns as combinations of parts."""
    triples = zip(columns, scaling.centre, scaling.factor, strict=True)
    return [_combination(column, float(centre), float(factor), facts) for column, centre, factor in triples]


def _combination(column: LazyColumn, centre: float, factor: float, facts: Facts) -> Combination:
    """Return ``(column - centre) * factor`` as a combination of parts."""
    plain = ONE if column.coded is None else Part(coded=column.coded)
    found: dict[Part, float] = {}
    if column.numbers:
        mean, deviation = facts.mean[column.numeric], facts.deviation[column.numeric]
        scale = deviation if deviation > 0.0 else 1.0
        found[Part(column.numbers, column.coded, mean, scale)] = factor * scale
        if column.coded is None:
            mean, centre = mean - centre, 0.0
        found[plain] = factor * mean
    else:
        found[plain] = factor
    found[ONE] = found.get(ONE, 0.0) - factor * centre
    return {part: amount for part, amount in found.items() if amount != 0.0}
