"""Blueprint and scaling -> which products of which columns are summed by which keys, and back to products."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multilevel.design.blueprint import Blueprint, LazyColumn
from multilevel.moments.products import RESPONSE
from multilevel.moments.scaling import Floats, Scaling

Product = tuple[int, int]
PairSums = tuple[NDArray[np.int32], NDArray[np.int32], Floats]

CONSTANT = LazyColumn("Intercept")
RESPONSE_COLUMN = LazyColumn(RESPONSE)


@dataclass(frozen=True, slots=True)
class Scaled:
    """A column as ``(column - centre) * factor``; the response if ``lazy`` is `RESPONSE_COLUMN`."""

    lazy: LazyColumn
    centre: float
    factor: float


@dataclass(frozen=True, slots=True)
class StreamPlan:
    """What is summed, each product of two columns once.

    Parameters
    ----------
    columns
        Distinct columns; they are numbered from 1, for 0 is the constant 1.
    fixed
        Numbers of the columns of ``X``, then of the response.
    effects
        By factor: numbers of the columns of its terms, side by side.
    products
        By factor: pairs of numbers, ``(0, 0)`` first, the smaller number of a pair first.
    direct
        Products of the fixed columns that no sums by the first factor give.
    """

    columns: tuple[Scaled, ...]
    fixed: tuple[int, ...]
    effects: tuple[tuple[int, ...], ...]
    products: tuple[tuple[Product, ...], ...]
    direct: tuple[Product, ...]

    @property
    def pairs(self) -> list[tuple[int, int, list[int], list[int]]]:
        """For each pair of factors their numbers and the numbers of their columns."""
        found = range(len(self.effects))
        return [(f, g, list(self.effects[f]), list(self.effects[g])) for f in found for g in found if f < g]

    def factor_products(self, f: int, sums: Floats) -> tuple[Floats, Floats]:
        """Return ``A`` and ``C`` of a factor from the sums of its products ``(m, products)``."""
        at = {product: number for number, product in enumerate(self.products[f])}
        A = sums[:, [[at[_ordered(a, b)] for b in self.effects[f]] for a in self.effects[f]]]
        C = sums[:, [[at[_ordered(a, b)] for b in self.fixed] for a in self.effects[f]]]
        return A, C

    def fixed_products(self, sums: Floats, direct: Floats) -> Floats:
        """Return ``D`` from the sums by the first factor and the direct ones."""
        known = dict(zip(self.direct, direct, strict=True))
        if self.products:
            # Pairwise sums along contiguous copies: a running sum over the levels would lose digits.
            at = {product: number for number, product in enumerate(self.products[0])}
            wanted = {_ordered(a, b) for a in self.fixed for b in self.fixed} - known.keys()
            known |= {product: float(np.ascontiguousarray(sums[:, at[product]]).sum()) for product in wanted}
        return np.array([[known[_ordered(a, b)] for b in self.fixed] for a in self.fixed])


def plan_of(blueprint: Blueprint, scaling: Scaling) -> StreamPlan:
    """Return what is to be summed for a blueprint, in the columns of a scaling without mixtures."""
    numbers: dict[Scaled, int] = {}
    fixed = [
        _number(numbers, lazy, float(scaling.fixed.centre[c]), float(scaling.fixed.factor[c]))
        for c, lazy in enumerate(blueprint.fixed)
    ]
    fixed.append(_number(numbers, RESPONSE_COLUMN, scaling.y_centre, 1.0 / scaling.y_scale))
    effects: list[list[int]] = [[] for _ in blueprint.factors]
    for t, columns in enumerate(blueprint.terms):
        own = scaling.terms[t]
        effects[blueprint.term_factor[t]] += [
            _number(numbers, lazy, float(own.centre[c]), float(own.factor[c]))
            for c, lazy in enumerate(columns)
        ]
    products = tuple(_products(columns, fixed) for columns in effects)
    by_level = set(products[0]) if products else set()
    own_products = dict.fromkeys(_ordered(a, b) for a in fixed for b in fixed)
    return StreamPlan(
        columns=tuple(numbers),
        fixed=tuple(fixed),
        effects=tuple(tuple(columns) for columns in effects),
        products=products,
        direct=tuple(product for product in own_products if product not in by_level),
    )


def _number(numbers: dict[Scaled, int], lazy: LazyColumn, centre: float, factor: float) -> int:
    """Return the number of a scaled column; equal ones under other names are one column."""
    if lazy is not RESPONSE_COLUMN:
        lazy = LazyColumn("", lazy.numbers, lazy.coded)
        if (lazy.numbers, lazy.coded, centre, factor) == ((), None, 0.0, 1.0):
            return 0
    return numbers.setdefault(Scaled(lazy, centre, factor), len(numbers) + 1)


def _products(effects: list[int], fixed: list[int]) -> tuple[Product, ...]:
    """Return the products that a factor needs, each once."""
    found: Mapping[Product, None] = dict.fromkeys(
        [(0, 0), *(_ordered(a, b) for a in effects for b in (*effects, *fixed))]
    )
    return tuple(found)


def _ordered(a: int, b: int) -> Product:
    return (a, b) if a <= b else (b, a)
