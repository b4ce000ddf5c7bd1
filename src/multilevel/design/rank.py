"""Rank of the fixed part: which columns add nothing to the ones before them, and what they equal.

The test works on the cross-products of centred and scaled columns (one pass over the rows). Cross-products
square the condition number, so a column whose share of new variation looks small there is examined again on
the rows themselves before it is judged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.linalg import cho_solve, solve_triangular
from scipy.linalg.lapack import dpotrf

from multilevel.design.scope import Floats

TOLERANCE = 1e-7
"""Least share (as a norm) of a column that must be new; R's `lm` and lme4 use the same."""

_CONSTANT = 1e-12
"""A column whose spread is below this share of its mean is constant but for rounding."""

_DOUBTFUL = 1e-8
"""Below this squared share a column is examined on the rows."""

_CLEAR = 1e-6
"""Above this squared share no column is looked at one by one."""

_BLOCK = 49_152
"""Numbers in a block of rows: 400 kB."""


@dataclass(frozen=True, slots=True)
class Dependent:
    """A column that is a combination of kept ones: ``x = constant + sum(coefficients * columns)``."""

    column: int
    columns: tuple[int, ...]
    coefficients: tuple[float, ...]
    constant: float
    exact: bool
    """Whether the coefficients can be shown; they cannot if a kept column was itself nearly dependent."""


def dependent_columns(X: Floats, *, constant: int | None, centred: Sequence[int]) -> tuple[Dependent, ...]:
    """Return the columns that are combinations of earlier ones.

    Parameters
    ----------
    X
        ``(n, p)`` columns, Fortran order.
    constant
        The intercept's column, or ``None``.
    centred
        Columns that may be centred because the constant is in the span of the others.

    Returns
    -------
    tuple of Dependent
        In the order of the columns.
    """
    if X.shape[1] == 0:
        return ()
    search = _Search.start(X, constant, centred)
    if search.is_clear():
        return ()
    return tuple(found for column in range(X.shape[1]) if (found := search.examine(column)) is not None)


