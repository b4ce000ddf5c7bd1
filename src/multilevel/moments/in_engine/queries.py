"""The questions that are put to an engine: sums of products by keys, in as few passes as is wise."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw

from multilevel.design.blueprint import Blueprint
from multilevel.moments.in_engine.answers import Answer, answer_of
from multilevel.moments.in_engine.basis import ONE, ROWS, Basis, Pair, Part
from multilevel.moments.in_engine.columns import EngineColumns, collected, reported

MOST_MORE = 8
"""So many more sums by group are cheaper than another pass for the cross-products of the fixed part."""


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """One question: sums of products by the combinations of some columns.

    Parameters
    ----------
    keys
        Columns of the source; none for sums over all rows.
    pairs
        The products.
    """

    keys: tuple[str, ...]
    pairs: dict[Pair, None]

    def has(self, keys: Iterable[str], pairs: Iterable[Pair]) -> bool:
        """Return whether sums of products by some columns can be added up from the answer."""
        return set(keys) <= set(self.keys) and all(pair in self.pairs for pair in pairs)


def planned(factors: Sequence[tuple[str, ...]], basis: Basis) -> list[Query]:
    """Return the questions: products by factor, by pair of factors, and over all rows.

    Those about the same keys are one; a factor or pair whose columns are among another factor's is added up
    from that one's answer, and a pair from another pair's.

    Parameters
    ----------
    factors
        Columns of each factor.
    basis
        Of which the products are.
    """
    wanted: list[tuple[int, Query]] = []
    for f, columns in enumerate(factors):
        wanted.append((0, Query(columns, of_factor(basis, f))))
        for g in range(f + 1, len(factors)):
            both = tuple(dict.fromkeys((*columns, *factors[g])))
            wanted.append((1, Query(both, of_pair(basis, f, g))))
    merged: list[tuple[int, Query]] = []
    for rank, query in sorted(wanted, key=lambda item: (-len(item[1].keys), item[0])):
        home = next((q for other, q in merged if set(query.keys) <= set(q.keys) and other <= rank), None)
        if home is None:
            merged.append((rank, query))
        else:
            home.pairs.update(query.pairs)
    return _with_totals([query for _, query in merged], basis)


def of_factor(basis: Basis, f: int) -> dict[Pair, None]:
    """Return the products that a factor's blocks need."""
    Z = basis.factors[f]
    return basis.needed(Z, Z) | basis.needed(Z, basis.fixed)


def of_pair(basis: Basis, f: int, g: int) -> dict[Pair, None]:
    """Return the products that the blocks of two factors need."""
    return basis.needed(basis.factors[f], basis.factors[g])


def of_all(basis: Basis) -> dict[Pair, None]:
    """Return the products that are needed over all rows, the sum of the weights among them."""
    return basis.needed(basis.fixed, basis.fixed) | {(ONE, ONE): None}


def _with_totals(queries: list[Query], basis: Basis) -> list[Query]:
    """Add the products over all rows to the question that lacks the fewest, or as one of their own."""
    totals = of_all(basis)
    lacking = [sum(pair not in query.pairs for pair in totals) for query in queries]
    if not queries or min(lacking) > MOST_MORE:
        return [*queries, Query((), totals)]
    last = max(at for at, count in enumerate(lacking) if count == min(lacking))
    queries[last].pairs.update(totals)
    return queries


@dataclass(frozen=True, slots=True, eq=False)
class Asker:
    """The used rows with the parts of all products, ready to be asked.

    Parameters
    ----------
    columns
        Of the source.
    basis
        Of which the products are.
    frame
        The keys under their short names, ``p0``, ``p1``, ... for the parts, ``w`` for the weights.
    more
        Further columns whose sums are asked for beside the products over all rows.
    """

    columns: EngineColumns
    basis: Basis
    frame: nw.LazyFrame[Any]
    more: tuple[str, ...]

    def ask(self, query: Query) -> Answer:
        """Let the engine compute the sums of a question."""
        names = {pair: self.basis.name(pair) for pair in query.pairs}
        products = {name: self._product(pair) for pair, name in names.items() if name != ROWS}
        sums = [nw.len().alias(ROWS), *(nw.col(name).sum().alias(name) for name in products)]
        more = self.more if query.has((), of_all(self.basis)) else ()
        sums += [nw.col(name).sum().alias(name) for name in more]
        keys = {column: self.columns.inner[column] for column in query.keys}
        chosen = [nw.col(name) for name in (*keys.values(), *more)]
        chosen += [product.alias(name) for name, product in products.items()]
        with reported(self.columns.source):
            rows = self.frame.select(*chosen) if chosen else self.frame
            question = rows.group_by(*keys.values()).agg(*sums) if keys else rows.select(*sums)
        return answer_of(collected(self.columns, question), keys)

    def _product(self, pair: Pair) -> nw.Expr:
        """Return the product of two parts and the weight in each row."""
        names = [f"p{self.basis.order[part]}" for part in pair if part != ONE]
        names += ["w"] if self.basis.weighted else []
        found = nw.col(names[0])
        for name in names[1:]:
            found = found * nw.col(name)
        return found


def asker_of(columns: EngineColumns, blueprint: Blueprint, basis: Basis) -> Asker:
    """Prepare the rows of a source: those that are used, with every part."""
    with reported(columns.source):
        return _prepared(columns, blueprint, basis)


def _prepared(columns: EngineColumns, blueprint: Blueprint, basis: Basis) -> Asker:
    """Prepare the rows; what the engine objects to is an error of its own."""
    frame = columns.used(blueprint.outline)
    parts = [_part(columns, blueprint, part).alias(f"p{at}") for part, at in basis.order.items() if at]
    named = {"precision": blueprint.precision_weights, "frequency": blueprint.frequency_weights}
    weights = {name: columns.number(text) for name, text in named.items() if text is not None}
    more = {}
    if "precision" in weights:
        logs = weights["precision"].log()
        more["logs"] = logs * weights["frequency"] if "frequency" in weights else logs
    if "frequency" in weights:
        more["frequency"] = weights["frequency"]
    found = [*parts, *(number.alias(name) for name, number in more.items())]
    if weights:
        first, *rest = weights.values()
        found.append((first * rest[0] if rest else first).alias("w"))
    keys = [nw.col(columns.inner[name]) for name in blueprint.grouping]
    return Asker(columns, basis, frame.select(*keys, *found), tuple(more))


def _part(columns: EngineColumns, blueprint: Blueprint, part: Part) -> nw.Expr:
    """Return a part in each row."""
    if part.is_response:
        response, offset = columns.number(blueprint.response), columns.sum_of(blueprint.offsets)
        shifted = response if offset is None else response - offset
        return (shifted - part.centre) / part.scale
    if not part.numbers:
        assert part.coded is not None
        return columns.coded(part.coded)
    number = (columns.product(part.numbers) - part.centre) / part.scale
    return number if part.coded is None else number * columns.coded(part.coded)
