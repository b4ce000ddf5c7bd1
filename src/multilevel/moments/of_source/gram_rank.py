"""Which columns are combinations of earlier ones, seen from their cross-products alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, solve_triangular

from multilevel.design.rank import Dependent
from multilevel.moments.scaling import ColumnScaling

Floats = NDArray[np.float64]

ALIASED = 1e-11
"""A column of which less than this share (of its squares) is new adds nothing; rounding hides less."""

CONSTANT = 1e-20
"""Mean squares of a column below this, in units of the square of its centre, are those of a constant."""


def dependent_in_gram(
    gram: Floats, n: float, scaling: ColumnScaling, ones: Sequence[int]
) -> tuple[Dependent, ...]:
    """Return the columns that are combinations of earlier ones: Cholesky's factor, column by column.

    Parameters
    ----------
    gram
        ``(p, p)`` cross-products of the columns in the scaling.
    n
        Sum of the weights.
    scaling
        Shifts and scales, without mixtures.
    ones
        Columns that add up to the constant, or none; they come first and are kept unless they are zero.

    Returns
    -------
    tuple of Dependent
        In the order of the columns; coefficients are those of the user's columns.

    Examples
    --------
    >>> X = np.array([[1.0, 1.0, 3.0], [1.0, 2.0, 5.0], [1.0, 4.0, 9.0]])
    >>> plain = ColumnScaling(np.zeros(3), np.ones(3), np.eye(3))
    >>> [(found.column, found.columns) for found in dependent_in_gram(X.T @ X, 3.0, plain, [0])]
    [(2, (1,))]
    """
    p = gram.shape[0]
    order = [*ones, *(at for at in range(p) if at not in ones)]
    size = np.sqrt(np.maximum(np.diagonal(gram), 0.0))
    floor = np.sqrt(n * CONSTANT) * np.abs(scaling.centre * scaling.factor)
    safe = np.where(size > floor, size, 1.0)
    correlation = gram / np.outer(safe, safe)
    factor, kept = np.zeros((p, p)), list[int]()
    found = []
    for column in order:
        if not size[column] > floor[column]:
            found.append(Dependent(column, (), (), float(scaling.centre[column]), exact=True))
            continue
        k = len(kept)
        row = _forward(factor[:k, :k], correlation[kept, column])
        share = float(correlation[column, column] - row @ row)
        if share <= ALIASED and column not in ones:
            amounts = _amounts(factor[:k, :k], row) * safe[column] / safe[kept]
            found.append(_in_units(column, kept, amounts, scaling, ones))
            continue
        factor[k, :k], factor[k, k] = row, np.sqrt(max(share, ALIASED))
        kept.append(column)
    return tuple(sorted(found, key=lambda one: one.column))


def _forward(factor: Floats, right: Floats) -> Floats:
    """Solve with the lower factor of the kept columns."""
    if right.size == 0:
        return right
    return np.asarray(solve_triangular(factor, right, lower=True, check_finite=False))


def _amounts(factor: Floats, row: Floats) -> Floats:
    """Return the coefficients of the kept columns."""
    if row.size == 0:
        return row
    return np.asarray(cho_solve((factor, True), factor @ row, check_finite=False))


def _in_units(
    column: int, kept: Sequence[int], amounts: Floats, scaling: ColumnScaling, ones: Sequence[int]
) -> Dependent:
    """Return a combination in the user's columns: ``x = constant + sum(coefficients * columns)``."""
    centre, factor = scaling.centre, scaling.factor
    strong = {k: float(a) for k, a in zip(kept, amounts, strict=True) if abs(a) > 1e-6}
    raw = {k: a * factor[k] / factor[column] for k, a in strong.items()}
    constant = float(centre[column]) - sum(float(a * centre[k]) for k, a in raw.items())
    if len(ones) == 1 and ones[0] in raw:
        constant += float(raw.pop(ones[0]))
    columns = tuple(sorted(raw))
    return Dependent(column, columns, tuple(float(raw[k]) for k in columns), constant, exact=True)
