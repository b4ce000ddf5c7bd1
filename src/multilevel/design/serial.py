"""The effects of successive times: one column of indicators for each time that occurs."""

from __future__ import annotations

import numpy as np

from multilevel.data.table import Table
from multilevel.design.design import EffectsTerm, GroupFactor, Times
from multilevel.design.scope import Factor, Floats, Scope, as_numbers
from multilevel.errors import DataError, DesignError
from multilevel.language import parse_terms
from multilevel.model import Covariance, GroupTerm
from multilevel.model.text import term_text

MOST_TIMES = 500
"""Most distinct times of one term: each is an effect of every group."""
LEAST_TIMES = {Covariance.AUTOREGRESSIVE: 3, Covariance.RANDOM_WALK: 2}
"""Times below which sd and correlation cannot be told apart from the residual sd."""
CLOSE = 1e-9
"""Times closer than this share of their range are one time written in two ways."""


def serial_term(term: GroupTerm, factor: int, scope: Scope, table: Table) -> EffectsTerm:
    """Return a grouped term of successive times.

    Parameters
    ----------
    term
        With the effects ``0 + time`` of one column.
    factor
        Position of the grouping factor in the design.
    scope
        The used rows.
    table
        All rows, whose categories are numbered as the column declares them.

    Raises
    ------
    DesignError
        Times that are no numbers and have no order; too many or too few of them; two that are nearly equal.

    Examples
    --------
    >>> from multilevel.data import read_table
    >>> scope = Scope({"week": np.array([1.0, 4.0, 2.0, 4.0])}, frozenset(), 4)
    >>> term = GroupTerm("0 + week", ("g",), Covariance.RANDOM_WALK)
    >>> found = serial_term(term, 0, scope, read_table({"week": [1, 4, 2, 4]}, ["week"]))
    >>> found.names, found.times.values
    (('week[1]', 'week[2]', 'week[4]'), (1.0, 2.0, 4.0))
    """
    (name,) = parse_terms(term.effects).columns
    column, text = scope[name], f"`{term_text(term)}`"
    if isinstance(column, Factor):
        declared = as_numbers(table.columns[name])
        if not declared.ordered or declared.levels is None:
            raise DesignError(
                f"the times `{name}` of {text} are labels without an order",
                allowed="a numeric column, or an ordered categorical one",
                remedy=f"make `{name}` numbers, or declare the order of its categories:"
                " pandas.Categorical(..., categories=[...], ordered=True)",
            )
        place = {label: float(at) for at, label in enumerate(declared.levels)}
        labels, values = column.levels, np.array([place[label] for label in column.levels])
    else:
        values = np.unique(column)
        labels = _labels(values)
    _check_times(values, name, text, term.covariance)
    names = tuple(f"{name}[{label}]" for label in labels)
    codes = column.codes if isinstance(column, Factor) else np.searchsorted(values, column)
    times = Times(name, tuple(float(value) for value in values))
    return EffectsTerm(factor, names, _indicators(codes, values.size), term.covariance, times)


def check_pairs(term: EffectsTerm, factor: GroupFactor) -> None:
    """Require a group with two different times, without which an autoregression has no correlation to find.

    Raises
    ------
    DesignError
        Every group has rows of one time only.
    """
    if term.covariance is not Covariance.AUTOREGRESSIVE:
        return
    time = term.Z.argmax(axis=1)
    least = np.full(len(factor.levels), term.Z.shape[1])
    most = np.zeros(len(factor.levels), dtype=np.int64)
    np.minimum.at(least, factor.index, time)
    np.maximum.at(most, factor.index, time)
    if not (most > least).any():
        raise DesignError(
            f"every level of `{factor.name}` has rows of one time only, so that nothing is known of the"
            " correlation between times",
            allowed="an autoregression in groups with several times",
            remedy=f"write `(1 | {factor.name})`",
        )


def serial_columns(term: EffectsTerm, scope: Scope) -> Floats:
    """Return the effect columns of new rows, whose times must be among the fitted ones.

    Raises
    ------
    DataError
        A row has a time that no fitted row had.
    """
    times = term.times or Times("", ())
    column, values = scope[times.column], np.array(times.values)
    if isinstance(column, Factor):
        return _indicators(column.codes, values.size)
    codes = np.minimum(np.searchsorted(values, column), values.size - 1)
    unseen = np.unique(column[values[codes] != column])
    if unseen.size:
        raise DataError(
            f"the column `{times.column}` has {', '.join(_labels(unseen)[:12])}, times at which there is no"
            " fitted row",
            allowed=f"the {values.size} fitted times, {_labels(values[:1])[0]} to {_labels(values[-1:])[0]}",
            remedy="leave those rows out",
        )
    return _indicators(codes, values.size)


def _labels(values: Floats) -> tuple[str, ...]:
    """Return distinct numbers as short texts."""
    short = tuple(f"{value:.10g}" for value in values)
    return short if len(set(short)) == len(short) else tuple(repr(float(value)) for value in values)


def _check_times(values: Floats, name: str, text: str, covariance: Covariance) -> None:
    """Require a usable number of times, and none that nearly coincide."""
    least = LEAST_TIMES[covariance]
    if not least <= values.size <= MOST_TIMES:
        raise DesignError(
            f"`{name}` of {text} has {values.size} distinct times",
            allowed=f"{least} to {MOST_TIMES} distinct times",
            remedy=f"round `{name}` to a coarser unit"
            if values.size > least
            else "leave the term out, or write an intercept that varies",
        )
    gaps = np.diff(values)
    if gaps.min() <= CLOSE * (values[-1] - values[0]):
        at = int(np.argmin(gaps))
        raise DesignError(
            f"two times of {text} are nearly the same: {float(values[at])!r} and {float(values[at + 1])!r}",
            allowed="times that are equal or clearly apart",
            remedy=f"round `{name}`",
        )


def _indicators(codes: object, k: int) -> Floats:
    """Return a column for each time, 1 in its rows and 0 in the others."""
    places = np.asarray(codes)
    Z = np.zeros((places.size, k), order="F")
    Z[np.arange(places.size), places] = 1.0
    return Z
