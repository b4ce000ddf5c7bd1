"""The design: a model bound to a table, as arrays with names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilevel.data.table import Library
from multilevel.errors import DataError
from multilevel.model import Covariance, Model
from multilevel.model.families import Family, Gaussian

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]


CONSTANT = ""
"""Name of the constant one in the amounts of an `Alias`."""


@dataclass(frozen=True, slots=True)
class Alias:
    """A column of the fixed part that was left out because it is a combination of others.

    Parameters
    ----------
    name
        Of the column.
    of
        What it is a combination of.
    amounts
        The same in numbers: pairs of a kept column (`CONSTANT` for the constant one) and how much of it;
        none if they are not known, or it is a factor of one level.
    """

    name: str
    of: tuple[str, ...]
    amounts: tuple[tuple[str, float], ...] = field(default=(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class FixedPart:
    """The fixed part of a design.

    Parameters
    ----------
    names
        The ``p`` kept columns as formulaic names them: ``Intercept``, ``period[T.2]``.
    X
        ``(n, p)`` float64, Fortran order, of full rank.
    aliased
        Columns left out because they add nothing.
    intercept
        ``(p,)`` weights ``a`` with ``X a = 1`` if the constant is in the span of indicator columns or an
        intercept, else ``None``. Columns with ``a == 0`` may then be centred without changing the model.
    """

    names: tuple[str, ...]
    X: Floats
    aliased: tuple[Alias, ...]
    intercept: Floats | None


@dataclass(frozen=True, slots=True)
class GroupFactor:
    """A grouping factor: for each row, the number of its level.

    Parameters
    ----------
    name
        ``"subject"`` or ``"batch:cask"``.
    columns
        The table's columns whose combinations are the levels.
    index
        ``(n,)`` int32 level number of each row, every level used at least once.
    levels
        The ``m`` labels; combinations are joined by a colon, ``"A:a"``.
    """

    name: str
    columns: tuple[str, ...]
    index: Ints
    levels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Times:
    """The times of a serial structure.

    Parameters
    ----------
    column
        Name of the column.
    values
        ``(k,)`` times, strictly ascending: the numbers themselves, or the places of the ordered categories.
    """

    column: str
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class EffectsTerm:
    """One grouped term: thin effect columns and the factor between whose levels they vary.

    Parameters
    ----------
    factor
        Position of the grouping factor in ``Design.factors``.
    names
        The ``k`` effect names as formulaic names them: ``("Intercept", "days")``.
    Z
        ``(n, k)`` float64, Fortran order; never expanded by level.
    covariance
        Structure of the ``k`` by ``k`` covariance matrix.
    times
        Of a serial structure, the column and when each effect stands in time, ascending; else ``None``.
    """

    factor: int
    names: tuple[str, ...]
    Z: Floats
    covariance: Covariance
    times: Times | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """Means and sds (divisor n - 1) of some columns, rows counted by their frequency weights.

    Parameters
    ----------
    mean, sd
        ``(k,)``, in the columns' own units.
    """

    mean: Floats
    sd: Floats


@dataclass(frozen=True, slots=True, eq=False)
class RowSummary:
    """What a design without rows knows of the rows that its moments were made of.

    Parameters
    ----------
    n_rows
        Rows used, each counted once.
    n_observations
        Rows used, each counted as often as its frequency weight says.
    origin
        Where they were: "Parquet", "DuckDB", "a table".
    response
        Of the response less its offset, one column.
    fixed
        Of the ``p`` columns of the fixed part. Means are zero, and sds root mean squares, where rows that
        were never held could not tell them apart (models without a constant).
    terms
        For each grouped term, of its effect columns.
    inverse_weight
        Mean of ``1 / w`` of the precision weights; 1 without.
    """

    n_rows: int
    n_observations: float
    origin: str
    response: Spread
    fixed: Spread
    terms: tuple[Spread, ...]
    inverse_weight: float = 1.0


@dataclass(frozen=True, slots=True)
class MergedRows:
    """What a design of merged rows knows of those that they stand for.

    Parameters
    ----------
    n_input
        Rows of the source.
    n_rows
        Those that are used.
    engine
        What merged equal ones: "DuckDB".
    """

    n_input: int
    n_rows: int
    engine: str


@dataclass(frozen=True, slots=True)
class Design:
    """Everything the engines need to know of model and data.

    Parameters
    ----------
    model
        The model that was bound.
    y
        ``(n,)`` response, offset not yet subtracted.
    offset
        ``(n,)`` or ``None``.
    fixed, factors, terms
        The fixed part; the grouping factors (each once); the grouped terms in the user's order.
    precision_weights
        ``(n,)`` known ``w`` with ``Var(e_i) = sigma^2 / w_i``, all positive, or ``None``.
    frequency_weights
        ``(n,)`` how many times each row counts, all positive, or ``None``.
    residual_sd
        Known residual sd, or ``None`` if it is estimated.
    rows
        ``(n,)`` int64 positions of the used rows in the caller's table.
    n_input
        Rows of the caller's table before any were left out.
    missing
        Column name to number of missing values among the caller's rows (only columns with some).
    library
        Library in which results are given back.
    row_labels
        ``(n_input,)`` labels of the caller's rows, or ``None``.
    recipe
        What is needed to bind new rows in the same way (see `design.bind`); opaque to other rooms.
    residual_groups
        The factor whose levels have residual sds of their own, or ``None`` if all rows have the same one.
        It need not be one of ``factors``.
    family
        Distribution of the response given its mean.
    trials
        ``(n,)`` trials of a binomial response, or ``None``.
    inflation
        Columns of the linear predictor of zero inflation (logit scale), or ``None``.
    classes
        Names of the two classes of a Bernoulli response that was text (the second is 1), or of the ordered
        classes of an ordinal response.
    summary
        Of a design without rows (its arrays are empty, all else is there): what is known of them.
    merged
        Of a design whose rows stand for several equal ones of a source, what is known of those.
    """

    model: Model
    y: Floats
    offset: Floats | None
    fixed: FixedPart
    factors: tuple[GroupFactor, ...]
    terms: tuple[EffectsTerm, ...]
    precision_weights: Floats | None
    frequency_weights: Floats | None
    residual_sd: float | None
    rows: NDArray[np.int64]
    n_input: int
    missing: Mapping[str, int]
    library: Library
    row_labels: NDArray[Any] | None
    recipe: object
    residual_groups: GroupFactor | None = None
    family: Family = field(default_factory=Gaussian)
    trials: Floats | None = None
    inflation: FixedPart | None = None
    classes: tuple[str, ...] = ()
    summary: RowSummary | None = None
    merged: MergedRows | None = None

    @property
    def n_rows(self) -> int:
        """Rows used, each counted once."""
        return int(self.y.shape[0]) if self.summary is None else self.summary.n_rows

    @property
    def n_used(self) -> int:
        """Rows of the caller's table or source that are used, each counted once."""
        return self.n_rows if self.merged is None else self.merged.n_rows

    @property
    def n_given(self) -> int:
        """Rows of the caller's table or source."""
        return self.n_input if self.merged is None else self.merged.n_input

    def require_single_rows(self, what: str) -> None:
        """Raise `DataError` if rows stand for several ones of a source; ``what`` needs them one by one."""
        if self.merged is not None:
            raise DataError(
                f"{what} are of single rows, and this model was computed from {self.n_rows:,} distinct rows,"
                f" to which {self.merged.engine} merged the {self.merged.n_rows:,} of the source",
                allowed="estimates, group effects, tables, and predictions of new rows",
                remedy="predict(rows) of the rows you want to know of",
            )

    def require_rows(self, what: str) -> None:
        """Raise `DataError` if the design holds no rows; ``what`` names what needs them: "residuals"."""
        if self.summary is not None:
            raise DataError(
                f"{what} need the rows of the fit, and it holds moments, not rows "
                f"({self.summary.n_rows} rows of {self.summary.origin})",
                allowed="what moments tell: coefficients, variances, group effects, predictions of new rows",
                remedy="collect the frame and fit that, or predict(new rows)",
            )

    @property
    def n_observations(self) -> float:
        """Rows used, each counted as often as its frequency weight says."""
        if self.summary is not None:
            return self.summary.n_observations
        return float(self.n_rows if self.frequency_weights is None else self.frequency_weights.sum())


@dataclass(frozen=True, slots=True)
class NewRows:
    """New rows bound by the recipe of a design.

    Parameters
    ----------
    X
        ``(n_new, p)`` in the columns of the design's fixed part.
    offset
        ``(n_new,)`` or ``None``.
    index
        For each of the design's grouped *terms*, ``(n_new,)`` int32 level numbers, -1 for a level that the
        design does not know.
    Z
        For each term, ``(n_new, k)``.
    unknown
        Factor name to the labels in the new rows that the design does not know.
    residual
        ``(n_new,)`` int32 level numbers of the design's residual groups, -1 for a level that is not known or
        whose columns are absent; ``None`` if the design has no residual groups.
    inflation
        ``(n_new, q)`` columns of zero inflation, or ``None``.
    """

    X: Floats
    offset: Floats | None
    index: tuple[Ints, ...]
    Z: tuple[Floats, ...]
    unknown: Mapping[str, tuple[str, ...]]
    residual: Ints | None = None
    inflation: Floats | None = None
