"""The blueprint: how every column of a design is computed from a source whose rows are never held."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from multilevel.model import Covariance, Model

Kind = Literal["number", "text", "boolean", "other"]
"""What a column of a source holds, as far as a model is concerned."""

Schema = Mapping[str, Kind]
"""Kind of each column of a source, by its name."""


@dataclass(frozen=True, slots=True)
class Coded:
    """A number that depends on the levels of categorical columns.

    Parameters
    ----------
    columns
        The columns: texts, booleans (labels "False" and "True"), or numbers inside ``C(...)``, whose labels
        are the numbers as text, to be compared as numbers.
    cells
        ``(labels, value)``: one label of each column, and the number there. It is 0 in all other cells.
    """

    columns: tuple[str, ...]
    cells: tuple[tuple[tuple[str, ...], float], ...]


@dataclass(frozen=True, slots=True)
class LazyColumn:
    """One column of a design: the product of numeric expressions and of one coded number.

    Parameters
    ----------
    name
        As formulaic names it: ``x:f[T.b]``.
    numbers
        Expressions in the grammar of formulas, a column's bare name or a text such as ``"log(x)"``; a name
        that is a column of the source is that column, whatever else it looks like. A boolean column counts
        as 0 and 1. With neither numbers nor ``coded`` the column is the constant 1.
    coded
        Or ``None``.
    """

    name: str
    numbers: tuple[str, ...] = ()
    coded: Coded | None = None

    @property
    def numeric(self) -> str:
        """The name under which facts have the moments of its numeric part: ``"x"``, ``"x:log(z)"``, or ""."""
        return ":".join(self.numbers)


@dataclass(frozen=True, slots=True)
class Outline:
    """What is known of a design before its source is read: what to ask the source for first.

    Parameters
    ----------
    model
        What to fit.
    needed
        All columns of the source that the model needs.
    numeric
        The numeric parts of the columns of all terms, each once, without ``coded``: their means and sds
        choose shifts and scales.
    categorical
        Columns whose levels code predictors.
    booleans
        Columns that hold booleans.
    predictors, grouping
        Columns of the terms' left sides and the fixed part; columns of the grouping factors.
    factors
        Columns of each grouping factor, each factor once.
    term_factor
        For each grouped term, the position of its factor.
    response
        Expression of the response.
    offsets
        Column names, expressions or numbers, whose sum is subtracted from the response.
    precision_weights, frequency_weights
        A column's name, or an expression such as ``"1 / (sd * abs(sd))"``; or ``None``.
    missing
        "report", "drop" or "error", as in `design.bind`.
    residual_sd
        Known residual sd, or ``None``.
    weighing
        Keywords of weights and of a residual sd that are columns, each with its column.
    """

    model: Model
    needed: tuple[str, ...]
    numeric: tuple[LazyColumn, ...]
    categorical: tuple[str, ...]
    booleans: frozenset[str]
    predictors: tuple[str, ...]
    grouping: tuple[str, ...]
    factors: tuple[tuple[str, ...], ...]
    term_factor: tuple[int, ...]
    response: str
    offsets: tuple[str | float, ...] = ()
    precision_weights: str | None = None
    frequency_weights: str | None = None
    missing: Literal["report", "drop", "error"] = "report"
    residual_sd: float | None = None
    weighing: tuple[tuple[str, str], ...] = ()

    @property
    def precision_option(self) -> str:
        """The keyword behind the precision weights."""
        given = [option for option, _ in self.weighing if option != "frequency_weights"]
        return given[0] if given else "precision_weights"


@dataclass(frozen=True, slots=True)
class Blueprint:
    """How a source's rows become cross-products: an `Outline` with every column of the design.

    A row is used if no needed column is null or NaN and its weights are positive.

    Parameters
    ----------
    outline
        What was known before; its fields can be read here by their names.
    fixed
        The columns of the fixed part, those that will turn out to add nothing among them.
    terms
        For each grouped term of the model, its effect columns.
    categories
        Levels of every categorical predictor, in order.
    """

    outline: Outline
    fixed: tuple[LazyColumn, ...]
    terms: tuple[tuple[LazyColumn, ...], ...]
    categories: Mapping[str, tuple[str, ...]]

    @property
    def model(self) -> Model:
        """What to fit."""
        return self.outline.model

    @property
    def needed(self) -> tuple[str, ...]:
        """All columns of the source that the model needs."""
        return self.outline.needed

    @property
    def booleans(self) -> frozenset[str]:
        """Columns that hold booleans."""
        return self.outline.booleans

    @property
    def predictors(self) -> tuple[str, ...]:
        """Columns of the terms' left sides and the fixed part."""
        return self.outline.predictors

    @property
    def grouping(self) -> tuple[str, ...]:
        """Columns of the grouping factors."""
        return self.outline.grouping

    @property
    def factors(self) -> tuple[tuple[str, ...], ...]:
        """Columns of each grouping factor, each factor once."""
        return self.outline.factors

    @property
    def term_factor(self) -> tuple[int, ...]:
        """For each grouped term, the position of its factor."""
        return self.outline.term_factor

    @property
    def covariances(self) -> tuple[Covariance, ...]:
        """Covariance structure of each grouped term."""
        return tuple(term.covariance for term in self.outline.model.groups)

    @property
    def response(self) -> str:
        """Expression of the response."""
        return self.outline.response

    @property
    def offsets(self) -> tuple[str | float, ...]:
        """Columns, expressions or numbers, whose sum is subtracted from the response."""
        return self.outline.offsets

    @property
    def precision_weights(self) -> str | None:
        """Column or expression of the precision weights."""
        return self.outline.precision_weights

    @property
    def frequency_weights(self) -> str | None:
        """Column or expression of the frequency weights."""
        return self.outline.frequency_weights

    @property
    def missing(self) -> Literal["report", "drop", "error"]:
        """What to do with rows that lack a value."""
        return self.outline.missing

    @property
    def residual_sd(self) -> float | None:
        """Known residual sd, or ``None``."""
        return self.outline.residual_sd
