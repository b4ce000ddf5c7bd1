"""Columns of one table's moments and the columns common to several: the linear maps between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from multilevel.design.blueprint import Blueprint, LazyColumn
from multilevel.design.design import CONSTANT, Design
from multilevel.errors import DesignError
from multilevel.model import Covariance
from multilevel.moments.moments import Moments
from multilevel.moments.of_source.fact_scaling import finished
from multilevel.moments.scaling import ColumnScaling, Floats, Scaling

EXACT = 1e-9
"""Largest error of a column of levels written as a combination of others."""


@dataclass(frozen=True, slots=True, eq=False)
class SiteColumns:
    """How the common columns are made of those of one table.

    Parameters
    ----------
    scaling
        Of the table's moments.
    weights
        ``(p, p')``: the common columns of the fixed part are the table's, in the user's units, times these,
        plus ``added``.
    added
        ``(p',)`` multiples of the constant.
    ones
        ``(p,)`` weights with which the table's columns add up to the constant; zero without one.
    terms
        For each grouped term ``(k, k')``.
    term_ones
        For each, the same as ``ones``.
    """

    scaling: Scaling
    weights: Floats
    added: Floats
    ones: Floats
    terms: tuple[Floats, ...]
    term_ones: tuple[Floats, ...]

    def fixed(self, common: Scaling) -> Floats:
        """Return the map from the scaled columns ``[X y]`` of the table to the common scaled ones."""
        own = self.scaling
        p, q = self.weights.shape
        found = np.zeros((p + 1, q + 1))
        found[:p, :q] = _mapped(own.fixed, common.fixed, self.weights, self.added, self.ones)
        found[p, q] = own.y_scale / common.y_scale
        shift = (own.y_centre - common.y_centre) / common.y_scale
        found[:p, q] = _unmixed(own.fixed, self.ones[:, None] * shift)[:, 0]
        return found

    def term(self, t: int, common: Scaling) -> Floats:
        """Return the map from the scaled effects of a term to the common scaled ones."""
        none = np.zeros(self.terms[t].shape[1])
        return _mapped(self.scaling.terms[t], common.terms[t], self.terms[t], none, self.term_ones[t])


def _mapped(
    own: ColumnScaling, common: ColumnScaling, weights: Floats, added: Floats, ones: Floats
) -> Floats:
    """Return the map between scaled columns whose unscaled ones are mapped by ``weights`` and ``added``."""
    moved = own.centre @ weights + added - common.centre
    found = (weights / own.factor[:, None] + np.outer(ones, moved)) * common.factor
    return _unmixed(own, found)


def _unmixed(own: ColumnScaling, found: Floats) -> Floats:
    """Return a map of mixed columns from one of columns before their mixture."""
    return found if own.mixture is None else np.asarray(np.linalg.solve(own.mixture, found))


def site_columns(design: Design, own: Blueprint, common: Blueprint, scaling: Scaling) -> SiteColumns:
    """Find how the common columns are made of a table's.

    Parameters
    ----------
    design
        Of the table, without rows.
    own, common
        Columns by the levels of the table, and by those of all tables.
    scaling
        Of the table's moments.

    Raises
    ------
    DesignError
        A column that was left out is needed and cannot be found again.
    """
    full = _combinations(own.fixed, common.fixed, own)
    names = design.fixed.names
    place = {name: at for at, name in enumerate(names)}
    weights, added = np.zeros((len(names), full.shape[1])), np.zeros(full.shape[1])
    left_out = {alias.name: alias for alias in design.fixed.aliased}
    for column, row in zip(own.fixed, full, strict=True):
        if column.name in place:
            weights[place[column.name]] += row
            continue
        alias = left_out.get(column.name)
        if not row.any():
            continue
        if alias is None or not alias.amounts:
            raise not_found_again(column.name)
        for name, amount in alias.amounts:
            if name == CONSTANT:
                added += amount * row
            else:
                weights[place[name]] += amount * row
    ones = np.zeros(len(names)) if design.fixed.intercept is None else design.fixed.intercept
    return SiteColumns(
        scaling,
        weights,
        added,
        ones,
        tuple(_combinations(a, b, own) for a, b in zip(own.terms, common.terms, strict=True)),
        tuple(_constant_of(columns) for columns in own.terms),
    )


def _constant_of(columns: Sequence[LazyColumn]) -> Floats:
    """Return which column of a term is the constant."""
    return np.array([float(not column.numbers and column.coded is None) for column in columns])


def _combinations(own: Sequence[LazyColumn], common: Sequence[LazyColumn], blueprint: Blueprint) -> Floats:
    """Return ``(k, k')`` weights: each common column as a combination of the table's, in the table's rows."""
    found = np.zeros((len(own), len(common)))
    for numbers in dict.fromkeys(tuple(sorted(column.numbers)) for column in common):
        mine = [at for at, column in enumerate(own) if tuple(sorted(column.numbers)) == numbers]
        theirs = [at for at, column in enumerate(common) if tuple(sorted(column.numbers)) == numbers]
        names = tuple(
            dict.fromkeys(
                name
                for column in (*(own[at] for at in mine), *(common[at] for at in theirs))
                for name in (column.coded.columns if column.coded is not None else ())
            )
        )
        cells = list(product(*(blueprint.categories[name] for name in names)))
        left = _values([own[at] for at in mine], names, cells)
        right = _values([common[at] for at in theirs], names, cells)
        amounts = np.linalg.lstsq(left, right, rcond=None)[0]
        amounts[np.abs(amounts) < EXACT] = 0.0
        wrong = np.flatnonzero(np.abs(left @ amounts - right).max(axis=0) > EXACT * len(cells))
        if wrong.size:
            raise not_found_again(common[theirs[int(wrong[0])]].name)
        found[np.ix_(mine, theirs)] = amounts
    return found


def _values(columns: Sequence[LazyColumn], names: Sequence[str], cells: Sequence[tuple[str, ...]]) -> Floats:
    """Return ``(cells, k)`` values of the coded parts of columns in combinations of levels."""
    found = np.ones((len(cells), len(columns)))
    for at, column in enumerate(columns):
        if column.coded is None:
            continue
        known = dict(column.coded.cells)
        where = [list(names).index(name) for name in column.coded.columns]
        found[:, at] = [known.get(tuple(cell[i] for i in where), 0.0) for cell in cells]
    return found


def common_scaling(
    moments: Sequence[Moments], columns: Sequence[SiteColumns], common: Blueprint, ones: Sequence[int]
) -> Scaling:
    """Return shifts and scales of the common columns: those of all rows together.

    Parameters
    ----------
    moments, columns
        Of each table.
    common
        The common columns.
    ones
        Those that add up to the constant.
    """
    shifted = bool(ones) and all(site.ones.any() for site in columns)
    n = np.array([one.n for one in moments])
    plain = _plain_scaling(common)
    means = [_means(one, site, plain) for one, site in zip(moments, columns, strict=True)]
    total = np.average(np.array(means), axis=0, weights=n) if shifted else np.zeros(len(common.fixed) + 1)
    centre = np.where([at in ones for at in range(len(common.fixed))], 0.0, total[:-1])
    terms = []
    for t, (own, covariance) in enumerate(zip(common.terms, common.covariances, strict=True)):
        first = np.flatnonzero(_constant_of(own))
        moved = np.zeros(len(own))
        if covariance is Covariance.UNSTRUCTURED and first.size:
            near = [site.scaling.terms[t].centre @ site.terms[t] for site in columns]
            moved = np.where(_constant_of(own) == 1.0, 0.0, np.average(np.array(near), axis=0, weights=n))
        terms.append(finished(moved, np.ones(len(own)), first[:1].tolist()))
    start = Scaling(
        finished(centre, np.ones(len(centre)), ones),
        tuple(terms),
        float(total[-1]),
        1.0,
        np.zeros(len(centre)),
    )
    return _sized(moments, columns, common, start, ones)


def _plain_scaling(common: Blueprint) -> Scaling:
    """Return the scaling of the user's own columns."""
    none = np.zeros(len(common.fixed))
    terms = tuple(finished(np.zeros(len(own)), np.ones(len(own)), ()) for own in common.terms)
    return Scaling(finished(none, np.ones(none.size), ()), terms, 0.0, 1.0, none)


def _means(moments: Moments, site: SiteColumns, plain: Scaling) -> Floats:
    """Return the weighted means of a table's common columns and its response, near enough to shift by."""
    own = site.scaling
    ones = _unmixed(own.fixed, site.ones[:, None])[:, 0]
    weight = float(ones @ moments.D[:-1, :-1] @ ones)
    if not weight > 0.0:
        return np.zeros(site.weights.shape[1] + 1)
    return np.asarray((ones @ moments.D[:-1, :] / weight) @ site.fixed(plain))


def _sized(
    moments: Sequence[Moments],
    columns: Sequence[SiteColumns],
    common: Blueprint,
    start: Scaling,
    ones: Sequence[int],
) -> Scaling:
    """Return the scaling with the factors that give columns a mean square of one."""
    n = sum(one.n for one in moments)
    maps = [site.fixed(start) for site in columns]
    squares = np.sum([np.diagonal(T.T @ one.D @ T) for T, one in zip(maps, moments, strict=True)], axis=0)
    size = np.sqrt(np.maximum(squares, 0.0) / n)
    safe = np.where(size > 0.0, size, 1.0)
    factor = 1.0 / safe[:-1]
    factor[list(ones)] = 1.0
    terms = []
    for t, (own, covariance) in enumerate(zip(start.terms, common.covariances, strict=True)):
        k = own.centre.size
        squares = np.zeros(k)
        for one, site in zip(moments, columns, strict=True):
            block = one.blocks[t]
            here = slice(block.start, block.start + block.size)
            U = site.term(t, start)
            squares += np.diagonal(U.T @ one.A[block.factor][:, here, here].sum(axis=0) @ U)
        root = np.sqrt(np.maximum(squares, 0.0) / n)
        root = np.full(k, np.sqrt(np.mean(root**2))) if covariance.one_sd else root
        first = np.flatnonzero(_constant_of(common.terms[t]))[:1]
        if covariance is Covariance.UNSTRUCTURED:
            root[first] = 1.0
        terms.append(
            finished(
                own.centre, 1.0 / np.where(root > 0.0, root, 1.0), first.tolist() if own.centre.any() else ()
            )
        )
    return Scaling(
        finished(start.fixed.centre, factor, ones),
        tuple(terms),
        start.y_centre,
        float(safe[-1]),
        start.constant,
    )


def not_found_again(name: str) -> DesignError:
    """Return the error of a column that a table left out for reasons that its numbers do not tell."""
    return DesignError(
        f"the column `{name}` was left out in one of the tables, where it nearly repeats others, and cannot"
        " be found again",
        remedy="leave it out of the formula, or make the moments of all rows at once",
    )
