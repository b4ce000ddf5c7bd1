"""Source and blueprint -> products, computed by the engine that holds the rows: only sums leave it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from multilevel.data.sources import Source
from multilevel.design.blueprint import Blueprint
from multilevel.errors import DataError
from multilevel.moments.in_engine.answers import Answer, Codes, Levels, gathered, levels_in, numbered
from multilevel.moments.in_engine.basis import ROWS, Basis, Combination, Pair, basis_of
from multilevel.moments.in_engine.columns import engine_columns
from multilevel.moments.in_engine.facts import facts_in_engine
from multilevel.moments.in_engine.queries import (
    Query,
    asker_of,
    of_all,
    of_factor,
    of_pair,
    planned,
)
from multilevel.moments.products import Facts, Floats, Products
from multilevel.moments.scaling import Scaling

__all__ = ["facts_in_engine", "products_in_engine"]

PairTable = tuple[NDArray[np.int32], NDArray[np.int32], Floats]


def products_in_engine(source: Source, blueprint: Blueprint, scaling: Scaling, *, facts: Facts) -> Products:
    """Let the engine that holds the rows compute the cross-products by group.

    Parameters
    ----------
    source
        Of the kind "frame".
    blueprint, scaling
        The columns; the scaling has no mixtures.
    facts
        Of the same source and outline (see `facts_in_engine`).

    Returns
    -------
    Products
        From one query for each grouping factor and each pair of factors, or fewer: what can be added up from
        another answer is not asked for.

    Raises
    ------
    DataError
        The engine fails, or the table has changed since the facts were taken.
    """
    basis = basis_of(blueprint, scaling, facts)
    queries = planned(blueprint.factors, basis)
    asker = asker_of(engine_columns(source, blueprint.needed), blueprint, basis)
    answers = [asker.ask(query) for query in queries]
    whole = next(a for query, a in zip(queries, answers, strict=True) if query.has((), of_all(basis)))
    n_rows = round(whole.total(ROWS))
    if n_rows != facts.n_used:
        raise _changed(f"{facts.n_used} rows were usable at first, then {n_rows}")
    sums = _Sums.of(basis, queries, answers, blueprint.factors)
    count = len(basis.factors)
    return Products(
        n_rows=n_rows,
        n_observations=whole.total("frequency") if "frequency" in asker.more else float(n_rows),
        n_input=facts.n_input,
        missing=facts.missing,
        log_weights=whole.total("logs") if "logs" in asker.more else 0.0,
        keys=tuple(levels.keys for levels in sums.levels),
        A=tuple(sums.of_factor(f, basis.factors[f]) for f in range(count)),
        C=tuple(sums.of_factor(f, basis.fixed) for f in range(count)),
        D=_matrix(basis, basis.fixed, basis.fixed, _totals(basis, whole))[0],
        pairs={(f, g): sums.of_pair(f, g) for f in range(count) for g in range(f + 1, count)},
    )


def _changed(how: str) -> DataError:
    """Return the error of a table that is not the same in every pass."""
    return DataError(
        f"the table changed while it was read: {how}",
        remedy="give a copy of the table, or read it inside one transaction",
    )


def _totals(basis: Basis, whole: Answer) -> Callable[[Pair], Floats]:
    """Return what gives the sum of a product over all rows."""
    return lambda pair: np.array([whole.total(basis.name(pair))])


def _matrix(
    basis: Basis,
    left: Sequence[Combination],
    right: Sequence[Combination],
    sums: Callable[[Pair], Floats],
) -> Floats:
    """Return ``(m, left, right)`` sums of products of columns from those of their parts."""
    known = {pair: sums(pair) for pair in basis.needed(left, right)}
    m = next(iter(known.values())).shape[0] if known else 1
    found = np.zeros((m, len(left), len(right)))
    for a, one in enumerate(left):
        for b, other in enumerate(right):
            for part, amount in one.items():
                for more, factor in other.items():
                    product = known.get(basis.pair(part, more))
                    if product is not None:
                        found[:, a, b] += (amount * factor) * product
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Sums:
    """The answers of an engine, and where the levels of each factor are in them.

    Parameters
    ----------
    basis, queries, answers
        What was asked and answered.
    levels
        Of each factor.
    homes
        For each factor the number of its answer, and the level of each row there (``None``: the row's own).
    """

    basis: Basis
    queries: Sequence[Query]
    answers: Sequence[Answer]
    levels: tuple[Levels, ...]
    homes: tuple[tuple[int, Codes | None], ...]

    @classmethod
    def of(
        cls,
        basis: Basis,
        queries: Sequence[Query],
        answers: Sequence[Answer],
        factors: Sequence[tuple[str, ...]],
    ) -> _Sums:
        """Find the levels of each factor."""
        levels, homes = [], []
        for f, columns in enumerate(factors):
            home = _smallest(queries, columns, of_factor(basis, f))
            own, codes = levels_in(answers[home], columns)
            levels.append(own)
            homes.append((home, codes))
        return cls(basis, queries, answers, tuple(levels), tuple(homes))

    def of_factor(self, f: int, right: Sequence[Combination]) -> Floats:
        """Return the products of a factor's effects and other columns by its levels."""
        home, codes = self.homes[f]
        answer, m = self.answers[home], self.levels[f].m
        return _matrix(
            self.basis,
            self.basis.factors[f],
            right,
            lambda pair: gathered(answer.sums(self.basis.name(pair)), codes, m),
        )

    def of_pair(self, f: int, g: int) -> PairTable:
        """Return the levels of two factors that share a row, and the products of their effects."""
        both = tuple(dict.fromkeys((*self.levels[f].columns, *self.levels[g].columns)))
        home = _smallest(self.queries, both, of_pair(self.basis, f, g))
        answer = self.answers[home]
        level_f, level_g = self._level(f, home), self._level(g, home)
        codes: Codes | None = None
        if set(both) != set(answer.keys):
            codes, distinct = pd.factorize(level_f * self.levels[g].m + level_g)
            level_f, level_g = distinct // self.levels[g].m, distinct % self.levels[g].m
        m = level_f.shape[0]
        values = _matrix(
            self.basis,
            self.basis.factors[f],
            self.basis.factors[g],
            lambda pair: gathered(answer.sums(self.basis.name(pair)), codes, m),
        )
        return level_f.astype(np.int32), level_g.astype(np.int32), values

    def _level(self, f: int, home: int) -> Codes:
        """Return the level of a factor in each row of an answer."""
        own, codes = self.homes[f]
        if own == home:
            return np.arange(self.levels[f].m) if codes is None else codes
        found = numbered(self.levels[f], self.answers[home])
        if found.size and found.min() < 0:
            raise _changed(f"a level of {':'.join(self.levels[f].columns)} has come up")
        return found


def _smallest(queries: Sequence[Query], keys: tuple[str, ...], pairs: dict[Pair, None]) -> int:
    """Return the number of the question with the fewest keys that has what is looked for."""
    able = [at for at, query in enumerate(queries) if query.has(keys, pairs)]
    return min(able, key=lambda at: len(queries[at].keys))