def cross_products(X: Floats, shift: Floats) -> tuple[Floats, Floats]:
    """Return ``(X - shift)'(X - shift)`` and the sums of ``X - shift``, in blocks of rows."""
    n, p = X.shape
    step = max(256, _BLOCK // p)
    total: Floats = np.zeros((p, p))
    sums: Floats = np.zeros(p)
    buffer = np.empty((p, min(n, step))).T
    for start in range(0, n, step):
        rows = X[start : start + step]
        block = buffer[: rows.shape[0]]
        np.subtract(rows, shift, out=block)
        total += block.T @ block
        sums += block.sum(axis=0)
    return total, sums


@dataclass(slots=True)
class _Search:
    """The kept columns so far, as a Cholesky factor that grows."""

    X: Floats
    shift: Floats
    scale: Floats
    gram: Floats
    constant: int | None
    factor: Floats
    kept: list[int] = field(default_factory=list)
    replaced: dict[int, Floats] = field(default_factory=dict)

    @classmethod
    def start(cls, X: Floats, constant: int | None, centred: Sequence[int]) -> _Search:
        """Centre and scale the columns and take their cross-products."""
        n, p = X.shape
        chosen = np.zeros(p, dtype=np.bool_)
        chosen[list(centred)] = True
        near = np.where(chosen, X[:8192].mean(axis=0), 0.0)
        gram, sums = cross_products(X, near)
        means, rest = near + sums / n, np.where(chosen, sums / n, 0.0)
        gram += n * np.outer(rest, rest) - np.outer(rest, sums) - np.outer(sums, rest)
        shift = np.where(chosen, means, 0.0)
        scale = np.sqrt(np.maximum(np.diagonal(gram), 0.0))
        scale[scale <= _CONSTANT * np.abs(means) * np.sqrt(n)] = 0.0
        safe = np.where(scale > 0.0, scale, 1.0)
        return cls(X, shift, scale, gram / np.outer(safe, safe), constant, np.zeros(gram.shape))

    def is_clear(self) -> bool:
        """Return whether the cross-products alone show that every column has much of its own."""
        others = [column for column in range(self.gram.shape[0]) if column != self.constant]
        if not others or not (self.scale[others] > 0.0).all():
            return False
        factor, failed = dpotrf(self.gram[np.ix_(others, others)], lower=1)
        return not failed and float(np.diagonal(factor).min()) ** 2 > _CLEAR

    def examine(self, column: int) -> Dependent | None:
        """Keep a column, or return how it depends on the kept ones."""
        if column == self.constant:
            self.scale[column] = 1.0 if self.scale[column] == 0.0 else self.scale[column]
            return None
        if self.scale[column] == 0.0:
            return Dependent(column, (), (), float(self.shift[column]), exact=True)
        row = self._forward(column)
        share = 1.0 - float(row @ row)
        if share < _DOUBTFUL:
            residual = self._scaled(column)
            coefficients = np.zeros(len(self.kept))
            for _ in range(3):
                step = self._solve(np.array([self._scaled(k) @ residual for k in self.kept]))
                coefficients += step
                for k, amount in zip(self.kept, step, strict=True):
                    residual -= amount * self._scaled(k)
            share = float(residual @ residual)
            noise = self._rounding(column) + sum(
                abs(amount) * self._rounding(k) for k, amount in zip(self.kept, coefficients, strict=True)
            )
            if share <= max(TOLERANCE, noise) ** 2:
                return self._dependent(column, coefficients)
            self._replace(column, residual / np.sqrt(share))
            row = self._forward(column)
            share = 1.0
        size = len(self.kept)
        self.factor[size, :size] = row
        self.factor[size, size] = np.sqrt(share)
        self.kept.append(column)
        return None

    def _forward(self, column: int) -> Floats:
        """Return the new row that a column would add to the Cholesky factor, without its diagonal."""
        size = len(self.kept)
        if size == 0:
            return np.zeros(0)
        right = self.gram[self.kept, column]
        return np.asarray(solve_triangular(self.factor[:size, :size], right, lower=True, check_finite=False))

    def _solve(self, right: Floats) -> Floats:
        """Solve with the cross-products of the kept columns."""
        size = len(self.kept)
        if size == 0:
            return np.zeros(0)
        solution: Floats = cho_solve((self.factor[:size, :size], True), right, check_finite=False)
        return solution

    def _rounding(self, column: int) -> float:
        """Return the share of a column that is lost in rounding its values, far from zero, to float64."""
        eps = float(np.finfo(np.float64).eps)
        return float(4 * eps * abs(self.shift[column]) * np.sqrt(self.X.shape[0]) / self.scale[column])

    def _scaled(self, column: int) -> Floats:
        """Return a column centred and scaled, or what has replaced it."""
        if column in self.replaced:
            return self.replaced[column].copy()
        scaled: Floats = (self.X[:, column] - self.shift[column]) / self.scale[column]
        return scaled

    def _replace(self, column: int, residual: Floats) -> None:
        """Let the new part of a nearly dependent column stand for it: same span, no cancellation."""
        self.replaced[column] = residual
        for other in range(self.X.shape[1]):
            if self.scale[other] > 0.0:
                product = float(self._scaled(other) @ residual)
                self.gram[other, column] = self.gram[column, other] = product

    def _dependent(self, column: int, coefficients: Floats) -> Dependent:
        """Return the combination in the units of the data."""
        strong = [at for at in range(len(self.kept)) if abs(coefficients[at]) > 10 * TOLERANCE]
        columns = tuple(self.kept[at] for at in strong)
        amounts = tuple(
            float(coefficients[at] * self.scale[column] / self.scale[self.kept[at]]) for at in strong
        )
        constant = self.shift[column] - sum(
            amount * self.shift[k] for k, amount in zip(columns, amounts, strict=True)
        )
        exact = not self.replaced.keys() & set(columns)
        return Dependent(column, columns, amounts, float(constant), exact)
